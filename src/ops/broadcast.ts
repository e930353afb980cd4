// Repeating along axes, as NumPy broadcasts: broadcast_to, and the sum that a gradient becomes over what was repeated. Operations on
// two tensors repeat without a copy (elementwise.ts).
import { ShapeError } from "../gpu/errors.js";
import { broadcastAxes, broadcastStrides, formatShape, type Shape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { sum } from "./reduce.js";
import { stridedCopy } from "./strided.js";
import { reshape } from "./view.js";

/** Sums a gradient over the axes along which its operand was repeated. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const axes = broadcastAxes(shape, grad.shape);
  const summed = axes.length > 0 ? sum(grad, { dim: axes, keepDim: true }) : grad;
  return sameShape(summed.shape, shape) ? summed : reshape(summed, shape);
}

const broadcastOp = defineOp<{ shape: Shape }>({
  name: "broadcast_to",
  integers: true,
  doc: "x repeated along new axes and axes of length 1.",
  forward: ([x], { shape }) => result(stridedCopy(x, shape, broadcastStrides(x.shape, shape))),
  backward: ({ grad, inputs: [x] }) => [sumTo(grad, x.shape)],
});

/**
 * x repeated along axes of length 1, and along new ones before its own, to `shape`; a copy. Throws ShapeError where it does not
 * repeat to it.
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const offset = shape.length - x.rank;
  const fits = offset >= 0 && x.shape.every((n, axis) => n === 1 || n === shape[axis + offset]);
  if (!fits)
    throw new ShapeError(`broadcastTo: ${formatShape(x.shape)} does not repeat to ${formatShape(shape)}.`);
  return broadcastOp([x], { shape });
}
