// Models that are trained already, as rows of the study: a run's folder or a released model, probed like an arm, beside encoders with random
// weights of the same shape. Nothing is trained here.
import { basename, resolve } from "node:path";
import { type Evaluation, judge } from "../../src/probe/evaluation.js";
import type { Predictions } from "../../src/probe/labels.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { weightsDigest } from "../../src/train/feature-stores.js";
import { loadModel } from "../../src/train/load-model.js";
import type { ArmSettings } from "./results.js";
import type { StudyTask } from "./tasks.js";
import { type Reading, readFeatures, readRandom } from "./train-arm.js";

export interface ReadyRow {
  name: string;
  /** weightsDigest of what was probed. */
  weights: string;
  steps: number;
  seed: number;
  settings: ArmSettings;
  scores: Record<string, number>;
  standings: Record<string, Evaluation>;
}

/**
 * Probes the model of a folder, and `randomSeeds` encoders with random weights of its shape. Throws what loadModel throws, and the
 * signal's reason.
 */
export async function probeReady(
  gpu: Gpu,
  folder: string,
  tasks: readonly StudyTask[],
  { randomSeeds, ...reading }: Reading & { randomSeeds: number },
): Promise<ReadyRow> {
  const { model: encoder, config } = await loadModel(gpu, folder);
  const { model, normalisation, pretrain, corpus } = config;
  const name = basename(resolve(folder));
  const scores: Record<string, number> = {};
  const standings: Record<string, Evaluation> = {};
  let digest = "";
  try {
    digest = await weightsDigest(encoder);
    for (const task of tasks) {
      const told = (done: number) =>
        reading.onProgress({ what: `${name}: ${task.name}`, done, total: 1 + randomSeeds });
      told(0);
      const own = await task.answer(() => readFeatures(encoder, task, model, normalisation, reading), {
        pool: reading.pool,
        weights: digest,
        normalisation,
        model,
      });
      const random: Predictions[] = [];
      for (let seed = 1001; seed <= 1000 + randomSeeds; seed++) {
        told(random.length + 1);
        random.push(
          await task.answer(() => readRandom(gpu, task, model, normalisation, { seed, ...reading }), {
            ...{ pool: reading.pool, random: seed, normalisation, model },
          }),
        );
      }
      scores[task.name] = task.score(own);
      standings[task.name] = judge(task.labels, task.folds, [
        { name, runs: [own] },
        { name: "random", runs: random },
        ...task.baselines,
      ]);
    }
  } finally {
    encoder.dispose();
  }
  return {
    name,
    weights: digest,
    steps: pretrain.steps,
    seed: config.seed,
    settings: { music: corpus.name, model, pretrain },
    scores,
    standings,
  };
}
