// The engine's public names, the same in Node and in browsers; index.ts, engine-page.ts and node.ts add `open` for their host,
// engine-extras.ts the tuner, music.ts the audio front end, the model and its training.
/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="@webgpu/types" preserve="true" />
import "./ops/methods.js";

export { type Block, formatBytes, type MemoryUse } from "./gpu/buffers.js";
export type { Capabilities, SubgroupMatrix } from "./gpu/capabilities.js";
export type { Allocation, Groups } from "./gpu/commands.js";
export { Device, type DeviceOptions } from "./gpu/device.js";
export * from "./gpu/errors.js";
export { formatMemory, type Holding, type MemoryReport } from "./gpu/memory.js";
export type { Kernel } from "./gpu/pipelines.js";
export type { Defines } from "./gpu/preprocess.js";
export type { ProgramReport } from "./gpu/program.js";
export type { HostOptions } from "./host/types.js";
export {
  readSafetensors,
  type SafeTensor,
  type SafetensorsArray,
  type SafetensorsDType,
  toFloat32,
  writeSafetensors,
} from "./io/safetensors.js";
export { type Init, ones, truncatedNormal, xavierUniform, zeros } from "./nn/init.js";
export { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "./nn/optim.js";
export {
  type NamedValue,
  type NamedValues,
  type ParameterArena,
  ParameterSet,
  type ParameterSpec,
} from "./nn/parameters.js";
export { type CosineSchedule, cosineSchedule } from "./nn/schedule.js";
export * from "./ops/index.js";
export {
  bucketOf,
  type Captured,
  type CaptureOptions,
  capture,
  type Inputs,
  type Slicing,
} from "./tensor/capture.js";
export { Gpu, type IndexCheck, type NestedNumbers, type TensorOptions } from "./tensor/gpu.js";
export { fromHalf, toHalf } from "./tensor/half.js";
export { Random, type RandomState } from "./tensor/random.js";
export type { Shape } from "./tensor/shape.js";
export { type DType, Tensor } from "./tensor/tensor.js";
