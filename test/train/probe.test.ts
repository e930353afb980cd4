// A probe from end to end on generated tasks with a tiny encoder: every row of the table is there and means what it says.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { randomAt } from "../../src/data/batches.js";
import { openTask } from "../../src/data/tasks/index.js";
import type { LabelledTask } from "../../src/data/types.js";
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { poolSize } from "../../src/probe/feature-pools.js";
import {
  cropStarts,
  encoderFeatures,
  hearingHop,
  melStatistics,
  melsInMemory,
} from "../../src/probe/features.js";
import { handNames } from "../../src/probe/hand-features.js";
import { Random } from "../../src/tensor/random.js";
import { runProbes } from "../../src/train/probe.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const cacheDir = mkdtempSync(join(tmpdir(), "melgrad-probe-"));
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

const tiny: ModelConfig = {
  frontEnd: { sampleRate: 16000, nFft: 512, hopLength: 512, nMels: 32, gain: 1e4 },
  patchMels: 16,
  patchFrames: 16,
  cropFrames: 64,
  width: 16,
  layers: 1,
  heads: 2,
  mlpRatio: 2,
};

async function some(name: string, clips: number): Promise<LabelledTask> {
  const task = await openTask(name, { cacheDir });
  return { ...task, clips: task.clips.slice(0, clips) };
}

describe("runProbes", () => {
  it("scores pre-trained and random encoders beside every hand-made feature, all alike", async () => {
    const model = new Patchifier(gpu(), encoderSizes(tiny), randomAt(0, "initialise"));
    const { table, map } = await runProbes({
      gpu: gpu(),
      model,
      modelConfig: tiny,
      normalisation: { mean: 1, std: 1 },
      tasks: [await some("gen-instruments", 24), await some("gen-key", 36)],
      seeds: 2,
      randomEncoders: 2,
      handFeatures: true,
      cacheDir,
    });
    model.dispose();
    expect(table.tasks.map(({ task }) => task)).toEqual(["gen-instruments", "gen-key"]);
    const common = ["pretrained", "random", "log-mel mean+std", ...handNames, "all hand-made"];
    const own = { "gen-key": ["turned chroma", "Krumhansl"] };
    for (const { task, rows, seeds, trainClips, testClips, testPieces, interval, contrasts } of table.tasks) {
      expect(rows.map(({ features }) => features)).toEqual([
        ...common,
        ...(own[task as keyof typeof own] ?? []),
      ]);
      expect([seeds, interval]).toEqual([2, "families"]);
      expect(trainClips).toBe(Math.round(0.8 * testClips));
      expect(testPieces).toBeGreaterThan(3);
      for (const { features, values, mean, std, ci95, scores } of rows) {
        expect(values).toHaveLength(features === "random" ? 2 : 1);
        expect(scores?.[0]).toBe(mean);
        expect([...values, mean, std, ...(scores ?? []), ...(ci95 ?? [])].every(Number.isFinite)).toBe(true);
      }
      expect(contrasts?.map(({ against }) => against)).toEqual(rows.slice(1).map(({ features }) => features));
      for (const { against, difference, ci95, p, halfWidth, detectable } of contrasts ?? []) {
        const other = rows.find(({ features }) => features === against);
        expect(difference).toBeCloseTo(rows[0].mean - (other?.mean ?? Number.NaN), 12);
        expect(ci95[0] <= ci95[1] && p > 0 && p <= 1 && detectable > halfWidth).toBe(true);
      }
    }
    const [instruments, key] = table.tasks;
    expect(instruments.metric).toBe("macro ROC-AUC");
    expect(instruments.note).toContain("2 encoders");
    const score = (features: string) => key.rows.find((row) => row.features === features)?.mean ?? Number.NaN;
    // What a key is made of: an estimate that knows it beats the spectrum's mean and spread on 36 clips.
    expect(score("Krumhansl")).toBeGreaterThan(0.4);
    expect(score("turned chroma")).toBeGreaterThan(score("log-mel mean+std"));
    expect(table.verdict).toMatch(/gen-instruments .*: pre-training, .* random weights.* log-mel/);
    expect(table.verdict).toMatch(/Ahead of random weights on \d of 2 tasks/);
    expect(table.verdict.split("\n")).toHaveLength(3);
    const size = poolSize("time", tiny);
    expect(map).toMatchObject({ n: 24, d: size });
    expect(map?.vectors).toHaveLength(24 * size);
    expect(map?.labels).toHaveLength(24);
    expect(map?.titles).toHaveLength(24);
  }, 240_000);

  it("searches a grid beside every baseline, with intervals over the test tracks", async () => {
    const model = new Patchifier(gpu(), encoderSizes(tiny), randomAt(0, "initialise"));
    const told = new Set<string>();
    const { table } = await runProbes({
      gpu: gpu(),
      model,
      modelConfig: tiny,
      normalisation: { mean: 1, std: 1 },
      tasks: [await some("gen-instruments", 40)],
      seeds: 1,
      grid: "marble",
      mostEvaluations: 3,
      handFeatures: true,
      cacheDir,
      onProgress: ({ what }) => told.add(what),
    });
    model.dispose();
    const [{ rows, interval, metrics, published }] = table.tasks;
    expect(rows.map(({ features }) => features)).toEqual([
      "pretrained",
      "random",
      "log-mel mean+std",
      ...handNames,
      "majority",
    ]);
    expect(interval).toBe("tracks");
    expect(metrics).toEqual(["macro ROC-AUC", "mean average precision"]);
    expect(published).toBeUndefined();
    for (const { features, mean, ci95, values, scores, chosen } of rows) {
      expect(values).toEqual([mean]);
      expect(scores?.[0]).toBe(mean);
      expect(ci95?.every(Number.isFinite)).toBe(true);
      expect(ci95?.[0]).toBeLessThanOrEqual(mean);
      expect(ci95?.[1]).toBeGreaterThanOrEqual(mean);
      if (features === "majority") expect(chosen).toBeUndefined();
      else expect(chosen).toMatch(/512 hidden, batch 64, lr 0\.\d+, dropout 0.2/);
    }
    expect(told).toContain("probing gen-instruments, chroma");
    expect(table.verdict).toMatch(/resampling its test tracks/);
  });

  it("stops when it is told to", async () => {
    const model = new Patchifier(gpu(), encoderSizes(tiny), randomAt(0, "initialise"));
    const probing = runProbes({
      gpu: gpu(),
      model,
      modelConfig: tiny,
      normalisation: { mean: 1, std: 1 },
      tasks: [await some("gen-tempo", 12)],
      cacheDir,
      signal: AbortSignal.abort(),
    });
    await expect(probing).rejects.toThrow(/abort/i);
    model.dispose();
  });
});

describe("features", () => {
  it("averages the encoder's tokens over the crops of each clip", async () => {
    const random = new Random(freshSeed("probe features"));
    const model = new Patchifier(gpu(), encoderSizes(tiny), random);
    const lengths = [200, 64, 31, 128];
    const clips = lengths.map((frames) => ({
      frames,
      values: Float32Array.from({ length: frames * 32 }, () => random.normal()),
    }));
    const options = { model: tiny, normalisation: { mean: 0.5, std: 2 } };
    const together = await encoderFeatures(model, melsInMemory(clips, 32), { ...options, batch: 3 });
    for (const [i, clip] of clips.entries()) {
      const parts = cropStarts(clip.frames, 64).map((start) => ({
        frames: 64,
        values: Float32Array.from({ length: 64 * 32 }, (_, at) => clip.values[start * 32 + at] ?? 0),
      }));
      const alone = await encoderFeatures(model, melsInMemory(parts, 32), options);
      for (let j = 0; j < 16; j++) {
        const mean = parts.reduce((sum, _, p) => sum + alone.values[p * 16 + j], 0) / parts.length;
        expect(together.values[i * 16 + j]).toBeCloseTo(mean, 4);
      }
    }
    model.dispose();
  });

  it("lays crops evenly and without overlap", () => {
    expect(cropStarts(313, 128)).toEqual([14, 170]);
    expect(cropStarts(313, 128, 1)).toEqual([92]);
    expect(cropStarts(100, 128)).toEqual([0]);
    expect(cropStarts(128, 128)).toEqual([0]);
  });

  it("covers a clip where crops may overlap", () => {
    expect(cropStarts(313, 128, undefined, 64)).toEqual([0, 62, 123, 185]);
    expect(cropStarts(251, 128, undefined, 64)).toEqual([0, 62, 123]);
    expect(cropStarts(313, 128, 2, 64)).toEqual([14, 170]);
    expect(cropStarts(100, 128, undefined, 64)).toEqual([0]);
    const [frames, crop] = [300 + Math.floor(500 * Math.random()), 40 + Math.floor(200 * Math.random())];
    const starts = cropStarts(frames, crop, undefined, hearingHop(crop));
    const heard = new Set(starts.flatMap((start) => Array.from({ length: crop }, (_, i) => start + i)));
    expect(heard.size).toBe(frames);
    expect(Math.max(...heard)).toBe(frames - 1);
  });

  it("takes mean and standard deviation of each band", () => {
    const mels = melsInMemory([{ frames: 4, values: Float32Array.of(1, 0, 2, 0, 3, 5, 6, 5) }], 2);
    const { values, n, d } = melStatistics(mels, 2);
    expect([n, d]).toEqual([1, 4]);
    const wanted = [3, 2.5, Math.sqrt(3.5), 2.5];
    wanted.forEach((value, i) => {
      expect(values[i]).toBeCloseTo(value, 6);
    });
  });
});
