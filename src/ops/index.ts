// The public operations by name; those that read well as methods are also on Tensor (methods.ts).
export { type CrossEntropyOptions, crossEntropy, type LossReduction } from "./cross-entropy.js";
export { infonce } from "./infonce.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { type BinaryCrossEntropyOptions, bceWithLogits, mse } from "./losses.js";
export { logSoftmax, type SoftmaxOptions, softmax } from "./softmax.js";
