// The order of a training's steps, the same for the command (loop.ts) and for a page: one step is always in flight while the one before
// it is read back; both are waited for before a held-out measurement or a checkpoint. What is done with results is the caller's.
import type { Slicing } from "../tensor/capture.js";
import type { StepResult, Trainer } from "./trainer.js";

/** What a step measured. */
export interface MeasuredStep {
  /** Updates with this one. */
  step: number;
  /** The learning rate that it took. */
  lr: number;
  /** Its loss, the loss's parts and the gradients' norm. */
  result: StepResult;
  /** When that was read, by `performance.now()`. */
  at: number;
}

interface StepLoop {
  trainer: Trainer;
  /** After how many updates it ends; asked before every step. */
  steps(): number;
  /** Asked before every step. */
  goesOn(): boolean;
  /** Left out: every step is submitted whole. */
  slicing?: Slicing;
  /** A step has been submitted. */
  submitted?(step: number): void;
  /** Takes the result of a step; of one after the other. */
  report(measured: MeasuredStep): void | Promise<void>;
  /** What follows a step. `last`: all are done. */
  after(step: number, last: boolean): { evaluates: boolean; saves: boolean };
  /** Whether a step is to be read back before the next one is submitted. */
  waits(): boolean;
  evaluate(): Promise<void>;
  save(): Promise<void>;
}

/** Runs until all steps are done or the loop does not go on, and takes every result. */
export async function runSteps(loop: StepLoop): Promise<void> {
  const { trainer, slicing } = loop;
  if (trainer.step === 0) await loop.evaluate();
  let inFlight: Promise<MeasuredStep> | undefined;
  const settle = async () => {
    const measured = inFlight;
    inFlight = undefined;
    if (measured) await loop.report(await measured);
  };
  while (trainer.step < loop.steps() && loop.goesOn()) {
    const lr = trainer.learningRate(trainer.step);
    const submitted = await trainer.nextInSlices(slicing);
    const { step } = trainer;
    const measured = submitted.measured.then((result) => ({ step, lr, result, at: performance.now() }));
    measured.catch(() => {}); // reported when it is awaited
    loop.submitted?.(step);
    await settle();
    inFlight = measured;
    const { evaluates, saves } = loop.after(step, step >= loop.steps());
    if (evaluates || saves || loop.waits()) await settle();
    if (evaluates) await loop.evaluate();
    if (saves) await loop.save();
  }
  await settle();
}
