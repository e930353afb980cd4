/// <reference types="vite/types/importMeta.d.ts" />
// The kernels that a device would run for the whole op table, forward and gradient, and for a training step: recorded, not run,
// so that nothing is compiled and any description of an adapter can be asked about.

import { PipelineCache } from "../../src/gpu/pipelines.js";
import { backward } from "../../src/ops/autograd.js";
import { preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { Trainer } from "../../src/train/trainer.js";
import type { OpCase } from "../ops/case.js";

const families = import.meta.glob<OpCase[]>("../ops/*.cases.ts", { eager: true, import: "cases" });

export interface ExpandedKernel {
  /** The shader's name with its defines. */
  key: string;
  name: string;
  code: string;
}

/** Every kernel once. */
export function recordKernels(gpu: Gpu): ExpandedKernel[] {
  const found = new Map<string, ExpandedKernel>();
  const original = PipelineCache.prototype.kernel;
  PipelineCache.prototype.kernel = function (...args) {
    const kernel = original.apply(this, args);
    found.set(kernel.key, kernel);
    return kernel;
  };
  try {
    for (const row of Object.values(families).flat()) recordRow(gpu, row);
    recordTraining(gpu);
  } finally {
    PipelineCache.prototype.kernel = original;
  }
  return [...found.values()];
}

function recordRow(gpu: Gpu, row: OpCase): void {
  const total = row.inputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const { program } = gpu.device.record(
    () =>
      gpu.scope(() => {
        const inputs = row.inputs.map(({ shape, draw, gradient }) => {
          const integer = draw === "index" || draw === "mask";
          const x = gpu.empty(shape, { dtype: integer ? "i32" : "f32" });
          x.requiresGrad = !integer && row.gradient !== false && gradient !== false && total < 1e6;
          return x;
        });
        const y = row.run(inputs);
        if (y.requiresGrad) backward(y, gpu.empty(y.shape));
      }),
    row.label,
  );
  program.dispose();
}

function recordTraining(gpu: Gpu): void {
  const { model, pretrain } = preset("demo");
  const trainer = new Trainer(gpu, {
    model,
    pretrain,
    normalisation: { mean: 0, std: 1 },
    seed: 1,
    sampler: {
      draw: () => {
        throw new Error("Nothing is drawn here.");
      },
    },
  });
  trainer.kernels();
  trainer.dispose();
}
