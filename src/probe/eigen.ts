// Eigenvalues and vectors of small symmetric matrices, on the CPU in float64. The leading ones of large matrices are whiten.ts's and
// train/report/map.ts's, which both end in these.

/** All eigenvalues of a small symmetric matrix [k, k], descending, with vectors as rows, by Jacobi's rotations. */
export function jacobiEigen(
  matrix: Float64Array,
  k: number,
): { values: Float64Array; vectors: Float64Array } {
  const a = matrix.slice();
  const v = new Float64Array(k * k);
  for (let i = 0; i < k; i++) v[i * k + i] = 1;
  let scale = 0;
  for (let i = 0; i < k * k; i++) scale = Math.max(scale, Math.abs(a[i]));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < k; p++) for (let q = p + 1; q < k; q++) off = Math.max(off, Math.abs(a[p * k + q]));
    if (off <= 1e-13 * scale) break;
    for (let p = 0; p < k; p++) {
      for (let q = p + 1; q < k; q++) {
        const apq = a[p * k + q];
        if (Math.abs(apq) <= 1e-15 * scale) continue;
        const theta = (a[q * k + q] - a[p * k + p]) / (2 * apq);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let i = 0; i < k; i++) {
          const [x, y] = [a[i * k + p], a[i * k + q]];
          a[i * k + p] = c * x - s * y;
          a[i * k + q] = s * x + c * y;
        }
        for (let i = 0; i < k; i++) {
          const [x, y] = [a[p * k + i], a[q * k + i]];
          a[p * k + i] = c * x - s * y;
          a[q * k + i] = s * x + c * y;
          const [u, w] = [v[p * k + i], v[q * k + i]];
          v[p * k + i] = c * u - s * w;
          v[q * k + i] = s * u + c * w;
        }
      }
    }
  }
  const order = Array.from({ length: k }, (_, i) => i).sort((x, y) => a[y * k + y] - a[x * k + x]);
  const vectors = new Float64Array(k * k);
  order.forEach((from, to) => {
    vectors.set(v.subarray(from * k, (from + 1) * k), to * k);
  });
  return { values: Float64Array.from(order, (i) => a[i * k + i]), vectors };
}
