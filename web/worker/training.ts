// Training in slices, which a page starts and pauses: its results, its checkpoints, and how it gets over a lost device. What a step
// computes is src/train/trainer.ts's, where checkpoints lie files.ts's.
import { DataError, DeviceLostError, UsageError } from "../../src/gpu/errors.js";
import { standings } from "../../src/patchifier/objectives.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { runSteps } from "../../src/train/step-loop.js";
import { Trainer, type TrainerOptions } from "../../src/train/trainer.js";
import type { EventName, Events, TrainingState, TrainOptions } from "../protocol.js";
import type { Checkpoint, RunState } from "./files.js";
import type { Library } from "./library.js";
import { measuredEvery, readTrainer, restoreTrainer } from "./model-state.js";
import { TrainingData } from "./training-data.js";
import { adviceFor, checkOptions, checkRoom } from "./training-limits.js";
import type { Turns } from "./turns.js";

/** What training needs of the session. */
export interface TrainingHost {
  emit<E extends EventName>(event: E, value: Events[E]): void;
  turns: Turns;
  library: Library;
  /** Keeps a checkpoint in the browser's files, where there are any. */
  store(checkpoint: Checkpoint): Promise<void>;
  /** Replaces a device that cannot be used any more. */
  replaceDevice(error: Error): Promise<void>;
  /** Whether the adapter is a program that runs on the processor. */
  software(): boolean;
}

/** Milliseconds on the adapter that training takes at a time. */
const budgetMs = 12;
/** Milliseconds between checkpoints, at least and at most. */
const [soonest, latest] = [5_000, 20_000];

export class Training {
  state: RunState;
  private current: Trainer | undefined;
  private settings: TrainerOptions | undefined;
  /** The last state that a new device can start from; undefined: the beginning. */
  private kept: Checkpoint | undefined;
  private status: TrainingState["status"] = "idle";
  private clipsPerSecond: number | undefined;
  private wanted = false;
  private running: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private saveAsked: { promise: Promise<void>; resolve(): void } | undefined;
  private readonly data: TrainingData;
  private preparedBatch = 0;

  constructor(
    private readonly host: TrainingHost,
    state: RunState,
  ) {
    this.state = state;
    this.data = new TrainingData(host.library);
  }

  get trainer(): Trainer {
    if (!this.current) throw new UsageError("Open the engine first.");
    return this.current;
  }

  /** Whether the weights are other than those that the seed gives. */
  private get isTouched(): boolean {
    return this.state.step > 0 || this.kept !== undefined;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Makes the model on a device, as `kept` left it. Goes on training if it was training. */
  async attach(gpu: Gpu): Promise<void> {
    await this.running;
    this.state = this.keptState();
    this.build(gpu);
    if (this.wanted) this.start();
  }

  /** Takes another model in place of the one at hand; on failure, that one stays. */
  async replace(state: RunState, checkpoint?: Checkpoint): Promise<void> {
    await this.stop();
    const { gpu } = this.trainer;
    const before = this.isTouched ? await readTrainer(this.trainer, this.state) : undefined;
    const oldState = this.state;
    try {
      this.take(state, checkpoint, gpu);
    } catch (error) {
      this.take(oldState, before, gpu);
      throw error;
    }
    this.setStatus("idle");
  }

  /** What an earlier visit left, before the first `attach`. */
  begin(checkpoint: Checkpoint): void {
    this.state = checkpoint.state;
    this.kept = checkpoint;
    if (this.state.step > 0) this.status = "paused";
  }

  async train(options: TrainOptions): Promise<void> {
    checkOptions(options);
    const { state } = this;
    const { steps, batch = state.pretrain.batch, seed = state.seed, lr } = options;
    if (!this.data.any) this.data.normalisation(seed); // says what is missing
    if (seed !== state.seed && state.step > 0) {
      throw new UsageError(
        `This model was begun with seed ${state.seed}: reset it to train with seed ${seed}.`,
      );
    }
    if (batch !== state.pretrain.batch || seed !== state.seed) {
      await this.stop();
      // The program of the old batch would keep its memory.
      const checkpoint = this.isTouched ? await readTrainer(this.trainer, state) : undefined;
      const next = { ...state, seed, pretrain: { ...state.pretrain, batch } };
      await this.replace(next, checkpoint && { ...checkpoint, state: next });
    }
    const { pretrain } = this.state;
    if (lr !== undefined) pretrain.lr = lr;
    pretrain.steps = Math.max(steps, this.state.step);
    pretrain.warmup = Math.min(pretrain.warmup, Math.max(1, Math.round(steps / 10)));
    this.start();
  }

  /** Ends after the step under way, and keeps what there is. */
  async pause(): Promise<void> {
    const wasWanted = this.wanted;
    await this.stop();
    if (!wasWanted) return;
    if (!this.running && this.status === "running") this.setStatus("paused"); // lost on the way
    await this.save();
  }

  resume(): void {
    if (this.state.step >= this.state.pretrain.steps) {
      throw new UsageError("All steps are done: train on to a larger number of steps.");
    }
    this.start();
  }

  /** Saves at the next step's end, or at once where nothing is training. */
  async save(): Promise<void> {
    if (this.running) {
      if (!this.saveAsked) {
        let resolve = () => {};
        const promise = new Promise<void>((done) => {
          resolve = done;
        });
        this.saveAsked = { promise, resolve };
      }
      await this.saveAsked.promise;
    } else if (this.isTouched && this.current && this.kept?.state.step !== this.state.step) {
      await this.checkpoint();
    }
    await this.writing;
  }

  /** Keeps a model that has just been put in place of another. */
  async keep(): Promise<void> {
    await this.checkpoint();
    await this.writing;
  }

  /** Weights and moments as they stand, for exports. */
  async snapshot(): Promise<Checkpoint> {
    if (this.running) {
      await this.save();
      if (this.kept) return this.kept;
    }
    this.normalise();
    return readTrainer(this.trainer, this.state);
  }

  /** Draws crops from the clips as they are now. */
  dataChanged(): void {
    const { state, settings } = this;
    const begun = state.step > 0 || this.isRunning;
    this.data.refresh(state, begun);
    if (settings && !begun && !state.normalisation) settings.normalisation = unknownNormalisation;
    if (settings) settings.heldOut = this.data.heldOut;
    if (!this.data.any) this.wanted = false;
  }

  /** Fixes what values are normalised by, from the clips at hand: with the first step, or when the model is looked at. */
  normalise(): void {
    if (!this.settings || this.settings.normalisation !== unknownNormalisation) return;
    this.settings.normalisation = this.data.normalisation(this.state.seed);
  }

  /** What the page is told. */
  describe(): TrainingState {
    const { step, pretrain } = this.state;
    return { status: this.status, step, steps: pretrain.steps, clipsPerSecond: this.clipsPerSecond };
  }

  private take(state: RunState, checkpoint: Checkpoint | undefined, gpu: Gpu): void {
    this.state = state;
    this.kept = checkpoint;
    this.build(gpu);
  }

  private build(gpu: Gpu): void {
    const { state, kept } = this;
    try {
      this.current?.dispose();
    } catch {
      // the device that it was on is gone
    }
    if (this.current?.gpu === gpu) gpu.device.pool.trim();
    this.current = undefined;
    this.preparedBatch = 0;
    const { model, pretrain, seed } = state;
    const settings: TrainerOptions = {
      ...{ model, pretrain, seed },
      normalisation: state.normalisation ?? unknownNormalisation,
      sampler: this.data,
    };
    this.settings = settings;
    const trainer = new Trainer(gpu, settings);
    try {
      if (kept) restoreTrainer(trainer, kept);
    } catch (error) {
      trainer.dispose();
      throw error;
    }
    this.current = trainer;
    this.dataChanged();
  }

  private start(): void {
    this.wanted = true;
    if (this.running) return;
    this.running = this.run().then((ended) => {
      this.running = undefined;
      this.saveAsked?.resolve();
      this.saveAsked = undefined;
      if (ended && this.wanted) this.start(); // asked for while it was coming to its end
    });
  }

  private async stop(): Promise<void> {
    this.wanted = false;
    await this.running;
  }

  /** Whether it ended by itself and not by a failure. */
  private async run(): Promise<boolean> {
    try {
      await this.loop();
      return true;
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      const lost = problem instanceof DeviceLostError;
      if (!lost) {
        this.wanted = false;
        this.setStatus("failed");
        this.host.emit("problem", { message: problem.message, advice: adviceFor(problem) });
      }
      this.startAfresh(lost, problem);
      return false;
    }
  }

  /** Makes the model anew from what was kept, on another device where this one is of no use any more. */
  private startAfresh(lost: boolean, problem: Error): void {
    const { gpu } = this.trainer;
    try {
      if (lost) throw problem;
      gpu.device.check();
    } catch {
      void this.host.replaceDevice(problem); // attach() goes on
      return;
    }
    this.state = this.keptState();
    this.build(gpu);
  }

  private keptState(): RunState {
    const { kept, state } = this;
    if (!kept) return { ...state, step: 0 };
    return { ...structuredClone(kept.state), pretrain: state.pretrain };
  }

  private async loop(): Promise<void> {
    const { state, trainer, host } = this;
    const { pretrain } = state;
    const slicing = { budgetMs, between: () => host.turns.yield() };
    if (this.preparedBatch !== pretrain.batch) {
      this.setStatus("preparing");
      this.normalise();
      state.normalisation = this.settings?.normalisation;
      if (host.software()) checkRoom(trainer.memory().total);
      await trainer.check();
      await trainer.prepare();
      this.preparedBatch = pretrain.batch;
    }
    this.setStatus("running");
    let before = performance.now();
    let saved = performance.now();
    let told = 0;
    await runSteps({
      trainer,
      slicing,
      steps: () => pretrain.steps,
      goesOn: () => this.wanted,
      submitted: (step) => {
        state.step = step;
      },
      report: ({ step, lr, result, at }) => {
        const { loss, gradNorm, ...parts } = result;
        if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
          throw new DataError(`The loss is no longer a number at step ${step}.`);
        }
        const stepMs = at - before;
        before = at;
        const clipsPerSecond = (1000 * pretrain.batch) / stepMs;
        this.clipsPerSecond = clipsPerSecond;
        const measured = parts as Record<string, number>;
        host.emit("step", { step, loss, parts: measured, lr, gradNorm, stepMs, clipsPerSecond });
        if (at - told > 250) {
          told = at;
          host.emit("training", this.describe());
        }
      },
      after: (step, last) => {
        const evaluates = last || step % measuredEvery(pretrain.steps) === 0;
        const age = performance.now() - saved;
        return {
          evaluates,
          saves: last || this.saveAsked !== undefined || age > latest || (evaluates && age > soonest),
        };
      },
      waits: () => !this.wanted,
      evaluate: async () => {
        const measured = await trainer.evaluate(2, slicing);
        if (measured) {
          const { step } = state;
          const past = step > pretrain.warmup ? standings(state.model, pretrain, measured) : [];
          const stuck = past.filter((each) => each.stuck).map(({ title }) => title);
          host.emit("heldOut", { step, loss: measured.loss, stuck });
        }
        before = performance.now();
      },
      save: async () => {
        await this.checkpoint();
        saved = before = performance.now();
      },
    });
    const isDone = state.step >= pretrain.steps;
    if (isDone) {
      this.wanted = false;
      await this.writing;
    }
    this.setStatus(isDone ? "done" : "paused");
  }

  /** Copies weights and moments, and has the copy written while training goes on. */
  private async checkpoint(): Promise<void> {
    const asked = this.saveAsked;
    this.saveAsked = undefined;
    const checkpoint = await readTrainer(this.trainer, this.state);
    this.kept = checkpoint;
    await this.writing;
    this.writing = this.host.store(checkpoint);
    if (asked) await this.writing;
    asked?.resolve();
  }

  private setStatus(status: TrainingState["status"]): void {
    this.status = status;
    if (status !== "running") this.clipsPerSecond = undefined;
    this.host.emit("training", this.describe());
  }
}

/** Stands in until there is music to measure. */
const unknownNormalisation = { mean: 0, std: 0.5 };
