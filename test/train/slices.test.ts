// A training step that is submitted in slices gives the bits of one that is submitted whole, and lets other work in between.
import { expect, it } from "vitest";
import type { randomAt } from "../../src/data/batches.js";
import { preset } from "../../src/patchifier/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();

it("computes the same weights, and other work in between does not disturb it", async () => {
  const seed = freshSeed("slices");
  const { model: presetModel, pretrain } = preset("demo");
  const model = { ...presetModel, width: 32, layers: 2, cropFrames: 64 };
  const size = model.frontEnd.nMels * model.cropFrames;
  const sampler = {
    draw(random: ReturnType<typeof randomAt>, batch: number) {
      return Float32Array.from({ length: batch * size }, () => random.uniform());
    },
  };
  const make = () =>
    new Trainer(gpu(), {
      model,
      pretrain: { ...pretrain },
      normalisation: { mean: 0.5, std: 0.3 },
      seed,
      sampler,
    });
  const [whole, sliced] = [make(), make()];
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
