// A batch in micro-batches: the losses, norms and weights of the whole batch to rounding, on the real training step, with masked
// patches told apart from those of the whole batch; the same bits when it is done again.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/gpu/errors.js";
import { type PretrainConfig, preset } from "../../src/patchifier/config.js";
import { withObjective } from "../../src/patchifier/objectives.js";
import { type Random, Random as RandomNumbers } from "../../src/tensor/random.js";
import { divide } from "../../src/train/division.js";
import { type StepResult, Trainer } from "../../src/train/trainer.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const batch = 4;

/** A trainer of the demo model in `accumulate` micro-batches, on noise of some colour, so that clips differ. */
function trainerOf(
  seed: number,
  accumulate: number,
  objective = "joint",
  changes: Partial<PretrainConfig> = {},
) {
  const { model, pretrain } = preset("demo");
  const size = model.frontEnd.nMels * model.cropFrames;
  const sampler = {
    draw(random: Random, count: number) {
      const values = new Float32Array(count * size);
      for (let b = 0; b < count; b++) {
        const own = new RandomNumbers(random.word());
        const level = own.uniform();
        for (let i = 0; i < size; i++) values[b * size + i] = level + own.uniform() * own.uniform();
      }
      return values;
    },
  };
  const plan = withObjective(model, { ...pretrain, batch, warmup: 2 }, objective);
  return new Trainer(gpu(), {
    model,
    pretrain: { ...plan, ...changes },
    normalisation: { mean: 0.75, std: 0.4 },
    seed,
    sampler,
    heldOut: sampler,
    accumulate,
  });
}

interface Run {
  results: StepResult[];
  heldOut: Record<string, number | undefined>;
  weights: Map<string, Float32Array>;
}

async function train(trainer: Trainer, steps: number): Promise<Run> {
  const results: StepResult[] = [];
  for (let i = 0; i < steps; i++) results.push(await trainer.next());
  const heldOut = (await trainer.evaluate(1)) ?? {};
  const read = await trainer.model.parameters.read();
  trainer.dispose();
  return { results, heldOut, weights: new Map([...read].map(([name, { data }]) => [name, data])) };
}

/** The largest difference of what was measured, relative to the whole batch's. */
function farthest(run: Run, whole: Run): number {
  let most = 0;
  const pairs = [...run.results.map((result, i) => [result, whole.results[i]]), [run.heldOut, whole.heldOut]];
  for (const [own, expected] of pairs) {
    expect(Object.keys(own)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) {
      const difference = Math.abs((own[name] ?? Number.NaN) - (value ?? Number.NaN)) / Math.abs(value ?? 1);
      expect(difference, `${name}: ${own[name]} for ${value}`).not.toBeNaN();
      most = Math.max(most, difference);
    }
  }
  return most;
}

describe("a batch in micro-batches", () => {
  it.each([2, 4])("gives the whole batch's losses and weights, in %i", async (parts) => {
    const seed = freshSeed(`accumulate ${parts}`);
    const whole = await train(trainerOf(seed, 1), 3);
    const divided = await train(trainerOf(seed, parts), 3);
    expect(farthest(divided, whole)).toBeLessThan(1e-5);
    // A gradient of about 0 may turn its sign by rounding, and Adam then makes another step of up to 3e-3.
    for (const [name, values] of whole.weights) {
      const own = divided.weights.get(name);
      const most = values.reduce(
        (far, value, i) => Math.max(far, Math.abs(value - (own?.[i] ?? Number.NaN))),
        0,
      );
      expect(most, name).toBeLessThan(1e-3);
    }
    // With rivals of its own micro-batch alone InfoNCE would be lower.
    expect(whole.results[0].infonce).toBeGreaterThan(Math.log(38 * batch) * 0.9);
  });

  it("gives the same bits again", async () => {
    const seed = freshSeed("accumulate again");
    const runs = [await train(trainerOf(seed, 2), 2), await train(trainerOf(seed, 2), 2)];
    expect(runs[1]).toEqual(runs[0]);
  });

  it("does so for objectives that look at each clip alone", async () => {
    const seed = freshSeed("accumulate mae");
    const [whole, divided] = [
      await train(trainerOf(seed, 1, "mae"), 2),
      await train(trainerOf(seed, 2, "mae"), 2),
    ];
    expect(farthest(divided, whole)).toBeLessThan(1e-5);
  });

  it("takes less memory for a step", () => {
    const [whole, divided] = [trainerOf(1, 1), trainerOf(1, 4)];
    expect(divided.memory().step).toBeLessThan(0.5 * whole.memory().step);
    whole.dispose();
    divided.dispose();
  });

  it("draws its own noise for each part", async () => {
    const seed = freshSeed("accumulate wav2vec2");
    const { results } = await train(trainerOf(seed, 2, "wav2vec2"), 2);
    for (const result of results) expect(Object.values(result).every(Number.isFinite)).toBe(true);
  });
});

describe("divide", () => {
  it("gives every process consecutive parts", () => {
    const of = (rank: number) =>
      divide(16, 2, { rank, size: 4, allReduce: async () => {}, broadcast: async () => {} });
    expect([0, 1, 2, 3].map((rank) => of(rank).first)).toEqual([0, 2, 4, 6]);
    expect(of(3)).toEqual({ parts: 8, first: 6, own: 2, count: 2 });
  });

  it("says which batch to write", () => {
    expect(() => divide(10, 4)).toThrow(UsageError);
    expect(() => divide(10, 4)).toThrow(/into 4 micro-batches: write --batch 12/);
  });
});
