// What numerics.test.ts bundles into a page: the rows of the op table and the runners of reference cases, as Node's tests run them,
// on the page's own device. Results are lists of what is wrong.

import { open } from "../../src/index.js";
import { registry } from "../../src/ops/define.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { type Outcome, runCase } from "../golden/runner.js";
import type { Expected, GoldenCase, GoldenSet, Values } from "../golden/set.js";
import { families } from "../ops/all-cases.js";
import type { OpCase } from "../ops/case.js";
import { checkCase } from "../ops/check.js";

export { families };

export interface RowResult {
  family: string;
  op: string;
  label: string;
  gradient: boolean;
  problems: string[];
}

let opened: Promise<Gpu> | undefined;

/**
 * Runs the table's core: of every operation the first rows, with a gradient where it has one, and small enough that central
 * differences take no minutes.
 */
export async function runCore(seed: number, rowsPerOp: number): Promise<RowResult[]> {
  opened ??= open();
  const gpu = await opened;
  const results: RowResult[] = [];
  for (const [family, rows] of Object.entries(families)) {
    const taken = new Map<string, number>();
    const differentiable = (row: OpCase) => row.gradient !== false && !!registry.get(row.op)?.differentiable;
    const small = rows.filter(({ inputs }) => inputs.every(({ shape }) => sizeOf(shape) <= 4096));
    for (const row of [...small].sort((a, b) => Number(differentiable(b)) - Number(differentiable(a)))) {
      const count = taken.get(row.op) ?? 0;
      if (count >= rowsPerOp) continue;
      taken.set(row.op, count + 1);
      const problems = await checkCase(gpu, row, seed + results.length).catch((error: Error) => [
        error.message,
      ]);
      results.push({ family, op: row.op, label: row.label, gradient: differentiable(row), problems });
    }
  }
  return results;
}

/** A value whose numbers are bytes in base64, as JSON carries it. */
export interface Packed {
  shape: readonly number[];
  integers: boolean;
  bytes: string;
}

function unpack<T extends Packed>({ bytes, integers, ...rest }: T): Omit<T, "bytes" | "integers"> & Values {
  const buffer = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)).buffer;
  return { ...rest, data: integers ? new Int32Array(buffer) : new Float32Array(buffer) };
}

const unpackAll = (group: Record<string, Packed>) =>
  Object.fromEntries(Object.entries(group).map(([name, each]) => [name, unpack(each)]));

/** Runs the reference case that is served as JSON at `url`. */
export async function runGolden(url: string): Promise<Outcome> {
  opened ??= open();
  const { inputs, weights, cotangent, expected, ...line } = await (await fetch(url)).json();
  const item: GoldenCase = {
    ...line,
    inputs: unpackAll(inputs),
    weights: unpackAll(weights),
    cotangent: cotangent && unpack(cotangent),
    expected: {
      outputs: unpackAll(expected.outputs) as Record<string, Expected>,
      gradients: unpackAll(expected.gradients) as Record<string, Expected>,
      final_weights: unpackAll(expected.final_weights) as Record<string, Expected>,
    },
  };
  return runCase(await opened, { cases: [item], load: () => item } as unknown as GoldenSet, 0);
}
