// Runs one row of the op table: draws inputs, compares our output with the float64 reference and our gradients with
// slopes of that reference (slopes.ts). What a row expects depends on the row and the seed alone, so it is prepared once
// and held against as many devices as there are. Every comparison is written so that a NaN fails. Returns what is wrong, as
// text, instead of asserting, so that the runner itself can be tested.
import { registry } from "../../src/ops/define.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { formatShape, sameShape, sizeOf } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { InputSpec, OpCase, Values } from "./case.js";
import { Slopes, within } from "./slopes.js";

/** A row with its inputs drawn and what has to come out. */
export interface PreparedCase {
  row: OpCase;
  values: readonly Values[];
  expected: Float64Array;
  /** Which inputs' gradients are checked. */
  wanted: readonly boolean[];
  /** What the output's elements are weighed with for the gradient. */
  cotangent: Float32Array;
  slopes: Slopes;
}

/** Draws a row's inputs and evaluates its reference. */
export function prepareCase(row: OpCase, seed: number): PreparedCase {
  const random = new Random(seed);
  const values = row.inputs.map((spec) => draw(spec, random));
  const differentiable = row.gradient !== false && registry.get(row.op)?.differentiable !== false;
  const wanted = row.inputs.map((spec) => differentiable && (spec.gradient ?? isFloat(spec)));
  const expected = Float64Array.from(row.reference(values));
  const cotangent = Float32Array.from(expected, () => random.normal());
  return { row, values, expected, wanted, cotangent, slopes: new Slopes(row, values, cotangent, random) };
}

/** A row's inputs as tensors. */
export function upload(gpu: Gpu, { row, values, wanted }: PreparedCase): Tensor[] {
  return values.map((value, i) => {
    const float = isFloat(row.inputs[i]);
    const data = float ? Float32Array.from(value.data) : Int32Array.from(value.data);
    const tensor = gpu.tensor(data, value.shape);
    tensor.requiresGrad = wanted[i];
    return tensor;
  });
}

/** Problems of one row on one device, none if it passes. */
export async function checkPrepared(gpu: Gpu, prepared: PreparedCase): Promise<string[]> {
  const { row, expected, wanted, cotangent, slopes } = prepared;
  poison(gpu, [...row.inputs.map((spec) => sizeOf(spec.shape)), expected.length]);

  gpu.checkIndices = row.outside ? "never" : "always";
  const inputs = upload(gpu, prepared);
  const made: Tensor[] = [...inputs];
  const output = row.run(inputs);
  const problems: string[] = [];
  if (row.shape && !sameShape(row.shape, output.shape)) {
    problems.push(`the shape is ${formatShape(output.shape)}, not ${formatShape(row.shape)}`);
  }
  const got = output.dtype === "i32" ? await output.indices() : await output.data();
  problems.push(...compare("output", got, expected, row.atol ?? 1e-5, row.rtol ?? 1e-5));

  if (problems.length === 0 && wanted.includes(true)) {
    if (!output.requiresGrad) return ["the output does not require a gradient"];
    output.backward(gpu.tensor(cotangent, output.shape));
    // Once more into slots full of NaN: an operation that writes a gradient there has to write all of it.
    const again = upload(gpu, prepared);
    made.push(...again);
    again.forEach((tensor, i) => {
      if (!wanted[i]) return;
      tensor.gradSlot = gpu.tensor(new Float32Array(tensor.size).fill(Number.NaN), tensor.shape);
      made.push(tensor.gradSlot);
    });
    row.run(again).backward(gpu.tensor(cotangent, output.shape));
    for (let i = 0; i < inputs.length; i++) {
      if (!wanted[i]) continue;
      const { grad } = inputs[i];
      if (!grad) {
        problems.push(`input ${i} got no gradient`);
        continue;
      }
      const ours = await grad.data();
      const slot = await again[i].grad?.data();
      problems.push(...compare(`gradient ${i} in a slot`, slot ?? [], ours, 1e-6, 1e-5));
      problems.push(...slopes.check(i, ours));
      grad.dispose();
    }
  }
  for (const tensor of made) tensor.dispose();
  if (problems.length === 0) problems.push(...heldAfter(gpu, prepared));
  gpu.checkIndices = "first";
  return problems;
}

/** What a row leaves behind: its memory comes back when the scope ends, that of the gradients when the inputs' are disposed. */
function heldAfter(gpu: Gpu, prepared: PreparedCase): string[] {
  const { row, wanted, cotangent } = prepared;
  const { use } = gpu.device.pool;
  gpu.checkIndices = "never"; // what is looked at waits for the next readback
  const before = use.inUse;
  gpu.scope(() => {
    const inputs = upload(gpu, prepared);
    const output = row.run(inputs);
    if (wanted.includes(true)) output.backward(gpu.tensor(cotangent, output.shape));
    for (const { grad } of inputs) grad?.dispose();
  });
  const left = use.inUse - before;
  return left === 0 ? [] : [`${left} bytes are still held after forward and gradient`];
}

/** Problems of one row, none if it passes. */
export function checkCase(gpu: Gpu, row: OpCase, seed: number): Promise<string[]> {
  return checkPrepared(gpu, prepareCase(row, seed));
}

/** Differences between two arrays beyond the tolerance, at most three of them spelt out. */
export function compare(
  label: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  atol: number,
  rtol: number,
): string[] {
  if (got.length !== expected.length) {
    return [`${label} has ${got.length} elements, not ${expected.length}`];
  }
  const problems: string[] = [];
  let wrong = 0;
  for (let i = 0; i < expected.length; i++) {
    if (within(got[i], expected[i], atol, rtol)) continue;
    if (wrong++ < 3) problems.push(`${label}[${i}] is ${got[i]}, not ${expected[i]}`);
  }
  if (wrong > 3) problems.push(`${label}: ${wrong} of ${expected.length} are wrong`);
  return problems;
}

export function isFloat(spec: InputSpec): boolean {
  return spec.draw !== "index" && spec.draw !== "mask";
}

function draw(spec: InputSpec, random: Random): Values {
  const size = sizeOf(spec.shape);
  if (spec.values) {
    if (spec.values.length !== size) throw new Error("An input's fixed values do not fill its shape.");
    return { data: Float64Array.from(spec.values), shape: spec.shape };
  }
  const order = spec.draw === "distinct" ? random.permutation(size) : undefined;
  const scale = spec.scale ?? 1;
  const one = (i: number): number => {
    switch (spec.draw ?? "normal") {
      case "normal":
        return random.normal() * scale;
      case "positive":
        return (0.5 + 1.5 * random.uniform()) * scale;
      case "unit":
        return random.uniform() * scale;
      case "uniform":
        return (2 * random.uniform() - 1) * scale;
      case "index":
        return random.integer(spec.below ?? 1);
      case "distinct":
        return (((order?.[i] ?? 0) - (size - 1) / 2) / 8) * scale;
      case "mask":
        return random.integer(2);
    }
  };
  // Rounded to float32, so that the reference sees exactly what is uploaded.
  return { data: Float64Array.from({ length: size }, (_, i) => Math.fround(one(i))), shape: spec.shape };
}

/**
 * Fills pooled memory of these sizes with NaN, so that an operation that reads what it did not write, or the padding
 * behind a tensor's end, shows it.
 */
function poison(gpu: Gpu, sizes: readonly number[]): void {
  const { pool } = gpu.device;
  for (const size of new Set(sizes)) {
    if (size > 1 << 18) continue;
    const blocks = Array.from({ length: 4 }, () => pool.acquire(Math.max(4, size * 4)));
    // Up to the padding's end, which is as far as a kernel may touch.
    const values = new Float32Array(4 * Math.ceil(Math.max(1, size) / 4)).fill(Number.NaN);
    for (const block of blocks) gpu.device.write(block, values);
    for (const block of blocks) pool.release(block);
  }
}
