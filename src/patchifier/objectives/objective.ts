// What an objective of pre-training is: it turns a batch's patches and masks into losses, and may keep state of its own (a
// teacher) and ask for inputs of its own. The objectives themselves stand beside this file, one each.
import type { NamedValues, ParameterSpec } from "../../nn/parameters.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ModelConfig, PretrainConfig } from "../config.js";
import type { EncoderSizes, Patchifier, Trace } from "../encoder.js";
import type { BatchMask } from "../masks.js";

/** Single numbers: what is brought down, and its named parts and measures. Parts that an objective does not have are absent. */
export interface Losses {
  loss: Tensor;
  infonce?: Tensor;
  reconstruct?: Tensor;
  [part: string]: Tensor | undefined;
}

export interface ObjectiveBatch {
  /** Normalised patches [B, T, P]. */
  patches: Tensor;
  mask: BatchMask;
  /** What `inputs` uploaded. */
  extra: Readonly<Record<string, Tensor>>;
}

export interface Objective {
  /**
   * What a batch needs beside patches and masks, uploaded: of the same names and shapes for every batch of a size. `hidden` are
   * the hidden patches of each clip, of `tokens`.
   */
  inputs?(hidden: readonly Int32Array[], tokens: number): Record<string, Tensor>;
  /** The losses of a batch. Random draws are made only in training. Must do the same at every call, as captured functions do. */
  losses(batch: ObjectiveBatch, training: boolean, trace?: Trace): Losses;
  /** The hidden patches as the model sees them, [B·hidden, P] in the units of `patches`; absent where it predicts no pixels. */
  reconstruct?(batch: ObjectiveBatch): Tensor;
  /** Runs after each update of the weights, within the same captured function. */
  updated?(): void;
  /** What a checkpoint must hold beside weights and optimiser; absent where the seed and the step say it all. */
  state?(): Promise<NamedValues>;
  restore?(state: NamedValues): void;
  /** Bytes that it keeps on the device. */
  readonly bytes?: number;
  dispose?(): void;
}

/** What an objective is made from. */
export interface ObjectiveOptions {
  model: Patchifier;
  config: ModelConfig;
  pretrain: PretrainConfig;
  seed: number;
  /** Updates done so far, asked at every run of a captured function. */
  step(): number;
}

/** An entry of the registry. */
export interface ObjectiveKind {
  /** Parameters that are trained beside the encoder's. */
  specs(sizes: EncoderSizes, config: ModelConfig, pretrain: PretrainConfig): ParameterSpec[];
  create(gpu: Gpu, options: ObjectiveOptions): Objective;
}
