// A batch of crops of log-mels through encoders, as one recorded program: uploaded, made patches, encoded and pooled on the device, one
// vector for each crop and encoder read back. Not here: where crops lie and whose they are (crop-encoder.ts, feature-extractor.ts).
import { checkFirst } from "../checks/use.js";
import { tune } from "../ops/tuning-families.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { patchesOf } from "../patchifier/front-end.js";
import { type Captured, capture } from "../tensor/capture.js";
import type { Tensor } from "../tensor/tensor.js";
import { type PoolName, pooledTokens, poolSize } from "./feature-pools.js";

/** What encoders are given, and how their tokens are pooled. */
export interface CropProgramOptions {
  model: ModelConfig;
  normalisation: { mean: number; std: number };
  /** How tokens become a vector. Default `mean`. */
  pool?: PoolName;
  /** Crops that go through the encoders together at most. Default 32. */
  batch?: number;
  /** Programs kept, one for each number of crops; see CaptureOptions. */
  programs?: number;
}

export class CropProgram {
  /** Values of a vector. */
  readonly size: number;
  /** Crops of a whole batch. */
  readonly batch: number;
  /** Values of a crop, [nMels, cropFrames]. */
  readonly cropSize: number;
  private readonly program: Captured<{ crops: Tensor }, Tensor[]>;

  /** @param encoders of one model on one device; their weights are read when a batch runs */
  constructor(
    private readonly encoders: readonly Patchifier[],
    private readonly options: CropProgramOptions,
  ) {
    const { model, pool = "mean", batch = 32, programs } = options;
    this.size = poolSize(pool, model);
    this.batch = batch;
    this.cropSize = model.frontEnd.nMels * model.cropFrames;
    const { gpu } = encoders[0];
    this.program = capture(gpu, ({ crops }) => this.vectorsOf(crops), { label: "features", programs });
  }

  /** Measures the kernels of a whole batch and checks them, where tuner and checks are on. */
  async prepare(signal?: AbortSignal): Promise<void> {
    const { gpu } = this.encoders[0];
    const rehearse = () => void this.vectorsOf(gpu.empty(this.shapeOf(this.batch)));
    await tune(gpu, rehearse, { signal });
    await checkFirst(gpu, rehearse);
  }

  /** For each encoder the vectors of crops that stand one after another. They are uploaded before this returns. */
  run(crops: Float32Array<ArrayBuffer>): Promise<Float32Array[]> {
    const { gpu } = this.encoders[0];
    const shape = this.shapeOf(crops.length / this.cropSize);
    const results = gpu.scope(() => this.program({ crops: gpu.tensor(crops, shape) }));
    return Promise.all(results.map((result) => result.data())).finally(() => {
      for (const result of results) result.dispose();
    });
  }

  /** Gives its memory back; the encoders stay. */
  dispose(): void {
    this.program.dispose();
  }

  private shapeOf(rows: number): [number, number, number] {
    const { frontEnd, cropFrames } = this.options.model;
    return [rows, frontEnd.nMels, cropFrames];
  }

  private vectorsOf(crops: Tensor): Tensor[] {
    const { encoders, options } = this;
    const { model, normalisation, pool = "mean" } = options;
    const { gpu } = encoders[0];
    return gpu.scope(() => {
      const patches = patchesOf(crops, model, normalisation);
      return encoders.map((encoder) => pooledTokens(encoder, patches, pool, model));
    });
  }
}
