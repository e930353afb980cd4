// Rearrangements that are one strided copy of their source: reshape (free), permute, transpose. Repeating along axes is in
// broadcast.ts; slices, concatenation and padding are in move.ts.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, resolveAxis, type Shape, sizeOf, stridesOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { stridedCopy } from "./strided.js";

const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  integers: true,
  half: true,
  doc: "The same elements in row-major order under another shape; shares memory.",
  forward: ([x], { shape }) => result(x.alias(shape)),
  backward: ({ grad, inputs: [x] }) => [grad.alias(x.shape)],
});

/** The same elements as another shape, in the same memory. One length may be -1: it is whatever the others leave. Throws ShapeError where they do not fill it. */
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
  integers: true,
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

/** x with its axes in the order `dims`; a copy. Throws ShapeError where an axis is missing or named twice. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const resolved = dims.map((axis) => resolveAxis(axis, x.rank));
  if (resolved.length !== x.rank || new Set(resolved).size !== x.rank) {
    throw new ShapeError(`permute: ${formatShape(dims)} is not an order of the ${x.rank} axes.`);
  }
  if (resolved.every((axis, i) => axis === i)) return x;
  return permuteOp([x], { dims: resolved });
}

/** x with two axes swapped, by default the last two; a copy. */
export function transpose(x: Tensor, dim0 = -2, dim1 = -1): Tensor {
  const dims = x.shape.map((_, axis) => axis);
  const [a, b] = [resolveAxis(dim0, x.rank), resolveAxis(dim1, x.rank)];
  [dims[a], dims[b]] = [dims[b], dims[a]];
  return permute(x, dims);
}
