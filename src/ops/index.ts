// The public operations by name; those that read well as methods are also on Tensor (methods.ts).
export {
  type AttentionOptions,
  attention,
  attentionFromQkv,
  attentionWeights,
  attentionWeightsFromQkv,
} from "./attention.js";
export { backward } from "./autograd.js";
export { add, div, mul, sub } from "./binary.js";
export { broadcastTo } from "./broadcast.js";
export { cast } from "./cast.js";
export { type ConvOptions, conv1d, conv2d } from "./conv.js";
export { type CrossEntropyOptions, crossEntropy, type LossReduction } from "./cross-entropy.js";
export { dropout } from "./dropout.js";
export { type Expr, fuse, type Operand } from "./fuse.js";
export { gather, indexSelect, scatterAdd } from "./gather.js";
export { type GumbelOptions, gumbelNoise, gumbelSoftmax } from "./gumbel.js";
export { infonce } from "./infonce.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { type LinearOptions, linear } from "./linear.js";
export { type BinaryCrossEntropyOptions, bceWithLogits, mse } from "./losses.js";
export { type MatmulOptions, matmul } from "./matmul.js";
export type { GeluForm } from "./matmul-kernels.js";
export { type MlpOptions, type MlpWeights, mlp } from "./mlp.js";
export { concat, flip, pad, type Range, slice, split, stack, where } from "./move.js";
export { cosineSimilarity, normalize } from "./normalize.js";
export { oneHot } from "./one-hot.js";
export { logsumexp, max, mean, min, norm, type ReduceOptions, sum, variance } from "./reduce.js";
export { argmax, cumsum, type TopkOptions, type TopkResult, topk } from "./scan.js";
export { type RowTable, rowTable, selectRows } from "./select-rows.js";
export { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.js";
export { permute, reshape, transpose } from "./view.js";
