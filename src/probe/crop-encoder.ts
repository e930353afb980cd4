// Crops of log-mels through an encoder: read on the CPU and taken through a program (crop-program.ts) a batch at a time. What the report's
// map and pages know of log-mels that they have comes from here; where crops lie is for them to say. Clips that come as audio go
// through feature-extractor.ts.
import type { Patchifier } from "../patchifier/encoder.js";
import { bucketOf } from "../tensor/capture.js";
import { CropProgram, type CropProgramOptions } from "./crop-program.js";

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
export interface CropEncoderOptions extends Omit<CropProgramOptions, "programs"> {
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
  private readonly program: CropProgram;

  /** @param encoder its weights are read when a batch runs */
  constructor(
    encoder: Patchifier,
    private readonly options: CropEncoderOptions,
  ) {
    this.program = new CropProgram([encoder], options);
  }

  /** Values of a vector. */
  get size(): number {
    return this.program.size;
  }

  /** Measures the kernels of a whole batch and checks them, where tuner and checks are on. */
  prepare(signal?: AbortSignal): Promise<void> {
    return this.program.prepare(signal);
  }

  /** Hands the vector of each place's crop to `take`, in their order. */
  async encode(
    mels: MelCrops,
    places: readonly CropPlace[],
    take: (vector: Float32Array, place: number) => void,
    { turn, onProgress, signal }: EncodeOptions = {},
  ): Promise<void> {
    const { batch, size } = this.program;
    let last: Promise<void> = Promise.resolve();
    try {
      for (let from = 0; from < places.length; from += batch) {
        signal?.throwIfAborted();
        const part = places.slice(from, from + batch);
        const crops = this.read(mels, part);
        const run = () => this.program.run(crops).then(([vectors]) => vectors);
        const reading = turn ? turn(run) : run();
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
  private read(mels: MelCrops, places: readonly CropPlace[]): Float32Array<ArrayBuffer> {
    const { model, whole } = this.options;
    const { batch, cropSize } = this.program;
    const rows = whole ? batch : Math.min(batch, bucketOf(places.length));
    const crops = new Float32Array(rows * cropSize);
    for (const [i, { clip, start }] of places.entries())
      mels.crop(clip, start, model.cropFrames, crops, i * cropSize);
    return crops;
  }
}
