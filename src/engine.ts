// The engine's public names, the same in Node and in browsers; index.ts and node.ts add `open` for their host.
import "./ops/methods.js";

export { Device } from "./gpu/device.js";
export * from "./gpu/errors.js";
export { backward } from "./ops/autograd.js";
export { Gpu, type TensorOptions } from "./tensor/gpu.js";
export { Random } from "./tensor/random.js";
export { type DType, Tensor } from "./tensor/tensor.js";
