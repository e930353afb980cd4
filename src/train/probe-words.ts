// What the scores of one task come to: the rows of the table with their intervals, the remarks below it, and the sentence that says
// whether pre-training helped. No feature is computed and no head trained here.
import { lossRemarks } from "../data/sets/labels.js";
import { bootstrapDifference, bootstrapInterval } from "../probe/bootstrap.js";
import { type GridName, gridOf } from "../probe/grid/grids.js";
import type { ProbeLabels } from "../probe/labels.js";
import type { ProbeScore } from "../probe/protocol.js";
import { publishedFor } from "../probe/published.js";
import { metricsOf } from "../probe/scores/index.js";
import type { Metric } from "../probe/scores/metric.js";
import { type Comparison, compare, compareOnce, comparisonText, summarise } from "../probe/summary.js";
import type { Plan } from "./probe-plan.js";
import type { FeatureName, ProbeRow, ProbeTask } from "./report/types.js";
import type { TaskTables } from "./task-features.js";

/** One score for each split, or each random encoder on the one split there is. */
export type TaskScores = Map<FeatureName, ProbeScore[]>;

interface TaskOutcome {
  features: TaskTables;
  labels: ProbeLabels;
  plan: Plan;
  grid: "linear" | GridName;
  /** The data set's own split was taken. */
  official: boolean;
  splits: number;
  scores: TaskScores;
  sizes: { train: number; test: number; pieces: number; dropped: number };
  /** Clips of the task. */
  all: number;
}

const others: [FeatureName, string][] = [
  ["random", "random weights"],
  ["log-mel mean+std", "the log-mel's mean and spread"],
  ["mfcc", "MFCCs"],
  ["chroma", "chroma"],
];

/** The task's part of the table, and its sentence. */
export function describeTask(outcome: TaskOutcome): { result: ProbeTask; verdict: string } {
  const { labels, splits, scores, sizes } = outcome;
  const { task } = outcome.features;
  const metrics = metricsOf(labels);
  const testShare = sizes.test / sizes.train;
  const valuesOf = (name: FeatureName, metric: number) =>
    (scores.get(name) ?? []).map((score) => score.scores[metric]);
  const rows = [...scores.keys()].map((features): ProbeRow => {
    const means = metrics.map((_, metric) => summarise(valuesOf(features, metric), testShare).mean);
    const { ci95, ...summary } = summarise(valuesOf(features, 0), testShare);
    const chosen = splits === 1 ? scores.get(features)?.[0].chosen : undefined;
    const interval = splits > 1 ? ci95 : overTracks(scores.get(features) ?? [], metrics[0]);
    return { features, ...summary, ci95: interval, scores: means, ...(chosen ? { chosen } : {}) };
  });
  const standings = others
    .filter(([name]) => scores.has(name))
    .map(([name, words]) => {
      const comparison =
        splits > 1
          ? compare(valuesOf("pretrained", 0), valuesOf(name, 0), testShare)
          : compareTracks(scores, name, metrics[0]);
      return comparison
        ? comparisonText(comparison, words)
        : `stands beside ${words} with ${rows.find(({ features }) => features === name)?.mean.toFixed(3)}`;
    });
  const verdict =
    `${task.name} (${metrics[0].name}): pre-training, ${rows[0].mean.toFixed(3)}, ` +
    `${standings.join("; it ")}.`;
  const result: ProbeTask = {
    task: task.name,
    metric: metrics[0].name,
    note: remarksOf(outcome, metrics, valuesOf),
    higherIsBetter: true,
    chance: metrics[0].chance,
    classes: task.classes.length,
    trainClips: Math.round(sizes.train),
    testClips: Math.round(sizes.test),
    testPieces: Math.round(sizes.pieces),
    seeds: splits,
    rows,
    metrics: metrics.map(({ name }) => name),
    interval: splits > 1 ? "splits" : "tracks",
    published: publishedFor(task.name, task.classes),
  };
  return { result, verdict };
}

/** 95 % interval over the tracks of the one test part; of several encoders the mean of theirs. */
function overTracks(scores: readonly ProbeScore[], metric: Metric): [number, number] | undefined {
  const intervals = scores.flatMap(({ predicted }) => {
    const interval = predicted && bootstrapInterval(predicted, metric);
    return interval ? [interval] : [];
  });
  if (intervals.length === 0) return undefined;
  const mean = (end: 0 | 1) => intervals.reduce((sum, interval) => sum + interval[end], 0) / intervals.length;
  return [mean(0), mean(1)];
}

/** Pre-training against other features over the tracks of the one test part; of several encoders the first stands for them. */
function compareTracks(scores: TaskScores, name: FeatureName, metric: Metric): Comparison | undefined {
  const [ours] = scores.get("pretrained") ?? [];
  const [theirs] = scores.get(name) ?? [];
  if (!ours?.predicted || !theirs?.predicted) return undefined;
  const interval = bootstrapDifference(ours.predicted, theirs.predicted, metric);
  return interval && compareOnce(ours.scores[0], theirs.scores[0], interval);
}

function remarksOf(
  { features, grid, plan, official, scores, sizes, all }: TaskOutcome,
  metrics: readonly Metric[],
  valuesOf: (name: FeatureName, metric: number) => number[],
): string {
  const { task } = features;
  const head = task.kind === "regression" ? "Ridge" : "Logistic";
  const how =
    grid === "linear"
      ? `${head} regression on standardised features, its penalty chosen on validation clips.`
      : gridOf(grid).note;
  const also = metrics.slice(1).map((metric, i) => {
    const each = [...scores.keys()].map((name) => {
      const { mean, std } = summarise(valuesOf(name, i + 1), 0);
      return `${name} ${mean.toFixed(3)}${std > 0 ? ` ± ${std.toFixed(3)}` : ""}`;
    });
    return ` Also measured, ${metric.name}: ${each.join(", ")}.`;
  });
  return [
    task.note,
    ` ${how}`,
    official ? " The data set's own split." : "",
    randomRemark(plan.encoders, official),
    scores.get("majority")?.[0].songRule
      ? " Keys are asked of songs: the answers of a song's clips are joined, by the rule that did best on the validation part."
      : "",
    all > plan.clips ? ` Only ${plan.clips} of the clips were used, for this adapter is slow.` : "",
    Number.isFinite(plan.crops) ? ` Encoders saw at most ${plan.crops} crops of a clip.` : "",
    sizes.dropped > 0 ? ` ${Math.round(sizes.dropped)} clips lie between the parts and were left out.` : "",
    ...lostRemarks(features).map((remark) => ` ${remark}`),
    ...also,
  ].join("");
}

function randomRemark(encoders: number, official: boolean): string {
  if (encoders === 0) return "";
  if (official) {
    return ` Random weights: ${encoders === 1 ? "one encoder" : `${encoders} encoders, so their spread is that of initialisations`}.`;
  }
  return encoders === 1
    ? " One random encoder serves all seeds, so its spread is that of the splits alone."
    : ` Random weights: ${encoders} encoders over the seeds, so their spread is that of splits and initialisations.`;
}

/** Which clips could not be used, and what the classes lose with them. */
export function lostRemarks({ task, clips, lost }: TaskTables): string[] {
  if (lost.length === 0) return [];
  const names = lost
    .slice(0, 5)
    .map(({ id, reason }) => (reason.includes(id) ? reason : `${id} (${reason})`));
  const more = lost.length > 5 ? `, and ${lost.length - 5} more` : "";
  const losses = lossRemarks({ ...task, clips: [...clips, ...lost] }, lost);
  const what = losses.length > 0 ? `; so ${losses.join("; ")}` : "";
  return [
    `${lost.length === 1 ? "One clip" : `${lost.length} clips`} could not be used: ${names.join(", ")}${more}${what}.`,
  ];
}
