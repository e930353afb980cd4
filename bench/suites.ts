// The suites of `melgrad bench`: lists of cases by name, and running them. Printing is the command's.
import type { Gpu } from "../src/tensor/gpu.js";
import { elementwiseCases, moveCases, reductionCases, rowCases } from "./elementwise.js";
import { type Timing, time } from "./measure.js";
import { audioCases, demoStep, melCases, optimizerCases, stepCases } from "./model.js";
import { productCases } from "./products.js";
import type { Ceilings } from "./roofline.js";
import type { BenchCase } from "./types.js";

export type { Timing } from "./measure.js";
export { type Ceilings, measureCeilings } from "./roofline.js";

export const suiteNames = ["kernels", "mel", "step", "roofline"] as const;
export type SuiteName = (typeof suiteNames)[number];

/** The cases of a suite; `roofline` has none: its ceilings are measured in every run. */
export function casesOf(suite: SuiteName, { software }: { software: boolean }): BenchCase[] {
  switch (suite) {
    case "kernels":
      return [
        ...elementwiseCases(),
        ...reductionCases(),
        ...rowCases(),
        ...productCases(),
        ...moveCases(),
        ...optimizerCases(),
        ...audioCases(),
        demoStep(),
      ];
    case "mel":
      return melCases();
    case "step":
      return stepCases(software);
    case "roofline":
      return [];
  }
}

/** One case's result: times, rates, and how near the ceiling it comes. */
export interface Row extends Timing {
  name: string;
  shape: string;
  gflops?: number;
  gbs?: number;
  rate?: { perSecond: number; unit: string };
  /** The least time that the ceilings allow over the time taken, from `eachMs`; above 1 where reading is cheaper than copying. */
  share?: number;
  /** Which ceiling is the nearer one. */
  bound?: "compute" | "memory";
}

/** Runs one case and gives its memory back. */
export async function runCase(gpu: Gpu, bench: BenchCase, ceilings: Ceilings): Promise<Row> {
  const prepared = bench.prepare(gpu);
  try {
    return { ...describe(bench, await time(gpu, prepared.run), ceilings) };
  } finally {
    for (const tensor of prepared.tensors) tensor.dispose();
    prepared.dispose?.();
    gpu.device.pool.trim();
  }
}

/** Rates of a timed case against the ceilings. Pure. */
export function describe(bench: BenchCase, timing: Timing, ceilings: Ceilings): Row {
  const { name, shape, flops, bytes, work } = bench;
  const row: Row = { name, shape, ...timing };
  const { eachMs } = timing;
  if (flops !== undefined) row.gflops = flops / eachMs / 1e6;
  if (bytes !== undefined) row.gbs = bytes / eachMs / 1e6;
  if (work !== undefined) row.rate = { perSecond: (1000 * work.amount) / eachMs, unit: work.unit };
  const computeMs = (flops ?? 0) / ceilings.gflops / 1e6;
  const memoryMs = (bytes ?? 0) / ceilings.copyGBs / 1e6;
  if (computeMs + memoryMs > 0) {
    row.bound = computeMs > memoryMs ? "compute" : "memory";
    row.share = Math.max(computeMs, memoryMs) / eachMs;
  }
  return row;
}
