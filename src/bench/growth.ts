// How a training step's time grows with the batch, the tokens and the width, beside how its FLOP count grows. Once the adapter
// is full, the two should grow alike: time that grows faster is a kernel that does not scale.

import { median } from "../ops/tuning.js";
import type { PretrainConfig } from "../patchifier/config.js";
import type { Gpu } from "../tensor/gpu.js";
import { type StepFlops, stepFlops } from "./flops.js";
import { BenchStep, type Mode, type StepPlan, stepSizes, yardstick } from "./step.js";

export const growthAxes = ["batch", "tokens", "width"] as const;
export type Axis = (typeof growthAxes)[number];

/** One model size of an axis. */
export interface GrowthPoint {
  axis: Axis;
  value: number;
  plan: StepPlan;
  flops: StepFlops;
}

/** A measured point beside the one before it. */
export interface GrowthRow {
  axis: Axis;
  value: number;
  ms: number;
  minMs: number;
  /** Median processor time of this process: on software adapters, whose device it is, steadier than `ms` on a busy machine. */
  cpuMs: number;
  runs: number;
  gflop: number;
  gflops: number;
  /** Over the point before; absent at the first. */
  timeGrowth?: number;
  flopGrowth?: number;
  /** timeGrowth / flopGrowth: 1 where time grows as the work does, below where the adapter was not full. */
  ratio?: number;
  /** Whether the adapter was full at the point before this one already, so that the ratio must be near 1. */
  full: boolean;
  /** Where full: whether time grew at most 15 % more than the work. */
  within?: boolean;
}

/** The speed, as a part of the best on the axis, from which on the adapter counts as full. */
export const fullAt = 0.85;
export const tolerance = 0.15;

/** Compares neighbours. An adapter is full from the first point on that reaches 85 % of the axis's best speed. Pure. */
export function evaluateGrowth(
  points: readonly Omit<GrowthRow, "gflops" | "timeGrowth" | "flopGrowth" | "ratio" | "full" | "within">[],
): GrowthRow[] {
  const speeds = points.map(({ ms, gflop }) => (1000 * gflop) / ms);
  const enough = fullAt * Math.max(...speeds);
  let full = false;
  return points.map((point, i) => {
    const row: GrowthRow = { ...point, gflops: speeds[i], full };
    if (i > 0) {
      row.timeGrowth = point.ms / points[i - 1].ms;
      row.flopGrowth = point.gflop / points[i - 1].gflop;
      row.ratio = row.timeGrowth / row.flopGrowth;
      if (full) row.within = row.ratio <= 1 + tolerance;
    }
    full ||= speeds[i] >= enough;
    return row;
  });
}

const axes: Record<Axis, readonly number[]> = {
  batch: [1, 2, 4, 8, 16, 32],
  tokens: [32, 64, 128, 256, 512],
  width: [64, 96, 128, 192, 256, 384],
};

/**
 * The points of an axis. On software adapters two layers of width 128 with heads of 32, 8 clips of 64 tokens; on hardware, six
 * layers of width 384 and 16 clips of 128 tokens. The patches have 256 values.
 */
export function growthPoints(axis: Axis, { software }: { software: boolean }): GrowthPoint[] {
  const base = software
    ? { batch: axis === "tokens" ? 4 : 8, tokens: 64, width: 128, layers: 2 }
    : { batch: 16, tokens: 128, width: 384, layers: 6 };
  return axes[axis].map((value) => {
    const plan = growthPlan({ ...base, [axis]: value });
    return { axis, value, plan, flops: stepFlops(stepSizes(plan)) };
  });
}

function growthPlan(sizes: { batch: number; tokens: number; width: number; layers: number }): StepPlan {
  const { model, pretrain } = yardstick("demo");
  const { batch, tokens, width, layers } = sizes;
  const rows = model.frontEnd.nMels / model.patchMels;
  const cropFrames = (tokens / rows) * model.patchFrames;
  const plan: PretrainConfig = { ...pretrain, batch };
  return {
    model: { ...model, cropFrames, width, layers, heads: width / 32 },
    pretrain: plan,
    batch,
  };
}

export interface GrowthOptions {
  mode?: Mode;
  /** Steps of each point at most; default 10. */
  runs?: number;
  /** Milliseconds after which a point that has 3 samples gets no more. */
  budgetMs?: number;
  /** Called before each round and each compilation. */
  onProgress?(text: string): void;
  stopped?(): boolean;
}

/**
 * Times the points of one axis, interleaved: every round times one step of each point, so that a disturbance meets all of them.
 * The first two steps of a point, with its compilation, do not count.
 */
export async function measureGrowth(
  gpu: Gpu,
  points: readonly GrowthPoint[],
  { mode = "captured", runs = 10, budgetMs = 6000, onProgress, stopped }: GrowthOptions = {},
): Promise<GrowthRow[]> {
  const steps = points.map(({ plan }) => new BenchStep(gpu, plan));
  const samples: number[][] = points.map(() => []);
  const processor: number[][] = points.map(() => []);
  const once = async (step: BenchStep) => {
    const start = performance.now();
    gpu.scope(() => step.run(mode));
    await gpu.device.finish();
    return performance.now() - start;
  };
  try {
    for (const [i, step] of steps.entries()) {
      if (stopped?.()) break;
      onProgress?.(`${points[i].axis} ${points[i].value}: first steps`);
      await once(step);
      await once(step);
    }
    for (let round = 0; round < runs && !stopped?.(); round++) {
      onProgress?.(`${points[0].axis}: round ${round + 1} of ${runs}`);
      for (const [i, step] of steps.entries()) {
        const spent = samples[i].reduce((sum, ms) => sum + ms, 0);
        if (samples[i].length >= 3 && spent >= budgetMs) continue;
        const before = process.cpuUsage();
        samples[i].push(await once(step));
        const { user, system } = process.cpuUsage(before);
        processor[i].push((user + system) / 1000);
      }
    }
  } finally {
    for (const step of steps) step.dispose();
    gpu.device.pool.trim();
  }
  const measured = points.map(({ axis, value, flops }, i) => ({
    axis,
    value,
    ms: median(samples[i]),
    minMs: Math.min(...samples[i]),
    cpuMs: median(processor[i]),
    runs: samples[i].length,
    gflop: flops.total / 1e9,
  }));
  return evaluateGrowth(measured.filter(({ runs }) => runs > 0));
}

/** From the first full point to the last: how much time and work grew together. Undefined where none was full before the last. */
export function fullGrowth(
  rows: readonly GrowthRow[],
): { from: number; to: number; time: number; flops: number; within: boolean } | undefined {
  const first = rows.findIndex(({ full }) => full) - 1;
  const last = rows.length - 1;
  if (first < 0 || first >= last) return undefined;
  const time = rows[last].ms / rows[first].ms;
  const flops = rows[last].gflop / rows[first].gflop;
  return {
    from: rows[first].value,
    to: rows[last].value,
    time,
    flops,
    within: time <= (1 + tolerance) * flops,
  };
}
