// What training will hold: the plan made before the first step equals what the device then holds, and what does not fit is
// refused before anything is taken.
import { expect, it } from "vitest";
import { OutOfMemoryError } from "../../src/gpu/errors.js";
import { formatMemory } from "../../src/gpu/memory.js";
import { preset } from "../../src/patchifier/config.js";
import type { Random } from "../../src/tensor/random.js";
import { availableMemory, checkMemory, preflight } from "../../src/train/preflight.js";
import { Trainer } from "../../src/train/trainer.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();

it("plans the memory that the first step then holds", async () => {
  const { model, pretrain } = preset("demo");
  const sampler = {
    draw: (random: Random, batch: number) =>
      Float32Array.from({ length: batch * 128 * model.cropFrames }, () => random.uniform()),
  };
  const normalisation = { mean: 0.5, std: 0.3 };
  const before = gpu().memoryReport().arenas;
  const trainer = new Trainer(gpu(), {
    model,
    pretrain: { ...pretrain, batch: 2 },
    normalisation,
    seed: 1,
    sampler,
  });
  const planned = trainer.memory();
  expect(gpu().memoryReport().arenas - before).toBe(planned.total - planned.step);
  const notes: string[] = [];
  await preflight(trainer, (text) => notes.push(text));
  const scalars = 256;
  expect(gpu().memoryReport().arenas - before).toBe(planned.total + scalars);
  await trainer.next();
  expect(gpu().memoryReport().arenas - before).toBe(planned.total + scalars);
  expect(notes.join()).toMatch(/^memory: [\d.]+ MiB \([\d.]+ MiB for parameters, gradients and moments/);
  const report = gpu().memoryReport();
  expect(report.largest[0].what).toBe("training step");
  expect(report.peak).toBeGreaterThanOrEqual(report.tensors + report.arenas);
  expect(formatMemory(report)).toContain("first moments");
  trainer.dispose();
  expect(gpu().memoryReport().arenas).toBe(before);
});

it("refuses what does not fit, and says what to do", () => {
  const memory = { parameters: 100, gradients: 100, moments: 200, step: 2 ** 20, total: 2 ** 20 + 400 };
  expect(() => checkMemory(memory, 2 ** 20)).toThrow(OutOfMemoryError);
  expect(() => checkMemory(memory, 2 ** 20)).toThrow("use a smaller --batch or --preset");
  expect(checkMemory(memory, 2 ** 21)).toContain("are free");
  expect(checkMemory(memory, undefined)).not.toContain("free");
  expect(availableMemory({ software: false })).toBeUndefined();
  expect(availableMemory({ software: true })).toBeGreaterThan(2 ** 20);
});
