// The real training step, replayed: the same losses, gradients' norms and weights as eager execution to the last bit, in one
// submission, with nothing made after the first step.
import { expect, it } from "vitest";
import type { StepResult } from "../../src/train/trainer.js";
import { demoTrainer } from "../support/demo-trainer.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();

it("replays the training step bit for bit", async () => {
  const seed = freshSeed("trainer");
  const runs: { results: StepResult[]; weights: Float32Array[] }[] = [];
  for (const captured of [false, true]) {
    const trainer = demoTrainer(gpu(), seed, { captured });
    const results: StepResult[] = [];
    for (let i = 0; i < 4; i++) results.push(await trainer.next());
    results.push({ gradNorm: 0, ...(await trainer.evaluate(1)) } as StepResult);
    const weights = [...(await trainer.model.parameters.read()).values()].map(({ data }) => data);
    trainer.dispose();
    runs.push({ results, weights });
  }
  expect(runs[1]).toEqual(runs[0]);
  for (const { results, weights } of runs) {
    for (const result of results) expect(Object.values(result).every(Number.isFinite)).toBe(true);
    expect(weights.every((values) => values.every(Number.isFinite))).toBe(true);
  }
  const [first, second] = runs[0].results;
  expect(second.loss).not.toBe(first.loss);
});

it("makes nothing and submits once after the first step", async () => {
  const trainer = demoTrainer(gpu(), freshSeed("steady"));
  await trainer.next();
  await trainer.next();
  const { pool, pipelines, counts } = gpu().device;
  const before = {
    buffers: pool.use.buffersCreated,
    groups: pipelines.bindGroupsCreated,
    submits: counts.submits,
  };
  for (let i = 0; i < 3; i++) await trainer.next();
  expect(pool.use.buffersCreated).toBe(before.buffers);
  expect(pipelines.bindGroupsCreated).toBe(before.groups);
  expect(counts.submits - before.submits).toBe(3);
  trainer.dispose();
});
