// Runners of the tensor operations.
import { attention } from "../../src/ops/attention.js";
import { type BinaryName, binary } from "../../src/ops/binary.js";
import { broadcastTo } from "../../src/ops/broadcast.js";
import { conv1d, conv2d } from "../../src/ops/conv.js";
import { crossEntropy } from "../../src/ops/cross-entropy.js";
import { dropout } from "../../src/ops/dropout.js";
import { gather, indexSelect, scatterAdd } from "../../src/ops/gather.js";
import { infonce } from "../../src/ops/infonce.js";
import { layerNorm } from "../../src/ops/layer-norm.js";
import { linear } from "../../src/ops/linear.js";
import { bceWithLogits, mse } from "../../src/ops/losses.js";
import { matmul } from "../../src/ops/matmul.js";
import { concat, pad, type Range, slice, stack, where } from "../../src/ops/move.js";
import { cosineSimilarity, normalize } from "../../src/ops/normalize.js";
import { logsumexp, max, mean, min, type ReduceOptions, sum, variance } from "../../src/ops/reduce.js";
import { argmax, cumsum, topk } from "../../src/ops/scan.js";
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import { type UnaryName, unary } from "../../src/ops/unary.js";
import { permute, reshape, transpose } from "../../src/ops/view.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { axes, choice, flag, lists, number, numbers, optionalNumber, type Params } from "./params.js";
import { type Inputs, op } from "./run-op.js";
import type { Produced, Runner } from "./runner.js";

const largest = 3.4028234663852886e38;
const reductions = ["mean", "sum", "none"] as const;

const unaryOp = (name: UnaryName) => op(({ x }) => unary[name]([x], {}));
const binaryOp = (name: BinaryName) => op(({ a, b }) => binary[name]([a, b]));
const reduceOp = (reduce: (x: Tensor, options: ReduceOptions, params: Params) => Tensor) =>
  op(({ x }, params) =>
    reduce(x, { dim: axes(params, "dim"), keepDim: flag(params, "keepdim", false) }, params),
  );
const inNameOrder = (inputs: Inputs) =>
  Object.keys(inputs)
    .sort()
    .map((name) => inputs[name]);
const convOptions = (params: Params) => ({
  stride: axes(params, "stride"),
  padding: axes(params, "padding"),
});
const pairs = (params: Params, name: string) =>
  lists(params, name).map(([before, after]): [number, number] => [before ?? 0, after ?? 0]);

/** The mask as an addend, and as the keys to keep: both have to give the expected values. */
const attentionBothWays: Runner = async (gpu, item) => {
  const masks = ["mask_add", "key_keep"].filter((name) => name in item.inputs);
  const ways = masks.length > 0 ? masks : ["none"];
  const results: Produced[] = [];
  for (const way of ways) {
    const run = op(({ q, k, v, mask_add, key_keep }) =>
      attention(q, k, v, way === "key_keep" ? { keyKeep: key_keep } : { mask: mask_add }),
    );
    results.push(...[await run(gpu, item)].flat());
  }
  return results;
};

export const opRunners: Readonly<Record<string, Runner>> = {
  matmul: op(({ a, b }, params) =>
    matmul(a, b, {
      transposeA: flag(params, "transpose_a", false),
      transposeB: flag(params, "transpose_b", false),
    }),
  ),
  linear: op(({ x, weight, bias }) => linear(x, weight, bias)),
  attention: attentionBothWays,

  softmax: op(({ x }, params) => softmax(x, { dim: number(params, "dim") })),
  log_softmax: op(({ x }, params) => logSoftmax(x, { dim: number(params, "dim") })),
  layer_norm: op(({ x, weight, bias }, params) => layerNorm(x, weight, bias, { eps: number(params, "eps") })),
  normalize: op(({ x }, params) => normalize(x, { dim: number(params, "dim"), eps: number(params, "eps") })),
  cosine_similarity: op(({ a, b }, params) =>
    cosineSimilarity(a, b, { dim: number(params, "dim"), eps: number(params, "eps") }),
  ),

  cross_entropy: op(({ logits, target }, params) =>
    crossEntropy(logits, target, {
      labelSmoothing: number(params, "label_smoothing", 0),
      ignoreIndex: number(params, "ignore_index", -100),
      reduction: choice(params, "reduction", reductions),
    }),
  ),
  mse: op(({ x, y }, params) => mse(x, y, { reduction: choice(params, "reduction", reductions) })),
  bce_with_logits: op(({ logits, target, pos_weight }, params) =>
    bceWithLogits(logits, target, {
      posWeight: pos_weight,
      reduction: choice(params, "reduction", reductions),
    }),
  ),
  infonce: op(({ x, c }, params) => infonce(x, c, { tau: number(params, "tau") })),

  neg: unaryOp("neg"),
  abs: unaryOp("abs"),
  exp: unaryOp("exp"),
  log: unaryOp("log"),
  sqrt: unaryOp("sqrt"),
  rsqrt: unaryOp("rsqrt"),
  reciprocal: unaryOp("reciprocal"),
  square: unaryOp("square"),
  relu: unaryOp("relu"),
  sigmoid: unaryOp("sigmoid"),
  tanh: unaryOp("tanh"),
  silu: unaryOp("silu"),
  gelu: op(({ x }, params) =>
    unary[choice(params, "approximate", ["none", "tanh"], "none") === "tanh" ? "gelu_tanh" : "gelu"]([x], {}),
  ),
  pow_scalar: op(({ x }, params) => unary.pow_scalar([x], { a: number(params, "exponent") })),
  clamp: op(({ x }, params) =>
    unary.clamp([x], {
      a: optionalNumber(params, "min") ?? -largest,
      b: optionalNumber(params, "max") ?? largest,
    }),
  ),
  dropout: op(({ x, keep }, params) => dropout(x, { p: number(params, "p"), keep })),

  add: binaryOp("add"),
  sub: binaryOp("sub"),
  mul: binaryOp("mul"),
  div: binaryOp("div"),
  maximum: binaryOp("maximum"),
  minimum: binaryOp("minimum"),
  pow: binaryOp("pow"),
  where: op(({ cond, a, b }) => where(cond, a, b)),

  sum: reduceOp(sum),
  mean: reduceOp(mean),
  max: reduceOp(max),
  min: reduceOp(min),
  logsumexp: reduceOp(logsumexp),
  var: reduceOp((x, options, params) =>
    variance(x, { ...options, correction: number(params, "correction", 1) }),
  ),
  cumsum: op(({ x }, params) => cumsum(x, { dim: number(params, "dim") })),
  argmax: op(({ x }, params) =>
    argmax(x, { dim: optionalNumber(params, "dim") ?? null, keepDim: flag(params, "keepdim", false) }),
  ),
  topk: op(({ x }, params) => topk(x, number(params, "k"), { dim: number(params, "dim", -1) })),

  transpose: op(({ x }, params) => transpose(x, number(params, "dim0"), number(params, "dim1"))),
  permute: op(({ x }, params) => permute(x, numbers(params, "dims"))),
  reshape: op(({ x }, params) => reshape(x, numbers(params, "shape"))),
  broadcast_to: op(({ x }, params) => broadcastTo(x, numbers(params, "shape"))),
  slice: op(({ x }, params) => slice(x, lists(params, "slices") as unknown as Range[])),
  concat: op((inputs, params) => concat(inNameOrder(inputs), { dim: number(params, "dim") })),
  stack: op((inputs, params) => stack(inNameOrder(inputs), { dim: number(params, "dim") })),
  pad: op(({ x }, params) => pad(x, pairs(params, "pad"), number(params, "value", 0))),
  gather: op(({ x, index }, params) => gather(x, index, { dim: number(params, "dim") })),
  index_select: op(({ x, index }, params) => indexSelect(x, index, { dim: number(params, "dim") })),
  scatter_add: op(({ x, index, src }, params) => scatterAdd(x, index, src, { dim: number(params, "dim") })),

  conv1d: op(({ x, weight, bias }, params) => conv1d(x, weight, bias, convOptions(params))),
  conv2d: op(({ x, weight, bias }, params) => conv2d(x, weight, bias, convOptions(params))),
};
