// Short ways to write cases: an operation forward, and with its gradient.
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import type { BenchCase } from "./types.js";

export interface OpBench extends Omit<BenchCase, "prepare"> {
  inputs(gpu: Gpu): Tensor[];
  forward(inputs: Tensor[]): Tensor;
}

/** The forward pass alone. */
export function forward({ inputs, forward: run, ...rest }: OpBench): BenchCase {
  return {
    ...rest,
    prepare(gpu) {
      const tensors = inputs(gpu);
      return { tensors, run: () => void gpu.noGrad(() => run(tensors)) };
    },
  };
}

/**
 * Forward and the gradients of all f32 inputs, through the operations' own rules. `work` counts the gradient only; the
 * forward's is added.
 */
export function withGradient(
  { inputs, forward: run, ...rest }: OpBench,
  work: { flops?: number; bytes?: number } = {},
): BenchCase {
  const plus = (a?: number, b?: number) =>
    a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
  return {
    ...rest,
    name: `${rest.name}+grad`,
    flops: plus(rest.flops, work.flops),
    bytes: plus(rest.bytes, work.bytes),
    prepare(gpu) {
      const tensors = inputs(gpu);
      for (const tensor of tensors) tensor.requiresGrad = tensor.dtype === "f32";
      const shape = gpu.scope(() => gpu.noGrad(() => run(tensors).shape));
      const seed = gpu.ones(shape);
      return {
        tensors: [...tensors, seed],
        run() {
          // The node's own rule rather than backward(): leaves would copy their gradients, which is not this kernel's work.
          const output = run(tensors);
          gpu.noGrad(() => output.node?.backward(seed, []));
        },
      };
    },
  };
}

/** Both rows. */
export function both(bench: OpBench, work?: { flops?: number; bytes?: number }): BenchCase[] {
  return [forward(bench), withGradient(bench, work)];
}

/** "64×128" */
export function times(...lengths: number[]): string {
  return lengths.join("×");
}
