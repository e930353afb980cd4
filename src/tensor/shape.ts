// Shape arithmetic: sizes, strides, axes, NumPy broadcasting and the merging of axes that kernels need. Pure functions.
import { ShapeError } from "../gpu/errors.js";

/** Lengths of the axes, outermost first; [] is a single number. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Number of rows: elements of the axes before the last, also where the last has none. */
export function rowsOf(shape: Shape): number {
  return sizeOf(shape.slice(0, -1));
}

/** 1/n, and NaN for nothing: what a mean over no elements is multiplied by. */
export function inverseOf(n: number): number {
  return n > 0 ? 1 / n : Number.NaN;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Whether two shapes are of equal rank and lengths. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/** "[2, 3]", for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** An axis in 0…rank-1; negative ones count from the end. */
export function resolveAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= Math.max(rank, 1)) {
    throw new ShapeError(`Axis ${axis} does not exist in a tensor of ${rank} axes.`);
  }
  return resolved;
}

/** Sorted, distinct axes; undefined or null means all of them. */
export function resolveAxes(axes: number | readonly number[] | null | undefined, rank: number): number[] {
  if (axes === undefined || axes === null) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const resolved = [...new Set(list.map((axis) => resolveAxis(axis, rank)))].sort((a, b) => a - b);
  if (resolved.length !== list.length)
    throw new ShapeError(`An axis is named twice in ${formatShape(list)}.`);
  return resolved;
}

/** The shape that remains when `axes` are reduced. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDim: boolean): number[] {
  const reduced = new Set(axes);
  return keepDim
    ? shape.map((n, axis) => (reduced.has(axis) ? 1 : n))
    : shape.filter((_, axis) => !reduced.has(axis));
}

/** NumPy broadcasting of two shapes. */
export function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1;
    const n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(`Shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast together.`);
    }
    return m === 1 ? n : m;
  });
}

/** Strides with which a tensor of `shape` is read as if it had the broadcast shape `target`: 0 along repeated axes. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  return target.map((_, i) => {
    const axis = i - target.length + shape.length;
    return axis < 0 || shape[axis] === 1 ? 0 : strides[axis];
  });
}

/** A strided iteration space with as few axes as possible. */
export interface Iteration {
  shape: number[];
  /** One list of strides for each operand, of the same length as `shape`. */
  strides: number[][];
}

/** Drops axes of length 1 and merges neighbours that every operand walks as one. */
export function mergeAxes(shape: Shape, strides: readonly (readonly number[])[]): Iteration {
  const merged: Iteration = { shape: [], strides: strides.map(() => []) };
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const last = merged.shape.length - 1;
    const joins = last >= 0 && strides.every((s, k) => merged.strides[k][last] === s[axis] * shape[axis]);
    if (joins) {
      merged.shape[last] *= shape[axis];
      strides.forEach((s, k) => {
        merged.strides[k][last] = s[axis];
      });
    } else {
      merged.shape.push(shape[axis]);
      strides.forEach((s, k) => {
        merged.strides[k].push(s[axis]);
      });
    }
  }
  return merged;
}

/** Axes that were broadcast from `from` to `to`: those a gradient is summed over. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const axes: number[] = [];
  for (let i = 0; i < to.length; i++) {
    const axis = i - to.length + from.length;
    if (axis < 0 || (from[axis] === 1 && to[i] !== 1)) axes.push(i);
  }
  return axes;
}
