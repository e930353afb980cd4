// Steps whose gradients are not finite: they change no bit of weights and moments, are counted, and after a few the run stops and names
// what is not finite first.
import { describe, expect, it } from "vitest";
import { mostSkipped, trainLoop } from "../../src/train/loop.js";
import type { LogLine, RunFolder } from "../../src/train/run-folder.js";
import type { Trainer } from "../../src/train/trainer.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { tinyTrainer } from "../support/tiny-trainer.js";

const gpu = useGpu();

async function stateOf(trainer: Trainer) {
  return { weights: await trainer.model.parameters.read(), moments: await trainer.optimizer.state() };
}

function loop(trainer: Trainer, steps: number, save = async () => {}) {
  const lines: LogLine[] = [];
  const run = { path: "runs/x", appendLog: (line: LogLine) => lines.push(line) } as unknown as RunFolder;
  const every = { checkpointEvery: 4, evaluateEvery: 1000 };
  const done = trainLoop({ trainer, run, steps, batch: 2, ...every, save });
  return { lines, done };
}

describe.each([Number.NaN, Number.POSITIVE_INFINITY])("a crop with %s in it", (value) => {
  it("changes no bit of weights and moments, and training goes on", async () => {
    const spoil = (crops: Float32Array, draw: number) => {
      if (draw === 2) crops[17] = value;
    };
    const trainer = tinyTrainer(gpu(), freshSeed("skipped"), spoil);
    for (let i = 0; i < 2; i++) await trainer.next();
    const before = await stateOf(trainer);
    const { gradNorm } = await trainer.next();
    expect(Number.isFinite(gradNorm)).toBe(false);
    expect(await stateOf(trainer)).toEqual(before);
    const next = await trainer.next();
    expect(Number.isFinite(next.loss) && Number.isFinite(next.gradNorm)).toBe(true);
    const after = await stateOf(trainer);
    expect(after).not.toEqual(before);
    for (const { data } of [...after.weights.values(), ...after.moments.values()]) {
      expect(data.every(Number.isFinite)).toBe(true);
    }
    trainer.dispose();
  });
});

it("does not move data2vec's teacher", async () => {
  const trainer = tinyTrainer(
    gpu(),
    freshSeed("teacher"),
    (crops, draw) => {
      if (draw === 2) crops[17] = Number.NaN;
    },
    {},
    { objective: "data2vec" },
  );
  const teacher = async () => new Map(await trainer.objective.state?.());
  for (let i = 0; i < 2; i++) await trainer.next();
  const before = await teacher();
  expect(before.size).toBeGreaterThan(0);
  expect(Number.isFinite((await trainer.next()).gradNorm)).toBe(false);
  expect(await teacher()).toEqual(before);
  await trainer.next();
  expect(await teacher()).not.toEqual(before);
  trainer.dispose();
});

it("is counted in the log, and a few in a row do not end the run", async () => {
  const spoilt = new Set([1, 3, 4, 5, 6]); // four in a row, the trace of none
  const trainer = tinyTrainer(gpu(), freshSeed("counted"), (crops, draw) => {
    if (spoilt.has(draw)) crops.fill(Number.NaN);
  });
  const saves: number[] = [];
  const { lines, done } = loop(trainer, 9, async () => {
    saves.push(trainer.step);
  });
  await done;
  expect(lines.filter(({ skipped }) => skipped).map(({ step }) => step)).toEqual(
    [...spoilt].map((d) => d + 1),
  );
  expect(JSON.stringify(lines)).not.toContain("null");
  expect(saves).toEqual([8, 9]); // not in a row of skipped ones
  trainer.dispose();
});

describe("a run that stays not finite stops", () => {
  it("with the first layer whose output is not finite, and how to go on", async () => {
    const trainer = tinyTrainer(gpu(), freshSeed("layer"));
    for (let i = 0; i < 2; i++) await trainer.next();
    const weights = await trainer.model.parameters.read();
    weights.get("blocks.1.mlp.fc1.weight")?.data.fill(3e38);
    trainer.model.parameters.write(weights);
    const { lines, done } = loop(trainer, 50);
    const why =
      /in 5 steps in a row \(from step 3 on\).* first layer whose output is not finite is blocks\.1\. .*new run .*--lr/;
    await expect(done).rejects.toThrow(why);
    expect(lines).toHaveLength(mostSkipped);
    trainer.dispose();
  });

  it("with the music, where that is not finite", async () => {
    const trainer = tinyTrainer(gpu(), freshSeed("music"), (crops, draw) => {
      if (draw >= 1) crops[5] = Number.NaN;
    });
    await expect(loop(trainer, 50).done).rejects.toThrow(
      /crop of the music holds values that are not finite/,
    );
    trainer.dispose();
  });
});
