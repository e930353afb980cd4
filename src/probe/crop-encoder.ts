// Crops of log-mels through an encoder: read on the CPU, made patches, encoded and pooled on the device, a batch at a time. What probes, the
// report's map and pages know of log-mels that they have comes from here; where crops lie is for them to say. Clips that come as
// audio go through feature-extractor.ts.
import { tune } from "../ops/tuning-families.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { patchesOf } from "../patchifier/front-end.js";
import { bucketOf, type Captured, capture } from "../tensor/capture.js";
import type { Tensor } from "../tensor/tensor.js";
import { type PoolName, pooledTokens, poolSize } from "./feature-pools.js";

/** Log-mels that crops can be read of. */
export interface MelCrops {
  /** Copies `frames` frames of a clip from `start` into `out` at `offset`, as [nMels, frames], silence after its end. */
  crop(clip: number, start: number, frames: number, out: Float32Array, offset: number): void;
}

/** Where a crop lies: in which clip, from which frame. */
export interface CropPlace {
  clip: number;
  start: number;
}

/** What an encoder is given, and how its tokens are pooled. */
export interface CropEncoderOptions {
  model: ModelConfig;
  normalisation: { mean: number; std: number };
  /** How tokens become a vector. Default `mean`. */
  pool?: PoolName;
  /** Crops that go through the encoder together. Default 32. */
  batch?: number;
  /** Whether the last batch is padded with silence to a whole one, so that one program does; else it is to one of few sizes. */
  whole?: boolean;
}

/** How a pass over crops shares the device, and what it tells. */
export interface EncodeOptions {
  /** Runs a batch when its turn comes, and then the next; by default one is on the device while the one before is read back. */
  turn?(work: () => Promise<Float32Array>): Promise<Float32Array>;
  /** Told as crops are done. */
  onProgress?(done: number, total: number): void;
  signal?: AbortSignal;
}

/** From crops of log-mels to one vector each. */
export class CropEncoder {
  /** Values of a vector. */
  readonly size: number;
  private readonly batch: number;
  private readonly program: Captured<{ crops: Tensor }, Tensor>;

  /** @param encoder its weights are read when a batch runs */
  constructor(
    private readonly encoder: Patchifier,
    private readonly options: CropEncoderOptions,
  ) {
    const { model, pool = "mean", batch = 32 } = options;
    this.size = poolSize(pool, model);
    this.batch = batch;
    this.program = capture(encoder.gpu, ({ crops }) => this.vectorsOf(crops), { label: "features" });
  }

  /** Measures the kernels of a whole batch, where the tuner's mode asks for it. */
  async tune(signal?: AbortSignal): Promise<void> {
    const { gpu } = this.encoder;
    const { frontEnd, cropFrames } = this.options.model;
    const rehearse = () => void this.vectorsOf(gpu.empty([this.batch, frontEnd.nMels, cropFrames]));
    await tune(gpu, rehearse, { signal });
  }

  /** Hands the vector of each place's crop to `take`, in their order. */
  async encode(
    mels: MelCrops,
    places: readonly CropPlace[],
    take: (vector: Float32Array, place: number) => void,
    { turn, onProgress, signal }: EncodeOptions = {},
  ): Promise<void> {
    const { batch, size } = this;
    let last: Promise<void> = Promise.resolve();
    try {
      for (let from = 0; from < places.length; from += batch) {
        signal?.throwIfAborted();
        const part = places.slice(from, from + batch);
        const crops = this.read(mels, part);
        const reading = turn ? turn(() => this.run(crops)) : this.run(crops);
        const before = last;
        last = Promise.all([reading, before]).then(([vectors]) => {
          for (let i = 0; i < part.length; i++) take(vectors.subarray(i * size, (i + 1) * size), from + i);
          onProgress?.(from + part.length, places.length);
        });
        last.catch(() => {}); // thrown when it is awaited
        await (turn ? last : before);
      }
      await last;
    } finally {
      await last.catch(() => {});
    }
  }

  /** Gives its memory back; the encoder stays. */
  dispose(): void {
    this.program.dispose();
  }

  /** Crops [rows, nMels, cropFrames] one after another, silence where there are more rows than places. */
  private read(mels: MelCrops, places: readonly CropPlace[]): Float32Array {
    const { model, whole } = this.options;
    const { frontEnd, cropFrames } = model;
    const size = frontEnd.nMels * cropFrames;
    const rows = whole ? this.batch : Math.min(this.batch, bucketOf(places.length));
    const crops = new Float32Array(rows * size);
    for (const [i, { clip, start }] of places.entries()) mels.crop(clip, start, cropFrames, crops, i * size);
    return crops;
  }

  /** The vectors of such crops. */
  private run(crops: Float32Array): Promise<Float32Array> {
    const { gpu } = this.encoder;
    const { frontEnd, cropFrames } = this.options.model;
    const shape = [crops.length / (frontEnd.nMels * cropFrames), frontEnd.nMels, cropFrames];
    return gpu.scope(() => this.program({ crops: gpu.tensor(crops, shape) })).data();
  }

  private vectorsOf(crops: Tensor): Tensor {
    const { model, normalisation, pool = "mean" } = this.options;
    const { encoder } = this;
    return encoder.gpu.scope(() =>
      pooledTokens(encoder, patchesOf(crops, model, normalisation), pool, model),
    );
  }
}
