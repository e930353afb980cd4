// One arm with one seed: pre-trains, stops at the given steps, and measures the frozen features on every task.
import { CropSampler, normalisation, randomAt, splitByPiece } from "../../src/data/batches.js";
import type { MelStore } from "../../src/data/mel-store.js";
import type { OnProgress } from "../../src/data/types.js";
import { MelgradError } from "../../src/gpu/errors.js";
import { encoderFeatures } from "../../src/probe/features.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Trainer } from "../../src/train/trainer.js";
import { type Arm, settingsOf } from "./arms.js";
import type { StudyRow } from "./results.js";
import type { Scores, StudyTask } from "./tasks.js";

/** Crops of a clip that are listened to. */
const crops = 2;

export interface ArmOptions {
  gpu: Gpu;
  arm: Arm;
  /** The log-mels of the arm's music. */
  store: MelStore;
  seed: number;
  /** At which steps is measured, ascending; the last ends the training and its schedule. */
  at: readonly number[];
  tasks: readonly StudyTask[];
  /** Scores of the same encoder with the same random weights and normalisation, measured for another arm. */
  atRandom?: Record<string, Scores>;
  onProgress: OnProgress;
  /** A measurement is there. */
  onRow(row: StudyRow): Promise<void>;
  signal: AbortSignal;
}

/** Throws the signal's reason when it aborts. */
export async function trainArm(options: ArmOptions): Promise<void> {
  const { gpu, arm, store, seed, at, onProgress, onRow, signal } = options;
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
      const scores: Record<string, Scores> = step === 0 ? { ...options.atRandom } : {};
      for (const task of options.tasks.filter(({ name }) => !scores[name])) {
        onProgress({ what: `${arm.name}, seed ${seed}: ${task.name}`, done: trainer.step, total: steps });
        const features = await encoderFeatures(trainer.model, task.mels, {
          ...{ model, normalisation: statistics, crops, signal },
          pool: "mean+max",
        });
        scores[task.name] = task.score(features);
        await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C in
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
