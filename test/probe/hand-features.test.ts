// MFCC and chroma: a float64 DCT, pooled differences, and notes whose pitch classes are known.
import { describe, expect, it } from "vitest";
import { cepstrum, foldOctaves, HandFeatures, handSizes, pooled } from "../../src/probe/hand-features.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("hand features"));

describe("MFCC", () => {
  it("is an orthonormal DCT-II: energy stays, and a cosine has one coefficient", () => {
    const bands = 16;
    const values = Float32Array.from({ length: bands * 3 }, () => random.normal());
    const all = cepstrum(values, bands, bands);
    for (let t = 0; t < 3; t++) {
      let [before, after] = [0, 0];
      for (let b = 0; b < bands; b++) {
        before += values[b * 3 + t] ** 2;
        after += all[b * 3 + t] ** 2;
      }
      expect(after).toBeCloseTo(before, 5);
    }
    const wave = Float32Array.from({ length: bands }, (_, b) =>
      Math.cos((Math.PI * 3 * (2 * b + 1)) / (2 * bands)),
    );
    cepstrum(wave, bands, bands).forEach((value, k) => {
      expect(value).toBeCloseTo(k === 3 ? Math.sqrt(bands / 2) : 0, 5);
    });
  });

  it("pools mean and population deviation of values and differences", () => {
    expect([...pooled(Float64Array.of(1, 2, 4, 8), 1)]).toEqual(
      [3.75, Math.sqrt(7.1875), 7 / 3, Math.sqrt(14 / 9), 1.5, 0.5].map((value) => Math.fround(value)),
    );
    expect([...pooled(Float64Array.of(5), 1)]).toEqual([5, 0, 0, 0, 0, 0]);
  });
});

describe("chroma", () => {
  it("folds octaves and divides by the largest class", () => {
    const values = new Float32Array(72 * 2);
    values[(0 + 12) * 2] = 1;
    values[(0 + 36) * 2] = 3;
    values[7 * 2] = 2;
    const folded = foldOctaves(values);
    expect([folded[0], folded[14], folded[2]]).toEqual([1, 0.5, 0]);
    expect(folded.filter((_, i) => i % 2 === 1).every((value) => value === 0)).toBe(true);
  });

  it.each([
    [44100, 220, 9],
    [16000, 261.63, 0],
    [22050, 1108.73, 1],
  ])("hears the pitch class of a note: %i Hz, %f Hz", async (sampleRate, hz, pitchClass) => {
    const hand = new HandFeatures(gpu());
    const samples = Float32Array.from(
      { length: 2 * sampleRate },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * hz * i) / sampleRate),
    );
    const { mfcc, chroma } = await hand.transform({ sampleRate, channels: [samples] });
    hand.dispose();
    expect(mfcc).toHaveLength(handSizes.mfcc);
    expect(chroma).toHaveLength(handSizes.chroma);
    expect([...mfcc, ...chroma].every(Number.isFinite)).toBe(true);
    const means = chroma.subarray(0, 12);
    expect(means[pitchClass]).toBeGreaterThan(0.95);
    means.forEach((mean, k) => {
      if (k !== pitchClass) expect(mean).toBeLessThan(0.6);
    });
  });
});
