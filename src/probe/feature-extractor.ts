// The one pass over the audio: decoded clips go in one after another, and for each clip and each encoder one pooled vector comes out.
// On the device a batch of crops is resampled, cut, made log-mels and patches, encoded and pooled in one submission; the next batches
// are cut while it works. Nothing is held of a clip but its vectors to be. Used by pages too. Not here: decoding, caches, files.
import { toMono } from "../audio/decode.js";
import { resample } from "../audio/resample.js";
import type { Waveform } from "../audio/types.js";
import { checkFirst } from "../checks/use.js";
import { UsageError } from "../gpu/errors.js";
import { foldGroups } from "../ops/launch.js";
import { tune } from "../ops/tuning-families.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { FrontEnd, patchesOf } from "../patchifier/front-end.js";
import { bucketOf, type Captured, capture } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { type CropLayout, cropLayout, cutCrop, modelSamples } from "./feature-crops.js";
import { BusyMeter } from "./feature-meter.js";
import {
  ClipPool,
  type PoolName,
  type PoolPart,
  pooledTokens,
  poolLayout,
  poolSize,
} from "./feature-pools.js";
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
  /** Crops that go through the encoders together. Default 32; fewer where the clips' rate makes their samples large. */
  batch?: number;
  signal?: AbortSignal;
}

/** A clip that has been taken in. */
export interface PushedClip {
  /** One vector for each encoder that was wanted, in their order. Comes when the clip's last batch is done; see `flush`. */
  vectors: Promise<Float32Array[]>;
}

type BatchInputs = { samples: Tensor; table: Tensor; there: Tensor };

/** A clip whose crops are under way. */
interface OpenClip {
  pools: ClipPool[];
  resolve(vectors: Float32Array[]): void;
  reject(error: unknown): void;
}

/** Crops of one rate that are gathered for the same encoders. */
interface Batch {
  layout: CropLayout;
  wanted: readonly number[];
  samples: Float32Array<ArrayBuffer>;
  table: Int32Array<ArrayBuffer>;
  /** 1 for a frame of the recording, 0 for one after its end. */
  there: Float32Array<ArrayBuffer>;
  capacity: number;
  owners: OpenClip[];
  run: Captured<BatchInputs, Tensor[]> | undefined;
}

/** Batches whose results are waited for: one at work, one ready to follow it. */
const submittedAhead = 2;
/** Rates (and choices of encoders) whose batches are open at once. */
const openAtOnce = 4;
/** Bytes of samples in a batch, at most. */
const batchBytes = 2 ** 26;

export class FeatureExtractor {
  /** Time with at least one batch submitted and not finished. */
  readonly meter = new BusyMeter();
  /** Values of a vector. */
  readonly size: number;
  readonly pool: PoolName;
  private readonly layout: readonly PoolPart[];
  private readonly frontEnd: FrontEnd;
  private readonly batches = new Map<string, Batch>();
  private readonly layouts = new Map<number, CropLayout>();
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
    this.frontEnd = new FrontEnd(gpu, model.frontEnd);
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
      const { model, crops, hop } = this.options;
      const samples = toMono(waveform);
      const layout = this.layoutOf(waveform.sampleRate);
      const frames = this.frontEnd.frames(modelSamples(samples.length, layout, model));
      const starts = cropStarts(frames, model.cropFrames, crops, hop);
      const { clip, vectors } = this.openClip(starts.length, wanted.length);
      for (const start of starts) {
        const batch = await this.batchFor(layout, wanted);
        const at = batch.owners.push(clip) - 1;
        const row = batch.table.subarray(4 * at, 4 * at + 4);
        cutCrop(samples, start, layout, model, batch.samples.subarray(at * layout.cut), row);
        const whole = batch.there.subarray(at * model.cropFrames, (at + 1) * model.cropFrames);
        whole.fill(1).fill(0, Math.max(0, Math.min(model.cropFrames, frames - start)));
        if (batch.owners.length === batch.capacity) await this.submit(batch);
      }
      return { vectors };
    } finally {
      this.pushing = false;
    }
  }

  /** Sends what is gathered, full batches or not, and waits until all clips have their vectors. */
  async flush(): Promise<void> {
    for (const batch of this.batches.values()) await this.submit(batch);
    while (this.submitted.length > 0) await this.submitted.shift();
  }

  dispose(): void {
    for (const { run } of this.batches.values()) run?.dispose();
    this.batches.clear();
    this.frontEnd.dispose();
  }

  private openClip(crops: number, encoders: number): { clip: OpenClip; vectors: Promise<Float32Array[]> } {
    const pools = Array.from({ length: encoders }, () => new ClipPool(this.layout, crops));
    let clip: OpenClip | undefined;
    const vectors = new Promise<Float32Array[]>((resolve, reject) => {
      clip = { pools, resolve, reject };
    });
    vectors.catch(() => {}); // reported by whoever awaits it, and by the next push
    return { clip: clip as OpenClip, vectors };
  }

  private layoutOf(sampleRate: number): CropLayout {
    let layout = this.layouts.get(sampleRate);
    if (!layout) {
      layout = cropLayout(this.options.model, sampleRate);
      this.layouts.set(sampleRate, layout);
    }
    return layout;
  }

  /** The open batch of a rate; the least recently used makes room. */
  private async batchFor(layout: CropLayout, wanted: readonly number[]): Promise<Batch> {
    const key = `${layout.sampleRate} ${wanted.join()}`;
    let batch = this.batches.get(key);
    if (batch) {
      this.batches.delete(key); // and again at the end
    } else {
      if (this.batches.size >= openAtOnce) {
        const [[oldest, closing]] = this.batches;
        await this.submit(closing);
        await Promise.all(this.submitted);
        closing.run?.dispose();
        this.batches.delete(oldest);
      }
      const { batch: most = 32, model } = this.options;
      const capacity = Math.max(1, Math.min(most, Math.floor(batchBytes / (4 * layout.cut))));
      batch = {
        layout,
        wanted,
        capacity,
        samples: new Float32Array(capacity * layout.cut),
        table: new Int32Array(4 * capacity),
        there: new Float32Array(capacity * model.cropFrames),
        owners: [],
        run: undefined,
      };
    }
    this.batches.set(key, batch);
    return batch;
  }

  /** Sends a batch, once there is room for it, and empties it. */
  private async submit(batch: Batch): Promise<void> {
    this.options.signal?.throwIfAborted();
    if (batch.owners.length === 0) return;
    batch.run ??= await this.prepare(batch);
    while (this.submitted.length >= submittedAhead) await this.submitted.shift();
    const { gpu, options } = this;
    const { layout, owners, run } = batch;
    const { model } = options;
    // The last batch is padded, with whatever stood there, to one of few sizes.
    const rows = Math.min(batch.capacity, bucketOf(owners.length));
    const results = gpu.scope(() =>
      run({
        samples: gpu.tensor(batch.samples.subarray(0, rows * layout.cut), [rows, layout.cut]),
        table: gpu.tensor(batch.table.subarray(0, 4 * rows), [rows, 4]),
        there: gpu.tensor(batch.there.subarray(0, rows * model.cropFrames), [rows, 1, model.cropFrames]),
      }),
    );
    batch.owners = [];
    const reading = Promise.all(results.map((result) => result.data()));
    this.meter.begin();
    const done = reading
      .finally(() => this.meter.end())
      .then(
        (values) => this.hand(owners, values),
        (error: unknown) => {
          for (const owner of owners) owner.reject(error);
          throw error;
        },
      )
      .finally(() => {
        for (const result of results) result.dispose();
      });
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

  private async prepare({ layout, wanted, capacity }: Batch): Promise<Captured<BatchInputs, Tensor[]>> {
    const { gpu, options } = this;
    const { cropFrames } = options.model;
    const work = (inputs: BatchInputs) => this.vectorsOf(inputs, layout, wanted);
    // Makes the resampler's tables, which must outlive the programs.
    gpu.scope(() => resample(gpu.zeros([1, 1]), layout.sampleRate, layout.modelRate));
    const rehearse = () =>
      void work({
        samples: gpu.empty([capacity, layout.cut]),
        table: gpu.empty([capacity, 4], { dtype: "i32" }),
        there: gpu.empty([capacity, 1, cropFrames]),
      });
    await tune(gpu, rehearse, { signal: options.signal });
    await checkFirst(gpu, rehearse);
    return capture(gpu, work, { label: "features", programs: 2 });
  }

  /** Pooled tokens [rows, size] of each wanted encoder. */
  private vectorsOf({ samples, table, there }: BatchInputs, layout: CropLayout, wanted: readonly number[]) {
    const { gpu, frontEnd, encoders, options } = this;
    const { model, normalisation } = options;
    return gpu.noGrad(() => {
      const pieces = resample(samples, layout.sampleRate, layout.modelRate);
      const [rows, length] = pieces.shape;
      const waves = gpu.empty([rows, layout.length]);
      const total = rows * layout.length;
      gpu.device.run(
        gpu.device.kernel("audio/crops"),
        [pieces, table, waves].map(({ block }) => block),
        { samples: length, length: layout.length, total },
        foldGroups(Math.ceil(total / 256)),
      );
      const patches = patchesOf(frontEnd.logMel.forward(waves).mul(there), model, normalisation);
      return wanted.map((index) => pooledTokens(encoders[index], patches, this.pool, model));
    });
  }
}
