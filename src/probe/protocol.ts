// The fast protocol: a linear head on frozen features of a labelled task. The penalty is chosen on the validation part from
// four values, the head is fitted again on all that is not tested on, and scored once on the test part.

import type { Predictions, ProbeLabels } from "./labels.js";
import { type LinearHead, LogisticProblem, linearScores, oneHot } from "./logistic.js";
import { RidgeProblem } from "./ridge.js";
import { metricsOf } from "./scores/index.js";
import { asksSongs, bestSongRule, bySong } from "./song-level.js";
import type { SongRule } from "./songs.js";
import type { ClipSplit } from "./split.js";
import { type FeatureTable, Standardiser, takeRows } from "./standardise.js";

/** What a head scored on the test part. */
export interface ProbeScore {
  /** By the task's metrics, in their order. */
  scores: number[];
  /** The chosen C of a linear head. */
  C?: number;
  /** The head that was chosen, in words. */
  chosen?: string;
  /** The score on the validation part that chose it. */
  valid?: number;
  /** What was scored. */
  predicted?: Predictions;
  /** How songs were answered, where they are asked for. */
  songRule?: SongRule;
}

/** Inverse penalties that are tried, the strongest penalty first. For regression the ridge penalty is 1/C. */
export const penalties = [1e-3, 1e-2, 1e-1, 1] as const;

/** Probes features [clips, d] on one split. */
export function probe(task: ProbeLabels, features: FeatureTable, split: ClipSplit): ProbeScore {
  const metrics = metricsOf(task);
  const chooser = fitter(task, features, split.train, 1e-4);
  let best = { C: penalties[0] as number, score: Number.NEGATIVE_INFINITY };
  for (const C of penalties) {
    const score = metrics[0].score(...chooser.predict(C, split.valid));
    if (score > best.score) best = { C, score };
  }
  const fitted = fitter(task, features, [...split.train, ...split.valid], 1e-5);
  const answer = (head: typeof fitted, clips: readonly number[]): Predictions => {
    const [labels, scores, outputs] = head.predict(best.C, clips);
    return { labels, scores, outputs, pieces: piecesOf(task, clips) };
  };
  const rule = asksSongs(task) ? bestSongRule(answer(chooser, split.valid)) : undefined;
  return { ...scored(task, answer(fitted, split.test), rule), C: best.C, valid: best.score };
}

/** What the most frequent class, the base rate of each tag, or the mean of each target scores. */
export function majority(task: ProbeLabels, split: ClipSplit): ProbeScore {
  const outputs = outputsOf(task);
  const known = [...split.train, ...split.valid];
  const rates = new Float64Array(outputs);
  for (const clip of known) {
    const row = targetRow(task, clip);
    for (let k = 0; k < outputs; k++) rates[k] += row[k] / known.length;
  }
  const scores = new Float64Array(split.test.length * outputs);
  for (let i = 0; i < split.test.length; i++) scores.set(rates, i * outputs);
  const labels = split.test.map((clip) => task.labels[clip]);
  // All clips are answered alike, and so are all songs, whatever the rule.
  const predicted = { labels, scores, outputs, pieces: piecesOf(task, split.test) };
  return scored(task, predicted, asksSongs(task) ? "mean" : undefined);
}

/** Predictions for the test part, joined by songs where there is a rule, with what they score. */
function scored(task: ProbeLabels, clips: Predictions, rule: SongRule | undefined): ProbeScore {
  const predicted = rule ? bySong(clips, rule) : clips;
  const { labels, scores, outputs } = predicted;
  return {
    scores: metricsOf(task).map((metric) => metric.score(labels, scores, outputs)),
    predicted,
    ...(rule ? { songRule: rule } : {}),
  };
}

function piecesOf({ pieces }: ProbeLabels, clips: readonly number[]): string[] | undefined {
  return pieces && clips.map((clip) => pieces[clip] ?? "");
}

/** Scores that a head gives for one clip. */
export function outputsOf({ kind, classes, labels }: ProbeLabels): number {
  return kind === "regression" ? (labels[0]?.length ?? 0) : classes.length;
}

/** A clip's targets [outputs]: its class as ones and zeros, its tags, or its numbers. */
export function targetRow({ kind, classes, labels }: ProbeLabels, clip: number): ArrayLike<number> {
  return kind === "classification" ? oneHot(labels[clip], classes.length) : labels[clip];
}

/** Fits heads on some clips and predicts others. */
function fitter(task: ProbeLabels, features: FeatureTable, clips: readonly number[], tolerance: number) {
  const { d } = features;
  const outputs = outputsOf(task);
  const rows = takeRows(features, clips);
  const scaler = new Standardiser(rows, d);
  scaler.apply(rows);
  const targets = new Float64Array(clips.length * outputs);
  for (const [i, clip] of clips.entries()) targets.set(targetRow(task, clip), i * outputs);
  const head = headFitter(task, rows, targets, d, outputs, tolerance);
  return {
    predict(C: number, others: readonly number[]) {
      const x = scaler.apply(takeRows(features, others));
      const labels = others.map((clip) => task.labels[clip]);
      return [labels, linearScores(head(C), x, d), outputs] as const;
    },
  };
}

/** Fits linear heads on rows [n, d] and targets [n, outputs], logistic or by least squares, for each C that it is asked for. */
export function headFitter(
  { kind }: ProbeLabels,
  rows: Float64Array,
  targets: Float64Array,
  d: number,
  outputs: number,
  tolerance: number,
): (C: number) => LinearHead {
  if (kind === "regression") {
    const problem = new RidgeProblem(rows, targets, d, outputs);
    return (C) => problem.fit(1 / C);
  }
  const link = kind === "multilabel" ? "sigmoid" : "softmax";
  const problem = new LogisticProblem(rows, targets, d, outputs, link);
  return (C) => problem.fit({ C, tolerance });
}
