// The fast protocol: a linear head on frozen features of a labelled task. The penalty is chosen on the validation part from
// four values, the head is fitted again on all that is not tested on, and scored once on the test part.
import { keyScoreTable, meanKeyScore } from "./key-score.js";
import { type LinearHead, LogisticProblem, linearScores, oneHot } from "./logistic.js";
import { accuracy, argmaxRows, averagePrecisionMacro, r2, rocAucMacro } from "./metrics.js";
import { RidgeProblem } from "./ridge.js";
import type { ClipSplit } from "./split.js";
import { type FeatureTable, Standardiser, takeRows } from "./standardise.js";

/** A task's labels, without its audio. */
export interface ProbeLabels {
  kind: "multilabel" | "classification" | "regression";
  classes: readonly string[];
  /** One row a clip: 0/1 per class, [class], or one number per target. */
  labels: readonly (readonly number[])[];
  /** The song of each clip, for metrics that judge songs rather than clips. */
  pieces?: readonly string[];
}

/** A way to score; higher is better in all of them. */
export interface Metric {
  name: string;
  /** What guessing gives. */
  chance: number | undefined;
  /** From labels and scores [n, outputs]. */
  score(labels: readonly (readonly number[])[], scores: Float64Array, outputs: number): number;
}

export interface ProbeScore {
  /** By the task's metrics, in their order. */
  scores: number[];
  /** The chosen C; undefined for the majority baseline. */
  C?: number;
}

/** Inverse penalties that are tried, the strongest penalty first. For regression the ridge penalty is 1/C. */
export const penalties = [1e-3, 1e-2, 1e-1, 1] as const;

/** Whether classes are the 24 keys in the order of key-score.ts. */
export function areKeys(classes: readonly string[]): boolean {
  return classes.length === 24 && classes.every((name, i) => name.endsWith(i < 12 ? " major" : " minor"));
}

/** The metrics of a task; the first chooses the penalty and is the one that is reported. */
export function metricsOf({ kind, classes }: ProbeLabels): Metric[] {
  const flat = (labels: readonly (readonly number[])[]) => labels.flat();
  const tags =
    (score: typeof rocAucMacro): Metric["score"] =>
    (labels, scores, outputs) =>
      score(flat(labels), scores, outputs).macro;
  switch (kind) {
    case "multilabel":
      return [
        { name: "macro ROC-AUC", chance: 0.5, score: tags(rocAucMacro) },
        { name: "mean average precision", chance: undefined, score: tags(averagePrecisionMacro) },
      ];
    case "regression":
      return [{ name: "R²", chance: 0, score: tags(r2) }];
    case "classification": {
      const right: Metric = {
        name: "accuracy",
        chance: 1 / classes.length,
        score: (labels, scores, outputs) => accuracy(flat(labels), argmaxRows(scores, outputs)),
      };
      if (!areKeys(classes)) return [right];
      const table = keyScoreTable();
      const weighted: Metric = {
        name: "weighted key score",
        chance: table.reduce((sum, value) => sum + value, 0) / table.length,
        score: (labels, scores, outputs) => meanKeyScore(flat(labels), argmaxRows(scores, outputs)),
      };
      return [weighted, right];
    }
  }
}

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
  const predicted = fitted.predict(best.C, split.test);
  return { scores: metrics.map((metric) => metric.score(...predicted)), C: best.C };
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
  return { scores: metricsOf(task).map((metric) => metric.score(labels, scores, outputs)) };
}

/** Scores that a head gives for one clip. */
export function outputsOf({ kind, classes, labels }: ProbeLabels): number {
  return kind === "regression" ? (labels[0]?.length ?? 0) : classes.length;
}

function targetRow({ kind, classes, labels }: ProbeLabels, clip: number): ArrayLike<number> {
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

function headFitter(
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
