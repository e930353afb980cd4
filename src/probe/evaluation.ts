// A task, several kinds of features, and what is to be said of them: all are cross-validated alike on the same folds, estimators that need
// no training answer beside them, and every score comes with an interval. Who makes the features is not known here.
import { keyCorrelations } from "../audio/key-profiles.js";
import { tempoOf } from "../audio/rhythm.js";
import { crossValidate } from "./cross-validation.js";
import { type Folds, foldsByGroups } from "./folds.js";
import { turnedChroma } from "./key-finder.js";
import type { Predictions, ProbeLabels } from "./labels.js";
import { outputsOf, targetRow } from "./protocol.js";
import { familyOf, metricsOf } from "./scores/index.js";
import { keyScoreFamily } from "./scores/key-score.js";
import { type Answers, type Contrast, contrast, type Resampled, resampleRows } from "./significance.js";
import type { FeatureTable } from "./standardise.js";

/** Features of one kind; several tables are those of several seeds. */
export type NamedTables = readonly [name: string, tables: readonly FeatureTable[]];

interface EvaluationOptions {
  folds?: number;
  /** Resamplings. */
  times?: number;
  /** Draws the folds and the resamplings. */
  seed?: number;
  /** Most components of whitened features. */
  components?: number;
  /** Told before every row; lets others work, and throws where it is to end. */
  pause?(name: string): Promise<void>;
}

/** Folds in which the classes or tags of a task are spread evenly. */
export function taskFolds(
  labels: ProbeLabels,
  groups: readonly (readonly string[])[],
  { folds = 5, seed = 0 }: EvaluationOptions = {},
): Folds {
  const hot =
    labels.kind === "regression"
      ? labels.labels.map(() => [])
      : labels.labels.map((_, clip) => targetRow(labels, clip));
  return foldsByGroups(groups, hot, { count: folds, seed });
}

/** What all features answer, in their order; after them what needs no encoder and no table of its own. */
export async function answersOf(
  labels: ProbeLabels,
  folds: Folds,
  features: readonly NamedTables[],
  { pause, components }: EvaluationOptions = {},
): Promise<Answers[]> {
  const rows: Answers[] = [];
  const options = (name: string) => ({ components, pause: () => pause?.(name) ?? Promise.resolve() });
  for (const [name, tables] of features) {
    const runs: Predictions[] = [];
    for (const table of tables) runs.push(await crossValidate(labels, table, folds, options(name)));
    rows.push({ name, runs });
  }
  const tableOf = (wanted: string) => features.find(([name]) => name === wanted)?.[1][0];
  const chroma = tableOf("chroma");
  if (chroma && familyOf(labels) === keyScoreFamily) {
    const name = "turned chroma";
    const turned = await crossValidate(labels, chroma, folds, { ...options(name), augment: turnedChroma });
    rows.push({ name, runs: [turned] });
    rows.push({ name: "Krumhansl", runs: [untrained(labels, folds, chroma, keyCorrelations)] });
  }
  const tempogram = tableOf("tempogram");
  if (tempogram && labels.classes[0] === "log2 BPM") {
    const tempo = (row: ArrayLike<number>) => [Math.log2(tempoOf(row))];
    rows.push({ name: "tempo estimate", runs: [untrained(labels, folds, tempogram, tempo)] });
  }
  return rows;
}

function untrained(
  labels: ProbeLabels,
  folds: Folds,
  { n, d, values }: FeatureTable,
  answer: (row: ArrayLike<number>) => ArrayLike<number>,
): Predictions {
  const outputs = outputsOf(labels);
  const scores = new Float64Array(n * outputs);
  for (let i = 0; i < n; i++) scores.set(answer(values.subarray(i * d, (i + 1) * d)), i * outputs);
  return { labels: labels.labels, scores, outputs, pieces: Array.from(folds.family, String) };
}

/** A row of the table. */
export interface EvaluatedRow {
  name: string;
  score: number;
  /** By seed. */
  scores: number[];
  ci95: [number, number];
}

/** A task's rows judged together. */
export interface Evaluation {
  metric: string;
  chance: number | undefined;
  clips: number;
  families: number;
  folds: number;
  times: number;
  rows: EvaluatedRow[];
  /** How the first row stands to each other one. */
  contrasts: ({ against: string } & Contrast)[];
}

/** Scores, intervals, and how the row `first` (by default the first) stands to the others. */
export function judge(
  labels: ProbeLabels,
  folds: Folds,
  answers: readonly Answers[],
  { times = 2000, seed = 0 }: EvaluationOptions = {},
  first = answers[0]?.name,
): Evaluation {
  const [metric] = metricsOf(labels);
  const rows: Resampled[] = resampleRows(answers, folds.family, metric, { times, seed });
  const ours = rows.find(({ name }) => name === first) ?? rows[0];
  return {
    metric: metric.name,
    chance: metric.chance,
    clips: labels.labels.length,
    families: folds.families,
    folds: folds.count,
    times,
    rows: rows.map(({ name, score, scores, ci95 }) => ({ name, score, scores, ci95 })),
    contrasts: rows
      .filter((row) => row !== ours)
      .map((row) => ({ against: row.name, ...contrast(ours, row) })),
  };
}

/** Tables side by side: [n, Σ d]. */
export function besides(tables: readonly FeatureTable[]): FeatureTable {
  const [{ n }] = tables;
  const d = tables.reduce((sum, table) => sum + table.d, 0);
  const values = new Float32Array(n * d);
  let from = 0;
  for (const table of tables) {
    for (let i = 0; i < n; i++)
      values.set(table.values.subarray(i * table.d, (i + 1) * table.d), i * d + from);
    from += table.d;
  }
  return { n, d, values };
}

/** The columns given of a table. */
export function columnsOf({ n, d, values }: FeatureTable, columns: readonly number[]): FeatureTable {
  const out = new Float32Array(n * columns.length);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < columns.length; j++) out[i * columns.length + j] = values[i * d + columns[j]];
  }
  return { n, d: columns.length, values: out };
}
