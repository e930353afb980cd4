// Metrics against definitions written out the slow way, on random labels and tied scores.
import { describe, expect, it } from "vitest";
import { keyScore, keyScoreTable, meanKeyScore } from "../../src/probe/key-score.js";
import {
  accuracy,
  argmaxRows,
  averagePrecision,
  averagePrecisionMacro,
  confusion,
  r2,
  rocAuc,
  rocAucMacro,
} from "../../src/probe/metrics.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("probe metrics"));

function draw(n: number, rate: number, levels: number) {
  const labels = Float64Array.from({ length: n }, () => (random.uniform() < rate ? 1 : 0));
  labels[0] = 1;
  labels[1] = 0;
  const scores = labels.map((y) => Math.round(levels * (0.3 * y + random.uniform())) / levels);
  return { labels, scores };
}

/** Every pair of a positive and a negative. */
function slowRocAuc(labels: Float64Array, scores: Float64Array): number {
  let [wins, pairs] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs++;
      wins += scores[i] > scores[j] ? 1 : scores[i] === scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

/** Precision and recall at every threshold, the highest first. */
function slowAveragePrecision(labels: Float64Array, scores: Float64Array): number {
  const positives = labels.reduce((sum, y) => sum + y, 0);
  let [recall, area] = [0, 0];
  for (const threshold of [...new Set(scores)].sort((a, b) => b - a)) {
    const taken = [...labels.keys()].filter((i) => scores[i] >= threshold);
    const hits = taken.reduce((sum, i) => sum + labels[i], 0);
    area += (hits / positives - recall) * (hits / taken.length);
    recall = hits / positives;
  }
  return area;
}

describe("tagging", () => {
  it.each([
    [2, 0.5, 1e6],
    [40, 0.1, 4],
    [65, 0.5, 1e6],
    [200, 0.3, 10],
    [63, 0.9, 1],
  ])("equals the definitions on %i samples, rate %f, %i score levels", (n, rate, levels) => {
    const { labels, scores } = draw(n, rate, levels);
    expect(rocAuc(labels, scores)).toBeCloseTo(slowRocAuc(labels, scores), 12);
    expect(averagePrecision(labels, scores)).toBeCloseTo(slowAveragePrecision(labels, scores), 12);
  });

  it("gives a constant score 0.5 and the base rate", () => {
    const labels = [1, 0, 0, 1, 0];
    expect(rocAuc(labels, [3, 3, 3, 3, 3])).toBe(0.5);
    expect(averagePrecision(labels, [3, 3, 3, 3, 3])).toBeCloseTo(0.4, 12);
  });

  it("leaves tags without both labels out of the mean", () => {
    // Columns: ordinary, never on, always on.
    const labels = [1, 0, 1, 0, 0, 1, 1, 0, 1];
    const scores = [0.9, 0.5, 0.1, 0.2, 0.4, 0.3, 0.1, 0.1, 0.1];
    const roc = rocAucMacro(labels, scores, 3);
    expect([...roc.each]).toEqual([0.5, Number.NaN, Number.NaN]);
    expect(roc.macro).toBe(0.5);
    const ap = averagePrecisionMacro(labels, scores, 3);
    expect(ap.each[1]).toBeNaN();
    expect(ap.each[2]).toBe(1);
    expect(ap.macro).toBeCloseTo((ap.each[0] + 1) / 2, 12);
    expect(rocAucMacro([0, 0], [1, 2], 1).macro).toBeNaN();
  });

  it("does not score NaN", () => {
    expect(rocAuc([0, 1], [Number.NaN, 1])).toBeNaN();
    expect(() => rocAucMacro([0, 1], [Number.NaN, 1], 1)).toThrow(/NaN/);
  });
});

describe("classes and numbers", () => {
  it("takes the first of equal scores", () => {
    expect([...argmaxRows([1, 3, 3, 0, 0, 0, -1, -2, -1], 3)]).toEqual([1, 0, 0]);
  });

  it("counts a confusion whose diagonal is the accuracy", () => {
    const labels = Int32Array.from({ length: 90 }, () => random.integer(5));
    const predicted = labels.map((y) => (random.uniform() < 0.5 ? y : random.integer(5)));
    const counts = confusion(labels, predicted, 5);
    const diagonal = [0, 1, 2, 3, 4].reduce((sum, k) => sum + counts[k * 6], 0);
    expect(counts.reduce((a, b) => a + b)).toBe(90);
    expect(accuracy(labels, predicted)).toBeCloseTo(diagonal / 90, 12);
  });

  it("gives R² 1 for the truth, 0 for the mean, and handles constant targets", () => {
    const y = Array.from({ length: 30 }, () => random.normal());
    const mean = y.reduce((a, b) => a + b) / 30;
    expect(r2(y, y, 1).macro).toBe(1);
    expect(
      r2(
        y,
        y.map(() => mean),
        1,
      ).macro,
    ).toBeCloseTo(0, 12);
    expect(r2([2, 2], [2, 2], 1).macro).toBe(1);
    expect(r2([2, 2], [2, 3], 1).macro).toBe(0);
    expect([...r2([1, 5, 2, 6, 3, 7], [1, 6, 2, 6, 3, 6], 2).each]).toEqual([1, 0]);
  });
});

describe("key score", () => {
  it("knows the neighbours of C major and A minor", () => {
    const [cMajor, gMajor, fMajor, aMinor, cMinor, eMinor] = [0, 7, 5, 21, 12, 16];
    expect(keyScore(cMajor, cMajor)).toBe(1);
    expect(keyScore(cMajor, gMajor)).toBe(0.5);
    expect(keyScore(cMajor, fMajor)).toBe(0);
    expect(keyScore(cMajor, fMajor, "either")).toBe(0.5);
    expect(keyScore(cMajor, aMinor)).toBe(0.3);
    expect(keyScore(aMinor, cMajor)).toBe(0.3);
    expect(keyScore(cMajor, cMinor)).toBe(0.2);
    expect(keyScore(cMajor, eMinor)).toBe(0);
    expect(keyScore(aMinor, eMinor)).toBe(0.5);
  });

  it("is the same in every transposition, and averages", () => {
    const table = keyScoreTable("either");
    const up = (key: number) => 12 * Math.floor(key / 12) + ((key + 1) % 12);
    for (let i = 0; i < 576; i++) {
      const [reference, estimate] = [Math.floor(i / 24), i % 24];
      expect(table[up(reference) * 24 + up(estimate)]).toBe(table[i]);
    }
    expect(meanKeyScore([0, 0, 0], [0, 7, 12])).toBeCloseTo(1.7 / 3, 12);
  });
});
