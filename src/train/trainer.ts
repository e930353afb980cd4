// One model in training: what a step does on the device, and what a checkpoint must hold. It neither prints nor writes
// files, and does not decide when to stop; loop.ts does.
import { patchify } from "../audio/patches.js";
import type { CheckedWork } from "../checks/run.js";
import { checkFirst } from "../checks/use.js";
import { type CropSource, randomAt } from "../data/batches.js";
import type { TuningTable } from "../gpu/tuner-store.js";
import { GradientClipper, Optimizer } from "../nn/optim.js";
import { cosineSchedule } from "../nn/schedule.js";
import { backward } from "../ops/autograd.js";
import type { TuningOptions, TuningResult } from "../ops/tuning.js";
import { tune } from "../ops/tuning-families.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import {
  clusteredMask,
  type MaskInputs,
  maskedCount,
  maskInputs,
  maskOf,
  spanMask,
  uniformMask,
} from "../patchifier/masks.js";
import {
  createModel,
  createObjective,
  type Drawn,
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type Place,
} from "../patchifier/objectives.js";
import { type Captured, capture, type Slicing } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

export interface Normalisation {
  mean: number;
  std: number;
}

/** What a step measured. */
export interface StepResult extends MeasuredLosses {
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

/** The loss and the objective's parts and measures by name. */
export interface MeasuredLosses {
  loss: number;
  [part: string]: number | undefined;
}

/** Bytes on the device. */
export interface TrainingMemory {
  parameters: number;
  gradients: number;
  /** AdamW's two. */
  moments: number;
  /** What the objective keeps, such as a teacher. */
  objective?: number;
  /** Everything that a step computes and does not keep, after memory has been shared by lifetimes. */
  step: number;
  total: number;
}

export interface TrainerOptions {
  model: ModelConfig;
  pretrain: PretrainConfig;
  normalisation: Normalisation;
  seed: number;
  sampler: CropSource;
  /** Crops of pieces that are never trained on. */
  heldOut?: CropSource;
  /** Whether a step is recorded once and replayed. Default true; both ways give the same bits. */
  captured?: boolean;
}

/** What changes from step to step: [B, nMels, frames], the masks (masks.ts), and what the objective asks for. */
type BatchInputs = { crops: Tensor } & MaskInputs & Record<string, Tensor>;

export class Trainer {
  readonly model: Patchifier;
  readonly optimizer: Optimizer;
  readonly objective: Objective;
  private readonly clipper: GradientClipper;
  private readonly update: Captured<BatchInputs, Losses & { gradNorm: Tensor }>;
  private readonly measureLosses: Captured<BatchInputs, Losses>;

  constructor(
    readonly gpu: Gpu,
    readonly options: TrainerOptions,
  ) {
    const { model, pretrain, seed } = options;
    this.model = createModel(gpu, model, pretrain, randomAt(seed, "initialise"));
    this.clipper = new GradientClipper(this.model.parameters);
    const { betas, weightDecay } = pretrain;
    this.optimizer = new Optimizer(this.model.parameters, { rule: "adamw", betas, weightDecay });
    this.objective = createObjective(gpu, {
      ...{ model: this.model, config: model, pretrain, seed },
      normalisation: options.normalisation,
      music: () => options.sampler.music,
      step: () => this.step,
    });
    this.update = capture(gpu, (batch) => this.updateOn(batch), { label: "training step" });
    this.measureLosses = capture(gpu, (batch) => gpu.noGrad(() => this.losses(batch, false)), {
      label: "held-out losses",
    });
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
   * Measures kernels for this training, where the tuner's mode asks for it; call it before anything else. Afterwards the
   * choices stay as they are.
   */
  async tune(options?: TuningOptions): Promise<TuningResult[]> {
    return tune(this.gpu, () => this.rehearse(), options);
  }

  /** Checks the kernels of this training where that was turned on for the device; call it before anything is captured. */
  async check(): Promise<CheckedWork | undefined> {
    return checkFirst(this.gpu, () => this.rehearse());
  }

  /** Asks for everything that training asks for. To be recorded, to find out which kernels that takes, and not to be run. */
  rehearse(): void {
    this.updateOn(this.blank());
    this.gpu.noGrad(() => this.losses(this.blank(), false));
  }

  /** The kernels that training takes, by bucket of shapes: what a resumed run must follow to compute the same bits. */
  kernels(): TuningTable {
    this.gpu.scope(() => this.update.plan(this.blank()));
    this.gpu.scope(() => this.measureLosses.plan(this.blank()));
    return this.gpu.device.tuner.record();
  }

  /** What training will hold on the device. Records the step to find out, but takes no memory for it yet. */
  memory(): TrainingMemory {
    const { parameters } = this.model;
    const step = sum(this.gpu.scope(() => this.update.plan(this.blank())).arenas);
    const state = parameters.arenas.values.byteLength;
    const objective = this.objective.bytes ?? 0;
    const total = 4 * state + objective + step;
    return { parameters: state, gradients: state, moments: 2 * state, objective, step, total };
  }

  /**
   * Makes the memory of a step and compiles its kernels side by side, so that the first one does not wait. Throws
   * OutOfMemoryError where the adapter has no room.
   */
  async prepare(): Promise<void> {
    let ready: Promise<void> | undefined;
    this.gpu.scope(() => {
      ready = this.update.prepare(this.blank());
    });
    await ready;
    await this.gpu.device.finish(); // throws what the adapter refused
  }

  /**
   * Submits the next update; the promise gives what it measured. The next step may be started before it resolves, so that
   * the device does not wait for the readback.
   */
  next(): Promise<StepResult> {
    const { gpu } = this;
    const results = gpu.scope(() => {
      const batch = this.nextBatch();
      return this.options.captured === false ? this.updateOn(batch) : this.update(batch);
    });
    return readResults<StepResult>(gpu, results);
  }

  /**
   * The next update in slices (`Captured.inSlices`), for a page. Resolves when all of it is submitted; `measured` gives its
   * result, and the next step may be started before it does.
   */
  async nextInSlices(slicing: Slicing): Promise<{ measured: Promise<StepResult> }> {
    const { gpu } = this;
    let running: Promise<Losses & { gradNorm: Tensor }> | undefined;
    gpu.scope(() => {
      running = this.update.inSlices(this.nextBatch(), slicing);
    });
    const results = await (running as unknown as Promise<Losses & { gradNorm: Tensor }>);
    return { measured: readResults<StepResult>(gpu, results) };
  }

  /**
   * Losses of `batches` fixed batches of held-out crops, averaged; undefined where no piece is held out. In slices where
   * `slicing` is given.
   */
  async evaluate(batches = 2, slicing?: Slicing): Promise<MeasuredLosses | undefined> {
    const { heldOut, seed } = this.options;
    if (!heldOut) return undefined;
    const sums: Record<string, number> = {};
    for (let i = 0; i < batches; i++) {
      const random = randomAt(seed, "heldOut", i);
      const losses = await this.measureOn(() => this.draw(heldOut, random, random), slicing);
      for (const [name, value] of Object.entries(await readResults<MeasuredLosses>(this.gpu, losses))) {
        sums[name] = (sums[name] ?? 0) + (value ?? Number.NaN) / batches;
      }
    }
    return { ...sums, loss: sums.loss };
  }

  /** Crops [B, nMels, frames] and their hidden patches as the objective takes them, for looking at what it does. */
  batchOf(crops: Float32Array, hidden: readonly Int32Array[]): ObjectiveBatch {
    const { tokens } = patchGrid(this.options.model);
    return {
      patches: this.patches(crops),
      mask: maskOf(maskInputs(this.gpu, hidden, tokens)),
      extra: this.objective.inputs?.(hidden, tokens) ?? {},
    };
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
    switch (pretrain.maskShape) {
      case "clustered":
        return clusteredMask(random, grid, count);
      case "spans":
        return spanMask(random, grid, count);
      case "uniform":
        return uniformMask(random, grid.tokens, count);
    }
  }

  dispose(): void {
    this.update.dispose();
    this.measureLosses.dispose();
    this.objective.dispose?.();
    this.model.dispose();
    this.optimizer.dispose();
    this.clipper.dispose();
  }

  /** Inputs of a step's shapes, to be looked at and not read. */
  private blank(): BatchInputs {
    const { model, pretrain } = this.options;
    const { tokens } = patchGrid(model);
    const hidden = Array.from({ length: pretrain.batch }, () => this.drawMask(randomAt(0, "masks")));
    return {
      crops: this.gpu.empty([pretrain.batch, model.frontEnd.nMels, model.cropFrames]),
      ...this.maskedInputs(hidden, tokens),
    };
  }

  /** What the next update is computed on. */
  private nextBatch(): BatchInputs {
    const { sampler, seed } = this.options;
    const { step } = this;
    return this.draw(sampler, randomAt(seed, "crops", step), randomAt(seed, "masks", step));
  }

  private async measureOn(draw: () => BatchInputs, slicing: Slicing | undefined): Promise<Losses> {
    if (!slicing) return this.gpu.scope(() => this.measureLosses(draw()));
    let running: Promise<Losses> | undefined;
    this.gpu.scope(() => {
      running = this.measureLosses.inSlices(draw(), slicing);
    });
    return running as unknown as Promise<Losses>;
  }

  /** A batch and its masks, uploaded. */
  private draw(sampler: CropSource, crops: Random, masks: Random): BatchInputs {
    const { model, pretrain } = this.options;
    const { frontEnd, cropFrames } = model;
    const { batch } = pretrain;
    const { music } = sampler;
    let values: Float32Array;
    let places: Place[] = [];
    if (music) {
      const size = frontEnd.nMels * cropFrames;
      values = new Float32Array(batch * size);
      places = Array.from({ length: batch }, () => music.place(crops));
      for (const [i, place] of places.entries()) music.read(place, cropFrames, values, i * size);
    } else {
      values = sampler.draw(crops, batch);
    }
    const hidden = Array.from({ length: batch }, () => this.drawMask(masks));
    const drawn = music && { music, places, crops: values, random: masks };
    return {
      crops: this.gpu.tensor(values, [batch, frontEnd.nMels, cropFrames]),
      ...this.maskedInputs(hidden, patchGrid(model).tokens, drawn),
    };
  }

  private maskedInputs(
    hidden: readonly Int32Array[],
    tokens: number,
    drawn?: Drawn,
  ): MaskInputs & Record<string, Tensor> {
    return { ...maskInputs(this.gpu, hidden, tokens), ...this.objective.inputs?.(hidden, tokens, drawn) };
  }

  /** One update. Runs once in record mode: whatever changes from step to step is in `batch` or asked for by the optimiser. */
  private updateOn(batch: BatchInputs): Losses & { gradNorm: Tensor } {
    const losses = this.losses(batch, true);
    this.model.parameters.zeroGrad();
    backward(losses.loss);
    this.clipper.measure(this.options.pretrain.clipNorm);
    this.optimizer.update(() => this.learningRate(this.step), this.clipper);
    this.objective.updated?.();
    return { ...losses, gradNorm: this.clipper.result.alias() };
  }

  private losses(inputs: BatchInputs, training: boolean): Losses {
    const { crops, masked, hiddenRows, hiddenInverse, ...extra } = inputs;
    const { model, normalisation } = this.options;
    const patches = patchesOf(model, normalisation, crops);
    const mask = maskOf({ masked, hiddenRows, hiddenInverse });
    return this.objective.losses({ patches, mask, extra }, training);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The first element of each tensor, by name; absent ones stay absent. Their memory may be reused at once. */
async function readResults<T extends object>(
  gpu: Gpu,
  results: Readonly<Record<string, Tensor | undefined>>,
): Promise<T> {
  const named = Object.entries<Tensor | undefined>(results).filter(
    (entry): entry is [string, Tensor] => entry[1] !== undefined,
  );
  const reading = gpu.device.readMany(named.map(([, { block }]) => ({ block, byteLength: 4 })));
  for (const [, tensor] of named) tensor.dispose();
  const values = await reading;
  return Object.fromEntries(named.map(([name], i) => [name, new Float32Array(values[i])[0]])) as T;
}

/** Normalised patches [B, T, P] of log-mel crops [B, nMels, frames]. */
function patchesOf(model: ModelConfig, { mean, std }: Normalisation, crops: Tensor): Tensor {
  const { patchMels, patchFrames } = model;
  return patchify(crops, { patchMels, patchFrames, mean, std });
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
  return gpu.scope(() => {
    return patchesOf(model, normalisation, gpu.tensor(crops, [batch, nMels, model.cropFrames]));
  });
}
