// What the checks of kernels that work row by row share: the lengths that are tried, and sums, maxima and logarithms of sums in float64.
// Rows have the work's own length, and 96 as well, which does not fill 32 lanes evenly.
import { type Bound, build, define, type KernelUse, type Trial, total } from "./check.js";

const longest = 2048;

export const unitOf = (use: KernelUse) => (define(use, "VEC") ? 4 : 1);

/** The lengths of rows that are tried, in items. */
export function lengthsOf(use: KernelUse, asked = use.params.items): number[] {
  return [...new Set([Math.min(asked, longest), unitOf(use) === 4 ? 24 : 97])];
}

/** A row for each trial: an odd number of them, so that a team's last rows are missing. */
export const rows = 7;

export function eachLength(
  use: KernelUse,
  trial: (items: number, width: number) => [Record<string, number>, Bound[]],
): Trial[] {
  return lengthsOf(use).map((items) => {
    const [params, bound] = trial(items, items * unitOf(use));
    return { params: { rows, items, ...params }, groups: [rows], bound };
  });
}

/** f of each row, one after the other. */
export function byRow(
  x: ArrayLike<number>,
  width: number,
  f: (row: Float64Array, r: number) => ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let r = 0; r * width < x.length; r++) {
    const row = build(width, (i) => x[r * width + i]);
    out.set(Array.from(f(row, r)), r * width);
  }
  return out;
}

export const add = (values: ArrayLike<number>) => total(values.length, (i) => values[i]);
export const most = (values: ArrayLike<number>) => {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i]);
  return top;
};
export function logSumExp(values: Float64Array): number {
  const top = most(values);
  return top + Math.log(add(values.map((x) => Math.exp(x - top))));
}
