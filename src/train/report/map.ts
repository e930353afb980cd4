// Vectors on a plane, or along a few axes, by principal component analysis, in float64 and deterministic. Not a neighbour-preserving map
// (t-SNE, UMAP): what lies apart here is apart in the vectors, but what lies together may not be. The
// drawing is in embedding.ts.

import { DataError, ShapeError } from "../../gpu/errors.js";
import { jacobiEigen } from "../../probe/eigen.js";

/** The first two principal coordinates of n vectors, and the share of the variance along each. */
export interface Projection {
  points: { x: number; y: number }[];
  explained: [number, number];
}

/** The first `axes` principal coordinates of n vectors, row-major [n, axes], and the share of the variance along each. */
export interface PrincipalAxes {
  coordinates: Float64Array;
  explained: number[];
}

/** Vectors kept from round to round, and the size that the space around them grows to. */
const KEPT = 6;
const SPACE = 66;
const MAX_ROUNDS = 60;

/** The first two principal coordinates: see `principalAxes`. */
export function pca2d(vectors: Float32Array, n: number, d: number): Projection {
  const { coordinates, explained } = principalAxes(vectors, n, d, 2);
  const points = Array.from({ length: n }, (_, i) => ({ x: coordinates[2 * i], y: coordinates[2 * i + 1] }));
  return { points, explained: [explained[0], explained[1]] };
}

/**
 * PCA of `vectors` [n, d], row-major, to at most six axes. Restarted block Krylov iteration: a few vectors are multiplied by the covariance
 * again and again, and the best combinations within the space that they span (Rayleigh–Ritz, by Jacobi rotations) start
 * the next round. The covariance is never formed: XᵀX·v is one pass over the data, so d may be in the thousands.
 * Signs are fixed by making each component's largest loading positive.
 * Throws ShapeError where the array does not hold n·d values, DataError where a value is not finite.
 */
export function principalAxes(vectors: Float32Array, n: number, d: number, axes: number): PrincipalAxes {
  if (n < 0 || d < 1 || vectors.length !== n * d || axes < 1 || axes > KEPT) {
    throw new ShapeError(
      `principalAxes: ${vectors.length} values are not ${n} vectors of ${d}; pass an array [n, d]`,
    );
  }
  const centred = Float64Array.from(vectors);
  const mean = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j] += centred[i * d + j] / n;
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) {
      const v = centred[i * d + j] - mean[j];
      if (!Number.isFinite(v))
        throw new DataError(`principalAxes: vector ${i} holds a value that is not finite`);
      centred[i * d + j] = v;
      total += v * v;
    }
  }
  if (total === 0) {
    return { coordinates: new Float64Array(n * axes), explained: new Array<number>(axes).fill(0) };
  }

  const k = Math.min(KEPT, d);
  let kept = startRows(d, k);
  let values = new Float64Array(0) as Float64Array;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { space, images } = krylovSpace(centred, n, d, kept);
    const m = space.length;
    const small = new Float64Array(m * m);
    for (let a = 0; a < m; a++) for (let b = 0; b < m; b++) small[a * m + b] = dot(space[a], images[b]);
    const { values: eigenvalues, vectors } = jacobiEigen(small, m);
    values = eigenvalues;
    const count = Math.min(k, m);
    kept = combine(space, vectors, count);
    const moved = combine(images, vectors, count);
    // Done when the pairs that are asked for satisfy XᵀX·v = λ·v.
    let residual = 0;
    for (let a = 0; a < Math.min(axes, count); a++) {
      const miss = moved[a].map((v, j) => v - values[a] * kept[a][j]);
      residual = Math.max(residual, Math.sqrt(dot(miss, miss)));
    }
    if (residual <= 1e-11 * total) break;
  }

  const coordinates = new Float64Array(n * axes);
  const explained: number[] = [];
  for (let a = 0; a < axes; a++) {
    const component = a < kept.length && values[a] > 1e-13 * total ? kept[a] : new Float64Array(d);
    let largest = 0;
    for (let j = 0; j < d; j++) if (Math.abs(component[j]) > Math.abs(component[largest])) largest = j;
    const sign = component[largest] < 0 ? -1 : 1;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const along = sign * dot(centred.subarray(i * d, (i + 1) * d), component);
      coordinates[i * axes + a] = along;
      squares += along * along;
    }
    explained.push(squares / total);
  }
  return { coordinates, explained };
}

/** The points of `pca2d` alone. */
export function projectTo2d(vectors: Float32Array, n: number, d: number): { x: number; y: number }[] {
  return pca2d(vectors, n, d).points;
}

/** k rows of length d, the same on every machine. */
function startRows(d: number, k: number): Float64Array[] {
  let state = 0x9e3779b9;
  return Array.from({ length: k }, () =>
    Float64Array.from({ length: d }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    }),
  );
}

function dot(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let j = 0; j < a.length; j++) s += a[j] * b[j];
  return s;
}

/** XᵀX·v for the rows X [n, d]. */
function applyCovariance(x: Float64Array, n: number, d: number, v: Float64Array): Float64Array {
  const out = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    const row = x.subarray(i * d, (i + 1) * d);
    const s = dot(row, v);
    for (let j = 0; j < d; j++) out[j] += s * row[j];
  }
  return out;
}

/** An orthonormal basis of the space of `start`, XᵀX·start, (XᵀX)²·start, … and its images under XᵀX. */
function krylovSpace(
  x: Float64Array,
  n: number,
  d: number,
  start: Float64Array[],
): { space: Float64Array[]; images: Float64Array[] } {
  const space: Float64Array[] = [];
  const images: Float64Array[] = [];
  let block = start;
  while (block.length > 0 && space.length < Math.min(d, SPACE)) {
    const next: Float64Array[] = [];
    for (const candidate of block) {
      const row = candidate.slice();
      const before = Math.sqrt(dot(row, row));
      // Gram–Schmidt, twice for accuracy; what is already in the space is dropped.
      for (let pass = 0; pass < 2; pass++) {
        for (const other of space) {
          const s = dot(row, other);
          for (let j = 0; j < d; j++) row[j] -= s * other[j];
        }
      }
      const length = Math.sqrt(dot(row, row));
      if (length <= 1e-12 * before || space.length >= Math.min(d, SPACE)) continue;
      const unit = row.map((v) => v / length);
      const image = applyCovariance(x, n, d, unit);
      space.push(unit);
      images.push(image);
      next.push(image);
    }
    block = next;
  }
  return { space, images };
}

/** Row a = Σ_b turn[a, b] · rows[b], for the first `count` rows of `turn`. */
function combine(rows: Float64Array[], turn: Float64Array, count: number): Float64Array[] {
  const m = rows.length;
  return Array.from({ length: count }, (_, a) => {
    const out = new Float64Array(rows[0].length);
    for (let b = 0; b < m; b++) {
      const w = turn[a * m + b];
      for (let j = 0; j < out.length; j++) out[j] += w * rows[b][j];
    }
    return out;
  });
}
