// Splits: nothing that clips share stands on two sides, parts have about their sizes, and a seed gives one split.
import { describe, expect, it } from "vitest";
import { connected, officialSplit, splitByGroups } from "../../src/probe/split.js";
import { compare, summarise } from "../../src/probe/summary.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const seed = freshSeed("probe split");
const random = new Random(seed);

type Groups = string[][];

const pieces: Groups = Array.from({ length: 290 }, (_, i) => [`piece:${Math.floor(i / 3)}`]);
/** Blocks that share neither progressions nor styles, 24 clips each. */
const blocks: Groups = Array.from({ length: 12 }, (_, b) =>
  Array.from({ length: 24 }, (_, i) => [`progression:${b}.${i % 4}`, `style:${b}.${Math.floor(i / 4)}`]),
).flat();
/** Every progression in every style. */
const crossed: Groups = Array.from({ length: 400 }, (_, i) => [
  `progression:${i % 20}`,
  `style:${Math.floor(i / 20)}`,
]);
/** Few styles, each clip a piece of its own. */
const nested: Groups = Array.from({ length: 200 }, (_, i) => [`style:${i % 6}`, `piece:${i}`]);

describe.each([
  ["pieces", pieces],
  ["blocks", blocks],
  ["crossed kinds", crossed],
  ["pieces within few styles", nested],
])("splitting %s", (name, groups) => {
  const seeds = Array.from({ length: 8 }, () => random.integer(1e6));

  it("keeps every group on one side", () => {
    for (const s of seeds) {
      const split = splitByGroups(groups, { seed: s });
      const side = new Map<string, string>();
      const seen = new Set<number>();
      for (const part of ["train", "valid", "test"] as const) {
        for (const clip of split[part]) {
          expect(seen.has(clip)).toBe(false);
          seen.add(clip);
          for (const group of groups[clip]) expect(side.get(group) ?? part).toBe(part);
          for (const group of groups[clip]) side.set(group, part);
        }
      }
      expect(seen.size + split.dropped).toBe(groups.length);
    }
  });

  it("makes parts of sensible sizes", () => {
    const n = groups.length;
    for (const s of seeds) {
      const { train, valid, test, dropped } = splitByGroups(groups, { seed: s });
      if (name === "crossed kinds") {
        expect(train.length).toBeGreaterThan(0.15 * n);
        expect(test.length).toBeGreaterThan(0.05 * n);
        expect(valid.length).toBeGreaterThan(0.03 * n);
      } else {
        expect(dropped).toBe(0);
        expect(test.length / n).toBeGreaterThan(0.15);
        expect(test.length / n).toBeLessThan(0.35);
        expect(valid.length / n).toBeGreaterThan(0.1);
        expect(train.length / n).toBeGreaterThan(0.45);
      }
    }
  });

  it("is the same for a seed and another for others", () => {
    expect(splitByGroups(groups, { seed: 5 })).toEqual(splitByGroups(groups, { seed: 5 }));
    const tests = new Set([1, 2, 3, 4, 5].map((s) => splitByGroups(groups, { seed: s }).test.join()));
    expect(tests.size).toBeGreaterThan(1);
  });
});

it("finds families through chains of shared groups", () => {
  expect(connected([["a"], ["b"], ["a", "c"], ["d"], ["c", "b"]])).toEqual([[0, 1, 2, 4], [3]]);
});

it("says so where there is too little to split", () => {
  expect(() => splitByGroups([["a"], ["a"], ["b"]], { seed: 1 })).toThrow(/too few to split/);
});

describe("summaries", () => {
  it("has the interval of Student's t, widened for shared training clips", () => {
    const { mean, std, ci95 } = summarise([1, 2, 3, 4, 5], 0.25);
    expect(mean).toBe(3);
    expect(std).toBeCloseTo(Math.sqrt(2.5), 12);
    const half = 2.776 * Math.sqrt(2.5) * Math.sqrt(1 / 5 + 0.25);
    expect(ci95[0]).toBeCloseTo(3 - half, 12);
    expect(ci95[1]).toBeCloseTo(3 + half, 12);
  });

  it("calls a difference by its interval", () => {
    const theirs = [0.5, 0.6, 0.55, 0.58, 0.52];
    const shifted = (by: number, noise: number[]) => theirs.map((value, i) => value + by + noise[i]);
    const small = [0.001, -0.001, 0, 0.001, -0.001];
    expect(compare(shifted(0.1, small), theirs, 0.3).outcome).toBe("better");
    expect(compare(shifted(-0.1, small), theirs, 0.3).outcome).toBe("worse");
    expect(
      compare(
        shifted(
          0.01,
          small.map((x) => 50 * x),
        ),
        theirs,
        0.3,
      ).outcome,
    ).toBe("undecided");
    expect(compare(theirs, theirs, 0.3).outcome).toBe("undecided");
  });
});

describe("officialSplit", () => {
  it("keeps to the parts that clips come with, and leaves out clips without one", () => {
    expect(officialSplit([undefined, undefined])).toBeUndefined();
    expect(officialSplit(["test", "train", undefined, "valid", "train"])).toEqual({
      train: [1, 4],
      valid: [3],
      test: [0],
      dropped: 1,
    });
    expect(() => officialSplit(["test", "train"])).toThrow(/The valid part of the data set's own split/);
  });
});
