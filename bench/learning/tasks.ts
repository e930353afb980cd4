// The labelled tasks of the study: their log-mels, their folds, what the hand-made features answer, and the ceiling. Opened once, used for
// every arm, so that all are scored on the same clips in the same folds.
import { MelStore } from "../../src/data/mel-store.js";
import { openTask } from "../../src/data/tasks/index.js";
import type { TaskSize } from "../../src/data/tasks/options.js";
import type { OnProgress } from "../../src/data/types.js";
import { type FrontEndConfig, type ModelConfig, preset } from "../../src/patchifier/config.js";
import { crossValidate } from "../../src/probe/cross-validation.js";
import {
  answersOf,
  besides,
  type Evaluation,
  judge,
  type NamedTables,
  taskFolds,
} from "../../src/probe/evaluation.js";
import type { Folds } from "../../src/probe/folds.js";
import { handNames } from "../../src/probe/hand-features.js";
import type { Predictions, ProbeLabels } from "../../src/probe/labels.js";
import { outputsOf } from "../../src/probe/protocol.js";
import { metricsOf } from "../../src/probe/scores/index.js";
import type { Answers } from "../../src/probe/significance.js";
import type { FeatureTable } from "../../src/probe/standardise.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { passOver } from "../../src/train/feature-pass.js";
import { labelledAnswers } from "../../src/train/labelled.js";
import { openParts } from "../../src/train/task-features.js";
import type { AnswerStore } from "./answers.js";

export interface StudyTask {
  name: string;
  metric: string;
  chance: number | undefined;
  mels: MelStore;
  labels: ProbeLabels;
  folds: Folds;
  /** All that the answers on this task depend on, besides who answers. */
  key: unknown;
  /** Cross-validated answers for features, by all that made them. */
  answer(features: () => Promise<FeatureTable>, made: unknown): Promise<Predictions>;
  score(predicted: Predictions): number;
  /** Hand-made features and estimators that need no training. */
  baselines: Answers[];
}

export interface StudyTaskOptions {
  size: TaskSize;
  /** Draws the clips of the tasks: 0 to tune on, another to report on. */
  taskSeed: number;
  answers: AnswerStore;
  onProgress: OnProgress;
  signal: AbortSignal;
}

/** Opens tasks with the baselines answered. Throws what openTask throws. */
export async function openStudyTasks(
  gpu: Gpu,
  names: readonly string[],
  frontEnd: FrontEndConfig,
  options: StudyTaskOptions,
): Promise<StudyTask[]> {
  const tasks: StudyTask[] = [];
  for (const name of names) tasks.push(await openStudyTask(gpu, name, frontEnd, options));
  return tasks;
}

/** Raised when the same task, features and folds come to be answered otherwise. */
const recipe = 1;

async function openStudyTask(
  gpu: Gpu,
  name: string,
  frontEnd: FrontEndConfig,
  { size, taskSeed, answers, onProgress, signal }: StudyTaskOptions,
): Promise<StudyTask> {
  const task = await openTask(name, { size, seed: taskSeed, onProgress, signal });
  const corpus = { name, why: "", tracks: task.clips, skipped: [], licences: [] };
  const mels = await MelStore.build(gpu, corpus, frontEnd, { onProgress, signal });
  const known = new Map(task.clips.map((clip) => [clip.id, clip]));
  const clips = mels.tracks.flatMap(({ id }) => known.get(id) ?? []);
  const labels: ProbeLabels = { ...task, labels: clips.map(({ label }) => label), pieces: undefined };
  const groups = clips.map((clip) => clip.groups);
  const folds = taskFolds(labels, groups);
  const [metric] = metricsOf(labels);
  const key = { recipe, name, size, taskSeed, frontEnd, clips: clips.map(({ id }) => id) };
  const of = {
    labels: labels.labels,
    outputs: outputsOf(labels),
    pieces: Array.from(folds.family, String),
  };
  const pause = async (what: string) => {
    onProgress({ what: `${name}: ${what}`, done: 0, total: 0 });
    await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C in
    signal.throwIfAborted();
  };

  /** Tables of the hand-made features, when one of them is asked for. */
  let handMade: Promise<NamedTables[]> | undefined;
  const tables = () => {
    handMade ??= (async () => {
      const model = { ...preset("demo").model, frontEnd };
      const parts = await openParts({ gpu, model, baselines: "all" });
      try {
        const { keys } = await passOver(clips, {
          ...{ gpu, model, encoders: [], extras: parts.extras, onProgress, signal },
          normalisation: { mean: 0, std: 1 },
          what: `hand-made features of ${name}`,
        });
        const single = parts.tables(keys);
        const joined = besides(single.map(([, [table]]) => table));
        return [...single, ["all hand-made", [joined]] satisfies NamedTables];
      } finally {
        parts.dispose();
      }
    })();
    return handMade;
  };
  const rows = ["log-mel mean+std", ...handNames, "all hand-made"];
  if (name === "key") rows.push("turned chroma", "Krumhansl");
  if (name === "tempo") rows.push("tempo estimate");
  let baselines: Answers[] = [];
  for (const row of rows) {
    const kept = await answers.get([key, row], of);
    if (kept) baselines.push({ name: row, runs: [kept] });
  }
  if (baselines.length < rows.length) {
    baselines = await answersOf(labels, folds, await tables(), { pause });
    for (const { name: row, runs } of baselines) await answers.put([key, row], runs[0]);
  }
  return {
    name,
    metric: metric.name,
    chance: metric.chance,
    mels,
    labels,
    folds,
    key,
    baselines,
    answer: (features, made) =>
      answers.getOrMake([key, made], of, async () =>
        crossValidate(labels, await features(), folds, { pause: () => pause("cross-validation") }),
      ),
    score: ({ labels: told, scores, outputs }) => metric.score(told, scores, outputs),
  };
}

/** The encoder trained with labels on the first `folds` folds: how it, and every baseline on the same clips, scores. */
export async function ceilingOf(
  gpu: Gpu,
  task: StudyTask,
  rows: readonly Answers[],
  options: {
    model: ModelConfig;
    normalisation: { mean: number; std: number };
    folds: number;
    steps: number;
    onProgress: OnProgress;
    signal: AbortSignal;
  },
): Promise<Evaluation> {
  const { labels, folds, mels, name } = task;
  const { predicted, tested } = await labelledAnswers(gpu, mels, labels, folds, {
    ...options,
    onProgress: (done, total) =>
      options.onProgress({ what: `${name}: training with labels`, done, total, unit: "steps" }),
  });
  const among = (run: Predictions): Predictions => ({
    ...run,
    labels: tested.map((clip) => run.labels[clip]),
    scores: Float64Array.from(
      tested.flatMap((clip) => [...run.scores.subarray(clip * run.outputs, (clip + 1) * run.outputs)]),
    ),
  });
  const some: Answers[] = [{ name: "labelled", runs: [among(predicted)] }];
  for (const { name: row, runs } of rows) some.push({ name: row, runs: runs.map(among) });
  const own = { ...labels, labels: tested.map((clip) => labels.labels[clip]) };
  return judge(
    own,
    { ...folds, of: folds.of, family: Int32Array.from(tested, (clip) => folds.family[clip]) },
    some,
  );
}
