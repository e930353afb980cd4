// What rows of the op table cannot say of data movement and dropout: mistakes, indices outside, the mask's statistics.
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/gpu/errors.js";
import { conv2d } from "../../src/ops/conv.js";
import { dropout } from "../../src/ops/dropout.js";
import { gather, indexSelect, scatterAdd } from "../../src/ops/gather.js";
import { concat, pad, slice, split, where } from "../../src/ops/move.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("movement");

describe("movement by indices", () => {
  it("gives NaN for what lies outside, and 0 as its gradient", async () => {
    const x = gpu().tensor([1, 2, 3]).withGrad();
    const y = gather(x, gpu().tensor(Int32Array.of(2, 3, -1, 0)), { dim: 0 });
    expect([...(await y.data())]).toEqual([3, Number.NaN, Number.NaN, 1]);
    y.backward(gpu().tensor([1, 10, 100, 1000]));
    expect([...((await x.grad?.data()) ?? [])]).toEqual([1000, 0, 1]);
  });

  it("adds in the same order every time", async () => {
    const index = Int32Array.from({ length: 20_000 }, (_, i) => (i * i) % 5);
    const random = new Random(seed);
    const values = Float32Array.from(index, () => random.normal());
    const add = async () => {
      const src = gpu().tensor(values);
      return [...(await scatterAdd(gpu().zeros([5]), gpu().tensor(index), src, { dim: 0 }).data())];
    };
    expect(await add()).toEqual(await add());
  });

  it("moves indices as well as floats", async () => {
    const x = gpu().tensor(Int32Array.of(1, -2, 3, 1 << 30), [2, 2]);
    expect([...(await concat([x, x], { dim: 1 }).indices())]).toEqual([1, -2, 1, -2, 3, 1 << 30, 3, 1 << 30]);
    expect([
      ...(await pad(
        x,
        [
          [0, 0],
          [1, 0],
        ],
        -7,
      ).indices()),
    ]).toEqual([-7, 1, -2, -7, 3, 1 << 30]);
    expect([...(await indexSelect(x, gpu().tensor(Int32Array.of(1))).indices())]).toEqual([3, 1 << 30]);
    expect([...(await where(x, x, 9).indices())]).toEqual([1, -2, 3, 1 << 30]);
  });
});

describe("empty results", () => {
  it("are empty tensors, and joining them changes nothing", async () => {
    const x = gpu().tensor([1, 2, 3, 4], [2, 2]);
    const none = slice(x, [[2, 2]]);
    expect(none.shape).toEqual([0, 2]);
    expect([...(await none.data())]).toEqual([]);
    expect([...(await concat([none, x]).data())]).toEqual([1, 2, 3, 4]);
  });
});

describe("mistakes", () => {
  it("throw ShapeError", () => {
    const x = gpu().zeros([2, 3]);
    const floats = gpu().zeros([2]);
    const index = gpu().tensor(Int32Array.of(0, 1));
    const image = gpu().zeros([1, 1, 4, 4]);
    const filters = gpu().zeros([1, 1, 5, 2]);
    for (const mistake of [
      () => slice(x, [[0, 1, 0]]),
      () => slice(x, [null, null, null]),
      () => concat([x, floats]),
      () => concat([]),
      () => concat([x, gpu().tensor(new Int32Array(6), [2, 3])]),
      () => split(x, [1, 1], { dim: 1 }),
      () => pad(x, [[1, 1]]),
      () =>
        pad(x, [
          [-1, 0],
          [0, 0],
        ]),
      () => indexSelect(x, floats),
      () => gather(x, index, { dim: 0 }),
      () => scatterAdd(x, index, x, { dim: 0 }),
      () => where(x, x, index),
      () => dropout(x, { p: 1, seed: 0 }),
      () => dropout(x, { p: 0.5 }),
      () => dropout(x, { p: 0.5, keep: floats }),
      () => conv2d(image, filters),
      () => conv2d(image, image, undefined, { stride: 0 }),
      () => conv2d(image, image, floats),
    ]) {
      expect(mistake, String(mistake)).toThrow(ShapeError);
    }
  });
});

describe("a drawn dropout mask", () => {
  const n = 1 << 16;
  const kept = async (p: number, key: number) =>
    (await dropout(gpu().ones([n]), { p, seed: key }).data()).map((v) => (v === 0 ? 0 : 1));
  const mean = (values: Float32Array) => values.reduce((sum, v) => sum + v, 0) / n;

  it("keeps a share 1 - p, by the seed, without neighbours knowing of each other", async () => {
    for (const p of [0.1, 0.5, 0.9]) {
      const mask = await kept(p, seed);
      const deviation = Math.sqrt((p * (1 - p)) / n);
      expect(Math.abs(mean(mask) - (1 - p))).toBeLessThan(5 * deviation);
      expect(await kept(p, seed)).toEqual(mask);
      // The mean of products of neighbours, which share a factor with the products next to them.
      const q = 1 - p;
      const spread = Math.sqrt((q ** 2 * (1 - q ** 2) + 2 * q ** 3 * p) / n);
      for (const other of [await kept(p, seed + 1), mask.map((_, i) => mask[(i + 1) % n])]) {
        const together = mean(mask.map((v, i) => v * other[i]));
        expect(Math.abs(together - q ** 2)).toBeLessThan(5 * spread);
      }
    }
  });

  it("leaves values whose mean is unchanged", async () => {
    const y = await dropout(gpu().ones([n]), { p: 0.25, seed }).data();
    expect(new Set(y)).toEqual(new Set([0, Math.fround(4 / 3)]));
  });
});
