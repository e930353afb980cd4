// What one training step computes on the device, for training in Node and in a page and for the benchmark: patches of crops, losses,
// gradients, clipping, AdamW's update. Not here: which crops and masks, parts of a batch, recording and submitting (trainer.ts).
import { GradientClipper, Optimizer } from "../nn/optim.js";
import { backward } from "../ops/autograd.js";
import { selectRows } from "../ops/select-rows.js";
import { reshape } from "../ops/view.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { patchesOf } from "../patchifier/front-end.js";
import { maskOf } from "../patchifier/masks.js";
import {
  createModel,
  createObjective,
  type Losses,
  type Objective,
  type ObjectiveOptions,
} from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import type { BatchInputs, RivalInputs } from "./step-inputs.js";

/** What log-mels are normalised by: (x − mean)/(2·std). */
export interface Normalisation {
  /** Of all values. */
  mean: number;
  /** Standard deviation of all values. */
  std: number;
}

/** What is trained, and how. */
export interface StepSettings {
  model: ModelConfig;
  pretrain: PretrainConfig;
  seed: number;
  /** Read whenever a step is recorded. */
  normalisation: Normalisation;
}

/** What a step is given besides its settings. */
export interface StepOptions extends Pick<ObjectiveOptions, "music" | "part"> {
  /** Draws the first weights. */
  random: Random;
  /** Of the update after `step` others. */
  learningRate(step: number): number;
}

/** A model with what is asked of it and its optimiser. */
export class ModelStep {
  readonly model: Patchifier;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  private readonly clipper: GradientClipper;

  constructor(
    private readonly gpu: Gpu,
    private readonly settings: StepSettings,
    private readonly options: StepOptions,
  ) {
    const { model, pretrain, seed, normalisation } = settings;
    const { random, music, part } = options;
    this.model = createModel(gpu, model, pretrain, random);
    this.clipper = new GradientClipper(this.model.parameters);
    const { betas, eps, weightDecay } = pretrain;
    this.optimizer = new Optimizer(this.model.parameters, { rule: "adamw", betas, eps, weightDecay });
    this.objective = createObjective(gpu, {
      ...{ model: this.model, config: model, pretrain, seed, normalisation, music, part },
      step: () => this.optimizer.step,
    });
  }

  /** One update. May be recorded: whatever changes from step to step is in `batch` or asked for by the optimiser. */
  update(batch: BatchInputs): Losses & { gradNorm: Tensor } {
    return { ...this.gradients(batch), gradNorm: this.apply() };
  }

  /** The gradients of a batch, or of one of `parts` of a batch as they count in the whole. */
  gradients(batch: BatchInputs, parts = 1): Losses {
    const losses = this.losses(batch, true);
    this.model.parameters.zeroGrad();
    backward(losses.loss, parts > 1 ? this.gpu.full(losses.loss.shape, 1 / parts) : undefined);
    return losses;
  }

  /** Clips the gradients at hand and makes the update. Their norm. */
  apply(): Tensor {
    this.clipper.measure(this.settings.pretrain.clipNorm);
    this.optimizer.update(() => this.options.learningRate(this.optimizer.step), this.clipper);
    this.objective.updated?.(this.clipper);
    return this.clipper.result.alias();
  }

  /** What the objective makes of a batch. `training`: with dropout and the like. */
  losses(inputs: BatchInputs, training: boolean): Losses {
    const { crops, masked, maskedRows, maskedInverse, rivals, ownRivals, ...extra } = inputs;
    const { model, normalisation } = this.settings;
    const patches = patchesOf(crops, model, normalisation);
    const mask = maskOf({ masked, maskedRows, maskedInverse });
    const others = rivals && { patches: rivals, own: ownRivals };
    return this.objective.losses({ patches, mask, extra, rivals: others }, training);
  }

  /** The masked patches of a whole batch. */
  maskedPatches({ crops, ...masks }: RivalInputs): Tensor {
    const { model, normalisation } = this.settings;
    const { values } = patchGrid(model);
    return selectRows(reshape(patchesOf(crops, model, normalisation), [-1, values]), maskOf(masks).table);
  }

  dispose(): void {
    this.objective.dispose?.();
    this.model.dispose();
    this.optimizer.dispose();
    this.clipper.dispose();
  }
}

/** Normalised patches [B, T, P] of crops [B, nMels, frames] on the CPU. */
export function cropPatches(
  gpu: Gpu,
  model: ModelConfig,
  normalisation: Normalisation,
  crops: Float32Array,
): Tensor {
  const { nMels } = model.frontEnd;
  const batch = crops.length / (nMels * model.cropFrames);
  return gpu.scope(() =>
    patchesOf(gpu.tensor(crops, [batch, nMels, model.cropFrames]), model, normalisation),
  );
}
