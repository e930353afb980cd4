// Reductions over infinities and NaN, by one rule for all: what PyTorch and NumPy give. A NaN among the numbers makes the sum,
// mean, maximum, minimum and logsumexp NaN; argmax gives the first NaN's place; topk counts NaN above +∞ (first of the largest,
// last of the smallest). Infinities are numbers like others: the maximum of −∞ alone is −∞, logsumexp of −∞ alone is −∞ and with
// a +∞ is +∞. Rows, columns, vec4s and odd lengths, one launch and two, with subgroups and on a device without them.
import { describe, expect, it } from "vitest";
import { logsumexp, max, mean, min, sum } from "../../src/ops/reduce.js";
import { argmax, topk } from "../../src/ops/scan.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { useLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const seed = freshSeed("special values");
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** What a row is drawn from besides ordinary numbers: a part of its places at random, or all of them. */
const kinds: Record<string, { values: number[]; share: number }> = {
  "a NaN": { values: [nan], share: 0.02 },
  "NaN and infinities": { values: [nan, inf, -inf], share: 0.3 },
  "−∞": { values: [-inf], share: 0.3 },
  "both infinities": { values: [inf, -inf, 0, -0], share: 0.5 },
  "−∞ alone": { values: [-inf], share: 1 },
  "+∞ alone": { values: [inf], share: 1 },
  "the largest numbers": { values: [3.4028234663852886e38, -3.4028234663852886e38], share: 0.5 },
  "NaN alone": { values: [nan], share: 1 },
};

const isNumber = (x: number) => !Number.isNaN(x);
/** Greater in the order of topk and argmax, where NaN comes first. */
const before = (a: number, b: number) => (isNumber(b) ? (isNumber(a) ? a > b : true) : false);
const best = (row: number[]) => row.reduce((top, x, i) => (before(x, row[top]) ? i : top), 0);
const total = (row: number[]) => row.reduce((a, b) => a + b, 0);
const extreme = (row: number[], sign: number) =>
  row.every(isNumber) ? sign * row.reduce((a, b) => Math.max(a, sign * b), -inf) : nan;
const logSum = (row: number[]) => {
  const top = extreme(row, 1);
  return Number.isFinite(top) ? top + Math.log(total(row.map((x) => Math.exp(x - top)))) : top;
};
const ranked = (row: number[], sign: number) =>
  row
    .map((_, i) => i)
    .sort((a, b) => (before(row[a], row[b]) ? -sign : before(row[b], row[a]) ? sign : a - b));

const same = (a: number, b: number, tolerance: number) =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= tolerance * (1 + Math.abs(b));

function check(name: string, got: ArrayLike<number>, expected: number[], tolerance = 0): void {
  expect(got.length).toBe(expected.length);
  const wrong = expected.findIndex((value, i) => !same(got[i], value, tolerance));
  expect(wrong < 0 ? name : `${name}[${wrong}] is ${got[wrong]}, not ${expected[wrong]}`).toBe(name);
}

async function reduceAll(
  gpu: Gpu,
  random: Random,
  kind: keyof typeof kinds,
  shape: [number, number],
  dim: 0 | 1,
) {
  const { values, share } = kinds[kind];
  const data = Float32Array.from({ length: shape[0] * shape[1] }, () =>
    random.uniform() < share ? values[random.integer(values.length)] : random.normal(),
  );
  const lines = Array.from({ length: shape[1 - dim] }, (_, line) =>
    Array.from({ length: shape[dim] }, (_, i) => data[dim === 1 ? line * shape[1] + i : i * shape[1] + line]),
  );
  const results = gpu.scope(() => {
    const x = gpu.tensor(data, shape);
    const read = { max, min, sum, mean, logsumexp };
    const made = Object.fromEntries(Object.entries(read).map(([name, op]) => [name, op(x, { dim }).data()]));
    const k = Math.min(3, shape[dim]);
    const [large, small] = [topk(x, k, { dim }), topk(x, k, { dim, largest: false })];
    return {
      ...made,
      argmax: argmax(x, { dim }).indices(),
      large: large.values.data(),
      largeAt: large.indices.indices(),
      small: small.values.data(),
      smallAt: small.indices.indices(),
    };
  });
  const got = Object.fromEntries(
    await Promise.all(Object.entries(results).map(async ([name, promise]) => [name, await promise])),
  );
  check(
    "max",
    got.max,
    lines.map((row) => extreme(row, 1)),
  );
  check(
    "min",
    got.min,
    lines.map((row) => extreme(row, -1)),
  );
  if (kind !== "the largest numbers") {
    // Sums of the largest numbers overflow or not by the order in which they are added.
    check("sum", got.sum, lines.map(total), 1e-3);
    check(
      "mean",
      got.mean,
      lines.map((row) => total(row) / row.length),
      1e-3,
    );
  }
  check("logsumexp", got.logsumexp, lines.map(logSum), 1e-4);
  check("argmax", got.argmax, lines.map(best));
  const k = Math.min(3, shape[dim]);
  const turn = (columns: number[][]) =>
    dim === 1
      ? columns.flat()
      : Array.from({ length: k }, (_, i) => columns.map((column) => column[i])).flat();
  for (const [name, sign] of [
    ["large", 1],
    ["small", -1],
  ] as const) {
    const order = lines.map((row) => ranked(row, sign).slice(0, k));
    check(name, got[name], turn(order.map((places, line) => places.map((i) => lines[line][i]))));
    check(`${name}At`, got[`${name}At`], turn(order));
  }
}

const shapes: [label: string, shape: [number, number], dim: 0 | 1][] = [
  ["rows of a multiple of four", [5, 96], 1],
  ["odd rows", [7, 61], 1],
  ["columns", [61, 12], 0],
  ["odd columns in two launches", [700, 3], 0],
  ["long odd rows in two launches", [2, 5003], 1],
  ["one number a row", [9, 1], 1],
];

const devices: [string, () => () => Gpu][] = [
  ["the adapter", () => useGpu()],
  ["a device without subgroups", () => useLess({ without: ["subgroups"] })],
];

describe.each(devices)("on %s", (_, use) => {
  const gpu = use();
  it.each(shapes)("%s", async (_, shape, dim) => {
    const random = new Random(seed);
    for (const kind of Object.keys(kinds)) await reduceAll(gpu(), random, kind, shape, dim);
  });
});
