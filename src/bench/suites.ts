// The suites of `melgrad bench`: lists of cases by name, and running them. Printing is the command's.
import type { Gpu } from "../tensor/gpu.js";
import { elementwiseCases, moveCases, reductionCases, rowCases } from "./elementwise.js";
import { type Timing, timeTogether } from "./measure.js";
import { audioCases, melCases, optimizerCases } from "./model.js";
import { productCases } from "./products.js";
import { type Ceilings, copyAt, type Roofline } from "./roofline.js";
import { demoStep, stepCases } from "./step.js";
import type { BenchCase, Prepared } from "./types.js";

export type { Timing } from "./measure.js";
export { type Ceilings, Roofline } from "./roofline.js";

/** What each suite shows; `growth`, `probes`, `features` and `roofline` have no cases of their own. */
export const suites = {
  kernels: "each operation alone, forward and with its gradient: time, rate, share of the ceiling",
  mel: "the log-mel front end by batch, length and hop",
  step: "training steps and their parts, eager beside captured, with what a step makes and JavaScript's part",
  growth: "step time against batch, tokens and width, beside the FLOP count's growth",
  probes: "the grid of probe heads trained together against one head at a time",
  features:
    "features of audio files with a trained model: hours of audio an hour, and how busy the adapter is kept",
  roofline: "the adapter's own ceilings alone: multiply-adds, copies by size, an empty dispatch",
} as const;

export type SuiteName = keyof typeof suites;
export const suiteNames = Object.keys(suites) as SuiteName[];

/** The cases of a suite. The ceilings of `roofline` are measured in every run; `growth` stands in growth.ts. */
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
    case "growth":
    case "probes":
    case "features":
    case "roofline":
      return [];
  }
}

export type Bound = "compute" | "memory" | "dispatch";

/** One case's result: times, rates, and how near the ceiling it comes. */
export interface Row extends Timing {
  name: string;
  shape: string;
  gflops?: number;
  gbs?: number;
  rate?: { perSecond: number; unit: string };
  /** The least time that the ceilings allow over the median time taken, from `eachMs`; above 1 where reading is cheaper than copying. */
  share: number;
  /** The same over the least time taken. */
  bestShare: number;
  /** Which ceiling is the nearer one. */
  bound: Bound;
}

/** A timed case; its row follows from the ceilings, which may yet rise. */
export interface Timed {
  bench: BenchCase;
  timing: Timing;
}

/** Runs one case, or several that take turns; samples their ceilings before, between and after, and gives the memory back. */
export async function runCases(
  gpu: Gpu,
  cases: readonly BenchCase[],
  { roofline, samples }: { roofline?: Roofline; samples?: number } = {},
): Promise<Timed[]> {
  const prepared: Prepared[] = [];
  const between = async () => roofline?.sample(cases[0].bytes);
  try {
    for (const bench of cases) prepared.push(bench.prepare(gpu));
    await between();
    const runs = prepared.map(({ run }) => run);
    const timings = await timeTogether(gpu, runs, { between, samples });
    await between();
    return cases.map((bench, i) => ({ bench, timing: timings[i] }));
  } finally {
    for (const { tensors, dispose } of prepared) {
      for (const tensor of tensors) tensor.dispose();
      dispose?.();
    }
    gpu.device.pool.trim();
  }
}

/** Neighbours of the same group, together. */
export function grouped(cases: readonly BenchCase[]): BenchCase[][] {
  const groups: BenchCase[][] = [];
  for (const bench of cases) {
    const last = groups.at(-1);
    if (last && bench.group !== undefined && last[0].group === bench.group) last.push(bench);
    else groups.push([bench]);
  }
  return groups;
}

/**
 * Rates of a timed case against the ceilings: the time that its multiply-adds, its bytes (against a copy that touches about as
 * many) and its dispatches take at least; the longest of the three is the nearer ceiling. Pure.
 */
export function describe({ bench, timing }: Timed, ceilings: Ceilings): Row {
  const { name, shape, flops, bytes, work } = bench;
  const { eachMs, minEachMs, counts } = timing;
  const floors: [Bound, number][] = [
    ["compute", (flops ?? 0) / ceilings.gflops / 1e6],
    ["memory", bytes === undefined ? 0 : bytes / copyAt(ceilings, bytes) / 1e6],
    ["dispatch", (counts.dispatches * ceilings.dispatchUs) / 1000],
  ];
  const [bound, floor] = floors.reduce((best, each) => (each[1] > best[1] ? each : best));
  const row: Row = { name, shape, ...timing, share: floor / eachMs, bestShare: floor / minEachMs, bound };
  if (flops !== undefined) row.gflops = flops / eachMs / 1e6;
  if (bytes !== undefined) row.gbs = bytes / eachMs / 1e6;
  if (work !== undefined) row.rate = { perSecond: (1000 * work.amount) / eachMs, unit: work.unit };
  return row;
}
