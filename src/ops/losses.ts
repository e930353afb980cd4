// Losses: binary cross entropy with logits and mean squared error, element by element and reduced; cross entropy with class
// indices and InfoNCE have files of their own and are exported from here too.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, type Shape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { combine } from "./binary.js";
import type { LossReduction } from "./cross-entropy.js";
import { defineOp } from "./define.js";
import { elementwiseGroups } from "./launch.js";
import { sumLosses } from "./loss-sums.js";

export { type CrossEntropyOptions, crossEntropy, type LossReduction } from "./cross-entropy.js";
export { infonce } from "./infonce.js";

/**
 * EXPR(x, t, w, g, p.scale) by element; see shaders/loss/pointwise. `upstream` of one element counts for all; `negated` gets the
 * same with the other sign.
 */
function pointwise(
  expression: string,
  x: Tensor,
  target: Tensor,
  {
    weight,
    upstream,
    negated,
    scale = 1,
  }: { weight?: Tensor; upstream?: Tensor; negated?: Tensor; scale?: number } = {},
): Tensor {
  const { device } = x.gpu;
  const out = x.gpu.empty(x.shape);
  const each = upstream !== undefined && upstream.rank > 0;
  const vec = !weight || weight.size % 4 === 0;
  const count = vec ? Math.ceil(x.size / 4) : x.size;
  const period = weight ? (vec ? weight.size / 4 : weight.size) : 1;
  const defines = { VEC: vec, WEIGHTED: weight !== undefined, EACH: each, EXPR: expression };
  const tensors = [x, target, weight ?? x, upstream ?? x, out, ...(negated ? [negated] : [])];
  device.run(
    device.kernel("loss/pointwise", { ...defines, PAIR: negated !== undefined }),
    tensors.map((tensor) => tensor.block),
    { count, period, scale },
    elementwiseGroups(count),
  );
  return out;
}

function meanScale(x: Tensor, reduction: LossReduction): number {
  return reduction === "mean" ? 1 / x.size : 1;
}

function requireSameShape(name: string, x: Shape, y: Shape): void {
  if (!sameShape(x, y)) {
    throw new ShapeError(
      `${name}: ${formatShape(x)} and ${formatShape(y)} must be the same shape: reshape or broadcastTo one of them.`,
    );
  }
}

const mseOp = defineOp<{ reduction: LossReduction }>({
  name: "mse",
  doc: "(x − y)², averaged, summed or by element.",
  forward([x, y], { reduction }) {
    if (reduction === "none") return { output: combine("(a - b) * (a - b)", x, y), saved: undefined };
    const output = sumLosses("(x - t) * (x - t)", x, y, { scale: meanScale(x, reduction) });
    return { output, saved: undefined };
  },
  backward({ grad, inputs: [x, y], needs, options: { reduction } }) {
    const scale = 2 * meanScale(x, reduction);
    const negated = needs[0] && needs[1] ? y.gpu.empty(y.shape) : undefined;
    const sign = needs[0] ? 1 : -1;
    const gradient = pointwise("g * p.scale * (x - t)", x, y, {
      upstream: grad,
      scale: sign * scale,
      negated,
    });
    return needs[0] ? [gradient, negated] : [undefined, gradient];
  },
});

/** Squared difference of two tensors of one shape. */
export function mse(
  x: Tensor,
  y: Tensor,
  { reduction = "mean" }: { reduction?: LossReduction } = {},
): Tensor {
  requireSameShape("mse", x.shape, y.shape);
  return mseOp([x, y], { reduction });
}

// −w·t·ln σ(x) − (1 − t)·ln(1 − σ(x)) without overflow: ln σ(x) = min(x, 0) − ln(1 + exp(−|x|)).
const binaryLoss = "(1.0 - t) * x + (1.0 + (w - 1.0) * t) * (log(1.0 + exp(-abs(x))) + max(-x, ITEM(0.0)))";
const binaryGradient = "g * p.scale * (1.0 - t - (1.0 + (w - 1.0) * t) / (1.0 + exp(x)))";

const binaryOp = defineOp<{ reduction: LossReduction }>({
  name: "bce_with_logits",
  doc: "−w·t·ln σ(x) − (1 − t)·ln(1 − σ(x)), averaged, summed or by element.",
  forward([x, target, weight], { reduction }) {
    if (reduction === "none")
      return { output: pointwise(binaryLoss, x, target, { weight }), saved: undefined };
    const output = sumLosses(binaryLoss, x, target, { weight, scale: meanScale(x, reduction) });
    return { output, saved: undefined };
  },
  backward({ grad, inputs: [x, target, weight], options: { reduction } }) {
    const scale = meanScale(x, reduction);
    return [pointwise(binaryGradient, x, target, { weight, upstream: grad, scale }), undefined, undefined];
  },
});

export interface BinaryCrossEntropyOptions {
  /** Weight of the positive part of each class: [classes], along the last axis. */
  posWeight?: Tensor;
  reduction?: LossReduction;
}

/** Binary cross entropy of logits with targets in [0, 1] of the same shape. The target gets no gradient. */
export function bceWithLogits(
  logits: Tensor,
  target: Tensor,
  { posWeight, reduction = "mean" }: BinaryCrossEntropyOptions = {},
): Tensor {
  requireSameShape("bceWithLogits", logits.shape, target.shape);
  if (posWeight && (posWeight.rank !== 1 || posWeight.size !== logits.shape[logits.rank - 1])) {
    throw new ShapeError(
      `bceWithLogits: posWeight is ${formatShape(posWeight.shape)}: give one weight for each place of the last axis ` +
        `of ${formatShape(logits.shape)}.`,
    );
  }
  return binaryOp(posWeight ? [logits, target, posWeight] : [logits, target], { reduction });
}
