// Several trainers of one model, each with its share of every batch, on one adapter and meeting in memory: the losses and weights of
// one trainer to rounding, the same bits on all. Real processes are test/mpi's.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MelStore } from "../../src/data/mel-store.js";
import type { Corpus } from "../../src/data/types.js";
import { DataError } from "../../src/gpu/errors.js";
import type { ProcessGroup } from "../../src/host/group.js";
import { preset } from "../../src/patchifier/config.js";
import { checkWeights, shareState } from "../../src/train/together.js";
import type { StepResult, Trainer } from "../../src/train/trainer.js";
import { demoTrainer } from "../support/demo-trainer.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { groupsOf } from "../support/group.js";
import { chords } from "../support/music.js";

const gpu = useGpu();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const trainerOf = (seed: number, group?: ProcessGroup) => demoTrainer(gpu(), seed, { batch: 4, group });

async function train(trainer: Trainer, steps: number): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (let i = 0; i < steps; i++) results.push(await trainer.next());
  results.push({ gradNorm: 1, ...(await trainer.evaluate(1)) } as StepResult);
  return results;
}

describe("trainers in a group", () => {
  it("have the losses of one trainer, and the same bits on all", async () => {
    const seed = freshSeed("together");
    const one = trainerOf(seed);
    const alone = await train(one, 3);
    one.dispose();
    const trainers = groupsOf(2).map((group) => trainerOf(seed, group));
    const all = await Promise.all(trainers.map((trainer) => train(trainer, 3)));
    expect(all[1]).toEqual(all[0]);
    for (const [i, result] of all[0].entries()) {
      for (const [name, value] of Object.entries(alone[i])) {
        // A norm hears every gradient's own rounding, which a mean loss does not.
        const tolerance = name === "gradNorm" ? 1e-4 : 1e-5;
        expect(
          Math.abs((result[name] ?? Number.NaN) / (value as number) - 1),
          `${name}, step ${i}`,
        ).toBeLessThan(tolerance);
      }
    }
    const weights = await Promise.all(trainers.map(({ model }) => model.parameters.read()));
    expect(weights[1]).toEqual(weights[0]);
    for (const trainer of trainers) trainer.dispose();
  });

  it("begin with the state of the first", async () => {
    const groups = groupsOf(2);
    const trainers = groups.map((group, i) => trainerOf(i, group));
    trainers[0].optimizer.step = 7;
    await Promise.all(trainers.map((trainer, i) => shareState(trainer, groups[i])));
    expect(trainers[1].step).toBe(7);
    const weights = await Promise.all(trainers.map(({ model }) => model.parameters.read()));
    expect(weights[1]).toEqual(weights[0]);
    await Promise.all(groups.map((group, i) => checkWeights(weights[i], group)));
    for (const trainer of trainers) trainer.dispose();
  });

  it("say whose weights are others", async () => {
    const weights = (value: number) => new Map([["w", { shape: [1], data: Float32Array.of(value) }]]);
    const checks = groupsOf(3).map((group) =>
      checkWeights(weights(group.rank === 2 ? 1 + 2 ** -23 : 1), group),
    );
    for (const { reason } of (await Promise.allSettled(checks)) as PromiseRejectedResult[]) {
      expect(reason).toBeInstanceOf(DataError);
      expect(reason.message).toMatch(/^Rank 2 on \S+ has come to other weights/);
    }
  });
});

describe("log-mels of a group", () => {
  const corpusOf = (loads: number[]): Corpus => ({
    name: "chords",
    why: "",
    licences: [],
    skipped: [],
    tracks: [0, 1, 2, 3, 4].map((i) => ({
      id: `piece-${i}`,
      piece: `piece-${i}`,
      title: "",
      async load() {
        loads[i]++;
        if (i === 3) throw new DataError("it is broken");
        return { sampleRate: 16000, channels: [chords(i === 4 ? 0 : i, 1)] };
      },
    })),
  });
  const config = preset("demo").model.frontEnd;

  it("are made once each, into one folder, and all processes have them in order", async () => {
    const cacheDir = mkdtempSync(join(tmpdir(), "melgrad-group-"));
    folders.push(cacheDir);
    const loads = [0, 0, 0, 0, 0];
    const stores = await Promise.all(
      groupsOf(2).map((group) => MelStore.build(gpu(), corpusOf(loads), config, { cacheDir, group })),
    );
    expect(loads).toEqual([1, 1, 1, 1, 1]);
    expect(stores[1].tracks).toEqual(stores[0].tracks);
    expect(stores[0].tracks.map(({ id }) => id)).toEqual(["piece-0", "piece-1", "piece-2"]);
    expect(stores[0].skipped).toEqual([
      { path: "piece-3", reason: "it is broken" },
      { path: "piece-4", reason: "the same audio as piece-0" },
    ]);
    const single = await MelStore.build(gpu(), corpusOf([0, 0, 0, 0, 0]), config, { cacheDir });
    expect(single.tracks).toEqual(stores[0].tracks);
    expect(single.skipped).toEqual(stores[0].skipped);
    expect(readdirSync(join(cacheDir, "log-mel"))).toHaveLength(3);
  });

  it("are made again where another's cache is not seen", async () => {
    const caches = [0, 1].map(() => mkdtempSync(join(tmpdir(), "melgrad-group-")));
    folders.push(...caches);
    const stores = await Promise.all(
      groupsOf(2).map((group, i) =>
        MelStore.build(gpu(), corpusOf([0, 0, 0, 0, 0]), config, { cacheDir: caches[i], group }),
      ),
    );
    expect(stores[1].tracks.map(({ id, content }) => [id, content])).toEqual(
      stores[0].tracks.map(({ id, content }) => [id, content]),
    );
    for (const [i, store] of stores.entries()) {
      for (const { path, frames } of store.tracks) {
        expect(path.startsWith(caches[i])).toBe(true);
        expect(statSync(path).size).toBe(frames * config.nMels * 4);
      }
    }
  });
});
