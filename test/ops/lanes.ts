// For references of operations along axes: takes an array apart into the vectors that lie along some axes and puts what a
// function makes of each back together. Float64 loops, nothing clever.
import { sizeOf, stridesOf } from "../../src/tensor/shape.js";
import type { Values } from "./case.js";

interface Lanes {
  starts: number[];
  steps: number[];
}

// Central differences call a reference a hundred times for one row.
const known = new Map<string, Lanes>();

/** The vectors along `axes` (in row-major order within each), in row-major order of the other axes, and their offsets. */
export function lanes(shape: readonly number[], axes: readonly number[]): Lanes {
  const key = `${shape}|${axes}`;
  let found = known.get(key);
  if (!found) {
    const strides = stridesOf(shape);
    const offsets = (chosen: readonly number[]) =>
      chosen.reduce<number[]>(
        (before, axis) =>
          before.flatMap((offset) =>
            Array.from({ length: shape[axis] }, (_, i) => offset + i * strides[axis]),
          ),
        [0],
      );
    const others = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    found = { starts: offsets(others), steps: offsets(axes) };
    known.clear();
    known.set(key, found);
  }
  return found;
}

/** One number for every vector along `axes`. */
export function collapse(
  { data, shape }: Values,
  axes: readonly number[],
  f: (vector: number[]) => number,
): Float64Array {
  const { starts, steps } = lanes(shape, axes);
  return Float64Array.from(starts, (start) => f(steps.map((step) => data[start + step])));
}

/** Every vector along `axis` replaced by f of it, of the same length. */
export function along(
  { data, shape }: Values,
  axis: number,
  f: (vector: number[]) => ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  const { starts, steps } = lanes(shape, [axis]);
  for (const start of starts) {
    const made = f(steps.map((step) => data[start + step]));
    steps.forEach((step, i) => {
      out[start + step] = made[i];
    });
  }
  return out;
}

/** Σ of many numbers. */
export function add(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

/** ln Σ exp; `read` passes the sum on, for whoever changes what is read. */
export function logSumExp(vector: readonly number[], read = (sum: number) => sum): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const x of vector) top = Math.max(top, x);
  return top + Math.log(read(add(vector.map((x) => Math.exp(x - top)))));
}
