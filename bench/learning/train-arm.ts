// One arm with one seed: pre-trains, stops at the given steps, and lets the frozen features answer every task.
import { CropSampler, normalisation, randomAt, splitByPiece } from "../../src/data/batches.js";
import type { MelStore } from "../../src/data/mel-store.js";
import type { OnProgress } from "../../src/data/types.js";
import { MelgradError } from "../../src/gpu/errors.js";
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import type { PoolName } from "../../src/probe/feature-pools.js";
import { encoderFeatures, hearingHop } from "../../src/probe/features.js";
import type { Predictions } from "../../src/probe/labels.js";
import type { FeatureTable } from "../../src/probe/standardise.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Trainer } from "../../src/train/trainer.js";
import { type Arm, settingsOf } from "./arms.js";
import type { StudyRow } from "./results.js";
import type { StudyTask } from "./tasks.js";

/** How features are read, the same for every row. */
export interface Reading {
  pool: PoolName;
  onProgress: OnProgress;
  signal: AbortSignal;
}

export interface ArmOptions extends Reading {
  gpu: Gpu;
  arm: Arm;
  /** The log-mels of the arm's music. */
  store: MelStore;
  seed: number;
  /** At which steps is measured, ascending; the last ends the training and its schedule. */
  at: readonly number[];
  tasks: readonly StudyTask[];
  /** A measurement is there. */
  onRow(row: StudyRow): Promise<void>;
}

/** What an arm's answers are known by. */
export function armKey(arm: Arm, seed: number, step: number, steps: number, pool: PoolName): unknown {
  return { pool, step, seed, music: arm.music, settings: settingsOf(arm, steps) };
}

/** Throws the signal's reason when it aborts. */
export async function trainArm(options: ArmOptions): Promise<void> {
  const { gpu, arm, store, seed, at, pool, onProgress, onRow, signal } = options;
  const steps = at[at.length - 1];
  const { model, pretrain } = settingsOf(arm, steps);
  const split = splitByPiece(store.tracks, seed);
  const sampler = new CropSampler(store, split.train, model.cropFrames);
  const heldOut = new CropSampler(store, split.heldOut, model.cropFrames);
  const statistics = normalisation(sampler, randomAt(seed, "split", 1));
  const trainer = new Trainer(gpu, { model, pretrain, normalisation: statistics, seed, sampler, heldOut });
  let seconds = 0;
  try {
    for (const step of at) {
      const start = performance.now();
      while (trainer.step < step) {
        signal.throwIfAborted();
        const { loss } = await trainer.next();
        if (!Number.isFinite(loss)) throw new MelgradError(`the loss is ${loss} at step ${trainer.step}`);
        onProgress({ what: `${arm.name}, seed ${seed}`, done: trainer.step, total: steps, unit: "steps" });
      }
      seconds += (performance.now() - start) / 1000;
      const scores: Record<string, number> = {};
      if (step > 0) {
        for (const task of options.tasks) {
          onProgress({ what: `${arm.name}, seed ${seed}: ${task.name}`, done: trainer.step, total: steps });
          const answers = await task.answer(
            () => readFeatures(trainer.model, task, model, statistics, options),
            armKey(arm, seed, step, steps, pool),
          );
          scores[task.name] = task.score(answers);
        }
      }
      const measured = await trainer.evaluate();
      await onRow({
        arm: arm.name,
        seed,
        step,
        heldOut: measured?.loss,
        scores,
        seconds: Math.round(10 * seconds) / 10,
      });
    }
  } finally {
    trainer.dispose();
  }
}

/** What the encoder of an arm answers with random weights, as the music that it would be trained on is normalised. */
export async function randomAnswers(
  gpu: Gpu,
  task: StudyTask,
  { arm, store, seed, ...reading }: Reading & { arm: Arm; store: MelStore; seed: number },
): Promise<Predictions> {
  const { model } = settingsOf(arm, 1);
  const made = { pool: reading.pool, random: seed, music: arm.music, model };
  return task.answer(async () => {
    const { train } = splitByPiece(store.tracks, 0);
    const sampler = new CropSampler(store, train, model.cropFrames);
    const statistics = normalisation(sampler, randomAt(0, "split", 1));
    return readRandom(gpu, task, model, statistics, { seed, ...reading });
  }, made);
}

/** The features of an encoder with random weights. */
export async function readRandom(
  gpu: Gpu,
  task: StudyTask,
  model: ModelConfig,
  normalised: { mean: number; std: number },
  { seed, ...reading }: Reading & { seed: number },
): Promise<FeatureTable> {
  const encoder = new Patchifier(gpu, encoderSizes(model), randomAt(seed, "initialise"));
  try {
    return await readFeatures(encoder, task, model, normalised, reading);
  } finally {
    encoder.dispose();
  }
}

/** An encoder's features of a task's clips. */
export function readFeatures(
  encoder: Patchifier,
  { mels }: StudyTask,
  model: ModelConfig,
  normalised: { mean: number; std: number },
  { pool, signal }: Reading,
) {
  return encoderFeatures(encoder, mels, {
    ...{ model, normalisation: normalised, signal, pool },
    hop: hearingHop(model.cropFrames),
  });
}
