// Losses: binary cross entropy with logits and mean squared error, element by element and reduced; cross entropy with class
// indices and InfoNCE have files of their own and are exported from here too.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, inverseOf, type Shape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { LossReduction } from "./cross-entropy.js";
import { defineOp } from "./define.js";
import { combine, runElementwise } from "./elementwise.js";
import { sumLosses } from "./loss-sums.js";

export { type CrossEntropyOptions, crossEntropy, type LossReduction } from "./cross-entropy.js";
export { infonce } from "./infonce.js";

/** Expressions in x, the target t, the weights w of the last axis (1 where absent), the gradient g and the number c0, by element. */
function pointwise(
  results: readonly string[],
  x: Tensor,
  target: Tensor,
  { weight, upstream, scale }: { weight?: Tensor; upstream?: Tensor; scale?: number } = {},
): Tensor[] {
  const operands = [x, target];
  let body = "let x = x0; let t = x1;";
  body += weight ? ` let w = x${operands.push(weight) - 1};` : " let w = vec4(1.0);";
  if (upstream) body += ` let g = x${operands.push(upstream) - 1};`;
  const numbers = scale === undefined ? [] : [scale];
  return runElementwise({ body, results }, operands, { numbers, shape: x.shape });
}

function meanScale(x: Tensor, reduction: LossReduction): number {
  return reduction === "mean" ? inverseOf(x.size) : 1;
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
    const results = ["g * c0 * (x - t)", "g * c0 * (t - x)"].filter((_, i) => needs[i]);
    const made = pointwise(results, x, y, { upstream: grad, scale });
    return needs.map((need) => (need ? made.shift() : undefined));
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
const binaryGradient = "g * c0 * (1.0 - t - (1.0 + (w - 1.0) * t) / (1.0 + exp(x)))";

const binaryOp = defineOp<{ reduction: LossReduction }>({
  name: "bce_with_logits",
  doc: "−w·t·ln σ(x) − (1 − t)·ln(1 − σ(x)), averaged, summed or by element.",
  forward([x, target, weight], { reduction }) {
    if (reduction === "none")
      return { output: pointwise([binaryLoss], x, target, { weight })[0], saved: undefined };
    const output = sumLosses(binaryLoss, x, target, { weight, scale: meanScale(x, reduction) });
    return { output, saved: undefined };
  },
  backward({ grad, inputs: [x, target, weight], options: { reduction } }) {
    const scale = meanScale(x, reduction);
    const [gradient] = pointwise([binaryGradient], x, target, { weight, upstream: grad, scale });
    return [gradient, undefined, undefined];
  },
});

/** Weights and reduction of binary cross entropy. */
export interface BinaryCrossEntropyOptions {
  /** Weight of the positive part of each class: [classes], along the last axis. */
  posWeight?: Tensor;
  /** Default mean. */
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
