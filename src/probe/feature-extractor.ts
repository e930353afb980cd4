// The one pass over the audio: decoded clips go in one after another, and for each clip and each encoder one pooled vector comes out.
// A clip becomes its log-mel, of which crops are copied into batches; batches are encoded and pooled on the device while the next clips'
// log-mels are made. Nothing is held of a clip but its log-mel until its crops went out. Used by pages too. Not here: decoding, caches, files.
import type { Waveform } from "../audio/types.js";
import { UsageError } from "../gpu/errors.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { copyCrop, type FrameMajorMel, type FrontEnd, openFrontEnd } from "../patchifier/front-end.js";
import { bucketOf } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import { CropProgram } from "./crop-program.js";
import { BusyMeter } from "./feature-meter.js";
import { ClipPool, type PoolName, type PoolPart, poolLayout, poolSize } from "./feature-pools.js";
import { cropStarts } from "./features.js";

export interface ExtractorOptions {
  model: ModelConfig;
  normalisation: { mean: number; std: number };
  /** Default mean. */
  pool?: PoolName;
  /** Most crops of a clip. Default: all that fit. */
  crops?: number;
  /** Frames from crop to crop, where crops are to cover the clip; see cropStarts. */
  hop?: number;
  /** Crops that go through the encoders together. Default 32. */
  batch?: number;
  signal?: AbortSignal;
}

/** A clip that has been taken in. */
export interface PushedClip {
  /** One vector for each encoder that was wanted, in their order. Comes when the clip's last batch is done; see `flush`. */
  vectors: Promise<Float32Array[]>;
}

/** A clip whose log-mel is being made or whose crops are under way. */
interface OpenClip {
  wanted: readonly number[];
  starts: readonly number[];
  mel: Promise<FrameMajorMel>;
  /** Bytes of its samples. */
  bytes: number;
  pools: ClipPool[];
  resolve(vectors: Float32Array[]): void;
  reject(error: unknown): void;
}

/** Crops that are gathered for the same encoders. */
interface Batch {
  program: CropProgram;
  prepared: boolean;
  crops: Float32Array<ArrayBuffer>;
  owners: OpenClip[];
}

/** Batches whose results are waited for: one at work, one ready to follow it. */
const submittedAhead = 2;
/** Choices of encoders whose batches are open at once. */
const openAtOnce = 4;
/** Clips whose log-mels are made ahead of their turn, at most, and bytes of their samples; a clip of more bytes waits for its turn alone. */
const clipsAhead = 8;
const bytesAhead = 2 ** 26;

export class FeatureExtractor {
  /** Time with at least one log-mel or batch submitted and not finished. */
  readonly meter = new BusyMeter();
  /** Values of a vector. */
  readonly size: number;
  readonly pool: PoolName;
  private readonly layout: readonly PoolPart[];
  private frontEnd: FrontEnd | undefined;
  private readonly batches = new Map<string, Batch>();
  private readonly ahead: OpenClip[] = [];
  private readonly submitted: Promise<void>[] = [];
  private pushing = false;

  /** @param encoders of one model; their weights are read when a batch runs */
  constructor(
    readonly gpu: Gpu,
    private readonly encoders: readonly Patchifier[],
    private readonly options: ExtractorOptions,
  ) {
    const { model, pool = "mean" } = options;
    this.pool = pool;
    this.layout = poolLayout(pool, model);
    this.size = poolSize(pool, model);
  }

  /**
   * Takes a clip in; resolves when the next may come, which is at once as long as the device keeps up. One call at a time.
   * @param wanted numbers of the encoders that are to see it; by default all
   * @throws DataError where the clip is too short for one frame, and what went wrong on the device
   */
  async push(waveform: Waveform, wanted: readonly number[] = [...this.encoders.keys()]): Promise<PushedClip> {
    if (this.pushing) throw new UsageError("push() takes one clip at a time: wait for it.");
    this.pushing = true;
    try {
      this.options.signal?.throwIfAborted();
      const { model, crops, hop } = this.options;
      this.frontEnd ??= await openFrontEnd(this.gpu, model.frontEnd);
      const starts = cropStarts(this.frontEnd.framesOf(waveform), model.cropFrames, crops, hop);
      const { clip, vectors } = this.openClip(this.frontEnd, waveform, starts, wanted);
      this.ahead.push(clip);
      const bytes = () => this.ahead.reduce((sum, each) => sum + each.bytes, 0);
      while (this.ahead.length > clipsAhead || bytes() > bytesAhead) await this.gather();
      return { vectors };
    } finally {
      this.pushing = false;
    }
  }

  /** Sends what is gathered, full batches or not, and waits until all clips have their vectors. */
  async flush(): Promise<void> {
    while (this.ahead.length > 0) await this.gather();
    for (const batch of this.batches.values()) await this.submit(batch);
    while (this.submitted.length > 0) await this.submitted.shift();
  }

  dispose(): void {
    for (const { program } of this.batches.values()) program.dispose();
    this.batches.clear();
    this.frontEnd?.dispose();
  }

  /** Begins the log-mel of a clip. */
  private openClip(
    frontEnd: FrontEnd,
    waveform: Waveform,
    starts: readonly number[],
    wanted: readonly number[],
  ): { clip: OpenClip; vectors: Promise<Float32Array[]> } {
    const pools = wanted.map(() => new ClipPool(this.layout, starts.length));
    this.meter.begin();
    const mel = frontEnd.transform(waveform).finally(() => this.meter.end());
    mel.catch(() => {}); // thrown when its turn comes
    const bytes = waveform.channels.reduce((sum, { byteLength }) => sum + byteLength, 0);
    let clip: OpenClip | undefined;
    const vectors = new Promise<Float32Array[]>((resolve, reject) => {
      clip = { wanted, starts, mel, bytes, pools, resolve, reject };
    });
    vectors.catch(() => {}); // reported by whoever awaits it, and by the next push
    return { clip: clip as OpenClip, vectors };
  }

  /** Copies the crops of the clip whose turn it is, and sends the batches that they fill. */
  private async gather(): Promise<void> {
    const { cropFrames, frontEnd } = this.options.model;
    const clip = this.ahead[0];
    try {
      const mel = await clip.mel;
      for (const start of clip.starts) {
        const batch = await this.batchFor(clip.wanted);
        const { program, crops, owners } = batch;
        const at = owners.push(clip) - 1;
        copyCrop(mel, frontEnd.nMels, start, cropFrames, crops, at * program.cropSize);
        if (owners.length === program.batch) await this.submit(batch);
      }
    } catch (error) {
      clip.reject(error);
      throw error;
    } finally {
      this.ahead.shift();
    }
  }

  /** The open batch for some encoders; the least recently used makes room. */
  private async batchFor(wanted: readonly number[]): Promise<Batch> {
    const key = wanted.join();
    let batch = this.batches.get(key);
    if (batch) {
      this.batches.delete(key); // and again at the end
    } else {
      if (this.batches.size >= openAtOnce) {
        const [[oldest, closing]] = this.batches;
        await this.submit(closing);
        await Promise.all(this.submitted);
        closing.program.dispose();
        this.batches.delete(oldest);
      }
      const encoders = wanted.map((index) => this.encoders[index]);
      const program = new CropProgram(encoders, { ...this.options, programs: 2 });
      const crops = new Float32Array(program.batch * program.cropSize);
      batch = { program, prepared: false, crops, owners: [] };
    }
    this.batches.set(key, batch);
    return batch;
  }

  /** Sends a batch, once there is room for it, and empties it. */
  private async submit(batch: Batch): Promise<void> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const { program, crops, owners } = batch;
    if (owners.length === 0) return;
    if (!batch.prepared) await program.prepare(signal);
    batch.prepared = true;
    while (this.submitted.length >= submittedAhead) await this.submitted.shift();
    // The last batch is padded, with whatever stood there, to one of few sizes.
    const rows = Math.min(program.batch, bucketOf(owners.length));
    const reading = program.run(crops.subarray(0, rows * program.cropSize));
    batch.owners = [];
    this.meter.begin();
    const done = reading
      .finally(() => this.meter.end())
      .then(
        (values) => this.hand(owners, values),
        (error: unknown) => {
          for (const owner of owners) owner.reject(error);
          throw error;
        },
      );
    done.catch(() => {}); // thrown by the next push or flush
    this.submitted.push(done);
  }

  /** Gives every crop's values to its clip. */
  private hand(owners: readonly OpenClip[], values: readonly Float32Array[]): void {
    for (const [i, clip] of owners.entries()) {
      let whole = false;
      for (const [k, pool] of clip.pools.entries()) {
        whole = pool.take(values[k].subarray(i * this.size, (i + 1) * this.size));
      }
      if (whole) clip.resolve(clip.pools.map(({ vector }) => vector));
    }
  }
}
