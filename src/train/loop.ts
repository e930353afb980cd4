// The command's training: steps until the plan is done or a signal says stop, a line of the log for each, a held-out measurement
// and a checkpoint now and then. Not here: the order of steps (step-loop.ts), what a step computes (trainer.ts), or how progress is drawn.
import { DataError } from "../gpu/errors.js";
import type { Slicing } from "../tensor/capture.js";
import { nonFinite } from "./non-finite.js";
import type { HeldOutLine, LogLine, RunFolder } from "./run-folder.js";
import { type MeasuredStep, runSteps } from "./step-loop.js";
import type { StepResult, Trainer } from "./trainer.js";

/** What the loop trains, how often it looks and saves, and whom it tells. */
export interface LoopOptions {
  trainer: Trainer;
  run: RunFolder;
  /** Whether another process writes the log. */
  silent?: boolean;
  steps: number;
  batch: number;
  /** Steps between checkpoints. */
  checkpointEvery: number;
  /** Steps between held-out measurements. */
  evaluateEvery: number;
  /** Writes a checkpoint of the trainer as it stands. */
  save(): Promise<void>;
  onStep?(line: LogLine, steps: number): void;
  onHeldOut?(line: HeldOutLine): void;
  signal?: AbortSignal;
  /**
   * Milliseconds of one submission. Default `submissionMs` on hardware, which systems take back after about two seconds of one
   * submission; a software adapter gets a step whole.
   */
  sliceMs?: number;
}

/** Far below the two seconds of a system's watchdog, and far above what a submission costs. */
const submissionMs = 75;

/** So many steps in a row whose loss or gradients are not finite end the run. Each of them is skipped by the optimiser. */
export const mostSkipped = 5;

/** Runs to the end or to the signal; the trainer's state is saved either way. Returns whether it was interrupted. */
export async function trainLoop(options: LoopOptions): Promise<{ interrupted: boolean }> {
  const { trainer, run, steps, batch, signal } = options;
  const { software } = trainer.gpu.device.capabilities;
  const sliceMs = options.sliceMs ?? (software ? undefined : submissionMs);
  const slicing: Slicing | undefined = sliceMs ? { budgetMs: sliceMs, between: async () => {} } : undefined;
  let before = performance.now();
  let saved = trainer.step;
  /** Steps in a row that were not finite, and the first of them. */
  let streak = 0;
  let since = 0;
  const report = async ({ step, lr, result, at }: MeasuredStep) => {
    const stepMs = at - before;
    before = at;
    const { gradNorm, ...losses } = finiteOf(result);
    const line: LogLine = {
      step,
      ...losses,
      lr,
      ...(gradNorm === undefined ? { skipped: 1 } : { gradNorm }),
      stepMs: round(stepMs),
      clipsPerSecond: round((1000 * batch) / stepMs),
    };
    if (!options.silent) run.appendLog(line);
    options.onStep?.(line, steps);
    const sound = losses.loss !== undefined && gradNorm !== undefined;
    if (sound) streak = 0;
    else if (streak++ === 0) since = step;
    if (streak < mostSkipped) return;
    throw new DataError(await nonFinite(trainer, { step, since, count: streak, saved, run: run.path }));
  };

  let interrupted = false;
  const { exchange } = trainer;
  if (exchange) exchange.stopAsked = () => signal?.aborted ?? false;
  await runSteps({
    trainer,
    steps: () => steps,
    goesOn() {
      interrupted = Boolean(exchange ? exchange.stops : signal?.aborted);
      return !interrupted;
    },
    slicing,
    report,
    after: (step, last) => ({
      evaluates: last || step % options.evaluateEvery === 0,
      saves: last || step % options.checkpointEvery === 0,
    }),
    waits: () => streak > 0, // so that the weights are those of the step that is looked into
    async evaluate() {
      const measured = await trainer.evaluate(undefined, slicing);
      if (measured) options.onHeldOut?.({ step: trainer.step, ...measured });
      before = performance.now();
    },
    async save() {
      if (streak > 0) return;
      await options.save();
      saved = trainer.step;
      before = performance.now();
    },
  });
  if (interrupted) await options.save();
  return { interrupted };
}

/** The numbers of a step that are finite. */
function finiteOf(result: StepResult): Partial<StepResult> {
  return Object.fromEntries(Object.entries(result).filter(([, value]) => Number.isFinite(value)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
