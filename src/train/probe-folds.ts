// The usual probe of a task that brings no split of its own: grouped cross-validation of all kinds of features alike, and in words how the
// pre-trained ones stand to the others. Tasks with a split of their own, and grids of heads, are probe.ts's.
import {
  answersOf,
  besides,
  type Evaluation,
  judge,
  type NamedTables,
  taskFolds,
} from "../probe/evaluation.js";
import { handNames } from "../probe/hand-features.js";
import type { ProbeLabels } from "../probe/labels.js";
import { metricsOf } from "../probe/scores/index.js";
import { holm } from "../probe/significance.js";
import { compareOnce, comparisonText } from "../probe/summary.js";
import { lostRemarks } from "./probe-words.js";
import type { FeatureName, ProbeRow, ProbeTask } from "./report/types.js";
import type { TaskTables } from "./task-features.js";

interface FoldProbeOptions {
  labels: ProbeLabels;
  seed: number;
  /** Sentences about what was left out. */
  remarks: readonly string[];
  pause(name: string): Promise<void>;
}

/** The task's part of the table, and its sentence. */
export async function probeFolds(
  features: TaskTables,
  { labels, seed, remarks, pause }: FoldProbeOptions,
): Promise<{ result: ProbeTask; verdict: string }> {
  const groups = features.clips.map((clip) => clip.groups);
  const folds = taskFolds(labels, groups, { seed });
  const answers = await answersOf(labels, folds, withAll(features.tables), { pause });
  const evaluation = judge(labels, folds, answers, { seed });
  const others = metricsOf(labels).slice(1);
  const means = answers.map(({ runs }) =>
    others.map(
      (metric) =>
        runs.reduce((sum, { labels: of, scores, outputs }) => sum + metric.score(of, scores, outputs), 0) /
        runs.length,
    ),
  );
  const rows = evaluation.rows.map(({ name, score, scores, ci95 }, i): ProbeRow => {
    const std =
      scores.length > 1
        ? Math.sqrt(scores.reduce((sum, value) => sum + (value - score) ** 2, 0) / (scores.length - 1))
        : 0;
    return {
      features: name as FeatureName,
      mean: score,
      std,
      ci95,
      values: scores,
      scores: [score, ...means[i]],
    };
  });
  const { task } = features;
  const { metric, chance, clips, families } = evaluation;
  const result: ProbeTask = {
    task: task.name,
    metric,
    note: [
      task.note,
      how(evaluation, task.kind),
      ...remarks,
      ...lostRemarks(features),
      ...alsoMeasured(
        rows,
        others.map(({ name }) => name),
      ),
    ].join(" "),
    higherIsBetter: true,
    chance,
    classes: task.classes.length,
    trainClips: Math.round((clips * (folds.count - 1)) / folds.count),
    testClips: clips,
    testPieces: families,
    seeds: Math.max(...rows.map(({ values }) => values.length)),
    rows,
    metrics: metricsOf(labels).map(({ name }) => name),
    interval: "families",
    contrasts: evaluation.contrasts,
  };
  const standings = evaluation.contrasts.map(({ against, difference, ci95, detectable }) => {
    const [ours] = rows;
    const words = comparisonText(compareOnce(ours.mean, ours.mean - difference, ci95), spoken(against));
    return `${words}, seen from ${detectable.toFixed(3)} on`;
  });
  const verdict = `${task.name} (${metric}): pre-training, ${rows[0].mean.toFixed(3)}, ${standings.join("; it ")}.`;
  return { result, verdict };
}

/** The hand-made features of a task, joined, after the single ones. */
function withAll(tables: TaskTables["tables"]): NamedTables[] {
  const hand = tables.filter(
    ([name]) => name === "log-mel mean+std" || handNames.some((own) => own === name),
  );
  if (hand.length < 2) return [...tables];
  return [...tables, ["all hand-made", [besides(hand.map(([, [table]]) => table))]]];
}

const words: Partial<Record<FeatureName, string>> = {
  random: "random weights",
  "log-mel mean+std": "the log-mel's mean and spread",
  mfcc: "MFCCs",
  "turned chroma": "chroma in all keys",
  tempogram: "the tempogram",
  modulation: "the modulation spectrum",
  "all hand-made": "all hand-made features together",
  Krumhansl: "Krumhansl's untrained estimate",
  "tempo estimate": "the untrained tempo",
  labelled: "the encoder trained with labels",
};

const spoken = (name: string) => words[name as FeatureName] ?? name;

function how({ folds, families, times }: Evaluation, kind: ProbeLabels["kind"]): string {
  const head = kind === "regression" ? "Ridge" : "Logistic";
  return (
    `${head} regression on features that the training part whitens, whoever made them; its penalty is chosen on one fold. ${folds} folds ` +
    `of ${families} families of clips that share a piece, a progression or a style file; each clip is tested once, and the ` +
    `answers are pooled. Intervals come from ${times} resamplings of families and, where there are several, of random encoders.`
  );
}

function alsoMeasured(rows: readonly ProbeRow[], metrics: readonly string[]): string[] {
  return metrics.map((name, i) => {
    const each = rows.map(({ features, scores = [] }) => `${features} ${scores[i + 1].toFixed(3)}`);
    return `Also measured, ${name}: ${each.join(", ")}.`;
  });
}

/** How pre-training stands to random weights on the tasks where both were compared: each p by Holm over them, and whether it is ahead at 5 %. */
export function besideRandom(tasks: readonly ProbeTask[]) {
  const judged = tasks.flatMap(({ task, contrasts }) => {
    const found = contrasts?.find(({ against }) => against === "random");
    return found ? [{ task, ...found }] : [];
  });
  const adjusted = holm(judged.map(({ p }) => p));
  return judged.map((each, i) => ({
    ...each,
    adjusted: adjusted[i],
    ahead: each.difference > 0 && adjusted[i] < 0.05,
  }));
}

/** On how many tasks pre-training is ahead of random weights, each judged beside the others; nothing where none was compared. */
export function aheadOfRandom(tasks: readonly ProbeTask[]): string | undefined {
  const judged = besideRandom(tasks);
  if (judged.length === 0) return undefined;
  const each = judged.map(({ task, adjusted }) => `${task} ${adjusted.toFixed(3)}`);
  const won = judged.filter(({ ahead }) => ahead).length;
  return `Ahead of random weights on ${won} of ${judged.length} tasks at 5 %, p by Holm over the tasks: ${each.join(", ")}.`;
}
