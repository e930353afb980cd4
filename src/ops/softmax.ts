// softmax and log_softmax over any axis. Rows of the innermost axis have kernels of their own (shaders/softmax/rows);
// another axis is walked column by column, or brought to the end where there are too few columns to fill the machine.
import { resolveAxis } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { foldLanes } from "./launch.js";
import { blocksOf, byRows } from "./pieces.js";
import { type View3, viewAround } from "./reduction.js";
import { planRows } from "./row-teams.js";
import { transpose } from "./view.js";

/** Along which axis. */
export interface SoftmaxOptions {
  /** The axis that sums to one; the last where not given. */
  dim?: number;
}

interface Resolved {
  axis: number;
}

/** Runs the forward kernel, or the backward one on (gradient, output). */
function launch(tensors: readonly Tensor[], view: View3, log: boolean): Tensor {
  const [x] = tensors;
  const { device } = x.gpu;
  const out = x.gpu.empty(x.shape);
  const suffix = tensors.length === 2 ? "_backward" : "";
  const { reduce, inner } = view;
  byRows(view.outer, [...tensors, out], (parts, rows) => {
    if (inner === 1) {
      const plan = planRows(x, [rows, reduce], `softmax/rows${suffix}`, { LOG: log });
      device.run(plan.kernel, blocksOf(parts), { rows, items: plan.items }, plan.groups);
    } else {
      const vec = inner % 4 === 0;
      const items = vec ? inner / 4 : inner;
      const count = rows * items;
      const kernel = device.kernel(`softmax/columns${suffix}`, { VEC: vec, LOG: log });
      device.run(kernel, blocksOf(parts), { count, reduce, items }, foldLanes(count));
    }
  });
  return out;
}

function defineSoftmax(name: string, doc: string, log: boolean) {
  return defineOp<Resolved>({
    name,
    doc,
    forward: ([x], { axis }) => result(launch([x], viewAround(x.shape, axis), log)),
    backward: ({ grad, output, options: { axis } }) => [
      launch([grad, output], viewAround(output.shape, axis), log),
    ],
  });
}

const softmaxOp = defineSoftmax("softmax", "exp(x) over its sum along an axis.", false);
const logSoftmaxOp = defineSoftmax("log_softmax", "x − ln Σ exp(x) along an axis.", true);

function apply(op: typeof softmaxOp, x: Tensor, dim: number): Tensor {
  const axis = resolveAxis(dim, x.rank);
  const { outer, reduce, inner } = viewAround(x.shape, axis);
  if (inner > 1 && reduce > 256 && outer * inner < 1024) {
    return transpose(op([transpose(x, axis, -1)], { axis: x.rank - 1 }), axis, -1);
  }
  return op([x], { axis });
}

/** exp(x) / Σ exp(x) along `dim` (default the last axis), computed from x − max(x). */
export function softmax(x: Tensor, { dim = -1 }: SoftmaxOptions = {}): Tensor {
  return apply(softmaxOp, x, dim);
}

/** x − ln Σ exp(x) along `dim` (default the last axis). */
export function logSoftmax(x: Tensor, { dim = -1 }: SoftmaxOptions = {}): Tensor {
  return apply(logSoftmaxOp, x, dim);
}
