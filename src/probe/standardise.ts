// Standardising features with the training part's mean and population standard deviation, as scikit-learn's StandardScaler
// does. Choosing rows of a feature table is here too.
import { DataError } from "../gpu/errors.js";

/** Feature vectors, row-major [n, d]. */
export interface FeatureTable {
  n: number;
  d: number;
  values: Float32Array | Float64Array;
  /** Where a vector is those of so many layers, one after another. */
  layers?: number;
}

/** The chosen rows as float64. */
export function takeRows({ d, values }: FeatureTable, rows: ArrayLike<number>): Float64Array {
  const out = new Float64Array(rows.length * d);
  for (let i = 0; i < rows.length; i++) out.set(values.subarray(rows[i] * d, (rows[i] + 1) * d), i * d);
  return out;
}

/** What is thrown where a feature is not a number, or infinite. */
export function notFinite(): DataError {
  return new DataError("The features to be probed are not all finite: the weights may be broken.");
}

/** Subtracts the mean and divides by the deviation that some rows [n, d] have. */
export class Standardiser {
  /** [d] */
  readonly mean: Float64Array;
  /** [d]; 1 where a feature is constant. */
  readonly scale: Float64Array;

  /** Measures rows [n, d]. Throws DataError where a feature is not finite. */
  constructor(
    rows: Float64Array,
    readonly d: number,
  ) {
    const n = rows.length / d;
    const mean = new Float64Array(d);
    const squares = new Float64Array(d);
    for (let i = 0; i < rows.length; i++) mean[i % d] += rows[i] / n;
    for (let i = 0; i < rows.length; i++) squares[i % d] += (rows[i] - mean[i % d]) ** 2 / n;
    if (![...mean, ...squares].every(Number.isFinite)) {
      throw notFinite();
    }
    this.mean = mean;
    // What is left of a constant feature after rounding counts as constant.
    this.scale = squares.map((v, j) => (v > (10 * Number.EPSILON * mean[j]) ** 2 ? Math.sqrt(v) : 1));
  }

  /** Rows [n, d], standardised in place and returned. */
  apply(rows: Float64Array): Float64Array {
    const { d, mean, scale } = this;
    for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] - mean[i % d]) / scale[i % d];
    return rows;
  }
}
