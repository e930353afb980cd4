// Half precision: the conversions against a search among all 65 536 patterns, tensors of that type, cast, and what refuses them.
import { describe, expect, it } from "vitest";
import { parseSafetensors, toFloat32, writeSafetensors } from "../../src/io/safetensors.js";
import { cast, linear, matmul } from "../../src/ops/index.js";
import { unary } from "../../src/ops/unary.js";
import { fromHalf, halfBits, halfValue, toHalf } from "../../src/tensor/half.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("half");

/** Every finite half ≥ 0, in order: pattern i has the value finite[i]. */
const finite = Array.from({ length: 0x7c00 }, (_, bits) => halfValue(bits));

/** The nearest half by search: the definition of rounding, with ties to the even pattern. */
function nearest(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  let low = 0;
  let high = finite.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (finite[middle] <= size) low = middle;
    else high = middle;
  }
  // One step beyond the largest, 65 536 stands for infinity.
  if (size >= finite[high]) {
    const above = 65536 - size;
    const below = size - finite[high];
    return sign | (below < above ? high : 0x7c00);
  }
  const below = size - finite[low];
  const above = finite[high] - size;
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
}

describe("half precision", () => {
  it("gives back every pattern", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfValue(bits);
      if (Number.isNaN(value)) expect(halfBits(value)).toBe(0x7e00);
      else expect(halfBits(value)).toBe(bits);
    }
  });

  it("knows the values that the standard names", () => {
    const named: [number, number][] = [
      [0x0001, 2 ** -24],
      [0x03ff, 2 ** -14 - 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0x3c01, 1 + 2 ** -10],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
    ];
    for (const [bits, value] of named) {
      expect(halfValue(bits)).toBe(value);
      expect(halfBits(value)).toBe(bits);
    }
    expect(halfBits(-0)).toBe(0x8000);
    expect(Object.is(halfValue(0x8000), -0)).toBe(true);
    expect(halfBits(65519.99)).toBe(0x7bff);
    expect(halfBits(65520)).toBe(0x7c00);
    expect(halfBits(2 ** -25)).toBe(0);
    expect(halfBits(2 ** -25 * 1.001)).toBe(1);
  });

  it("rounds to nearest, ties to even", () => {
    const random = new Random(seed);
    for (let i = 0; i < 20_000; i++) {
      const value = random.normal() * 2 ** (40 * random.uniform() - 27);
      expect(halfBits(value)).toBe(nearest(value));
      // Halfway between two neighbours, and just beside that.
      const at = random.integer(0x7bff);
      const middle = (finite[at] + finite[at + 1]) / 2;
      for (const near of [middle, middle * (1 + 2 ** -40), middle * (1 - 2 ** -40)]) {
        expect(halfBits(-near)).toBe(nearest(-near));
      }
    }
  });
});

describe("f16 tensors", () => {
  const has = () => gpu().device.capabilities.f16;

  it("are refused where the adapter has no half precision", () => {
    if (has()) return expect(gpu().empty([1], { dtype: "f16" }).dtype).toBe("f16");
    expect(() => gpu().tensor([1], [1], { dtype: "f16" })).toThrow(/shader-f16.*f32/);
  });

  it("hold what was written, in any number of elements", async () => {
    if (!has()) return;
    const random = new Random(seed + 1);
    for (const size of [1, 2, 3, 5, 8, 63]) {
      const values = Float32Array.from({ length: size }, () => random.normal());
      const x = gpu().tensor(values, [size], { dtype: "f16" });
      expect(x.byteLength).toBe(4 * Math.ceil(size / 2));
      expect(await x.data()).toEqual(fromHalf(toHalf(values)));
      expect(await x.reshape([1, size]).data()).toEqual(fromHalf(toHalf(values)));
    }
    const zero = gpu().zeros([3], { dtype: "f16" });
    expect(await zero.data()).toEqual(new Float32Array(3));
  });

  it("cast to and fro, rounding like JavaScript, and hand gradients through in f32", async () => {
    if (!has()) return;
    const random = new Random(seed + 2);
    for (const size of [1, 7, 64, 1001]) {
      const values = Float32Array.from({ length: size }, () => random.normal() * 100);
      const x = gpu().tensor(values).withGrad();
      const half = cast(x, "f16");
      expect(half.dtype).toBe("f16");
      const got = await half.data();
      // WGSL leaves the direction of rounding open: at most one unit in the last place away.
      got.forEach((value, i) => {
        expect(Math.abs(value - values[i])).toBeLessThanOrEqual(2 ** -10 * Math.abs(values[i]) + 2 ** -24);
      });
      expect(await cast(half, "f32").data()).toEqual(got);
      const grad = gpu().tensor(values.map((value) => value + 1));
      cast(half, "f32").backward(grad);
      expect(x.grad?.dtype).toBe("f32");
      expect(await x.grad?.data()).toEqual(await grad.data());
    }
  });

  it("go into products, alone or beside f32, with an f32 or an f16 result", async () => {
    if (!has()) return;
    const random = new Random(seed + 3);
    for (const [m, k, n] of [
      [5, 7, 9],
      [40, 36, 68],
      [130, 132, 100],
      [1, 64, 33],
    ]) {
      const [left, right] = [m * k, k * n].map((size) =>
        fromHalf(toHalf(Float32Array.from({ length: size }, () => random.normal()))),
      );
      const expected = Float64Array.from({ length: m * n }, (_, at) => {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += left[Math.floor(at / n) * k + l] * right[l * n + (at % n)];
        return sum;
      });
      for (const [typeA, typeB, type] of [
        ["f16", "f16", "f32"],
        ["f16", "f32", "f32"],
        ["f32", "f16", "f16"],
      ] as const) {
        const a = gpu().tensor(left, [m, k], { dtype: typeA }).withGrad();
        const b = gpu().tensor(right, [k, n], { dtype: typeB }).withGrad();
        const c = matmul(a, b, { dtype: type });
        expect(c.dtype).toBe(type);
        const got = await c.data();
        const slack = type === "f16" ? 2 ** -10 : 0;
        got.forEach((value, i) => {
          const allowed = 3e-6 * k + slack * Math.abs(expected[i]) + slack * 2 ** -14;
          expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(allowed);
        });
        // Gradients are f32: of Σ c·g they are g·Bᵀ and Aᵀ·g.
        c.backward(gpu().ones([m, n]));
        const da = await a.grad?.data();
        expect(da?.length).toBe(m * k);
        da?.forEach((value, at) => {
          let sum = 0;
          for (let j = 0; j < n; j++) sum += right[(at % k) * n + j];
          expect(Math.abs(value - sum)).toBeLessThanOrEqual(3e-6 * n);
        });
      }
    }
  });

  it("go into linear layers, whose bias stays f32", async () => {
    if (!has()) return;
    const random = new Random(seed + 4);
    const draw = (size: number) =>
      fromHalf(toHalf(Float32Array.from({ length: size }, () => random.normal())));
    const [x, w, b] = [draw(33 * 20), draw(12 * 20), draw(12)];
    const half = gpu().tensor(x, [33, 20], { dtype: "f16" });
    const weight = gpu().tensor(w, [12, 20], { dtype: "f16" }).withGrad();
    const bias = gpu().tensor(b).withGrad();
    const y = linear(half, weight, bias, { gelu: true });
    const full = gpu().tensor(w, [12, 20]).withGrad();
    const fullBias = gpu().tensor(b).withGrad();
    const expected = linear(gpu().tensor(x, [33, 20]), full, fullBias, { gelu: true });
    const pairs: [Float32Array, Float32Array][] = [[await y.data(), await expected.data()]];
    y.backward(gpu().ones([33, 12]));
    expected.backward(gpu().ones([33, 12]));
    for (const [ours, theirs] of [
      [weight, full],
      [bias, fullBias],
    ]) {
      pairs.push([(await ours.grad?.data()) as Float32Array, (await theirs.grad?.data()) as Float32Array]);
    }
    for (const [got, wanted] of pairs) {
      got.forEach((value, i) => {
        expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(1e-4);
      });
    }
    expect(() => linear(half, weight, cast(bias, "f16"))).toThrow(/bias.*f32/);
  });

  it("are refused by every other operation, which says what to do", () => {
    if (!has()) return;
    const x = gpu().ones([4], { dtype: "f16" });
    expect(() => unary.exp([x], {})).toThrow(/exp.*f16.*cast/);
    expect(() => x.add(x)).toThrow(/cast/);
    expect(() => x.sum()).toThrow(/cast/);
  });

  it("are written to and read from safetensors", () => {
    const values = Float32Array.of(1, -2.5, 65504, 2 ** -24, 0);
    const bytes = writeSafetensors([["half", { dtype: "F16", shape: [5], data: toHalf(values) }]]);
    const read = parseSafetensors(bytes).tensors.get("half");
    expect(read?.dtype).toBe("F16");
    expect(read && toFloat32(read)).toEqual(values);
  });
});
