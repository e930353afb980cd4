// The operations as methods of Tensor, so that code reads as it does in PyTorch: x.matmul(w).gelu().mean(). Importing this
// file adds them; the functions themselves stay where they are defined.
import { Tensor } from "../tensor/tensor.js";
import { backward } from "./autograd.js";
import { add, binary, div, mul, sub } from "./binary.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { dropout } from "./dropout.js";
import { gather, indexSelect, scatterAdd } from "./gather.js";
import { type MatmulOptions, matmul } from "./matmul.js";
import { flip, pad, slice, split } from "./move.js";
import { normalize } from "./normalize.js";
import { logsumexp, max, mean, min, norm, type ReduceOptions, sum, variance } from "./reduce.js";
import { argmax, cumsum, type TopkOptions, topk } from "./scan.js";
import { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.js";
import { unary } from "./unary.js";
import { permute, reshape, transpose } from "./view.js";

const methods = {
  /** x + other by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  add,
  /** x − other by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  sub,
  /** x·other by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  mul,
  /** x/other by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  div,
  /**
   * x to a power, by element; a negative x needs a whole number. Broadcasts as NumPy does; throws ShapeError where the shapes
   * do not go together.
   */
  pow: (x: Tensor, exponent: Tensor | number) =>
    typeof exponent === "number" ? unary.pow_scalar([x], { a: exponent }) : binary.pow([x, exponent]),
  /** The larger of x and other, by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  maximum: (x: Tensor, other: Tensor) => binary.maximum([x, other]),
  /** The smaller of x and other, by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
  minimum: (x: Tensor, other: Tensor) => binary.minimum([x, other]),
  /** −x by element. */
  neg: (x: Tensor) => unary.neg([x], {}),
  /** |x| by element; the gradient at 0 is 0. */
  abs: (x: Tensor) => unary.abs([x], {}),
  /** eˣ by element. */
  exp: (x: Tensor) => unary.exp([x], {}),
  /** ln x by element; NaN below 0. */
  log: (x: Tensor) => unary.log([x], {}),
  /** √x by element; NaN below 0. */
  sqrt: (x: Tensor) => unary.sqrt([x], {}),
  /** 1/√x by element. */
  rsqrt: (x: Tensor) => unary.rsqrt([x], {}),
  /** 1/x by element. */
  reciprocal: (x: Tensor) => unary.reciprocal([x], {}),
  /** x² by element. */
  square: (x: Tensor) => unary.square([x], {}),
  /** max(x, 0) by element. */
  relu: (x: Tensor) => unary.relu([x], {}),
  /** 1/(1 + e⁻ˣ) by element. */
  sigmoid: (x: Tensor) => unary.sigmoid([x], {}),
  /** tanh x by element. */
  tanh: (x: Tensor) => unary.tanh([x], {}),
  /** x·sigmoid(x) by element. */
  silu: (x: Tensor) => unary.silu([x], {}),
  /** Exact by default; `approximate: "tanh"` for the tanh form. */
  gelu: (x: Tensor, options: { approximate?: "none" | "tanh" } = {}) =>
    unary[options.approximate === "tanh" ? "gelu_tanh" : "gelu"]([x], {}),
  /** x limited to [min, max] by element; the gradient passes inside. */
  clamp: (x: Tensor, min: number, max: number) => unary.clamp([x], { a: min, b: max }),
  /** The sum over axes, all by default. Throws ShapeError for an axis that x has not. */
  sum: (x: Tensor, options?: ReduceOptions) => sum(x, options),
  /** The mean over axes, all by default; NaN of no elements. Throws ShapeError for an axis that x has not. */
  mean: (x: Tensor, options?: ReduceOptions) => mean(x, options),
  /** The largest element over axes, all by default; NaN where one is. Throws ShapeError for an axis that x has not. */
  max: (x: Tensor, options?: ReduceOptions) => max(x, options),
  /** The smallest element over axes, all by default; NaN where one is. Throws ShapeError for an axis that x has not. */
  min: (x: Tensor, options?: ReduceOptions) => min(x, options),
  /**
   * The variance over axes, all by default; `correction` (default 1) is taken off the count. Throws ShapeError for an axis that
   * x has not.
   */
  var: (x: Tensor, options?: ReduceOptions & { correction?: number }) => variance(x, options),
  /** ln Σ eˣ over axes, all by default, without overflow. Throws ShapeError for an axis that x has not. */
  logsumexp: (x: Tensor, options?: ReduceOptions) => logsumexp(x, options),
  /** √Σ x² over axes, all by default. Throws ShapeError for an axis that x has not. */
  norm: (x: Tensor, options?: ReduceOptions) => norm(x, options),
  /**
   * i32 indices of the largest elements along `dim`, of the flattened tensor by default. Throws ShapeError for an axis that x
   * has not.
   */
  argmax: (x: Tensor, options?: { dim?: number | null; keepDim?: boolean }) => argmax(x, options),
  /** Running sums along `dim`, the last axis by default. Throws ShapeError for an axis that x has not. */
  cumsum: (x: Tensor, options?: { dim?: number }) => cumsum(x, options),
  /** The k largest elements along an axis, with their indices. Throws ShapeError where the axis is shorter. */
  topk: (x: Tensor, k: number, options?: TopkOptions) => topk(x, k, options),
  /** x over its L2 norm along `dim`, the last axis by default. Throws ShapeError for an axis that x has not. */
  normalize: (x: Tensor, options?: { dim?: number; eps?: number }) => normalize(x, options),
  /** eˣ over its sum along `dim`, the last axis by default. Throws ShapeError for an axis that x has not. */
  softmax: (x: Tensor, options?: SoftmaxOptions) => softmax(x, options),
  /** x − ln Σ eˣ along `dim`, the last axis by default. Throws ShapeError for an axis that x has not. */
  logSoftmax: (x: Tensor, options?: SoftmaxOptions) => logSoftmax(x, options),
  /** [..., m, k]·[..., k, n] → [..., m, n]; leading axes broadcast. Throws ShapeError where the inner lengths differ. */
  matmul: (x: Tensor, other: Tensor, options?: MatmulOptions) => matmul(x, other, options),
  /** The same values as another dtype. Throws MelgradError for f16 on an adapter without it. */
  cast,
  /**
   * The same elements as another shape, in the same memory; one length may be -1. Throws ShapeError where they do not fill it.
   */
  reshape,
  /** The axes in another order; a copy. Throws ShapeError where one is missing or named twice. */
  permute,
  /** Two axes swapped, the last two by default; a copy. */
  transpose,
  /** Repeated to a larger shape; a copy. Throws ShapeError where it does not repeat to it. */
  broadcastTo,
  /** [start, stop, step] by axis, as in Python. Throws ShapeError for a step of 0. */
  slice,
  /** Backwards along axes, all by default. */
  flip,
  /** Parts of these lengths along `dim`. Throws ShapeError where they do not add up. */
  split,
  /** [before, after] places of `value` for each axis. */
  pad,
  /** Elements by an i32 index along `dim`; one outside gives NaN. */
  gather,
  /** Slices along `dim` that an i32 list names; one outside gives NaN. */
  indexSelect,
  /** x with src added where an i32 index says, in the order of the index. */
  scatterAdd,
  /** Elements dropped with probability p and the others scaled by 1/(1 − p). Throws ShapeError unless 0 ≤ p < 1. */
  dropout,
  /** Fills `grad` of every leaf that this result depends on. */
  backward,
};

type Methods = typeof methods;
type Method<F> = F extends (x: Tensor, ...rest: infer Rest) => infer Result
  ? (...rest: Rest) => Result
  : never;
type TensorMethods = { [Name in keyof Methods]: Method<Methods[Name]> };

declare module "../tensor/tensor.js" {
  interface Tensor extends TensorMethods {}
}

for (const [name, method] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    value(this: Tensor, ...rest: unknown[]) {
      return (method as (x: Tensor, ...rest: unknown[]) => unknown)(this, ...rest);
    },
  });
}
