// `melgrad doctor --report`: checks the kernels of a training step anew, times a few steps, and writes down what a bug report needs.
import { cpus } from "node:os";
import { BenchStep } from "../bench/step.js";
import { kernelChecks } from "../checks/index.js";
import { adapterReport } from "../checks/report.js";
import { type CheckedWork, checkWork } from "../checks/run.js";
import { preset } from "../patchifier/config.js";
import type { Gpu } from "../tensor/gpu.js";
import { version } from "../version.js";

function demoStep(gpu: Gpu): BenchStep {
  const { model, pretrain } = preset("demo");
  return new BenchStep(gpu, { model, pretrain, batch: pretrain.batch });
}

/** Checks every kernel of a training step of `demo`, whatever was found before. */
export async function checkDemo(gpu: Gpu): Promise<CheckedWork> {
  gpu.device.tuner.verdicts.clear();
  const step = demoStep(gpu);
  try {
    return await checkWork(gpu, kernelChecks, () => step.run("eager"));
  } finally {
    step.dispose();
  }
}

/** The text, after `checkDemo`. */
export async function doctorReport(gpu: Gpu, kind: string, { ms: checkMs }: CheckedWork): Promise<string> {
  const step = demoStep(gpu);
  const timings: Record<string, number> = { "checks of a demo step": checkMs };
  try {
    const samples: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      step.run("captured");
      await gpu.device.finish();
      samples.push(performance.now() - start);
    }
    timings["first demo step"] = samples[0];
    timings["demo step, least of four"] = Math.min(...samples.slice(1));
  } finally {
    step.dispose();
  }
  const facts = [
    ["melgrad", version],
    ["host", `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} cores`],
    ["kind", kind],
  ] as const;
  return adapterReport(gpu, { facts, timings });
}
