// Everything that a profile has to pass: every row of the op table, every case of the golden sets, three training steps
// whose weights are those of the ordinary device, and the checks of the kernels that are launched outside of operations. References are
// computed once and held against all profiles that a process has open.

import { kernelChecks } from "../../src/checks/index.js";
import { checkKernels } from "../../src/checks/run.js";
import { outsideKernels } from "../checks/outside.js";
import { runCase } from "../golden/runner.js";
import { GoldenSet } from "../golden/set.js";
import type { OpCase } from "../ops/case.js";
import { checkPrepared, prepareCase } from "../ops/check.js";
import { demoTrainer } from "../support/demo-trainer.js";
import type { OpenProfile } from "./open.js";

/** How many passed, and what was wrong with the others. */
export interface Tally {
  passed: number;
  failed: number;
  problems: string[];
}

export type Weights = ReadonlyMap<string, Float32Array>;

export const parts = ["op table", "golden sets", "training steps", "other kernels"] as const;
export type Part = (typeof parts)[number];

/** By profile and part. */
export type Tallies = Map<string, Record<Part, Tally>>;

/**
 * The largest difference of a weight after three steps that is let pass. Measured: 3.1e-5 at most, in a bias whose gradient is nearly
 * zero, which AdamW divides by its own size; every other parameter stays below 2e-5.
 */
const weightTolerance = 1e-4;
const steps = 3;

export function newTallies(opened: readonly OpenProfile[]): Tallies {
  const none = (): Tally => ({ passed: 0, failed: 0, problems: [] });
  return new Map(
    opened.map(({ profile }) => [
      profile.name,
      { "op table": none(), "golden sets": none(), "training steps": none(), "other kernels": none() },
    ]),
  );
}

/** Runs `check` on every profile at once and counts; what it throws is a problem. */
async function onEach(
  opened: readonly OpenProfile[],
  tallies: Tallies,
  part: Part,
  label: string,
  check: (one: OpenProfile) => Promise<string[]>,
): Promise<void> {
  await Promise.all(
    opened.map(async (one) => {
      const problems = await check(one).catch((error: unknown) => [
        error instanceof Error ? error.message : String(error),
      ]);
      problems.push(...((await one.memory?.faults().catch((error: unknown) => [String(error)])) ?? []));
      const tally = tallies.get(one.profile.name)?.[part];
      if (!tally) throw new Error(`${one.profile.name} has no tally`);
      if (problems.length === 0) tally.passed++;
      else {
        tally.failed++;
        tally.problems.push(`${label}: ${problems.slice(0, 3).join("; ")}`);
      }
    }),
  );
}

/** The op table. */
export async function runTable(
  opened: readonly OpenProfile[],
  rows: readonly OpCase[],
  seed: number,
  tallies: Tallies,
): Promise<void> {
  for (const [i, row] of rows.entries()) {
    const prepared = prepareCase(row, seed + i);
    await onEach(opened, tallies, "op table", `${row.op}, ${row.label}`, ({ gpu }) =>
      checkPrepared(gpu, prepared),
    );
  }
}

/** Reference sets by folder. */
export async function runGolden(
  opened: readonly OpenProfile[],
  folders: readonly string[],
  tallies: Tallies,
): Promise<void> {
  for (const folder of folders) {
    const set = new GoldenSet(folder);
    for (const [index, { id }] of set.cases.entries()) {
      await onEach(opened, tallies, "golden sets", id, async ({ gpu }) => {
        return (await runCase(gpu, set, index)).problems;
      });
    }
  }
}

/** Probe heads, optimisers, audio: kernels that no row of the op table and no step takes, by their checks; one count a kernel. */
export async function runOthers(
  opened: readonly OpenProfile[],
  seed: number,
  tallies: Tallies,
): Promise<void> {
  for (const one of opened) {
    const found = await checkKernels(one.gpu, kernelChecks, outsideKernels(one.gpu), seed);
    await one.memory?.faults(); // a check fills the room behind its blocks with a NaN of its own
    for (const [{ key }, reason] of found) {
      await onEach([one], tallies, "other kernels", key, async () => (reason === undefined ? [] : [reason]));
    }
  }
}

/** Three training steps of the demo model; eagerly where memory is watched, else recorded and replayed. */
export async function trainedWeights({ gpu, profile }: OpenProfile, seed: number): Promise<Weights> {
  const trainer = demoTrainer(gpu, seed, { captured: profile.poisoned !== true });
  for (let i = 0; i < steps; i++) {
    const { loss } = await trainer.next();
    if (!Number.isFinite(loss)) throw new Error(`the loss of step ${i + 1} is ${loss}`);
  }
  const read = await trainer.model.parameters.read();
  trainer.dispose();
  return new Map([...read].map(([name, { data }]) => [name, data]));
}

/** The steps, beside the ordinary device's weights. Returns the largest difference by profile. */
export async function runSteps(
  opened: readonly OpenProfile[],
  expected: Weights,
  seed: number,
  tallies: Tallies,
): Promise<Map<string, number>> {
  const differences = new Map<string, number>();
  await onEach(opened, tallies, "training steps", "weights", async (one) => {
    const got = await trainedWeights(one, seed);
    const problems: string[] = [];
    let most = 0;
    for (const [name, values] of expected) {
      const worst = largestDifference(got.get(name) ?? new Float32Array(0), values);
      most = Math.max(most, worst);
      if (worst > weightTolerance) problems.push(`${name} differs by ${worst.toExponential(2)}`);
    }
    differences.set(one.profile.name, most);
    return problems;
  });
  return differences;
}

/** Infinite for a NaN and for another length. */
function largestDifference(got: Float32Array, expected: Float32Array): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return most;
}
