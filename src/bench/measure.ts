// Timing: every sample ends when the device says that it has done everything, and nothing is subtracted from it. Two times
// are taken: one call alone (recording, submission and waiting included), and, where a call is short, many calls recorded
// together, divided by their number, which is what a call costs inside a training step. The time that JavaScript takes of a
// call and what it makes on the device are counted beside them.
import { median } from "../ops/tuning.js";
import type { Gpu } from "../tensor/gpu.js";
import { CpuMeter } from "./load.js";

/** What one call makes; averages, so that something made now and then shows as a fraction. */
export interface CallCounts {
  dispatches: number;
  submits: number;
  /** Buffers of the pool and its arenas. */
  buffers: number;
  bindGroups: number;
}

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
  /** Median milliseconds from the start of a call alone until everything is submitted. */
  jsMs: number;
  minJsMs: number;
  /** What a call makes from the third on. */
  counts: CallCounts;
  /** Processor cores that other processes took meanwhile. */
  othersCores: number;
}

export interface TimingOptions {
  /** Samples of a call that takes less than a second. Default 11. */
  samples?: number;
  /** Runs between samples, untimed: to sample ceilings under the same conditions. */
  between?(): Promise<void>;
}

/** Samples between two calls of `between`. */
const stretch = 4;

/** Times `run`, which records work on `gpu`. */
export async function time(gpu: Gpu, run: () => void, options: TimingOptions = {}): Promise<Timing> {
  return (await timeTogether(gpu, [run], options))[0];
}

/** Times several ways of doing something, taking turns, so that whatever else the machine does falls on all of them. */
export async function timeTogether(
  gpu: Gpu,
  runs: readonly (() => void)[],
  { samples = 11, between }: TimingOptions = {},
): Promise<Timing[]> {
  const contestants: Contestant[] = [];
  for (const run of runs) {
    const contestant = new Contestant(gpu, run);
    await contestant.warm();
    contestants.push(contestant);
  }
  const slowest = Math.max(...contestants.map(({ estimate }) => estimate));
  const rounds = slowest > 1000 ? 3 : samples;
  const meter = new CpuMeter();
  for (let i = 0; i < rounds; i++) {
    if (i > 0 && i % stretch === 0) await between?.();
    for (const contestant of contestants) await contestant.alone();
  }
  for (const contestant of contestants) contestant.settle();
  for (let i = 0; i < rounds; i++) {
    if (i % stretch === 0) await between?.();
    for (const contestant of contestants) await contestant.each();
  }
  const othersCores = meter.others();
  return contestants.map((contestant) => contestant.timing(rounds, othersCores));
}

/** The samples of one way. */
class Contestant {
  estimate = 0;
  private firstMs = 0;
  private jsMs = 0;
  private readonly singles: number[] = [];
  private readonly js: number[] = [];
  private readonly eaches: number[] = [];
  private readonly made: CallCounts = { dispatches: 0, submits: 0, buffers: 0, bindGroups: 0 };
  private together = 1;

  constructor(
    private readonly gpu: Gpu,
    private readonly run: () => void,
  ) {}

  /** The first two calls. */
  async warm(): Promise<void> {
    await this.gpu.device.finish();
    this.firstMs = await this.once(1);
    this.estimate = await this.once(1);
  }

  async alone(): Promise<void> {
    const before = tally(this.gpu);
    this.singles.push(await this.once(1));
    const after = tally(this.gpu);
    this.js.push(this.jsMs);
    for (const name of Object.keys(before) as (keyof CallCounts)[]) {
      this.made[name] += after[name] - before[name];
    }
  }

  /** Decides how many calls go together: as many as take 40 ms. */
  settle(): void {
    this.together = Math.max(1, Math.min(64, Math.floor(40 / median(this.singles))));
  }

  async each(): Promise<void> {
    if (this.together > 1) this.eaches.push(await this.once(this.together));
  }

  timing(runs: number, othersCores: number): Timing {
    const { singles, js, together, firstMs, made } = this;
    const eaches = together > 1 ? this.eaches : singles;
    const perCall = (name: keyof CallCounts) => made[name] / singles.length;
    return {
      ms: median(singles),
      minMs: Math.min(...singles),
      eachMs: median(eaches),
      minEachMs: Math.min(...eaches),
      together,
      runs,
      firstMs,
      jsMs: median(js),
      minJsMs: Math.min(...js),
      counts: {
        dispatches: perCall("dispatches"),
        submits: perCall("submits"),
        buffers: perCall("buffers"),
        bindGroups: perCall("bindGroups"),
      },
      othersCores,
    };
  }

  private async once(calls: number): Promise<number> {
    const { device } = this.gpu;
    const start = performance.now();
    for (let i = 0; i < calls; i++) this.gpu.scope(this.run);
    device.flush();
    this.jsMs = performance.now() - start;
    await device.finish();
    return (performance.now() - start) / calls;
  }
}

function tally(gpu: Gpu): CallCounts {
  const { counts, pool, pipelines } = gpu.device;
  return {
    dispatches: counts.dispatches,
    submits: counts.submits,
    buffers: pool.use.buffersCreated,
    bindGroups: pipelines.bindGroupsCreated,
  };
}
