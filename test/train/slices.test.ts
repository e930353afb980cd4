// A training step that is submitted in slices gives the bits of one that is submitted whole, and lets other work in between;
// the training loop cuts steps on hardware, where a system takes the adapter back after about two seconds of one submission.
import { describe, expect, it } from "vitest";
import type { randomAt } from "../../src/data/batches.js";
import { preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { type LoopOptions, trainLoop } from "../../src/train/loop.js";
import type { LogLine, RunFolder } from "../../src/train/run-folder.js";
import { Trainer } from "../../src/train/trainer.js";
import { useLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";

function trainer(gpu: Gpu, seed: number, batch?: number): Trainer {
  const { model: presetModel, pretrain } = preset("demo");
  const model = { ...presetModel, width: 32, layers: 2, cropFrames: 64 };
  const size = model.frontEnd.nMels * model.cropFrames;
  const sampler = {
    draw(random: ReturnType<typeof randomAt>, clips: number) {
      return Float32Array.from({ length: clips * size }, () => random.uniform());
    },
  };
  return new Trainer(gpu, {
    model,
    pretrain: { ...pretrain, ...(batch ? { batch } : {}) },
    normalisation: { mean: 0.5, std: 0.3 },
    seed,
    sampler,
  });
}

const gpu = useGpu();

it("computes the same weights, and other work in between does not disturb it", async () => {
  const seed = freshSeed("slices");
  const [whole, sliced] = [trainer(gpu(), seed), trainer(gpu(), seed)];
  const losses: number[] = [];
  for (let i = 0; i < 4; i++) losses.push((await whole.next()).loss);
  let turns = 0;
  const others: number[] = [];
  const between = async () => {
    turns++;
    if (turns % 5 > 0) return;
    const x = gpu().scope(() => gpu().full([300], turns).sum());
    others.push((await x.item()) / turns);
    x.dispose();
  };
  for (let i = 0; i < 4; i++) {
    const { measured } = await sliced.nextInSlices({ budgetMs: 2, between });
    expect((await measured).loss).toBe(losses[i]);
  }
  expect(turns).toBeGreaterThan(20);
  expect(new Set(others)).toEqual(new Set([300]));
  const [a, b] = [await whole.model.parameters.read(), await sliced.model.parameters.read()];
  for (const [name, { data }] of a) expect(b.get(name)?.data).toEqual(data);
  whole.dispose();
  sliced.dispose();
});

describe.each<[string, boolean, Partial<LoopOptions>, boolean]>([
  ["hardware", false, {}, true],
  ["hardware, in pieces of 1 ms", false, { sliceMs: 1 }, true],
  ["software", true, {}, false],
])("the training loop on %s", (_, software, options, cuts) => {
  const other = useLess({ options: { software: true } });

  it(`submits a step ${cuts ? "in pieces, the first one most finely" : "whole"}`, async () => {
    const seed = freshSeed("training loop");
    const [plain, looped] = [trainer(other(), seed, 2), trainer(other(), seed, 2)];
    looped.kernels(); // records the step with a software adapter's kernels, which compile in less time here
    const { counts, capabilities } = other().device;
    Object.assign(capabilities, { software });
    const before = { ...counts };
    const steps: { loss: number; submits: number; dispatches: number }[] = [];
    const run = {
      appendLog({ loss = Number.NaN }: LogLine) {
        steps.push({ loss, ...counts });
      },
    } as unknown as RunFolder;
    const save = async () => {};
    const every = { checkpointEvery: 1, evaluateEvery: 100 }; // one step after the other
    await trainLoop({ trainer: looped, run, steps: 4, batch: 2, save, ...every, ...options });
    Object.assign(capabilities, { software: true });
    const submits = steps.map((step, i) => step.submits - (steps[i - 1] ?? before).submits);
    const dispatches = steps.map((step, i) => step.dispatches - (steps[i - 1] ?? before).dispatches);
    if (cuts) expect(submits[0]).toBeGreaterThan(8);
    if (options.sliceMs) expect(submits[3]).toBeGreaterThan(3);
    else expect(submits[3]).toBeLessThan(dispatches[3] / 4);
    for (const { loss } of steps) expect((await plain.next()).loss).toBe(loss);
    plain.dispose();
    looped.dispose();
  });
});
