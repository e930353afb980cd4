// Dense float64 products on the CPU for fitting a probe's head: rows of a few hundred numbers, blocked by four so that loads
// are shared. Row-major throughout. Not a library of linear algebra, and nothing of the GPU.
import { MelgradError } from "../gpu/errors.js";

/** out[n, k] = A[n, d] · B[k, d]ᵀ */
export function timesTransposed(a: Float64Array, b: Float64Array, d: number, out: Float64Array): void {
  const n = a.length / d;
  const k = b.length / d;
  for (let i = 0; i < n; i++) {
    const row = i * d;
    let j = 0;
    for (; j + 4 <= k; j += 4) {
      const b0 = j * d;
      const b1 = b0 + d;
      const b2 = b1 + d;
      const b3 = b2 + d;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let c = 0; c < d; c++) {
        const value = a[row + c];
        s0 += value * b[b0 + c];
        s1 += value * b[b1 + c];
        s2 += value * b[b2 + c];
        s3 += value * b[b3 + c];
      }
      const at = i * k + j;
      out[at] = s0;
      out[at + 1] = s1;
      out[at + 2] = s2;
      out[at + 3] = s3;
    }
    for (; j < k; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += a[row + c] * b[j * d + c];
      out[i * k + j] = sum;
    }
  }
}

/** out[k, d] = A[n, k]ᵀ · B[n, d] */
export function transposedTimes(
  a: Float64Array,
  b: Float64Array,
  n: number,
  k: number,
  d: number,
  out: Float64Array,
): void {
  out.fill(0, 0, k * d);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const b0 = i * d;
    const b1 = b0 + d;
    const b2 = b1 + d;
    const b3 = b2 + d;
    for (let j = 0; j < k; j++) {
      const a0 = a[i * k + j];
      const a1 = a[(i + 1) * k + j];
      const a2 = a[(i + 2) * k + j];
      const a3 = a[(i + 3) * k + j];
      const row = j * d;
      for (let c = 0; c < d; c++) {
        out[row + c] += a0 * b[b0 + c] + a1 * b[b1 + c] + a2 * b[b2 + c] + a3 * b[b3 + c];
      }
    }
  }
  for (; i < n; i++) {
    for (let j = 0; j < k; j++) {
      const value = a[i * k + j];
      for (let c = 0; c < d; c++) out[j * d + c] += value * b[i * d + c];
    }
  }
}

/** Cholesky factor of a symmetric positive definite matrix, for solving with it again and again. */
export class Cholesky {
  private readonly lower: Float64Array;

  /** Factors M [d, d], which is left as it is. */
  constructor(
    matrix: Float64Array,
    readonly d: number,
  ) {
    const lower = matrix.slice();
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = lower[i * d + j];
        const [a, b] = [i * d, j * d];
        for (let c = 0; c < j; c++) sum -= lower[a + c] * lower[b + c];
        if (i > j) lower[a + j] = sum / lower[b + j];
        else if (sum > 0) lower[a + i] = Math.sqrt(sum);
        else throw new MelgradError("A matrix is not positive definite: are the features finite?");
      }
    }
    this.lower = lower;
  }

  /** Replaces `count` vectors of length d, one after the other from `offset`, by the solutions of M·x = v. */
  solve(vectors: Float64Array, offset: number, count: number): void {
    const { d, lower } = this;
    for (let v = 0; v < count; v++) {
      const at = offset + v * d;
      for (let i = 0; i < d; i++) {
        let sum = vectors[at + i];
        const row = i * d;
        for (let c = 0; c < i; c++) sum -= lower[row + c] * vectors[at + c];
        vectors[at + i] = sum / lower[row + i];
      }
      for (let i = d - 1; i >= 0; i--) {
        const value = vectors[at + i] / lower[i * d + i];
        vectors[at + i] = value;
        const row = i * d;
        for (let c = 0; c < i; c++) vectors[at + c] -= lower[row + c] * value;
      }
    }
  }
}
