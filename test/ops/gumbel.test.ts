// Gumbel noise against the same numbers in float64 and its moments; the hard choice, its share of each class, its gradient, and
// that a captured function draws anew at every run.
import { expect, it } from "vitest";
import { dropoutKey, hash32 } from "../../src/ops/dropout.js";
import { gumbelNoise, gumbelSoftmax } from "../../src/ops/gumbel.js";
import { capture } from "../../src/tensor/capture.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();

function noise(i: number, seed: number): number {
  const bits = hash32((hash32(i) ^ dropoutKey(seed)) >>> 0);
  return -Math.log(-Math.log(((bits >>> 9) + 0.5) / 2 ** 23));
}

it("draws the same noise as float64, of the right moments and all finite", async () => {
  const seed = freshSeed("gumbel noise");
  const values = await gumbelNoise(gpu(), [513, 401], seed).data();
  let [worst, sum, squares] = [0, 0, 0];
  values.forEach((value, i) => {
    const difference = Math.abs(value - noise(i, seed));
    if (!(difference <= worst)) worst = difference; // a NaN becomes the worst
    sum += value;
    squares += value * value;
  });
  expect(worst).toBeLessThan(3e-5);
  const mean = sum / values.length;
  expect(Math.abs(mean - 0.5772)).toBeLessThan(0.02);
  expect(Math.abs(squares / values.length - mean ** 2 - Math.PI ** 2 / 6)).toBeLessThan(0.05);
});

it.each([
  ["smallest", 0],
  ["largest", 2 ** 23 - 1],
])("is right where the %s number is drawn", async (_, wanted) => {
  const size = 4096;
  const keyed = Array.from({ length: size }, (_, i) => hash32(i));
  let [seed, place] = [-1, -1];
  while (place < 0) {
    const key = dropoutKey(++seed);
    place = keyed.findIndex((bits) => hash32((bits ^ key) >>> 0) >>> 9 === wanted);
  }
  const values = await gumbelNoise(gpu(), [size], seed).data();
  expect(Math.abs(values[place] - noise(place, seed))).toBeLessThan(1e-4);
});

it("chooses each class as often as its softmax says, one at a time", async () => {
  const logits = [0, 1, 2, -1];
  const rows = 40_000;
  const x = gpu().tensor(
    Float32Array.from({ length: 4 * rows }, (_, i) => logits[i % 4]),
    [rows, 4],
  );
  const chosen = await gumbelSoftmax(x, { tau: 0.7, seed: freshSeed("gumbel choice"), hard: true }).data();
  const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
  logits.forEach((value, c) => {
    let count = 0;
    for (let row = 0; row < rows; row++) count += chosen[4 * row + c];
    const share = Math.exp(value) / total;
    // Six standard deviations.
    expect(Math.abs(count / rows - share)).toBeLessThan(6 * Math.sqrt((share * (1 - share)) / rows));
  });
  for (let row = 0; row < rows; row++) {
    const own = [...chosen.subarray(4 * row, 4 * row + 4)].sort();
    [0, 0, 0, 1].forEach((value, i) => {
      expect(Math.abs(own[i] - value)).toBeLessThan(1e-6);
    });
    if (row > 200) break;
  }
});

it("has the gradient of the soft form", async () => {
  const seed = freshSeed("gumbel gradient");
  const random = new Random(seed);
  const [rows, classes, tau] = [5, 7, 1.3];
  const draw = () => Float32Array.from({ length: rows * classes }, () => random.normal());
  const [values, upstream] = [draw(), draw()];
  const x = gpu().tensor(values, [rows, classes], { requiresGrad: true });
  const y = gumbelSoftmax(x, { tau, seed, hard: true });
  y.mul(gpu().tensor(upstream, [rows, classes]))
    .sum()
    .backward();
  const gradient = (await x.grad?.data()) ?? [];
  for (let row = 0; row < rows; row++) {
    const at = (c: number) => row * classes + c;
    const powers = Array.from({ length: classes }, (_, c) =>
      Math.exp((values[at(c)] + noise(at(c), seed)) / tau),
    );
    const sum = powers.reduce((a, b) => a + b, 0);
    const soft = powers.map((power) => power / sum);
    const along = soft.reduce((total, share, c) => total + share * upstream[at(c)], 0);
    soft.forEach((share, c) => {
      const expected = (share * (upstream[at(c)] - along)) / tau;
      expect(Math.abs(gradient[at(c)] - expected) <= 1e-5 + 1e-4 * Math.abs(expected)).toBe(true);
    });
  }
});

it("draws anew at every run of a captured function, as eager calls do", async () => {
  const seed = freshSeed("gumbel captured");
  let step = 0;
  const work = (x: ReturnType<typeof gumbelNoise>) =>
    gumbelSoftmax(x, { tau: () => 2 / (1 + step), seed: () => seed + step });
  const replayed = capture(gpu(), ({ x }) => work(x));
  const logits = gpu().tensor([
    [0.1, 0.5, -0.2],
    [1, 0, 3],
  ]);
  const runs: Float32Array[] = [];
  for (; step < 3; step++) {
    const eager = await gpu()
      .scope(() => work(logits))
      .data();
    const captured = await replayed({ x: logits }).data();
    expect(captured).toEqual(eager);
    runs.push(captured);
  }
  expect(runs[1]).not.toEqual(runs[0]);
  replayed.dispose();
});
