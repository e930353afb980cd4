// Timing: every sample ends when the device says that it has done everything, and nothing is subtracted from it. Two times
// are taken: one call alone (recording, submission and waiting included), and, where a call is short, many calls recorded
// together, divided by their number, which is what a call costs inside a training step.
import type { Gpu } from "../src/tensor/gpu.js";

export interface Timing {
  /** Median milliseconds of one call, from recording to completion. */
  ms: number;
  minMs: number;
  /** Median milliseconds a call when `together` calls are submitted at once; `ms` where together is 1. */
  eachMs: number;
  /** The least of those samples. */
  minEachMs: number;
  together: number;
  runs: number;
  /** The first call, with the compilation of its kernels. */
  firstMs: number;
  /** Dispatches of one call. */
  dispatches: number;
}

export interface TimingOptions {
  /** Samples of a call that takes less than a second. Default 11. */
  samples?: number;
}

/** The middle value; the lower of two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}

/** Times `run`, which records work on `gpu`. */
export async function time(gpu: Gpu, run: () => void, { samples = 11 }: TimingOptions = {}): Promise<Timing> {
  const once = async (calls: number) => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) gpu.scope(run);
    await gpu.device.finish();
    return (performance.now() - start) / calls;
  };
  await gpu.device.finish();
  const firstMs = await once(1);
  const before = gpu.device.counts.dispatches;
  const estimate = await once(1);
  const dispatches = gpu.device.counts.dispatches - before;
  const runs = estimate > 1000 ? 3 : samples;
  const alone: number[] = [];
  for (let i = 0; i < runs; i++) alone.push(await once(1));
  const ms = median(alone);
  const together = Math.max(1, Math.min(64, Math.floor(40 / ms)));
  const each: number[] = [];
  if (together > 1) for (let i = 0; i < runs; i++) each.push(await once(together));
  const eachMs = together > 1 ? median(each) : ms;
  const samplesOfEach = together > 1 ? each : alone;
  const minEachMs = Math.min(...samplesOfEach);
  return { ms, minMs: Math.min(...alone), eachMs, minEachMs, together, runs, firstMs, dispatches };
}
