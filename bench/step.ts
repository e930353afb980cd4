// Whole training steps as train.js takes them: upload of crops and masks, patches, encoder, heads, losses, gradients, clipping
// and AdamW; run operation by operation or as a captured program. The batch is noise, which takes as long as music.
import { patchify } from "../src/audio/patches.js";
import type { Program } from "../src/gpu/program.js";
import { GradientClipper, Optimizer } from "../src/nn/optim.js";
import { backward } from "../src/ops/autograd.js";
import {
  type ModelConfig,
  type PretrainConfig,
  patchGrid,
  preset,
  withPatches,
} from "../src/patchifier/config.js";
import type { Patchifier } from "../src/patchifier/encoder.js";
import { type MaskInputs, maskedCount, maskInputs, maskOf, uniformMask } from "../src/patchifier/masks.js";
import { createModel, createObjective, type Objective } from "../src/patchifier/objectives.js";
import { type Captured, capture } from "../src/tensor/capture.js";
import type { Gpu } from "../src/tensor/gpu.js";
import { Random } from "../src/tensor/random.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { type StepSizes, stepFlops } from "./flops.js";
import { profileProgram, type StepProfile } from "./profile.js";
import type { BenchCase } from "./types.js";

export type Part = "forward" | "forward+backward" | "whole";
export type Mode = "eager" | "captured";

const counted = ["joint", "infonce", "reconstruct"] as const;

/** A model and how it is trained. */
export interface StepPlan {
  model: ModelConfig;
  pretrain: PretrainConfig;
  batch: number;
}

/** What the FLOP count of a plan depends on. Objectives that flops.ts has no formula for are counted as `joint`. */
export function stepSizes({ model, pretrain, batch }: StepPlan): StepSizes {
  const { tokens, values } = patchGrid(model);
  const { width, layers, mlpRatio } = model;
  const masked = maskedCount(tokens, pretrain.maskRatio);
  const objective = counted.find((name) => name === pretrain.objective) ?? "joint";
  return { batch, tokens, values, masked, width, layers, mlpRatio, objective };
}

type StepInputs = { crops: Tensor } & MaskInputs & Record<string, Tensor>;

/** A model in training on noise. */
export class BenchStep {
  readonly model: Patchifier;
  readonly objective: Objective;
  readonly captured: Captured<StepInputs, { loss: Tensor }>;
  private readonly clipper: GradientClipper;
  private readonly optimizer: Optimizer;
  private readonly random = new Random(1);
  private readonly crops: Float32Array;
  private fixed: StepInputs | undefined;

  constructor(
    readonly gpu: Gpu,
    readonly plan: StepPlan,
    readonly part: Part = "whole",
  ) {
    const { model, pretrain, batch } = plan;
    this.model = createModel(gpu, model, pretrain, this.random);
    this.objective = createObjective(gpu, {
      ...{ model: this.model, config: model, pretrain, seed: 1 },
      normalisation: { mean: 0, std: 0.5 },
      step: () => this.optimizer.step,
    });
    this.clipper = new GradientClipper(this.model.parameters);
    const { betas, eps, weightDecay } = pretrain;
    this.optimizer = new Optimizer(this.model.parameters, { rule: "adamw", betas, eps, weightDecay });
    const size = batch * model.frontEnd.nMels * model.cropFrames;
    this.crops = Float32Array.from({ length: size }, () => this.random.uniform());
    this.captured = capture(gpu, (inputs: StepInputs) => this.work(inputs), { label: "step" });
  }

  /** Records one step, inputs and all. */
  run(mode: Mode): void {
    const inputs = this.inputs();
    if (mode === "captured") this.captured(inputs);
    else this.work(inputs);
  }

  /** Noise and newly drawn masks, uploaded. */
  inputs(): StepInputs {
    const { gpu, random } = this;
    const { model, batch } = this.plan;
    const { tokens, masked: count } = stepSizes(this.plan);
    const crops = gpu.tensor(this.crops, [batch, model.frontEnd.nMels, model.cropFrames]);
    const masks = Array.from({ length: batch }, () => uniformMask(random, tokens, count));
    return { crops, ...maskInputs(gpu, masks, tokens), ...this.objective.inputs?.(masks, tokens) };
  }

  /** What is done with them on the device. */
  work({ crops, masked, hiddenRows, hiddenInverse, ...extra }: StepInputs): { loss: Tensor } {
    const { model, objective, part } = this;
    const { pretrain, model: config } = this.plan;
    const { patchMels, patchFrames } = config;
    const patches = patchify(crops, { patchMels, patchFrames, mean: 0.5, std: 0.3 });
    const mask = maskOf({ masked, hiddenRows, hiddenInverse });
    const { loss } = objective.losses({ patches, mask, extra }, true);
    if (part === "forward") return { loss };
    model.parameters.zeroGrad();
    backward(loss);
    if (part === "forward+backward") return { loss };
    this.clipper.measure(pretrain.clipNorm);
    this.optimizer.update(1e-4, this.clipper);
    objective.updated?.();
    return { loss };
  }

  /** One step as a program of its own, on inputs that stay; dispose it before this. */
  record(): Program {
    const { gpu } = this;
    this.fixed ??= this.inputs();
    const inputs = this.fixed;
    return gpu.device.record(() => gpu.scope(() => void this.work(inputs)), "profiled step").program;
  }

  dispose(): void {
    for (const tensor of Object.values(this.fixed ?? {})) tensor.dispose();
    this.captured.dispose();
    this.objective.dispose?.();
    this.optimizer.dispose();
    this.clipper.dispose();
    this.model.dispose();
  }
}

/** Where the time of one step of a plan goes. The model is one of its own: nothing that is being trained is touched. */
export async function profileStep(gpu: Gpu, plan: StepPlan): Promise<StepProfile> {
  const step = new BenchStep(gpu, plan);
  const program = step.record();
  try {
    return await profileProgram(gpu, program);
  } finally {
    program.dispose();
    step.dispose();
    gpu.device.pool.trim();
  }
}

/**
 * A preset's model with SSAST's own objective on its 16 × 16 patches: the step that other libraries are compared on, whatever the
 * presets come to train.
 */
export function yardstick(name: string): { model: ModelConfig; pretrain: PretrainConfig } {
  const { model, pretrain } = preset(name);
  return {
    model: withPatches(model, "grid"),
    pretrain: { ...pretrain, reconstructWeight: 10, detailWeight: 0, contrast: undefined },
  };
}

/** A preset's plan; `batch` is its own unless given. */
export function presetPlan(name: string, batch?: number): StepPlan {
  const { model, pretrain } = yardstick(name);
  return { model, pretrain, batch: batch ?? pretrain.batch };
}

/** One training step of a preset, or the first parts of it. */
export function stepCase(name: string, part: Part, mode: Mode, batch?: number): BenchCase {
  const plan = presetPlan(name, batch);
  const { tokens, width, layers } = { ...stepSizes(plan) };
  const flops = stepFlops(stepSizes(plan));
  return {
    name: `${part === "whole" ? `train_step_${name}` : `train_step_${name}_${part}`}_${mode}`,
    shape: `${plan.batch} clips × ${tokens} tokens, ${width}/${layers}/${plan.model.heads}`,
    group: `${name} ${part}`,
    flops: part === "forward" ? flops.forward : flops.total,
    work: { amount: plan.batch, unit: "clips" },
    prepare(gpu) {
      const step = new BenchStep(gpu, plan, part);
      return { tensors: [], run: () => step.run(mode), dispose: () => step.dispose() };
    },
  };
}

/** The smallest preset's step. */
export function demoStep(): BenchCase {
  return stepCase("demo", "whole", "captured");
}

/** Steps and their parts; the larger presets only where a GPU is there, since a software adapter takes minutes a step. */
export function stepCases(software: boolean): BenchCase[] {
  const presets = software ? ["demo"] : ["demo", "small", "base"];
  const modes: Mode[] = ["eager", "captured"];
  return [
    ...modes.map((mode) => stepCase("demo", "forward", mode)),
    ...modes.map((mode) => stepCase("demo", "forward+backward", mode)),
    ...presets.flatMap((name) => modes.map((mode) => stepCase(name, "whole", mode))),
  ];
}
