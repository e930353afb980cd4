// One model in training: its steps, recorded once and submitted one after the other, whole, in slices or in parts of a batch, and what
// they hold. What a step computes is model-step.ts's. It neither prints nor writes files, and does not decide when to stop; loop.ts does.
import type { CheckedWork } from "../checks/run.js";
import { checkFirst } from "../checks/use.js";
import { type CropSource, randomAt } from "../data/batches.js";
import type { ProgramReport } from "../gpu/program.js";
import type { TuningTable } from "../gpu/tuner-store.js";
import type { ProcessGroup } from "../host/group.js";
import { GradientSum } from "../nn/gradient-sum.js";
import type { Optimizer } from "../nn/optim.js";
import { cosineSchedule } from "../nn/schedule.js";
import type { TuningOptions, TuningResult } from "../ops/tuning.js";
import { tune } from "../ops/tuning-families.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { maskInputs, maskOf } from "../patchifier/masks.js";
import type { Losses, Objective, ObjectiveBatch } from "../patchifier/objectives.js";
import { type Captured, capture, type Slicing } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { drawMask, type HostBatch } from "./batch-source.js";
import { type Division, divide } from "./division.js";
import { GradientExchange } from "./gradient-exchange.js";
import { cropPatches, ModelStep, type Normalisation } from "./model-step.js";
import { type MeasuredLosses, meanOf, readResults } from "./readings.js";
import { type BatchInputs, type RivalInputs, StepInputs } from "./step-inputs.js";

export { cropPatches, type Normalisation } from "./model-step.js";
export type { MeasuredLosses } from "./readings.js";

/** What a step measured. */
export interface StepResult extends MeasuredLosses {
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

/** A step that was submitted. */
export interface SubmittedStep {
  /** Resolves when the device has done it. */
  measured: Promise<StepResult>;
}

/** Bytes on the device. */
export interface TrainingMemory {
  /** Weights. */
  parameters: number;
  /** Their gradients. */
  gradients: number;
  /** AdamW's two. */
  moments: number;
  /** What the objective keeps, such as a teacher. */
  objective?: number;
  /** Everything that a step computes and does not keep, after memory has been shared by lifetimes. */
  step: number;
  /** All of it. */
  total: number;
}

/** What is trained, on what, and how. */
export interface TrainerOptions {
  /** The encoder. */
  model: ModelConfig;
  /** The plan. */
  pretrain: PretrainConfig;
  /** Of the log-mels. */
  normalisation: Normalisation;
  /** Of weights, crops and masks. */
  seed: number;
  /** Where crops come from. */
  sampler: CropSource;
  /** Crops of pieces that are never trained on. */
  heldOut?: CropSource;
  /** Whether a step is recorded once and replayed. Default true; both ways give the same bits. */
  captured?: boolean;
  /**
   * In how many micro-batches, one after the other, this process computes its share of a batch: less memory, and the numbers of
   * the whole batch to rounding. Default 1. They must divide it into equal parts.
   */
  accumulate?: number;
  /** The processes that train this model together, each on its share of every batch. Absent: this one alone. */
  group?: ProcessGroup;
}

/** A model in training: one call of `next` is a step. */
export class Trainer {
  /** What is trained. */
  readonly model: Patchifier;
  /** AdamW over its parameters. */
  readonly optimizer: Optimizer;
  /** What is asked of it. */
  readonly objective: Objective;
  /** How a batch is divided over processes and micro-batches. */
  readonly division: Division;
  private readonly computed: ModelStep;
  private readonly inputs: StepInputs;
  /** Adds up gradients over processes, where there are several. */
  readonly exchange: GradientExchange | undefined;
  /** The whole of a step; of a divided one its parts. */
  private readonly update: Captured<BatchInputs, Losses & { gradNorm?: Tensor }>;
  private readonly measureLosses: Captured<BatchInputs, Losses>;
  private readonly apply: Captured<Record<string, Tensor>, { gradNorm: Tensor }>;
  private readonly rivals: Captured<RivalInputs, Tensor>;
  private readonly sum: GradientSum | undefined;
  /** The part that is being computed. */
  private part = 0;
  /** Resolves when the last step that was asked for is submitted. */
  private last: Promise<unknown> = Promise.resolve();
  /** The batch of a coming step, drawn while gradients were on their way. */
  private ahead: { step: number; batch: HostBatch } | undefined;

  constructor(
    /** Where it runs. */
    readonly gpu: Gpu,
    /** As given. */
    readonly options: TrainerOptions,
  ) {
    const { pretrain, seed, group } = options;
    this.division = divide(pretrain.batch, options.accumulate ?? 1, group);
    this.computed = new ModelStep(gpu, options, {
      random: randomAt(seed, "initialise"),
      learningRate: (step) => this.learningRate(step),
      music: () => options.sampler.music,
      part: () => this.part,
    });
    const { computed } = this;
    this.model = computed.model;
    this.optimizer = computed.optimizer;
    this.objective = computed.objective;
    this.inputs = new StepInputs(gpu, options, this.division, this.objective);
    const { parts, own } = this.division;
    if (own > 1) this.sum = new GradientSum(this.model.parameters);
    if (group && group.size > 1) this.exchange = new GradientExchange(this.model.parameters, group);
    const step = (batch: BatchInputs) =>
      parts === 1 ? computed.update(batch) : computed.gradients(batch, parts);
    this.update = capture(gpu, step, { label: "training step" });
    this.measureLosses = capture(gpu, (batch) => gpu.noGrad(() => computed.losses(batch, false)), {
      label: "held-out losses",
    });
    this.apply = capture(gpu, () => ({ gradNorm: computed.apply() }), { label: "update" });
    this.rivals = capture(gpu, (batch) => gpu.noGrad(() => computed.maskedPatches(batch)), {
      label: "rivals",
    });
  }

  /** Whether a batch is computed in parts. */
  get isDivided(): boolean {
    return this.division.parts > 1;
  }

  /** Updates done so far. */
  get step(): number {
    return this.optimizer.step;
  }

  /** The learning rate of a step, from 0. */
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
    const { gpu, inputs, computed } = this;
    const { parts } = this.division;
    computed.gradients(inputs.blank(), parts);
    computed.apply();
    gpu.noGrad(() => computed.losses(inputs.blank(), false));
    if (inputs.takesRivals) gpu.noGrad(() => computed.maskedPatches(inputs.blankRivals()));
  }

  /** The kernels that training takes, by bucket of shapes: what a resumed run must follow to compute the same bits. */
  kernels(): TuningTable {
    this.plans();
    this.gpu.scope(() => this.measureLosses.plan(this.inputs.blank()));
    return this.gpu.device.tuner.record();
  }

  /** What training will hold on the device. Records the step to find out, but takes no memory for it yet. */
  memory(): TrainingMemory {
    const { parameters } = this.model;
    const step = sum(this.plans().flatMap(({ arenas }) => arenas));
    const state = parameters.arenas.values.byteLength;
    const gradients = state + (this.sum?.byteLength ?? 0);
    const objective = this.objective.bytes ?? 0;
    const total = 3 * state + gradients + objective + step;
    return { parameters: state, gradients, moments: 2 * state, objective, step, total };
  }

  /**
   * Makes the memory of a step and compiles its kernels side by side, so that the first one does not wait. Throws
   * OutOfMemoryError where the adapter has no room.
   */
  async prepare(): Promise<void> {
    const ready: Promise<void>[] = [];
    this.gpu.scope(() => {
      ready.push(this.update.prepare(this.inputs.blank()));
      if (this.isDivided) ready.push(this.apply.prepare({}));
      if (this.inputs.takesRivals) ready.push(this.rivals.prepare(this.inputs.blankRivals()));
    });
    await Promise.all(ready);
    await this.gpu.device.finish(); // throws what the adapter refused
  }

  /**
   * Submits the next update; the promise gives what it measured. The next step may be started before it resolves, so that
   * the device does not wait for the readback. Of a divided batch it is submitted later, and `step` counts it then.
   */
  next(): Promise<StepResult> {
    const { gpu } = this;
    if (this.isDivided) {
      const submitted = this.last.then(() => this.nextDivided());
      this.last = submitted.catch(() => {});
      return submitted.then(({ measured }) => measured);
    }
    const results = gpu.scope(() => {
      const batch = this.inputs.whole(this.step);
      return this.options.captured === false ? this.computed.update(batch) : this.update(batch);
    });
    return readResults<StepResult>(gpu, results);
  }

  /**
   * The next update in slices (`Captured.inSlices`), for a page. Resolves when all of it is submitted; `measured` gives its
   * result, and the next step may be started before it does. A divided batch may be left in whole parts.
   */
  async nextInSlices(slicing?: Slicing): Promise<SubmittedStep> {
    if (this.isDivided) return this.nextDivided(slicing);
    if (!slicing) return { measured: this.next() };
    const results = await this.runOn(this.update, () => this.inputs.whole(this.step), slicing);
    return { measured: readResults<StepResult>(this.gpu, results) };
  }

  /**
   * The next update of a batch that is computed in parts, here and by other processes: the gradients of the parts are added up, then
   * one update is made. Resolves when that is submitted.
   */
  private async nextDivided(slicing?: Slicing): Promise<{ measured: Promise<StepResult> }> {
    const { gpu, exchange, step } = this;
    const { own } = this.division;
    const batch = this.ahead?.step === step ? this.ahead.batch : this.inputs.batchAt(step);
    const parts = await this.overParts(this.update, batch, slicing, (i) => this.sum?.add(i, own));
    let measured: Promise<MeasuredLosses> = meanOf(parts);
    if (exchange) {
      const meanwhile = () => {
        this.ahead = { step: step + 1, batch: this.inputs.batchAt(step + 1) };
      };
      const mean = await exchange.addUp(measured, meanwhile);
      measured = Promise.resolve(mean);
    }
    const applied = gpu.scope(() => this.apply({}));
    const norm = readResults<{ gradNorm: number }>(gpu, applied);
    return {
      measured: Promise.all([measured, norm]).then(([losses, { gradNorm }]) => ({ ...losses, gradNorm })),
    };
  }

  /**
   * Losses of `batches` fixed batches of held-out crops, averaged; undefined where no piece is held out. In slices where
   * `slicing` is given.
   */
  async evaluate(batches = 2, slicing?: Slicing): Promise<MeasuredLosses | undefined> {
    const { heldOut, seed } = this.options;
    if (!heldOut) return undefined;
    const measured: Promise<MeasuredLosses>[] = [];
    for (let i = 0; i < batches; i++) {
      const random = randomAt(seed, "heldOut", i);
      const batch = this.inputs.draw(heldOut, random, random);
      measured.push(...(await this.overParts(this.measureLosses, batch, slicing)));
      await Promise.all(measured);
    }
    const mean = await meanOf(measured);
    return this.exchange ? this.exchange.meanOf(mean) : mean;
  }

  /** Crops [B, nMels, frames] and their masked patches as the objective takes them, for looking at what it does. */
  batchOf(crops: Float32Array, masked: readonly Int32Array[]): ObjectiveBatch {
    const { tokens } = patchGrid(this.options.model);
    return {
      patches: this.patches(crops),
      mask: maskOf(maskInputs(this.gpu, masked, tokens)),
      extra: this.objective.inputs?.(masked, tokens) ?? {},
    };
  }

  /** Normalised patches [B, T, P] of crops [B, nMels, frames]. */
  patches(crops: Float32Array): Tensor {
    return cropPatches(this.gpu, this.options.model, this.options.normalisation, crops);
  }

  /** The masked patches of one clip. */
  drawMask(random: Random): Int32Array {
    return drawMask(this.options.model, this.options.pretrain, random);
  }

  /** Gives all memory back. */
  dispose(): void {
    this.update.dispose();
    this.measureLosses.dispose();
    this.apply.dispose();
    this.rivals.dispose();
    this.sum?.dispose();
    this.computed.dispose();
  }

  /** What will be held for a step, each of its programs. */
  private plans(): ProgramReport[] {
    return this.gpu.scope(() => [
      this.update.plan(this.inputs.blank()),
      ...(this.isDivided ? [this.apply.plan({})] : []),
      ...(this.inputs.takesRivals ? [this.rivals.plan(this.inputs.blankRivals())] : []),
    ]);
  }

  /** Runs a program on every part of a batch that is this process's; `done` is called after each. What each measured. */
  private async overParts(
    program: Captured<BatchInputs, Losses>,
    batch: HostBatch,
    slicing: Slicing | undefined,
    done?: (index: number) => void,
  ): Promise<Promise<MeasuredLosses>[]> {
    const { gpu } = this;
    const { first, own } = this.division;
    const rivals = this.inputs.takesRivals
      ? gpu.scope(() => this.rivals(this.inputs.ofRivals(batch))).keep()
      : undefined;
    const measured: Promise<MeasuredLosses>[] = [];
    for (let i = 0; i < own; i++) {
      this.part = first + i;
      const inputs = () => this.inputs.ofPart(batch, first + i, rivals);
      const reading = readResults<MeasuredLosses>(gpu, await this.runOn(program, inputs, slicing));
      reading.catch(() => {}); // reported when it is awaited
      measured.push(reading);
      done?.(i);
    }
    rivals?.dispose();
    return measured;
  }

  private async runOn(
    program: Captured<BatchInputs, Losses>,
    inputs: () => BatchInputs,
    slicing: Slicing | undefined,
  ): Promise<Losses> {
    if (!slicing) return this.gpu.scope(() => program(inputs()));
    let running: Promise<Losses> | undefined;
    this.gpu.scope(() => {
      running = program.inSlices(inputs(), slicing);
    });
    return running as unknown as Promise<Losses>;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
