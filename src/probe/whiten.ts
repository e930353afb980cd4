// Whitening: features are standardised and turned onto their principal components, each scaled to variance one, all by the training rows
// alone. The leading components come from block iteration with Rayleigh and Ritz (Saad, Numerical Methods for Large Eigenvalue Problems,
// chapter 5) on the smaller of the two products of the rows with themselves. On the CPU, float64.
import { Random } from "../tensor/random.js";
import { jacobiEigen } from "./eigen.js";
import { timesTransposed, transposedTimes } from "./matrix.js";
import { Standardiser } from "./standardise.js";

/** Most components that are kept. */
export const mostComponents = 128;

/** Components for so many training rows and values: no more than a quarter of the rows. */
export function componentsFor(rows: number, d: number): number {
  return Math.max(1, Math.min(mostComponents, d, Math.floor(rows / 4)));
}

/** Makes whitened rows [n, count] of rows [n, d], by the mean, deviation and components of the rows that it was made from. */
export class Whitener {
  /** [count, d]: a standardised row times its transpose is the whitened row. */
  readonly basis: Float64Array;
  /** Components that there are: fewer than asked for where the rows have no more. */
  readonly count: number;
  private readonly scaler: Standardiser;

  /** @param rows training rows [n, d], which are standardised in place */
  constructor(
    rows: Float64Array,
    readonly d: number,
    count = componentsFor(rows.length / d, d),
  ) {
    const n = rows.length / d;
    this.scaler = new Standardiser(rows, d);
    this.scaler.apply(rows);
    const wide = n < d;
    const size = wide ? n : d;
    const product = new Float64Array(size * size);
    if (wide) timesTransposed(rows, rows, d, product);
    else transposedTimes(rows, rows, n, d, d, product);
    const { values, vectors } = leadingEigen(product, size, Math.min(count, size));
    const kept = values.findIndex((value) => !(value > 1e-9 * values[0]));
    this.count = Math.max(1, kept < 0 ? values.length : kept);
    // Of the wide product the vectors are those of the rows: Xᵀu / √λ is the axis, and √n/√λ scales it to variance one.
    this.basis = new Float64Array(this.count * d);
    const own = vectors.subarray(0, this.count * size);
    if (wide) timesMatrix(own, rows, this.count, n, d, this.basis);
    else this.basis.set(own);
    for (let i = 0; i < this.count; i++) {
      const scale = Math.sqrt(n / Math.max(values[i], Number.MIN_VALUE)) / (wide ? Math.sqrt(values[i]) : 1);
      for (let j = 0; j < d; j++) this.basis[i * d + j] *= Number.isFinite(scale) ? scale : 0;
    }
  }

  /** Rows [n, d] as they are, which are standardised in place → whitened [n, count]. */
  apply(rows: Float64Array, standardised = false): Float64Array {
    if (!standardised) this.scaler.apply(rows);
    const out = new Float64Array((rows.length / this.d) * this.count);
    timesTransposed(rows, this.basis, this.d, out);
    return out;
  }
}

/** out[k, d] = A[k, n] · B[n, d] */
function timesMatrix(
  a: Float64Array,
  b: Float64Array,
  k: number,
  n: number,
  d: number,
  out: Float64Array,
): void {
  const turned = new Float64Array(n * k);
  for (let i = 0; i < k; i++) for (let j = 0; j < n; j++) turned[j * k + i] = a[i * n + j];
  transposedTimes(turned, b, n, k, d, out);
}

/** Further directions that are carried along; rounds at most; and after how many of them the space is looked at. */
const spare = 16;
const rounds = 40;
const look = 4;

/**
 * The largest eigenvalues of a symmetric positive semidefinite matrix M [m, m], descending, with their vectors as rows [count, m].
 * Values are settled to 1e-7 of the largest; vectors of values that lie close together may be turned among themselves.
 */
export function leadingEigen(
  matrix: Float64Array,
  m: number,
  count: number,
): { values: Float64Array; vectors: Float64Array } {
  const k = Math.min(m, count + spare);
  if (k === m) {
    const { values, vectors } = jacobiEigen(matrix, m);
    return { values: values.slice(0, count), vectors: vectors.slice(0, count * m) };
  }
  const random = new Random(1, 13);
  let basis = Float64Array.from({ length: k * m }, () => random.normal());
  orthonormalise(basis, k, m);
  let values = new Float64Array(k);
  for (let round = 1; ; round++) {
    let image = new Float64Array(k * m);
    timesTransposed(basis, matrix, m, image);
    if (round % look === 0) {
      // Rayleigh and Ritz within the space: T = Q M Qᵀ, and what it was turned into is turned onto T's eigenvectors.
      const small = new Float64Array(k * k);
      timesTransposed(image, basis, m, small);
      const ritz = jacobiEigen(small, k);
      let moved = 0;
      for (let i = 0; i < count; i++) moved = Math.max(moved, Math.abs(ritz.values[i] - values[i]));
      values = Float64Array.from(ritz.values);
      const settled = moved <= 1e-7 * values[0] || round >= rounds;
      const turned = new Float64Array(k * m);
      timesMatrix(ritz.vectors, settled ? basis : image, k, k, m, turned);
      image = turned;
      if (settled) return { values: values.slice(0, count), vectors: image.slice(0, count * m) };
    }
    basis = image;
    orthonormalise(basis, k, m);
  }
}

/** Makes rows [k, m] orthonormal, twice by Gram and Schmidt; a row that vanishes becomes zero. */
function orthonormalise(rows: Float64Array, k: number, m: number): void {
  for (let i = 0; i < k; i++) {
    const own = rows.subarray(i * m, (i + 1) * m);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * m, (j + 1) * m);
        let dot = 0;
        for (let c = 0; c < m; c++) dot += own[c] * other[c];
        for (let c = 0; c < m; c++) own[c] -= dot * other[c];
      }
    }
    let norm = 0;
    for (let c = 0; c < m; c++) norm += own[c] * own[c];
    const scale = norm > 0 ? 1 / Math.sqrt(norm) : 0;
    for (let c = 0; c < m; c++) own[c] *= scale;
  }
}
