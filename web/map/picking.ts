// Which point is under the pointer: a loop over the projected positions. Not the projection (camera.ts).

/**
 * The point nearest to (x, y) among those within its own radius plus `slack`; where several are, the one in front wins
 * unless another is clearly nearer to the pointer. −1 where there is none.
 *
 * `projected` is [n, 3] of x, y and view distance; a point's radius is `size / distance`.
 */
export function pick(
  projected: Float32Array,
  x: number,
  y: number,
  size: number,
  smallest: number,
  slack: number,
): number {
  const most = smallest + slack;
  let best = -1;
  let bestScore = Number.POSITIVE_INFINITY;
  for (let i = 0, p = 0; p < projected.length; i++, p += 3) {
    const dy = projected[p + 1] - y;
    const depth = projected[p + 2];
    // Most points lie well above or below: no more than this for them.
    if (!(Math.abs(dy) * depth <= size + most * depth)) continue;
    const dx = projected[p] - x;
    const radius = Math.max(smallest, size / depth);
    const reach = radius + slack;
    const squared = dx * dx + dy * dy;
    if (!(squared <= reach * reach)) continue; // NaN, behind the camera, is never near
    // On the disc itself depth decides; beside it, how far beside.
    const beside = Math.max(0, Math.sqrt(squared) - radius);
    const score = beside * 1000 + depth;
    if (score < bestScore) {
      bestScore = score;
      best = i;
    }
  }
  return best;
}

/**
 * Numbers of the points from the farthest to the nearest, for drawing one over the other: a counting sort on 4096 steps of
 * the view distance, linear in n.
 */
export function farthestFirst(projected: Float32Array, into: Uint32Array): Uint32Array {
  const n = projected.length / 3;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let p = 2; p < projected.length; p += 3) {
    if (projected[p] < low) low = projected[p];
    if (projected[p] > high) high = projected[p];
  }
  const scale = high > low ? (BUCKETS - 1) / (high - low) : 0;
  starts.fill(0);
  for (let p = 2; p < projected.length; p += 3) starts[((high - projected[p]) * scale) | 0]++;
  let sum = 0;
  for (let b = 0; b < BUCKETS; b++) {
    const count = starts[b];
    starts[b] = sum;
    sum += count;
  }
  for (let i = 0; i < n; i++) into[starts[((high - projected[3 * i + 2]) * scale) | 0]++] = i;
  return into;
}

const BUCKETS = 4096;
const starts = new Uint32Array(BUCKETS);
