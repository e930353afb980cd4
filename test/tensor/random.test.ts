// The random generator: repeatable, resumable, and with the moments that its distributions should have.
import { expect, it } from "vitest";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const draw = (random: Random, n = 100) => Array.from({ length: n }, () => random.word());

it("is a function of seed and stream", () => {
  const seed = freshSeed("random");
  expect(draw(new Random(seed))).toEqual(draw(new Random(seed)));
  expect(draw(new Random(seed))).not.toEqual(draw(new Random(seed + 1)));
  expect(draw(new Random(seed))).not.toEqual(draw(new Random(seed, 1)));
});

it("goes on from a saved state", () => {
  const random = new Random(freshSeed("state"));
  draw(random);
  const copy = new Random(0);
  copy.state = JSON.parse(JSON.stringify(random.state));
  expect(copy.state).toEqual(random.state);
  expect(draw(copy)).toEqual(draw(random));
});

it("has the moments of its distributions", () => {
  const random = new Random(freshSeed("moments"));
  const n = 40_000;
  const moments = (f: () => number) => {
    const values = Array.from({ length: n }, f);
    const mean = values.reduce((a, b) => a + b) / n;
    return [mean, Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n)];
  };
  const [uniform, normal] = [moments(() => random.uniform()), moments(() => random.normal())];
  // Five standard errors.
  expect(Math.abs(uniform[0] - 0.5)).toBeLessThan((5 * 0.2887) / Math.sqrt(n));
  expect(Math.abs(uniform[1] - 0.2887)).toBeLessThan(0.005);
  expect(Math.abs(normal[0])).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(normal[1] - 1)).toBeLessThan(5 / Math.sqrt(2 * n));
  for (let i = 0; i < 1000; i++) expect(Math.abs(random.truncatedNormal(0.02))).toBeLessThanOrEqual(0.04);
});

it("permutes", () => {
  const order = new Random(freshSeed("permutation")).permutation(500);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
});
