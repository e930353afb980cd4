// Rearrangements that are one strided walk of their source: reshape (free), permute, transpose, broadcast_to. Slices,
// concatenation and padding are in move.ts.
import { ShapeError } from "../gpu/errors.js";
import {
  broadcastStrides,
  formatShape,
  mergeAxes,
  resolveAxis,
  type Shape,
  sizeOf,
  stridesOf,
} from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./binary.js";
import { defineOp, result } from "./define.js";
import { elementwiseGroups } from "./launch.js";

interface Walk {
  vec: boolean;
  params: Record<string, number>;
  /** Elements, or vec4s where `vec`. */
  items: number;
}

/** A strided walk over `shape` in the terms of shaders/copy. Pure. */
export function planWalk(shape: Shape, strides: readonly number[], start: number): Walk {
  const merged = mergeAxes(shape, [strides]);
  const rank = merged.shape.length;
  if (rank > 6) {
    throw new ShapeError(
      "A rearrangement of more than six separate axes is not supported: do it in two steps.",
    );
  }
  const steps = merged.strides[0];
  const vec =
    rank > 0 &&
    steps[rank - 1] === 1 &&
    [merged.shape[rank - 1], start, ...steps.slice(0, -1)].every((n) => n % 4 === 0);
  const unit = vec ? 4 : 1;
  const params: Record<string, number> = { count: sizeOf(shape) / unit, start: start / unit };
  for (let i = 0; i < 6; i++) {
    const axis = i - 6 + rank;
    const inner = axis === rank - 1;
    if (i > 0) params[`n${i}`] = axis >= 0 ? merged.shape[axis] / (inner ? unit : 1) : 1;
    params[`s${i}`] = axis >= 0 ? steps[axis] / (inner ? 1 : unit) : 0;
  }
  return { vec, params, items: params.count };
}

/** Reads `x` with the given strides (elements, by axis of `shape`) into a new tensor; outside the graph. */
export function stridedCopy(x: Tensor, shape: Shape, strides: readonly number[], start = 0): Tensor {
  const { device } = x.gpu;
  const out = x.gpu.empty(shape, { dtype: x.dtype });
  const { vec, params, items } = planWalk(shape, strides, start);
  const kernel = device.kernel("copy", { PLACE: 0, VEC: vec });
  device.run(kernel, [x.block, out.block], params, elementwiseGroups(items));
  return out;
}

/** Writes `x` into `target` at the given strides (elements, by axis of x); outside the graph. */
export function stridedPlace(x: Tensor, target: Tensor, strides: readonly number[], start = 0): void {
  const { device } = x.gpu;
  const { vec, params, items } = planWalk(x.shape, strides, start);
  const kernel = device.kernel("copy", { PLACE: 1, VEC: vec });
  device.run(kernel, [x.block, target.block], params, elementwiseGroups(items));
}

const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  half: true,
  doc: "The same elements in row-major order under another shape; shares memory.",
  forward: ([x], { shape }) => result(x.alias(shape)),
  backward: ({ grad, inputs: [x] }) => [grad.alias(x.shape)],
});

/** One length may be -1: it is whatever the others leave. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return reshapeOp([x], { shape: inferLength(x, shape) });
}

function inferLength(x: Tensor, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  if (unknown < 0) {
    if (sizeOf(shape) !== x.size) {
      throw new ShapeError(
        `reshape: ${formatShape(x.shape)} has ${x.size} elements and cannot become ${formatShape(shape)}.`,
      );
    }
    return shape;
  }
  const known = shape.reduce((product, n, axis) => (axis === unknown ? product : product * n), 1);
  const length = x.size / known;
  if (!Number.isInteger(length)) {
    throw new ShapeError(`reshape: ${formatShape(x.shape)} cannot become ${formatShape(shape)}.`);
  }
  return shape.map((n, axis) => (axis === unknown ? length : n));
}

const permuteOp = defineOp<{ dims: readonly number[] }>({
  name: "permute",
  doc: "Axes in another order: axis i of the result is axis dims[i] of x.",
  forward: ([x], { dims }) => {
    const strides = stridesOf(x.shape);
    return result(
      stridedCopy(
        x,
        dims.map((axis) => x.shape[axis]),
        dims.map((axis) => strides[axis]),
      ),
    );
  },
  backward: ({ grad, options: { dims } }) => {
    const inverse = dims.map((_, axis) => dims.indexOf(axis));
    return [permute(grad, inverse)];
  },
});

export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const resolved = dims.map((axis) => resolveAxis(axis, x.rank));
  if (resolved.length !== x.rank || new Set(resolved).size !== x.rank) {
    throw new ShapeError(`permute: ${formatShape(dims)} is not an order of the ${x.rank} axes.`);
  }
  if (resolved.every((axis, i) => axis === i)) return x;
  return permuteOp([x], { dims: resolved });
}

/** Swaps two axes. */
export function transpose(x: Tensor, dim0 = -2, dim1 = -1): Tensor {
  const dims = x.shape.map((_, axis) => axis);
  const [a, b] = [resolveAxis(dim0, x.rank), resolveAxis(dim1, x.rank)];
  [dims[a], dims[b]] = [dims[b], dims[a]];
  return permute(x, dims);
}

const broadcastOp = defineOp<{ shape: Shape }>({
  name: "broadcast_to",
  doc: "x repeated along new axes and axes of length 1.",
  forward: ([x], { shape }) => result(stridedCopy(x, shape, broadcastStrides(x.shape, shape))),
  backward: ({ grad, inputs: [x] }) => [sumTo(grad, x.shape)],
});

export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const offset = shape.length - x.rank;
  const fits = offset >= 0 && x.shape.every((n, axis) => n === 1 || n === shape[axis + offset]);
  if (!fits)
    throw new ShapeError(`broadcastTo: ${formatShape(x.shape)} does not repeat to ${formatShape(shape)}.`);
  return broadcastOp([x], { shape });
}
