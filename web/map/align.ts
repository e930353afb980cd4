// Turns a new map onto the old one, so that points go the shortest way: the rotation or reflection (orthogonal Procrustes)
// that brings the points which both hold nearest to where they were. Principal axes have no sign and swap order freely.

/**
 * `next` [n, 3] turned to fit `previous`, given pairs of point numbers [next, previous] that stand for the same thing. New
 * positions are returned; with fewer than two pairs `next` as it is.
 *
 * The rotation is U·Vᵀ of the singular value decomposition of Σ aᵢ·bᵢᵀ, found by Jacobi rotations of its Gram matrix.
 */
export function align(
  next: Float32Array,
  previous: Float32Array,
  pairs: readonly (readonly [number, number])[],
): Float32Array {
  if (pairs.length < 2) return next;
  // The sum of products [3, 3], next by previous, around the origin: both maps are centred.
  const product = new Float64Array(9);
  for (const [a, b] of pairs) {
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) product[3 * i + j] += next[3 * a + i] * previous[3 * b + j];
    }
  }
  const rotation = nearestOrthogonal(product);
  const turned = new Float32Array(next.length);
  for (let p = 0; p < next.length; p += 3) {
    for (let j = 0; j < 3; j++) {
      turned[p + j] = next[p] * rotation[j] + next[p + 1] * rotation[3 + j] + next[p + 2] * rotation[6 + j];
    }
  }
  return turned;
}

/** U·Vᵀ of a 3 × 3 matrix U·S·Vᵀ, row-major; where it has no full rank the rest is filled up orthogonally. */
export function nearestOrthogonal(matrix: Float64Array): Float64Array {
  const v = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const work = Float64Array.from(matrix);
  // One-sided Jacobi: turn pairs of columns until all are orthogonal; then they are U·S.
  for (let sweep = 0; sweep < 30; sweep++) {
    let largest = 0;
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ]) {
      let [pp, qq, pq] = [0, 0, 0];
      for (let i = 0; i < 3; i++) {
        pp += work[3 * i + p] ** 2;
        qq += work[3 * i + q] ** 2;
        pq += work[3 * i + p] * work[3 * i + q];
      }
      if (pq === 0) continue;
      largest = Math.max(largest, Math.abs(pq) / Math.sqrt(pp * qq || 1));
      const angle = 0.5 * Math.atan2(2 * pq, pp - qq);
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (const m of [work, v]) {
        for (let i = 0; i < 3; i++) {
          const [x, y] = [m[3 * i + p], m[3 * i + q]];
          m[3 * i + p] = c * x + s * y;
          m[3 * i + q] = c * y - s * x;
        }
      }
    }
    if (largest < 1e-15) break;
  }
  const u = orthonormalColumns(work);
  const result = new Float64Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) result[3 * i + j] += u[3 * i + k] * v[3 * j + k];
    }
  }
  return result;
}

/** Columns made unit vectors, longest first; vanished ones replaced by what is orthogonal to the others. */
function orthonormalColumns(m: Float64Array): Float64Array {
  const out = new Float64Array(9);
  const length = (k: number) => Math.hypot(m[k], m[3 + k], m[6 + k]);
  const order = [0, 1, 2].sort((a, b) => length(b) - length(a));
  const done: number[] = [];
  const limit = 1e-12 * length(order[0]);
  for (const k of order) {
    const candidates = [
      [m[k], m[3 + k], m[6 + k]],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    if (!(length(k) > limit)) candidates.shift();
    let chosen = candidates[0];
    let size = 0;
    for (const candidate of candidates) {
      const rest = [...candidate];
      for (const other of done) {
        const along = rest[0] * out[other] + rest[1] * out[3 + other] + rest[2] * out[6 + other];
        for (let i = 0; i < 3; i++) rest[i] -= along * out[3 * i + other];
      }
      size = Math.hypot(...rest);
      chosen = rest;
      if (size > 0.5 || (candidate === candidates[0] && length(k) > limit && size > 0)) break;
    }
    for (let i = 0; i < 3; i++) out[3 * i + k] = chosen[i] / size;
    done.push(k);
  }
  return out;
}
