// The learning-rate schedule and the initial values.
import { expect, it } from "vitest";
import { ones, truncatedNormal, xavierUniform, zeros } from "../../src/nn/init.js";
import { cosineSchedule } from "../../src/nn/schedule.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

it("warms up linearly and falls along half a cosine", () => {
  const options = { baseLr: 0.8, warmup: 4, total: 12, minLr: 0.2 };
  const lr = (step: number) => cosineSchedule(step, options);
  expect([0, 1, 2, 3].map(lr)).toEqual([0.2, 0.4, 0.8 * 0.75, 0.8]);
  expect(lr(4)).toBeCloseTo(0.8, 12);
  expect(lr(8)).toBeCloseTo(0.5, 12); // half way
  expect(lr(6)).toBeCloseTo(0.2 + 0.3 * (1 + Math.SQRT1_2), 12);
  expect(lr(12)).toBeCloseTo(0.2, 12);
  expect(lr(1000)).toBeCloseTo(0.2, 12);
});

it("has no division by zero where warm-up is all there is, or none", () => {
  expect(cosineSchedule(5, { baseLr: 1, warmup: 5, total: 5 })).toBe(1);
  expect(cosineSchedule(0, { baseLr: 1, warmup: 0, total: 10 })).toBe(1);
});

it("draws initial values within their bounds and with their spread", () => {
  const random = new Random(freshSeed("init"));
  expect(zeros(3, random)).toEqual(new Float32Array(3));
  expect(ones(3, random)).toEqual(Float32Array.of(1, 1, 1));
  const spread = (values: Float32Array) => Math.sqrt(values.reduce((t, v) => t + v * v, 0) / values.length);
  const normal = truncatedNormal(0.02)(20_000, random);
  expect(Math.max(...normal.map(Math.abs))).toBeLessThanOrEqual(0.04 + 1e-8);
  // The standard deviation of a standard normal cut off at ±2 is 0.8796.
  expect(Math.abs(spread(normal) / 0.02 - 0.8796)).toBeLessThan(0.03);
  const uniform = xavierUniform(30, 70)(20_000, random);
  const bound = Math.sqrt(6 / 100);
  expect(Math.max(...uniform.map(Math.abs))).toBeLessThanOrEqual(bound + 1e-7);
  expect(Math.abs(spread(uniform) / bound - 1 / Math.sqrt(3))).toBeLessThan(0.03);
});
