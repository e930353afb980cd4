// The operations as methods of Tensor, so that code reads as it does in PyTorch: x.matmul(w).gelu().mean(). Importing this
// file adds them; the functions themselves stay where they are defined.
import { Tensor } from "../tensor/tensor.js";
import { backward } from "./autograd.js";
import { add, binary, div, mul, sub } from "./binary.js";
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
import { broadcastTo, permute, reshape, transpose } from "./view.js";

const methods = {
  add,
  sub,
  mul,
  div,
  pow: (x: Tensor, exponent: Tensor | number) =>
    typeof exponent === "number" ? unary.pow_scalar([x], { a: exponent }) : binary.pow([x, exponent]),
  maximum: (x: Tensor, other: Tensor) => binary.maximum([x, other]),
  minimum: (x: Tensor, other: Tensor) => binary.minimum([x, other]),
  neg: (x: Tensor) => unary.neg([x], {}),
  abs: (x: Tensor) => unary.abs([x], {}),
  exp: (x: Tensor) => unary.exp([x], {}),
  log: (x: Tensor) => unary.log([x], {}),
  sqrt: (x: Tensor) => unary.sqrt([x], {}),
  rsqrt: (x: Tensor) => unary.rsqrt([x], {}),
  reciprocal: (x: Tensor) => unary.reciprocal([x], {}),
  square: (x: Tensor) => unary.square([x], {}),
  relu: (x: Tensor) => unary.relu([x], {}),
  sigmoid: (x: Tensor) => unary.sigmoid([x], {}),
  tanh: (x: Tensor) => unary.tanh([x], {}),
  silu: (x: Tensor) => unary.silu([x], {}),
  /** Exact by default; `approximate: "tanh"` for the tanh form. */
  gelu: (x: Tensor, options: { approximate?: "none" | "tanh" } = {}) =>
    unary[options.approximate === "tanh" ? "gelu_tanh" : "gelu"]([x], {}),
  clamp: (x: Tensor, min: number, max: number) => unary.clamp([x], { a: min, b: max }),
  sum: (x: Tensor, options?: ReduceOptions) => sum(x, options),
  mean: (x: Tensor, options?: ReduceOptions) => mean(x, options),
  max: (x: Tensor, options?: ReduceOptions) => max(x, options),
  min: (x: Tensor, options?: ReduceOptions) => min(x, options),
  var: (x: Tensor, options?: ReduceOptions & { correction?: number }) => variance(x, options),
  logsumexp: (x: Tensor, options?: ReduceOptions) => logsumexp(x, options),
  norm: (x: Tensor, options?: ReduceOptions) => norm(x, options),
  argmax: (x: Tensor, options?: { dim?: number | null; keepDim?: boolean }) => argmax(x, options),
  cumsum: (x: Tensor, options?: { dim?: number }) => cumsum(x, options),
  topk: (x: Tensor, k: number, options?: TopkOptions) => topk(x, k, options),
  normalize: (x: Tensor, options?: { dim?: number; eps?: number }) => normalize(x, options),
  softmax: (x: Tensor, options?: SoftmaxOptions) => softmax(x, options),
  logSoftmax: (x: Tensor, options?: SoftmaxOptions) => logSoftmax(x, options),
  matmul: (x: Tensor, other: Tensor, options?: MatmulOptions) => matmul(x, other, options),
  cast,
  reshape,
  permute,
  transpose,
  broadcastTo,
  slice,
  flip,
  split,
  pad,
  gather,
  indexSelect,
  scatterAdd,
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
