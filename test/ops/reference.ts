// Small float64 helpers for the references of the op table: plain loops over row-major arrays, nothing clever.
import { broadcastStrides, sizeOf, stridesOf } from "../../src/tensor/shape.js";
import type { Values } from "./case.js";

/** erf in float64: its series where that converges fast, else the continued fraction of erfc. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let total = a;
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let tail = 0;
  for (let k = 120; k > 0; k--) tail = k / 2 / (a + tail);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + tail) * Math.sqrt(Math.PI)));
}

/** The coordinates of element `i` of an array of `shape`. */
export function unravel(i: number, shape: readonly number[]): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(i / stride) % shape[axis]);
}

/** The element of row-major `values` at coordinates `at`. */
export function element(values: Values, at: readonly number[]): number {
  let offset = 0;
  stridesOf(values.shape).forEach((stride, axis) => {
    offset += stride * at[axis];
  });
  return values.data[offset];
}

/** An array of `shape` computed element by element from its coordinates. */
export function build(shape: readonly number[], f: (at: number[]) => number): Float64Array {
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => f(unravel(i, shape)));
}

/** f over the broadcast of any number of arrays to `shape`. */
export function zip(
  shape: readonly number[],
  inputs: readonly Values[],
  f: (...values: number[]) => number,
): Float64Array {
  const strides = inputs.map((input) => broadcastStrides(input.shape, shape));
  return build(shape, (at) =>
    f(
      ...inputs.map(
        (input, k) => input.data[strides[k].reduce((offset, stride, axis) => offset + stride * at[axis], 0)],
      ),
    ),
  );
}
