// Masks: how many patches they mask, where, and that a seed fixes them; and the patch grids that they are drawn on.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/gpu/errors.js";
import { cropSamples, patchGrid, preset, presetNames, withPatches } from "../../src/patchifier/config.js";
import { clusteredMask, maskedCount, uniformMask } from "../../src/patchifier/masks.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const seed = freshSeed("masks");

function expectMask(mask: Int32Array, tokens: number, count: number): void {
  expect(mask).toHaveLength(count);
  expect(new Set(mask).size).toBe(count);
  expect([...mask]).toEqual([...mask].sort((a, b) => a - b));
  for (const token of mask) expect(token >= 0 && token < tokens).toBe(true);
}

describe("masks", () => {
  const grid = { rows: 8, columns: 16 };
  const tokens = grid.rows * grid.columns;

  it.each([1, 2, 77, 127])("mask exactly %i distinct patches, in order", (count) => {
    const random = new Random(seed, count);
    for (let i = 0; i < 20; i++) {
      expectMask(uniformMask(random, tokens, count), tokens, count);
      expectMask(clusteredMask(random, grid, count), tokens, count);
      expectMask(clusteredMask(random, { rows: 1, columns: tokens }, count), tokens, count);
    }
  });

  it("are the seed's", () => {
    const draw = (from: number) => {
      const random = new Random(from);
      return [uniformMask(random, tokens, 40), clusteredMask(random, grid, 40)];
    };
    expect(draw(seed)).toEqual(draw(seed));
    expect(draw(seed)).not.toEqual(draw(seed + 1));
  });

  it("mask every patch equally often when uniform", () => {
    const random = new Random(seed, 1);
    const rounds = 4000;
    const hits = new Float64Array(tokens);
    for (let i = 0; i < rounds; i++) for (const token of uniformMask(random, tokens, 32)) hits[token]++;
    // Binomial with p = 1/4: six standard deviations.
    const expected = rounds / 4;
    for (const count of hits) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected * 0.75));
  });

  it("mask neighbours together when clustered", () => {
    const random = new Random(seed, 2);
    const neighbours = (mask: Int32Array) => {
      const masked = new Set(mask);
      const besides = [...mask].filter(
        (token) => masked.has(token + grid.rows) || masked.has(token - grid.rows),
      );
      return besides.length / mask.length;
    };
    let [clustered, uniform] = [0, 0];
    for (let i = 0; i < 50; i++) {
      clustered += neighbours(clusteredMask(random, grid, 26)) / 50;
      uniform += neighbours(uniformMask(random, tokens, 26)) / 50;
    }
    expect(clustered).toBeGreaterThan(uniform + 0.2);
  });

  it("leave at least one patch and mask at least one", () => {
    expect(maskedCount(64, 0.6)).toBe(38);
    expect(maskedCount(64, 0)).toBe(1);
    expect(maskedCount(64, 1)).toBe(63);
  });
});

describe("presets", () => {
  it.each(presetNames)("%s cuts its crop into whole patches of either shape", (name) => {
    const { model } = preset(name);
    for (const shape of ["grid", "frame"] as const) {
      const cut = withPatches(model, shape);
      const { rows, columns, tokens, values } = patchGrid(cut);
      expect(rows * cut.patchMels).toBe(model.frontEnd.nMels);
      expect(columns * cut.patchFrames).toBe(model.cropFrames);
      expect(tokens * values).toBe(model.frontEnd.nMels * model.cropFrames);
      expect(values).toBe(256);
    }
    expect(1 + Math.floor(cropSamples(model) / model.frontEnd.hopLength)).toBe(model.cropFrames);
  });

  it("have the tokens that the documentation states", () => {
    expect(presetNames.map((name) => patchGrid(preset(name).model).tokens)).toEqual([64, 128, 128]);
    expect(() => preset("huge")).toThrow(UsageError);
  });
});
