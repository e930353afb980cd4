// 95 % intervals by resampling the tested tracks with replacement: how a score would vary with other tracks of the same kind, the
// trained heads being what they are. Every metric is prepared once and then evaluated on counts, clip by clip, of how often a
// resampling holds it. Not here: the spread over training seeds and splits (summary.ts).
import { hash32 } from "../ops/dropout.js";
import { Random } from "../tensor/random.js";
import { keyScoreTable } from "./key-score.js";
import type { Predictions } from "./labels.js";
import { argmaxRows } from "./metrics.js";
import type { Statistic } from "./protocol.js";
import { clipsBySong } from "./songs.js";

/** A score as a function of how often each row counts. */
export type Weighted = (counts: Uint32Array) => number;

/** Prepares a metric; with counts of 1 it equals the metric, with others the metric of rows repeated so often. */
export function weightedStatistic(predicted: Predictions, statistic: Statistic): Weighted {
  const { labels, scores, outputs } = predicted;
  switch (statistic.kind) {
    case "accuracy": {
      const choice = argmaxRows(scores, outputs);
      return weightedMean(Float64Array.from(labels, ([label], i) => Number(label === choice[i])));
    }
    case "key-score": {
      const choice = argmaxRows(scores, outputs);
      const table = keyScoreTable(statistic.rule);
      return weightedMean(Float64Array.from(labels, ([label], i) => table[24 * label + choice[i]]));
    }
    case "roc-auc":
      return meanOf(columns(outputs).map((k) => ranked(predicted, k, weightedArea)));
    case "class-roc-auc": {
      const hot = labels.map(([label]) => columns(outputs).map((k) => Number(k === label)));
      return meanOf(columns(outputs).map((k) => ranked({ labels: hot, scores, outputs }, k, weightedArea)));
    }
    case "average-precision":
      return meanOf(columns(outputs).map((k) => ranked(predicted, k, weightedPrecision)));
    case "r2": {
      const wanted = statistic.column === undefined ? columns(outputs) : [statistic.column];
      return meanOf(wanted.map((k) => determination(predicted, k)));
    }
  }
}

/** Counts of how often each row is in a resampling of whole pieces, one array a resampling. */
export function resample(pieces: readonly string[], times: number, seed: number): Uint32Array[] {
  const songs = clipsBySong(pieces);
  return Array.from({ length: times }, (_, round) => {
    const random = new Random(hash32(seed ^ 0x51ed270b), round);
    const counts = new Uint32Array(pieces.length);
    for (let i = 0; i < songs.length; i++) {
      for (const clip of songs[random.integer(songs.length)]) counts[clip]++;
    }
    return counts;
  });
}

export interface BootstrapOptions {
  /** Resamplings. Default 1000. */
  times?: number;
  seed?: number;
}

/** 95 % interval of a score over resampled tracks (percentiles); undefined where a resampling has no score. */
export function bootstrapInterval(
  predicted: Predictions,
  statistic: Statistic,
  options: BootstrapOptions = {},
): [number, number] | undefined {
  const score = weightedStatistic(predicted, statistic);
  return percentiles(draws(predicted, options).map(score));
}

/** 95 % interval of how much better one set of predictions is than another for the same rows. */
export function bootstrapDifference(
  ours: Predictions,
  theirs: Predictions,
  statistic: Statistic,
  options: BootstrapOptions = {},
): [number, number] | undefined {
  const [a, b] = [ours, theirs].map((predicted) => weightedStatistic(predicted, statistic));
  return percentiles(draws(ours, options).map((counts) => a(counts) - b(counts)));
}

function draws({ labels, pieces }: Predictions, { times = 1000, seed = 0 }: BootstrapOptions): Uint32Array[] {
  return resample(pieces ?? labels.map((_, i) => String(i)), times, seed);
}

function percentiles(values: number[]): [number, number] | undefined {
  const usable = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (usable.length < 0.9 * values.length || usable.length === 0) return undefined;
  const at = (share: number) => usable[Math.min(usable.length - 1, Math.floor(share * usable.length))];
  return [at(0.025), at(0.975)];
}

const columns = (count: number) => Array.from({ length: count }, (_, k) => k);

/** The plain mean of those that are defined. */
function meanOf(each: readonly Weighted[]): Weighted {
  return (counts) => {
    let [sum, defined] = [0, 0];
    for (const score of each) {
      const value = score(counts);
      if (Number.isNaN(value)) continue;
      sum += value;
      defined++;
    }
    return sum / defined;
  };
}

function weightedMean(values: Float64Array): Weighted {
  return (counts) => {
    let [sum, total] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      sum += counts[i] * values[i];
      total += counts[i];
    }
    return sum / total;
  };
}

interface Ranking {
  /** Rows from the highest score down. */
  order: Uint32Array;
  positive: Uint8Array;
  /** 1 where the next row in the order has a lower score. */
  ends: Uint8Array;
}

function ranked(
  { labels, scores, outputs }: Predictions,
  k: number,
  score: (ranking: Ranking, counts: Uint32Array) => number,
): Weighted {
  const own = Float64Array.from(labels, (_, i) => scores[i * outputs + k]);
  const order = Uint32Array.from(own.keys()).sort((a, b) => own[b] - own[a]);
  const ends = Uint8Array.from(order, (row, at) =>
    Number(at + 1 === order.length || own[order[at + 1]] !== own[row]),
  );
  const positive = Uint8Array.from(labels, (label) => Number(label[k] > 0));
  return (counts) => score({ order, positive, ends }, counts);
}

function weightedArea({ order, positive, ends }: Ranking, counts: Uint32Array): number {
  let [positives, negatives, wins, hits, misses] = [0, 0, 0, 0, 0];
  for (let at = 0; at < order.length; at++) {
    const row = order[at];
    if (positive[row]) hits += counts[row];
    else misses += counts[row];
    if (!ends[at]) continue;
    wins += misses * (positives + hits / 2);
    positives += hits;
    negatives += misses;
    hits = misses = 0;
  }
  return wins / (positives * negatives);
}

function weightedPrecision({ order, positive, ends }: Ranking, counts: Uint32Array): number {
  let [positives, seen, sum, hits] = [0, 0, 0, 0];
  for (let at = 0; at < order.length; at++) {
    const row = order[at];
    seen += counts[row];
    if (positive[row]) hits += counts[row];
    if (!ends[at]) continue;
    positives += hits;
    if (seen > 0) sum += (hits * positives) / seen;
    hits = 0;
  }
  return sum / positives;
}

function determination({ labels, scores, outputs }: Predictions, k: number): Weighted {
  return (counts) => {
    let [total, sum] = [0, 0];
    for (let i = 0; i < counts.length; i++) {
      total += counts[i];
      sum += counts[i] * labels[i][k];
    }
    const mean = sum / total;
    let [left, spread] = [0, 0];
    for (let i = 0; i < counts.length; i++) {
      left += counts[i] * (labels[i][k] - scores[i * outputs + k]) ** 2;
      spread += counts[i] * (labels[i][k] - mean) ** 2;
    }
    return spread > 0 ? 1 - left / spread : Number.NaN;
  };
}
