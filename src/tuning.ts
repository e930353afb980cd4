// The tuner's public names: measuring which kernels are the fastest on an adapter. Not in `melgrad/engine`, which takes all
// kernels by rule.
export type { TuneMode, Tuner, Used } from "./gpu/tuner.js";
export type { TuningStore, TuningTable } from "./gpu/tuner-store.js";
export type { TuningOptions, TuningResult } from "./ops/tuning.js";
export { tune, tuneUsed } from "./ops/tuning-families.js";
