// What the suites are made of. A case says what is done and how much work that is; measure.ts times it.
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";

/** One timed thing. */
export interface BenchCase {
  /** Unique within its suite; --filter looks here. */
  name: string;
  shape: string;
  /** Neighbours of one group take turns while they are timed: ways of doing the same. */
  group?: string;
  /** Floating-point operations of the algorithm (a multiply-add is two), where arithmetic is what counts. */
  flops?: number;
  /** Bytes that must be read and written at least, each once. */
  bytes?: number;
  /** A number of other things done, such as frames or clips, for a rate. */
  work?: { amount: number; unit: string };
  /** Makes inputs and whatever else outlives one call. Tensors made here stay until `dispose`. */
  prepare(gpu: Gpu): Prepared;
}

export interface Prepared {
  /** Records the work once; it runs within a scope that disposes what it makes. */
  run(): void;
  /** Inputs to give back afterwards. */
  tensors: readonly Tensor[];
  dispose?(): void;
}

/** Tensor of noise in [-1, 1]·scale: quick to make, for a case's inputs. */
export function noise(gpu: Gpu, shape: readonly number[], scale = 1): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = new Float32Array(size);
  let state = 12345;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state / 2 ** 31) * scale;
  }
  return gpu.tensor(values, shape);
}
