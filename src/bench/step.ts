// Whole training steps as training takes them (train/model-step.ts), with the upload of crops and masks; run operation by operation
// or as a captured program. The batch is noise, which takes as long as music.
import type { Program } from "../gpu/program.js";
import {
  type ModelConfig,
  type PretrainConfig,
  patchGrid,
  preset,
  withPatches,
} from "../patchifier/config.js";
import { maskedCount, maskInputs, uniformMask } from "../patchifier/masks.js";
import { type Captured, capture } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { ModelStep } from "../train/model-step.js";
import type { BatchInputs } from "../train/step-inputs.js";
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

/** Noise has no mean and spread that would matter. */
const normalisation = { mean: 0.5, std: 0.3 };

/** A model in training on noise. */
export class BenchStep {
  readonly captured: Captured<BatchInputs, { loss: Tensor }>;
  private readonly step: ModelStep;
  private readonly random = new Random(1);
  private readonly crops: Float32Array;
  private fixed: BatchInputs | undefined;

  constructor(
    readonly gpu: Gpu,
    readonly plan: StepPlan,
    readonly part: Part = "whole",
  ) {
    const { model, pretrain, batch } = plan;
    const settings = { model, pretrain, seed: 1, normalisation };
    this.step = new ModelStep(gpu, settings, { random: this.random, learningRate: () => 1e-4 });
    const size = batch * model.frontEnd.nMels * model.cropFrames;
    this.crops = Float32Array.from({ length: size }, () => this.random.uniform());
    this.captured = capture(gpu, (inputs: BatchInputs) => this.work(inputs), { label: "step" });
  }

  /** Records one step, inputs and all. */
  run(mode: Mode): void {
    const inputs = this.inputs();
    if (mode === "captured") this.captured(inputs);
    else this.work(inputs);
  }

  /** Noise and newly drawn masks, uploaded. */
  inputs(): BatchInputs {
    const { gpu, random } = this;
    const { model, batch } = this.plan;
    const { tokens, masked: count } = stepSizes(this.plan);
    const crops = gpu.tensor(this.crops, [batch, model.frontEnd.nMels, model.cropFrames]);
    const masks = Array.from({ length: batch }, () => uniformMask(random, tokens, count));
    return { crops, ...maskInputs(gpu, masks, tokens), ...this.step.objective.inputs?.(masks, tokens) };
  }

  /** What is done with them on the device. */
  work(inputs: BatchInputs): { loss: Tensor } {
    const { step, part } = this;
    const { loss } = part === "forward" ? step.losses(inputs, true) : step.gradients(inputs);
    if (part === "whole") step.apply();
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
    this.step.dispose();
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
