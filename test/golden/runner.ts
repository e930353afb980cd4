// Runs the cases of a reference set and judges what comes out by the set's rule:
// |got - expected| <= atol + rtol·|expected|, which a NaN never satisfies; a gradient that is 0 throughout is judged by the scale of
// the operands (zeroTolerance). A case fails where it has no runner, where
// anything that it expects is not produced, or where its runner throws. What each op computes is in the families' files.
import type { Gpu } from "../../src/tensor/gpu.js";
import { formatShape, type Shape, sameShape } from "../../src/tensor/shape.js";
import { melRunners } from "./mel.js";
import { metricRunners } from "./metrics.js";
import { modelRunners } from "./model.js";
import { opRunners } from "./ops.js";
import { optimRunners } from "./optim.js";
import type { Expected, GoldenCase, GoldenSet } from "./set.js";

/** What a runner computed, by name. */
export interface Result {
  shape: Shape;
  data: ArrayLike<number>;
}
export interface Produced {
  outputs: Record<string, Result>;
  gradients?: Record<string, Result>;
  final_weights?: Record<string, Result>;
}

/**
 * Computes a case's outputs and gradients from its params and named inputs alone. Several results are several ways to
 * compute the same, each of which has to pass.
 */
export type Runner = (gpu: Gpu, item: GoldenCase) => Promise<Produced | Produced[]> | Produced | Produced[];

export const runners: Readonly<Record<string, Runner>> = {
  ...opRunners,
  ...melRunners,
  ...optimRunners,
  ...modelRunners,
  ...metricRunners,
};

export interface Outcome {
  id: string;
  op: string;
  /** Why the case failed; empty where it passed. */
  problems: string[];
  /** The largest |got - expected| / (atol + rtol·|expected|); above 1 is a failure. */
  worst: number;
}

/** Runs one case. Never throws for what is wrong with the case or with our result. */
export async function runCase(gpu: Gpu, set: GoldenSet, index: number): Promise<Outcome> {
  const { id, op } = set.cases[index];
  const outcome: Outcome = { id, op, problems: [], worst: 0 };
  try {
    const runner = Object.hasOwn(runners, op) ? runners[op] : undefined;
    if (!runner) throw new Error(`there is no runner for the op '${op}'`);
    const item = set.load(index);
    const results = [await runner(gpu, item)].flat();
    if (results.length === 0) throw new Error("nothing was computed");
    for (const produced of results) judge(item, produced, outcome);
  } catch (error) {
    outcome.problems.push(error instanceof Error ? error.message : String(error));
    outcome.worst = Number.POSITIVE_INFINITY;
  }
  return outcome;
}

/** Compares everything that a case expects with what was produced. */
export function judge(item: GoldenCase, produced: Produced, outcome: Outcome): void {
  let values = 0;
  for (const group of ["outputs", "gradients", "final_weights"] as const) {
    for (const [name, expected] of Object.entries(item.expected[group])) {
      values++;
      const got = produced[group]?.[name];
      const label = group === "outputs" ? name : `${group}.${name}`;
      if (!got) {
        outcome.problems.push(`${label} was not computed`);
        outcome.worst = Number.POSITIVE_INFINITY;
      } else {
        const atol = group === "gradients" ? zeroTolerance(item, name, expected) : expected.atol;
        compare(label, got, { ...expected, atol }, outcome);
      }
    }
  }
  if (values === 0) outcome.problems.push("the case expects nothing");
}

/** Four units of float32's last place. */
const lastPlaces = 2 ** -22;

/**
 * The absolute tolerance of a gradient. One that is 0 throughout is what terms of the size of cotangent times other inputs leave when
 * they cancel (attention with a single key): a tolerance taken from its own values would be none. So it is decided by those terms.
 */
function zeroTolerance(item: GoldenCase, name: string, { data, atol }: Expected): number {
  if (data.some((value) => value !== 0)) return atol;
  const largest = (values: ArrayLike<number>) =>
    Array.from(values).reduce(
      (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
      0,
    );
  let scale = item.cotangent ? largest(item.cotangent.data) : 1;
  for (const [other, values] of Object.entries(item.inputs)) {
    if (other !== name && values.data instanceof Float32Array) scale *= Math.max(1, largest(values.data));
  }
  return Math.max(atol, lastPlaces * scale);
}

function compare(label: string, got: Result, expected: Expected, outcome: Outcome): void {
  const { shape, data, rtol, atol, zeroGradient } = expected;
  if (!sameShape(got.shape, shape) || got.data.length !== data.length) {
    outcome.problems.push(`${label} is ${formatShape(got.shape)}, not ${formatShape(shape)}`);
    outcome.worst = Number.POSITIVE_INFINITY;
    return;
  }
  const row = data.length / (shape[0] ?? 1);
  let wrong = 0;
  let first = -1;
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / row);
    const loose = zeroGradient && at >= zeroGradient.rows[0] && at < zeroGradient.rows[1];
    const ratio = errorRatio(got.data[i], data[i], rtol, loose ? zeroGradient.atol : atol);
    if (ratio > outcome.worst) outcome.worst = ratio;
    if (ratio <= 1) continue;
    if (first < 0) first = i;
    wrong++;
  }
  if (wrong > 0) {
    const where = `the first at ${first}: ${got.data[first]} for ${data[first]}`;
    outcome.problems.push(`${label}: ${wrong} of ${data.length} are wrong, ${where}`);
  }
}

/** Error over tolerance; Infinity where either is NaN, or where an exact value differs. */
export function errorRatio(got: number, expected: number, rtol: number, atol: number): number {
  if (got === expected) return 0;
  const ratio = Math.abs(got - expected) / (atol + rtol * Math.abs(expected));
  return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
}
