// Parts of scores by counts: means, and what is read off the order of the scores. In float64.
import type { Predictions } from "../labels.js";
import type { Weighted } from "./metric.js";

/** 0, 1, … below `count`. */
export const columns = (count: number) => Array.from({ length: count }, (_, k) => k);

/** The plain mean of those that are defined. */
export function meanOf(each: readonly Weighted[]): Weighted {
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

/** The mean of a value for each row. */
export function weightedMean(values: Float64Array): Weighted {
  return (counts) => {
    let [sum, total] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      sum += counts[i] * values[i];
      total += counts[i];
    }
    return sum / total;
  };
}

/** Rows in the order of a column of their scores. */
export interface Ranking {
  /** Rows from the highest score down. */
  order: Uint32Array;
  positive: Uint8Array;
  /** 1 where the next row in the order has a lower score. */
  ends: Uint8Array;
}

/** A score of column k by the order of its scores. */
export function ranked(
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
