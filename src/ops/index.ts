// The public operations by name; those that read well as methods are also on Tensor (methods.ts).
export { type CrossEntropyOptions, crossEntropy, type LossReduction } from "./cross-entropy.js";
export { infonce } from "./infonce.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { type BinaryCrossEntropyOptions, bceWithLogits, mse } from "./losses.js";
export { cosineSimilarity, normalize } from "./normalize.js";
export { logsumexp, max, mean, min, norm, type ReduceOptions, sum, variance } from "./reduce.js";
export { argmax, cumsum, type TopkOptions, topk } from "./scan.js";
export { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.js";
