// What differences mean: scores of rows that answered the same clips, resampled over families of clips and over training seeds, paired
// from row to row; and Holm's correction where several tasks are judged together. The resampling of one split is in bootstrap.ts.
import { hash32 } from "../ops/dropout.js";
import { Random } from "../tensor/random.js";
import { resample } from "./bootstrap.js";
import type { Predictions } from "./labels.js";
import type { Metric } from "./scores/metric.js";

/** A row of a table: what one kind of features answered, once for each of its seeds. */
export interface Answers {
  name: string;
  runs: readonly Predictions[];
}

/** A score with what resampling says of it. */
export interface Resampled {
  name: string;
  /** The mean over the seeds. */
  score: number;
  /** By seed. */
  scores: number[];
  ci95: [number, number];
  /** The score in every resampling, in the same order for all rows. */
  draws: Float64Array;
}

/** How one row stands to another. */
export interface Contrast {
  difference: number;
  ci95: [number, number];
  /** Half of the 95 % interval by the standard error. */
  halfWidth: number;
  /** The difference that would be seen as one (two-sided 5 %) with a probability of 80 %. */
  detectable: number;
  /** Two-sided. */
  p: number;
}

/**
 * Resamples families of clips with replacement, and for each row its seeds too.
 * @param families the family of each clip, which all rows answered in the same order
 */
export function resampleRows(
  rows: readonly Answers[],
  families: ArrayLike<number>,
  metric: Pick<Metric, "weighted">,
  { times = 2000, seed = 0 }: { times?: number; seed?: number } = {},
): Resampled[] {
  const names = Array.from(families, String);
  const counts = resample(names, times, seed);
  const once = new Uint32Array(names.length).fill(1);
  return rows.map(({ name, runs }, number) => {
    const each = runs.map((run) => metric.weighted(run));
    const random = new Random(hash32(seed ^ 0x2545f491), number);
    const draws = Float64Array.from(counts, (held) => {
      let sum = 0;
      const values = each.map((score) => score(held));
      for (let i = 0; i < each.length; i++) sum += values[random.integer(each.length)];
      return sum / each.length;
    });
    const scores = each.map((score) => score(once));
    return { name, score: average(scores), scores, ci95: interval(draws), draws };
  });
}

/** How much better one row is than another. */
export function contrast(ours: Resampled, theirs: Resampled): Contrast {
  const differences = ours.draws.map((value, i) => value - theirs.draws[i]).filter(Number.isFinite);
  const n = differences.length;
  const mean = average(differences);
  const error = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  let [below, above] = [1, 1];
  for (const value of differences) {
    if (value <= 0) below++;
    if (value >= 0) above++;
  }
  return {
    difference: ours.score - theirs.score,
    ci95: interval(differences),
    halfWidth: 1.96 * error,
    detectable: (1.96 + 0.8416) * error,
    p: Math.min(1, (2 * Math.min(below, above)) / (n + 1)),
  };
}

/** Holm's step-down adjustment of p-values (1979): each is to be held against the level itself. NaN stays and counts for nothing. */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()]
    .filter((i) => !Number.isNaN(values[i]))
    .sort((a, b) => values[a] - values[b]);
  const out = values.map(() => Number.NaN);
  let most = 0;
  order.forEach((i, rank) => {
    most = Math.max(most, Math.min(1, (order.length - rank) * values[i]));
    out[i] = most;
  });
  return out;
}

function interval(values: Float64Array): [number, number] {
  const sorted = values.filter(Number.isFinite).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return [at(0.025), at(0.975)];
}

function average(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}
