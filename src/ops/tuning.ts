// The tuner's measurements: tests every candidate kernel of a bucket against float64, times the ones that compute rightly, and
// hands the fastest to the device's tuner (gpu/tuner.ts), which remembers it. Runs between steps, never within one, and only
// when it is called. What each family runs for that is in tuning-work.ts.
//
// Candidates are timed in turns, a round each, so that a machine that is slow for a while is slow for all of them; a sample is
// as many calls as fill a few milliseconds, submitted together and waited for. The least median wins, unless it gains less
// than `margin` on the rule's choice, or next to nothing in milliseconds, or takes so long to compile that a thousand calls do
// not repay it: then the rule's stays.
import { ShaderError } from "../gpu/errors.js";
import type { TunedFamily, Wanted } from "../gpu/tuner.js";
import type { Gpu } from "../tensor/gpu.js";
import { Random } from "../tensor/random.js";

/** One case of a family, set up to be run and checked. */
export interface Work {
  /** Makes results of an earlier run unrecognisable. */
  reset(): void;
  /** Records the case once, with whatever choice the tuner gives. */
  run(): void;
  /** What is wrong with the results, or undefined. Reads them back. */
  check(): Promise<string | undefined>;
  dispose(): void;
}

/** A family with what is needed to measure it. */
export interface Tunable<Case = never, Choice = unknown> {
  family: TunedFamily<Case, Choice>;
  work(gpu: Gpu, shape: Case, random: Random): Work;
}

/** A family and cases of it. */
export interface Tuned<Case = never> {
  tunable: Tunable<Case>;
  shape: Case;
}

/** How a candidate did. */
export interface Attempt {
  /** The candidate's name. */
  choice: string;
  /** Median milliseconds; undefined where it was not timed to the end. */
  ms?: number;
  /** Why it was not timed to the end. */
  reason?: string;
}

/** What was found for one bucket. */
export interface TuningResult {
  /** Of kernels. */
  family: string;
  /** Shapes that share a choice. */
  bucket: string;
  /** "" where the rule's choice stays. */
  choice: string;
  /** The rule's time over the chosen one's. */
  gain: number;
  /** Every candidate. */
  attempts: Attempt[];
}

/** How long and how carefully is measured. */
export interface TuningOptions {
  /** Milliseconds after which no further bucket is begun. Default two minutes. */
  budgetMs?: number;
  /** Rounds of timing. Default 7. */
  rounds?: number;
  /** Milliseconds of a sample. Default 5. */
  sampleMs?: number;
  /** The least gain for which the rule's choice is left. Default 1.06. */
  margin?: number;
  /** Calls within which a kernel must have repaid what it takes to compile longer than the rule's. Default 1000. */
  repay?: number;
  /** The fewest milliseconds that must be gained. Default 0.02 on software adapters, 0.001 on others. */
  leastMs?: number;
  /** Of the operands. Default 1. */
  seed?: number;
  /** Called after each bucket, with how many of how many are done. */
  onResult?(result: TuningResult, done: number, total: number): void;
  /** Ends the measurement before the next bucket. */
  signal?: AbortSignal;
}

/** A candidate this many times slower than the best one at first sight is not timed further. */
const hopeless = 2;

/** Measures one case's bucket and hands the result to the tuner. */
export async function tuneCase<Case, Choice>(
  gpu: Gpu,
  { family, work: prepare }: Tunable<Case, Choice>,
  shape: Case,
  options: TuningOptions = {},
): Promise<TuningResult> {
  const { rounds = 7, sampleMs = 5, margin = 1.06, seed = 1 } = options;
  const { device } = gpu;
  const { tuner } = device;
  const { leastMs = device.capabilities.software ? 0.02 : 0.001, repay = 1000 } = options;
  const bucket = family.bucket(shape);
  const rule = family.nameOf(family.rule(device.capabilities, shape));
  const attempts: Attempt[] = [];
  const racers: Racer<Choice>[] = [];
  let fastest = Number.POSITIVE_INFINITY;
  const work = prepare(gpu, shape, new Random(seed));
  const sample = async (choice: Choice, calls: number): Promise<number> => {
    const start = performance.now();
    tuner.using(family, choice, () => {
      for (let i = 0; i < calls; i++) gpu.noGrad(() => gpu.scope(() => work.run()));
    });
    await device.finish();
    return (performance.now() - start) / calls;
  };

  try {
    for (const choice of family.candidates(device.capabilities, shape)) {
      const attempt: Attempt = { choice: family.nameOf(choice) };
      attempts.push(attempt);
      attempt.reason = tuner.vetoed(family, choice);
      if (attempt.reason !== undefined) continue;
      const kernels = new Set<string>();
      const started = performance.now();
      device.observer = ({ key }) => void kernels.add(key);
      const wrong = await test(gpu, work, () => sample(choice, 1)).finally(() => {
        device.observer = undefined;
      });
      const testMs = performance.now() - started;
      if (wrong !== undefined) {
        attempt.reason = wrong;
        tuner.veto(family, choice, `${wrong} (${bucket})`);
        continue;
      }
      let first = await sample(choice, 1);
      if (first <= 2 * hopeless * fastest + 1) first = Math.min(first, await sample(choice, 1));
      fastest = Math.min(fastest, first);
      const compileMs = compileTime(gpu, kernels, testMs - first);
      racers.push({ choice, attempt, first, compileMs, calls: 1, samples: [] });
    }
    let running = racers.filter(({ attempt, first }) => {
      if (first <= hopeless * fastest + 0.2 || attempt.choice === rule) return true;
      attempt.reason = "too slow";
      return false;
    });
    // As many calls for all, so that what a submission costs weighs on all alike; fewer for a rule's choice far behind.
    for (const racer of running) {
      const calls = Math.min(sampleMs / fastest, (8 * sampleMs) / racer.first);
      racer.calls = Math.max(1, Math.min(64, Math.round(calls)));
    }
    for (let round = 0; round < rounds; round++) {
      for (const racer of running) racer.samples.push(await sample(racer.choice, racer.calls));
      if (round !== 2) continue;
      const best = Math.min(...running.map(({ samples }) => median(samples)));
      running = running.filter(({ attempt, samples }) => {
        if (Math.min(...samples) <= 1.25 * best || attempt.choice === rule) return true;
        attempt.reason = "too slow";
        return false;
      });
    }
    for (const { attempt, samples } of running) attempt.ms = median(samples);
    const byTime = running.sort((a, b) => (a.attempt.ms ?? 0) - (b.attempt.ms ?? 0));
    const ruled = byTime.find(({ attempt }) => attempt.choice === rule);
    let winner: Racer<Choice> | undefined = byTime[0];
    let gain = 1;
    if (ruled) {
      winner = byTime.find((racer) => {
        const [was, is] = [ruled, racer].map(({ attempt }) => attempt.ms ?? 0);
        const [wasLeast, isLeast] = [ruled, racer].map(({ samples }) => Math.min(...samples));
        const dearer = (racer.compileMs - ruled.compileMs) / repay;
        // Medians and minima must agree: one of them alone may be another process's doing.
        return was >= margin * is && wasLeast >= margin * isLeast && was - is >= leastMs + dearer;
      });
      gain = (ruled.attempt.ms ?? 1) / ((winner ?? ruled).attempt.ms ?? 1);
    }
    const chosen = winner === ruled ? undefined : winner;
    tuner.put(family, bucket, chosen?.choice, gain);
    return { family: family.name, bucket, choice: chosen?.attempt.choice ?? "", gain, attempts };
  } finally {
    work.dispose();
  }
}

interface Racer<Choice> {
  choice: Choice;
  attempt: Attempt;
  /** Milliseconds of one warm call, about. */
  first: number;
  /** Milliseconds that the first call took longer. */
  compileMs: number;
  calls: number;
  samples: number[];
}

/** What kernels took to compile, by their keys: known only from the first time that each ran on its device. */
const compileTimes = new WeakMap<Gpu, Map<string, number>>();

/** What these kernels took to compile; those that run for the first time share `ms`. */
function compileTime(gpu: Gpu, kernels: ReadonlySet<string>, ms: number): number {
  const known = compileTimes.get(gpu) ?? new Map<string, number>();
  compileTimes.set(gpu, known);
  const fresh = [...kernels].filter((key) => !known.has(key));
  for (const key of fresh) known.set(key, Math.max(0, ms) / fresh.length);
  return [...kernels].reduce((total, key) => total + (known.get(key) ?? 0), 0);
}

/** Runs a candidate for the first time and says what is wrong with it, be it a refusal by the driver or a wrong result. */
async function test(gpu: Gpu, work: Work, run: () => Promise<unknown>): Promise<string | undefined> {
  work.reset();
  try {
    return await gpu.device.attempt(async () => {
      await run();
      return work.check();
    });
  } catch (error) {
    if (error instanceof ShaderError) return `refused: ${error.message.split("\n")[0]}`;
    throw error;
  }
}

/**
 * Measures these cases, as far as the budget goes, and keeps what was found. Cases of buckets that are known already are
 * passed over unless the tuner's mode is "force".
 */
export async function tuneAll(
  gpu: Gpu,
  cases: readonly Tuned[],
  options: TuningOptions = {},
): Promise<TuningResult[]> {
  const { budgetMs = 120_000, onResult, signal } = options;
  const { tuner } = gpu.device;
  const start = performance.now();
  const results: TuningResult[] = [];
  const open = new Map<string, Tuned>();
  for (const each of cases) {
    const { family } = each.tunable;
    const id = `${family.name} ${family.bucket(each.shape)}`;
    if (!open.has(id) && (tuner.mode === "force" || !tuner.knows(family, each.shape))) open.set(id, each);
  }
  for (const { tunable, shape } of open.values()) {
    if (signal?.aborted || performance.now() - start > budgetMs) break;
    const result = await tuneCase(gpu, tunable, shape, options);
    results.push(result);
    gpu.device.pool.trim();
    await tuner.save();
    onResult?.(result, results.length, open.size);
  }
  return results;
}

/**
 * Prepares the tuner for work that will run often: notes which buckets `work` asks for, without running it, and measures those
 * that no table knows. Does nothing in mode "off". From here on the work's choices stay as they are.
 */
export async function tuneFor(
  gpu: Gpu,
  tunables: readonly Tunable[],
  work: () => void,
  options: TuningOptions = {},
): Promise<TuningResult[]> {
  const { device } = gpu;
  if (device.tuner.mode === "off") return [];
  device.record(() => gpu.scope(() => void work()), "what is to be tuned");
  return tuneWanted(gpu, tunables, options);
}

/** Measures the buckets that have been asked for since the device was opened and that no table knows. */
export async function tuneWanted(
  gpu: Gpu,
  tunables: readonly Tunable[],
  options: TuningOptions = {},
): Promise<TuningResult[]> {
  const wanted: readonly Wanted[] = gpu.device.tuner.wanted();
  const cases = wanted.flatMap(({ family, shape }) => {
    const tunable = tunables.find((each) => each.family.name === family.name);
    return tunable ? [{ tunable, shape: shape as never }] : [];
  });
  return tuneAll(gpu, cases, options);
}

/** The middle value; the lower of two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}
