// What a metric is: one object that says how answers are scored, what guessing scores, and the same score of resampled clips; and a
// family of metrics, which is what a task names. Each family is a file of this folder; index.ts lists them.
import type { Predictions, ProbeLabels } from "../labels.js";

/** A score as a function of how often each row counts. */
export type Weighted = (counts: Uint32Array) => number;

/** A way to score; higher is better in all of them. */
export interface Metric {
  name: string;
  /** What guessing gives. */
  chance: number | undefined;
  /** From labels and scores [n, outputs]. */
  score(labels: readonly (readonly number[])[], scores: Float64Array, outputs: number): number;
  /** Prepares the metric; with counts of 1 it equals the score, with others the score of rows repeated so often. */
  weighted(predicted: Predictions): Weighted;
}

/** What a task is scored by. */
export interface MetricFamily {
  /** What a task calls it. */
  name: string;
  /** Whether it is the main one of a task that names none. */
  isUsual(task: ProbeLabels): boolean;
  /** For this task, the first of which is reported. */
  metrics(task: ProbeLabels): Metric[];
  /** What is measured as well. */
  beside?(task: ProbeLabels): readonly MetricFamily[];
  /** What answers are worth while heads are compared, [classes, classes]: rows the true class. Default: 1 where it is right. */
  worth?(): Float64Array;
  /** Whether songs are judged rather than clips, where clips are of songs. */
  ofSongs?: boolean;
}
