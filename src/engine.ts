// The engine's public names, the same in Node and in browsers; index.ts, engine-page.ts and node.ts add `open` for their host,
// engine-extras.ts the tuner, music.ts the audio front end, the model and its training.
/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="@webgpu/types" preserve="true" />
import "./ops/methods.js";

export { formatBytes, type MemoryUse } from "./gpu/buffers.js";
export type { Capabilities } from "./gpu/capabilities.js";
export { Device, type DeviceOptions } from "./gpu/device.js";
export * from "./gpu/errors.js";
export { formatMemory, type MemoryReport } from "./gpu/memory.js";
export { readSafetensors, type SafeTensor, toFloat32, writeSafetensors } from "./io/safetensors.js";
export { ones, truncatedNormal, xavierUniform, zeros } from "./nn/init.js";
export { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "./nn/optim.js";
export { type NamedValues, ParameterSet, type ParameterSpec } from "./nn/parameters.js";
export { type CosineSchedule, cosineSchedule } from "./nn/schedule.js";
export * from "./ops/index.js";
export { bucketOf, type Captured, type CaptureOptions, capture } from "./tensor/capture.js";
export { Gpu, type NestedNumbers, type TensorOptions } from "./tensor/gpu.js";
export { fromHalf, toHalf } from "./tensor/half.js";
export { Random, type RandomState } from "./tensor/random.js";
export type { Shape } from "./tensor/shape.js";
export { type DType, Tensor } from "./tensor/tensor.js";
