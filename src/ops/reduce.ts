// Reductions over axes.
import { reducedShape, resolveAxes, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { foldGroups } from "./launch.js";
import { affine } from "./unary.js";
import { broadcastTo, permute, reshape } from "./view.js";

export interface ReduceOptions {
  /** Axes to reduce; all where not given. */
  dim?: number | readonly number[] | null;
  /** Keeps reduced axes with length 1. */
  keepDim?: boolean;
}

interface Resolved {
  axes: number[];
  keepDim: boolean;
}

const sumOp = defineOp<Resolved>({
  name: "sum",
  doc: "The sum over axes.",
  forward([x], { axes, keepDim }) {
    const { device } = x.gpu;
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const contiguous = axes.every((axis, i) => i === 0 || axis === axes[i - 1] + 1);
    const source = contiguous ? x : permute(x, [...kept, ...axes]);
    const reduce = sizeOf(axes.map((axis) => x.shape[axis]));
    const inner = contiguous ? sizeOf(x.shape.slice((axes.at(-1) ?? x.rank - 1) + 1)) : 1;
    const out = x.gpu.empty(reducedShape(x.shape, axes, keepDim));
    const outer = out.size / inner;
    device.run(
      device.kernel("reduce"),
      [source.block, out.block],
      { outer, reduce, inner },
      foldGroups(Math.ceil(out.size / 64)),
    );
    return result(out);
  },
  backward({ grad, inputs: [x], options: { axes } }) {
    return [broadcastTo(reshape(grad, reducedShape(x.shape, axes, true)), x.shape)];
  },
});

export function sum(x: Tensor, { dim, keepDim = false }: ReduceOptions = {}): Tensor {
  return sumOp([x], { axes: resolveAxes(dim, x.rank), keepDim });
}

/** The mean over axes. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = sum(x, options);
  return affine(total, total.size / x.size, 0);
}
