// One model in training: what a step does on the device, and what a checkpoint must hold. It neither prints nor writes
// files, and does not decide when to stop; loop.ts does.
import { patchify } from "../audio/patches.js";
import { type CropSampler, randomAt } from "../data/batches.js";
import { GradientClipper, Optimizer } from "../nn/optim.js";
import { cosineSchedule } from "../nn/schedule.js";
import { backward } from "../ops/autograd.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { clusteredMask, maskedCount, uniformMask, uploadMask } from "../patchifier/masks.js";
import { type Losses, pretrainLosses } from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

export interface Normalisation {
  mean: number;
  std: number;
}

/** What a step measured. */
export interface StepResult {
  loss: number;
  infonce?: number;
  reconstruct?: number;
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

export interface TrainerOptions {
  model: ModelConfig;
  pretrain: PretrainConfig;
  normalisation: Normalisation;
  seed: number;
  sampler: CropSampler;
  /** Crops of pieces that are never trained on. */
  heldOut?: CropSampler;
}

export class Trainer {
  readonly model: Patchifier;
  readonly optimizer: Optimizer;
  private readonly clipper: GradientClipper;

  constructor(
    readonly gpu: Gpu,
    readonly options: TrainerOptions,
  ) {
    const { model, pretrain, seed } = options;
    this.model = new Patchifier(gpu, encoderSizes(model), randomAt(seed, "initialise"));
    this.clipper = new GradientClipper(this.model.parameters);
    const { betas, weightDecay } = pretrain;
    this.optimizer = new Optimizer(this.model.parameters, { rule: "adamw", betas, weightDecay });
  }

  /** Updates done so far. */
  get step(): number {
    return this.optimizer.step;
  }

  learningRate(step: number): number {
    const { lr, warmup, steps } = this.options.pretrain;
    return cosineSchedule(step, { baseLr: lr, warmup, total: steps });
  }

  /**
   * Records and submits the next update; the promise gives what it measured. The next step may be started before it
   * resolves, so that the device does not wait for the readback.
   */
  next(): Promise<StepResult> {
    const { sampler, pretrain, seed } = this.options;
    const { gpu, step } = this;
    const crops = sampler.draw(randomAt(seed, "crops", step), pretrain.batch);
    const losses = gpu.scope(() => {
      const result = this.losses(crops, randomAt(seed, "masks", step));
      this.model.parameters.zeroGrad();
      backward(result.loss);
      this.clipper.measure(pretrain.clipNorm);
      this.optimizer.update(this.learningRate(step), this.clipper);
      return result;
    });
    return this.measure(losses, this.clipper.result);
  }

  /** Losses of `batches` fixed batches of held-out crops, averaged; undefined where no piece is held out. */
  async evaluate(batches = 2): Promise<Omit<StepResult, "gradNorm"> | undefined> {
    const { heldOut, pretrain, seed } = this.options;
    if (!heldOut) return undefined;
    const sums: Record<string, number> = {};
    for (let i = 0; i < batches; i++) {
      const random = randomAt(seed, "heldOut", i);
      const crops = heldOut.draw(random, pretrain.batch);
      const losses = this.gpu.noGrad(() => this.gpu.scope(() => this.losses(crops, random)));
      for (const [name, value] of Object.entries(await this.measure(losses))) {
        sums[name] = (sums[name] ?? 0) + value / batches;
      }
    }
    const { loss, infonce, reconstruct } = sums;
    return { loss, infonce, reconstruct };
  }

  /** Normalised patches [B, T, P] of crops [B, nMels, frames]. */
  patches(crops: Float32Array): Tensor {
    return cropPatches(this.gpu, this.options.model, this.options.normalisation, crops);
  }

  /** The hidden patches of one clip. */
  drawMask(random: Random): Int32Array {
    const { model, pretrain } = this.options;
    const grid = patchGrid(model);
    const count = maskedCount(grid.tokens, pretrain.maskRatio);
    return pretrain.maskShape === "clustered"
      ? clusteredMask(random, grid, count)
      : uniformMask(random, grid.tokens, count);
  }

  dispose(): void {
    this.model.dispose();
    this.optimizer.dispose();
    this.clipper.dispose();
  }

  private losses(crops: Float32Array, random: Random): Losses {
    const patches = this.patches(crops);
    const [batch, tokens] = patches.shape;
    const masks = Array.from({ length: batch }, () => this.drawMask(random));
    return pretrainLosses(this.model, patches, uploadMask(this.gpu, masks, tokens), this.options.pretrain);
  }

  private async measure(losses: Losses, clip?: Tensor): Promise<StepResult> {
    const named = Object.entries(losses).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
    const parts = named.map(([, tensor]) => ({ block: tensor.block, byteLength: 4 }));
    if (clip) parts.push({ block: clip.block, byteLength: 8 });
    // The copies are recorded before this returns its promise, so the tensors' memory may be reused at once.
    const reading = this.gpu.device.readMany(parts);
    for (const tensor of new Set(named.map(([, tensor]) => tensor))) tensor.dispose();
    const values = (await reading).map((bytes) => new Float32Array(bytes)[0]);
    const result: Record<string, number> = {};
    named.forEach(([name], i) => {
      result[name] = values[i];
    });
    if (clip) result.gradNorm = values[named.length];
    return result as unknown as StepResult;
  }
}

/** Normalised patches [B, T, P] of crops [B, nMels, frames] on the CPU. */
export function cropPatches(
  gpu: Gpu,
  model: ModelConfig,
  { mean, std }: Normalisation,
  crops: Float32Array,
): Tensor {
  const { nMels } = model.frontEnd;
  const batch = crops.length / (nMels * model.cropFrames);
  return gpu.scope(() => {
    const spectrograms = gpu.tensor(crops, [batch, nMels, model.cropFrames]);
    const { patchMels, patchFrames } = model;
    return patchify(spectrograms, { patchMels, patchFrames, mean, std });
  });
}
