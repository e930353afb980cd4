// Cross entropy of logits with class indices, fused: forward keeps ln Σ exp of each row, the gradient is one kernel. The row
// kernels also serve InfoNCE, whose classes are the diagonal of a square.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, rowsOf, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp } from "./define.js";
import { foldMean, foldSum } from "./loss-sums.js";
import { blocksOf, byRows } from "./pieces.js";
import { planRows } from "./row-teams.js";

/** What becomes of the losses of the elements or rows. */
export type LossReduction = "mean" | "sum" | "none";

/** Settings of cross entropy. */
export interface CrossEntropyOptions {
  /** Share of the target that is spread evenly over all classes; default 0. */
  labelSmoothing?: number;
  /** Rows with this target count for nothing; default -100. */
  ignoreIndex?: number;
  /** mean (default): over the rows that are not ignored. */
  reduction?: LossReduction;
}

/** Rows of logits and the losses of their classes; `targets` undefined means the diagonal of each square. */
export interface RowLosses {
  losses: Tensor;
  lse: Tensor;
  valid: Tensor;
}

interface RowOptions {
  scale: number;
  smoothing: number;
  ignore: number;
}

/** loss/cross_entropy over logits [rows, classes]. */
export function crossEntropyRows(
  logits: Tensor,
  targets: Tensor | undefined,
  { scale, smoothing, ignore }: RowOptions,
): RowLosses {
  const classes = logits.shape[logits.rank - 1];
  const rows = rowsOf(logits.shape);
  const { gpu } = logits;
  const { device } = gpu;
  const saved = { losses: gpu.empty([rows]), lse: gpu.empty([rows]), valid: gpu.empty([rows]) };
  const diagonal = { DIAGONAL: targets === undefined };
  const { losses, lse, valid } = saved;
  const square = targets ? 1 : classes; // a diagonal's rows stay together
  const cut = [logits, targets, losses, lse, valid] as const;
  byRows(rows / square, cut, ([logits, targets = logits, ...rest], squares) => {
    const rows = squares * square;
    const plan = planRows(logits, [rows, classes], "loss/cross_entropy", diagonal);
    const params = { rows, items: plan.items, classes, scale, smoothing, ignore };
    device.run(plan.kernel, blocksOf([logits, targets, ...rest]), params, plan.groups);
  });
  return saved;
}

interface BackwardOptions extends RowOptions {
  /** Multiplies the upstream gradient. */
  factor: number;
  /** One upstream gradient a row. */
  each: boolean;
  /** Number of valid rows to divide by. */
  count: Tensor | undefined;
  /** Where the gradient goes; the logits' own memory where not given. */
  out: Tensor | undefined;
}

/** loss/cross_entropy_backward: the gradient of the logits. */
export function crossEntropyRowsBackward(
  logits: Tensor,
  targets: Tensor | undefined,
  lse: Tensor,
  grad: Tensor,
  options: BackwardOptions,
): Tensor {
  const { scale, smoothing, ignore, factor, each, count, out } = options;
  const classes = logits.shape[logits.rank - 1];
  const rows = rowsOf(logits.shape);
  const { device } = logits.gpu;
  const cut = [logits, targets, lse, each ? grad : undefined, out] as const;
  const square = targets ? 1 : classes;
  byRows(rows / square, cut, ([logits, targets, lse, own = grad, out], squares) => {
    const rows = squares * square;
    const plan = planRows(logits, [rows, classes], "loss/cross_entropy_backward", {
      DIAGONAL: targets === undefined,
      EACH: each,
      MEAN: count !== undefined,
      IN_PLACE: out === undefined,
    });
    const tensors = [targets ?? lse, lse, own, count ?? lse, logits, ...(out ? [out] : [])];
    const params = { rows, items: plan.items, classes, scale, smoothing, ignore, factor };
    device.run(plan.kernel, blocksOf(tensors), params, plan.groups);
  });
  return out ?? logits;
}

const crossEntropyOp = defineOp<
  { smoothing: number; ignore: number; reduction: LossReduction },
  { lse: Tensor; count: Tensor | undefined }
>({
  name: "cross_entropy",
  integers: [1],
  doc: "ln Σ exp(logits) − logits[target] by row, with label smoothing and an index to ignore.",
  forward([logits, target], { smoothing, ignore, reduction }) {
    target.gpu.lookAt?.("crossEntropy", target, logits.shape[logits.rank - 1], ignore);
    const { losses, lse, valid } = crossEntropyRows(logits, target, { scale: 1, smoothing, ignore });
    if (reduction === "mean") {
      const { mean, count } = foldMean(losses, valid);
      return { output: mean, saved: { lse, count } };
    }
    const saved = { lse, count: undefined };
    if (reduction === "none") return { output: losses.alias(target.shape), saved };
    return { output: foldSum(losses), saved };
  },
  backward({ grad, inputs: [logits, target], options, saved: { lse, count } }) {
    const { smoothing, ignore, reduction } = options;
    const each = reduction === "none";
    const out = logits.gpu.empty(logits.shape);
    crossEntropyRowsBackward(logits, target, lse, grad, {
      ...{ scale: 1, smoothing, ignore, factor: 1, each, count, out },
    });
    return [out, undefined];
  },
});

/**
 * Cross entropy of logits [..., classes] with class indices [...] (i32). A target outside 0…classes-1 other than
 * `ignoreIndex` makes the loss NaN (gpu.checkIndices).
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  { labelSmoothing = 0, ignoreIndex = -100, reduction = "mean" }: CrossEntropyOptions = {},
): Tensor {
  if (target.dtype !== "i32") {
    throw new ShapeError(
      "crossEntropy: the target must hold class indices: make it with { dtype: 'i32' } or from an Int32Array.",
    );
  }
  if (logits.rank === 0 || !sameShape(logits.shape.slice(0, -1), target.shape)) {
    throw new ShapeError(
      `crossEntropy: logits ${formatShape(logits.shape)} need a target of shape ` +
        `${formatShape(logits.shape.slice(0, -1))}, not ${formatShape(target.shape)}.`,
    );
  }
  return crossEntropyOp([logits, target], { smoothing: labelSmoothing, ignore: ignoreIndex, reduction });
}
