// Scores of predictions, equal to scikit-learn's: ROC AUC and average precision of tags, accuracy and confusion of classes,
// R² of numbers. All in float64 on row-major arrays. The score of keys is in key-score.ts.

/** Row-major numbers of shape [rows, columns]. */
export type Rows = ArrayLike<number>;

/** Scores of every column, and the mean of those that are defined. */
export interface ColumnScores {
  /** NaN where no column is defined. */
  macro: number;
  /** NaN where a column's score is undefined. */
  each: Float64Array;
}

/** Column `j` of a row-major array with `columns` columns. */
export function column(values: Rows, columns: number, j: number): Float64Array {
  const out = new Float64Array(values.length / columns);
  for (let i = 0; i < out.length; i++) out[i] = values[i * columns + j];
  return out;
}

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half (Mann–Whitney).
 * NaN where all labels are alike, or a score is NaN.
 */
export function rocAuc(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  const order = descending(scores);
  let [positives, negatives, wins] = [0, 0, 0];
  forTies(order, scores, (from, to) => {
    let hits = 0;
    for (let k = from; k < to; k++) hits += labels[order[k]] > 0 ? 1 : 0;
    const misses = to - from - hits;
    wins += misses * (positives + hits / 2);
    positives += hits;
    negatives += misses;
  });
  return hasNaN(scores) ? Number.NaN : wins / (positives * negatives);
}

/**
 * Average precision as scikit-learn defines it: Σ (R_n − R_{n−1})·P_n over the distinct scores, without interpolation.
 * NaN where there are no positives, or a score is NaN.
 */
export function averagePrecision(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  const order = descending(scores);
  let [positives, sum] = [0, 0];
  forTies(order, scores, (from, to) => {
    let hits = 0;
    for (let k = from; k < to; k++) hits += labels[order[k]] > 0 ? 1 : 0;
    positives += hits;
    sum += (hits * positives) / to;
  });
  return hasNaN(scores) ? Number.NaN : sum / positives;
}

/** ROC AUC of every tag of labels and scores [n, tags]; tags whose labels are all alike are left out of the mean. */
export function rocAucMacro(labels: Rows, scores: Rows, tags: number): ColumnScores {
  return eachColumn(labels, scores, tags, rocAuc);
}

/** Average precision of every tag of labels and scores [n, tags]; tags without positives are left out of the mean. */
export function averagePrecisionMacro(labels: Rows, scores: Rows, tags: number): ColumnScores {
  return eachColumn(labels, scores, tags, averagePrecision);
}

/** The first index of the largest value of each row of [n, classes]. */
export function argmaxRows(values: Rows, classes: number): Int32Array {
  const out = new Int32Array(values.length / classes);
  for (let i = 0; i < out.length; i++) {
    for (let k = 1; k < classes; k++) {
      if (values[i * classes + k] > values[i * classes + out[i]]) out[i] = k;
    }
  }
  return out;
}

/** Share of predictions that equal their label. */
export function accuracy(labels: ArrayLike<number>, predicted: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) right += labels[i] === predicted[i] ? 1 : 0;
  return right / labels.length;
}

/** Counts [classes, classes]: row the true class, column the predicted one. */
export function confusion(
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): Int32Array {
  const counts = new Int32Array(classes * classes);
  for (let i = 0; i < labels.length; i++) counts[labels[i] * classes + predicted[i]]++;
  return counts;
}

/**
 * Coefficient of determination 1 − Σ(y − ŷ)²/Σ(y − ȳ)² of each column of [n, targets], and its plain mean. A constant target
 * scores 1 where it is met exactly and 0 otherwise, as in scikit-learn.
 */
export function r2(targets: Rows, predicted: Rows, columns: number): ColumnScores {
  const each = new Float64Array(columns);
  for (let j = 0; j < columns; j++) {
    const y = column(targets, columns, j);
    const p = column(predicted, columns, j);
    const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
    let [left, total] = [0, 0];
    for (let i = 0; i < y.length; i++) {
      left += (y[i] - p[i]) ** 2;
      total += (y[i] - mean) ** 2;
    }
    each[j] = total > 0 ? 1 - left / total : left === 0 ? 1 : 0;
  }
  return { macro: each.reduce((sum, value) => sum + value, 0) / columns, each };
}

function eachColumn(
  labels: Rows,
  scores: Rows,
  columns: number,
  score: (labels: Float64Array, scores: Float64Array) => number,
): ColumnScores {
  const each = Float64Array.from({ length: columns }, (_, j) => {
    const y = column(labels, columns, j);
    const s = column(scores, columns, j);
    if (hasNaN(s)) throw new RangeError(`Column ${j} of the scores holds NaN.`);
    return score(y, s);
  });
  const defined = each.filter((value) => !Number.isNaN(value));
  return { macro: defined.reduce((sum, value) => sum + value, 0) / defined.length, each };
}

function hasNaN(scores: ArrayLike<number>): boolean {
  return Array.prototype.some.call(scores, Number.isNaN);
}

function descending(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
}

/** Calls `visit` with the range of each run of equal scores. */
function forTies(
  order: Uint32Array,
  scores: ArrayLike<number>,
  visit: (from: number, to: number) => void,
): void {
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && scores[order[to]] === scores[order[from]]) to++;
    visit(from, to);
    from = to;
  }
}
