// Names that belong to the engine but not to `melgrad/engine`, which has to be small: the tuner, which measures what kernels are
// the fastest on an adapter, and NumPy's files.
export type { Source, TuneMode, Tuner, Used } from "./gpu/tuner.js";
export type { TuningStore, TuningTable } from "./gpu/tuner-store.js";
export { type NpyArray, type NpyFile, readNpy, writeNpy } from "./io/npy.js";
export type { Attempt, TuningOptions, TuningResult } from "./ops/tuning.js";
export { makeTuner, tune, tuneUsed } from "./ops/tuning-families.js";
