// Vectors on a plane by principal component analysis, in float64 and deterministic. Not a neighbour-preserving map
// (t-SNE, UMAP): what lies apart here is apart in the vectors, but what lies together may not be. The
// drawing is in embedding.ts.

import { DataError, ShapeError } from "../../gpu/errors.js";

/** The first two principal coordinates of n vectors, and the share of the variance along each. */
export interface Projection {
  points: { x: number; y: number }[];
  explained: [number, number];
}

const SUBSPACE = 8;
const MAX_ROUNDS = 500;

/**
 * PCA of `vectors` [n, d], row-major. Subspace iteration on the covariance, which is never formed: XᵀX·Q is two passes
 * over the data, so d may be in the thousands. A small Jacobi rotation inside the subspace (Rayleigh–Ritz) separates close
 * eigenvalues. Signs are fixed by making each component's largest loading positive.
 * Throws ShapeError where the array does not hold n·d values, DataError where a value is not finite.
 */
export function pca2d(vectors: Float32Array, n: number, d: number): Projection {
  if (n < 0 || d < 1 || vectors.length !== n * d) {
    throw new ShapeError(
      `pca2d: ${vectors.length} values are not ${n} vectors of ${d}; pass an array [n, d]`,
    );
  }
  const centred = Float64Array.from(vectors);
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j] += centred[i * d + j] / n;
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) {
      const v = centred[i * d + j] - mean[j];
      if (!Number.isFinite(v)) throw new DataError(`pca2d: vector ${i} holds a value that is not finite`);
      centred[i * d + j] = v;
      total += v * v;
    }
  }
  if (total === 0) {
    return { points: Array.from({ length: n }, () => ({ x: 0, y: 0 })), explained: [0, 0] };
  }

  const k = Math.min(SUBSPACE, d);
  let basis = startBasis(d, k);
  let values: Float64Array = new Float64Array(k);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const product = applyCovariance(centred, n, d, basis, k);
    // Rayleigh–Ritz: the small matrix basisᵀ·(XᵀX)·basis, diagonalised, turns the basis towards the eigenvectors.
    const small = new Float64Array(k * k);
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) {
        let s = 0;
        for (let j = 0; j < d; j++) s += basis[a * d + j] * product[b * d + j];
        small[a * k + b] = s;
      }
    }
    const { eigenvalues, eigenvectors } = jacobi(small, k);
    const vectorsNow = rotate(basis, eigenvectors, d, k);
    const images = rotate(product, eigenvectors, d, k);
    values = eigenvalues;
    // Done when the first two pairs satisfy XᵀX·v = λ·v.
    let residual = 0;
    for (let a = 0; a < Math.min(2, k); a++) {
      let s = 0;
      for (let j = 0; j < d; j++) s += (images[a * d + j] - eigenvalues[a] * vectorsNow[a * d + j]) ** 2;
      residual = Math.max(residual, Math.sqrt(s));
    }
    basis = vectorsNow;
    if (residual <= 1e-10 * total) break;
    basis = orthonormalise(images, d, k);
  }

  const components: Float64Array[] = [];
  for (let a = 0; a < 2; a++) {
    const component =
      a < k && values[a] > 1e-13 * total ? basis.slice(a * d, (a + 1) * d) : new Float64Array(d);
    let largest = 0;
    for (let j = 0; j < d; j++) if (Math.abs(component[j]) > Math.abs(component[largest])) largest = j;
    if (component[largest] < 0) for (let j = 0; j < d; j++) component[j] = -component[j];
    components.push(component);
  }
  const points = Array.from({ length: n }, (_, i) => {
    let x = 0;
    let y = 0;
    for (let j = 0; j < d; j++) {
      x += centred[i * d + j] * components[0][j];
      y += centred[i * d + j] * components[1][j];
    }
    return { x, y };
  });
  const share = (axis: "x" | "y") => points.reduce((s, p) => s + p[axis] ** 2, 0) / total;
  return { points, explained: [share("x"), share("y")] };
}

/** The points of `pca2d` alone. */
export function projectTo2d(vectors: Float32Array, n: number, d: number): { x: number; y: number }[] {
  return pca2d(vectors, n, d).points;
}

/** k orthonormal rows of length d, the same on every machine. */
function startBasis(d: number, k: number): Float64Array {
  const basis = new Float64Array(k * d);
  let state = 0x9e3779b9;
  for (let i = 0; i < basis.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    basis[i] = state / 2 ** 32 - 0.5;
  }
  return orthonormalise(basis, d, k);
}

/** Rows of the result are XᵀX times the rows of `basis` [k, d]. */
function applyCovariance(
  x: Float64Array,
  n: number,
  d: number,
  basis: Float64Array,
  k: number,
): Float64Array {
  const out = new Float64Array(k * d);
  for (let i = 0; i < n; i++) {
    for (let a = 0; a < k; a++) {
      let dot = 0;
      for (let j = 0; j < d; j++) dot += x[i * d + j] * basis[a * d + j];
      for (let j = 0; j < d; j++) out[a * d + j] += dot * x[i * d + j];
    }
  }
  return out;
}

/** Gram–Schmidt over the rows, twice for accuracy; a row that vanishes stays zero. */
function orthonormalise(rows: Float64Array, d: number, k: number): Float64Array {
  const out = rows.slice();
  for (let a = 0; a < k; a++) {
    const row = out.subarray(a * d, (a + 1) * d);
    const before = norm(row);
    for (let pass = 0; pass < 2; pass++) {
      for (let b = 0; b < a; b++) {
        const other = out.subarray(b * d, (b + 1) * d);
        let dot = 0;
        for (let j = 0; j < d; j++) dot += row[j] * other[j];
        for (let j = 0; j < d; j++) row[j] -= dot * other[j];
      }
    }
    const length = norm(row);
    const scale = length > 1e-14 * before && length > 0 ? 1 / length : 0;
    for (let j = 0; j < d; j++) row[j] *= scale;
  }
  return out;
}

function norm(row: Float64Array): number {
  let s = 0;
  for (const v of row) s += v * v;
  return Math.sqrt(s);
}

/** New row a = Σ_b turn[b, a] · rows[b]. */
function rotate(rows: Float64Array, turn: Float64Array, d: number, k: number): Float64Array {
  const out = new Float64Array(k * d);
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < k; b++) {
      const w = turn[b * k + a];
      for (let j = 0; j < d; j++) out[a * d + j] += w * rows[b * d + j];
    }
  }
  return out;
}

/** Cyclic Jacobi on a symmetric [k, k] matrix: eigenvalues falling, eigenvectors in columns. */
function jacobi(matrix: Float64Array, k: number): { eigenvalues: Float64Array; eigenvectors: Float64Array } {
  const a = matrix.slice();
  const v = new Float64Array(k * k);
  for (let i = 0; i < k; i++) v[i * k + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < k; j++) {
        all += a[i * k + j] ** 2;
        if (i !== j) off += a[i * k + j] ** 2;
      }
    }
    if (off <= 1e-30 * all) break;
    for (let p = 0; p < k; p++) {
      for (let q = p + 1; q < k; q++) {
        const apq = (a[p * k + q] + a[q * k + p]) / 2;
        if (apq === 0) continue;
        const theta = (a[q * k + q] - a[p * k + p]) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let i = 0; i < k; i++) {
          const x = a[i * k + p];
          const y = a[i * k + q];
          a[i * k + p] = c * x - s * y;
          a[i * k + q] = s * x + c * y;
          const vx = v[i * k + p];
          const vy = v[i * k + q];
          v[i * k + p] = c * vx - s * vy;
          v[i * k + q] = s * vx + c * vy;
        }
        for (let i = 0; i < k; i++) {
          const x = a[p * k + i];
          const y = a[q * k + i];
          a[p * k + i] = c * x - s * y;
          a[q * k + i] = s * x + c * y;
        }
      }
    }
  }
  const order = Array.from({ length: k }, (_, i) => i).sort((i, j) => a[j * k + j] - a[i * k + i]);
  const eigenvalues = Float64Array.from(order, (i) => a[i * k + i]);
  const eigenvectors = new Float64Array(k * k);
  order.forEach((from, to) => {
    for (let i = 0; i < k; i++) eigenvectors[i * k + to] = v[i * k + from];
  });
  return { eigenvalues, eigenvectors };
}
