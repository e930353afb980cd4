// Every kernel that the adapter can run for a matrix product, in every transposition, with sizes on and off the vec4 and tile
// borders, with and without a cut summed axis, against float64; its epilogues; and the choice among the kernels, which is pure.
import { describe, expect, it } from "vitest";
import { exactLanes } from "../../src/gpu/capabilities.js";
import { matmulFamily, type ProductOptions, product } from "../../src/ops/matmul-kernels.js";
import { chooseMatmul, type MatmulChoice } from "../../src/ops/matmul-rule.js";
import { fewRows } from "../../src/ops/matmul-variants/few-rows.js";
import { supportedMatmuls } from "../../src/ops/matmul-variants/list.js";
import { lowest, tallest } from "../../src/ops/matmul-variants/subgroup.js";
import {
  fits,
  type MatmulCapabilities,
  type MatmulVariant,
  type ProductShape,
} from "../../src/ops/matmul-variants/variant.js";
import { Random } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { erf } from "./reference.js";

const gpu = useGpu();
const seed = freshSeed("matmul variants");

/** The product by a kernel that is given. */
function productBy(choice: MatmulChoice, a: Tensor, b: Tensor, c: Tensor, options: ProductOptions): void {
  gpu().device.tuner.using(matmulFamily, choice, () => product(a, b, c, options));
}

const kinds = [
  "plain",
  "register",
  "few_rows",
  "few_rows, shared",
  "subgroup, low",
  "subgroup, tall",
  "shared, 64",
  "shared, 128",
] as const;

/** The adapter's variant of that name, if it can run it. */
function variantOf(kind: (typeof kinds)[number]): MatmulVariant | undefined {
  // What hardware takes for few rows; more than four take lavapipe tens of seconds to compile.
  if (kind === "few_rows, shared") return fewRows(16);
  const { capabilities } = gpu().device;
  const able = supportedMatmuls(capabilities);
  if (kind.startsWith("subgroup")) {
    const lanes = exactLanes(capabilities);
    return lanes ? (kind === "subgroup, low" ? lowest(lanes) : tallest(lanes)) : undefined;
  }
  const name = kind.startsWith("shared") ? `shared-${kind.slice(-3).trim()}` : kind;
  return able.find((variant) => (kind === "few_rows" ? variant.shader : variant.name) === name);
}

const normals = (random: Random, size: number) => Float32Array.from({ length: size }, () => random.normal());

/** Σ over l of A[i, l]·B[l, j] of stored matrices that start at the given elements. */
function entry(a: Float32Array, b: Float32Array, s: ProductShape, z: number, i: number, j: number): number {
  const { m, n, k } = s;
  let sum = 0;
  for (let l = 0; l < k; l++) {
    const left = a[z * m * k + (s.transposeA ? l * m + i : i * k + l)];
    sum += left * b[s.transposeB ? j * k + l : l * n + j];
  }
  return sum;
}

/** Largest difference from `expected`; NaN counts as infinite. */
function worst(got: Float32Array, expected: (at: number) => number): number {
  let most = 0;
  got.forEach((value, at) => {
    const difference = Math.abs(value - expected(at));
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  });
  return most;
}

/** Aligned and odd sizes; batches share one B. */
const sizes = [
  { m: 72, n: 100, k: 140, batch: 2, slices: 1 },
  { m: 132, n: 36, k: 264, batch: 1, slices: 3 },
  { m: 4, n: 4, k: 4, batch: 1, slices: 1 },
  { m: 67, n: 131, k: 33, batch: 2, slices: 1 },
  { m: 3, n: 5, k: 129, batch: 1, slices: 3 },
  { m: 1, n: 1, k: 1, batch: 1, slices: 1 },
  { m: 1, n: 260, k: 132, batch: 2, slices: 2 },
];

describe.each(kinds)("%s", (kind) => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])("transposeA %s, transposeB %s", async (transposeA, transposeB) => {
    const variant = variantOf(kind);
    if (!variant) {
      expect(kind).toMatch(/subgroup|shared/); // what an adapter may lack
      return;
    }
    const random = new Random(seed);
    for (const { slices, ...shape } of sizes) {
      if (!fits(variant, { ...shape, transposeA, transposeB })) continue;
      if (variant.shader === "few_rows" && shape.m > 4) continue;
      const { m, n, k, batch } = shape;
      const [a, b] = [normals(random, batch * m * k), normals(random, k * n)];
      const c = gpu().full([batch, m, n], Number.NaN);
      const options = { ...shape, transposeA, transposeB, strideA: m * k, scale: 0.5 };
      productBy({ variant, slices }, gpu().tensor(a), gpu().tensor(b), c, options);
      const difference = worst(await c.data(), (at) => {
        const z = Math.floor(at / (m * n));
        return 0.5 * entry(a, b, options, z, Math.floor(at / n) % m, at % n);
      });
      expect(difference, `${m} × ${n} × ${k}`).toBeLessThanOrEqual(3e-6 * k);
    }
  });

  it("bias, GELU, residual, and accumulation", async () => {
    const variant = variantOf(kind);
    if (!variant) return;
    // The same epilogue as with tile 64, but a software adapter, which never chooses it, compiles it for half a minute.
    if (kind === "shared, 128" && gpu().device.capabilities.software) return;
    const random = new Random(seed + 1);
    for (const [m, n, k] of [
      [68, 72, 20],
      [5, 67, 9],
      [1, 68, 36],
    ].filter(([m, n, k]) => fits(variant, { m, n, k }) && (kind !== "few_rows, shared" || m === 1))) {
      const shape = { m, n, k, transposeB: true };
      const [a, b, bias, residual] = [m * k, n * k, n, m * n].map((size) => normals(random, size));
      const tensors = [a, b, bias, residual].map((values) => gpu().tensor(values));
      const pre = gpu().full([m, n], Number.NaN);
      const c = gpu().full([m, n], Number.NaN);
      const linear = (at: number) => entry(a, b, shape, 0, Math.floor(at / n), at % n) + bias[at % n];
      const output = (at: number) => {
        const x = linear(at);
        return 0.5 * x * (1 + erf(x / Math.SQRT2)) + residual[at];
      };
      for (const slices of [1, 2]) {
        productBy({ variant, slices }, tensors[0], tensors[1], c, {
          ...shape,
          bias: tensors[2],
          residual: tensors[3],
          gelu: true,
          pre,
        });
        expect(worst(await pre.data(), linear)).toBeLessThanOrEqual(1e-4);
        expect(worst(await c.data(), output)).toBeLessThanOrEqual(1e-4);
        const sum = gpu().tensor(residual, [m, n]);
        productBy({ variant, slices }, tensors[0], tensors[1], sum, { ...shape, accumulate: true });
        const expected = (at: number) => linear(at) - bias[at % n] + residual[at];
        expect(worst(await sum.data(), expected)).toBeLessThanOrEqual(1e-4);
      }
    }
  });
});

describe.each(kinds)("%s", (kind) => {
  it("the slope of GELU, and the sums of a transposed A", async () => {
    const variant = variantOf(kind);
    if (!variant || !fits(variant, { m: 1, n: 1, k: 1, transposeA: true })) return;
    if (kind === "shared, 128" && gpu().device.capabilities.software) return; // compiles for half a minute
    const random = new Random(seed + 2);
    for (const [m, n, k] of [
      [68, 72, 20],
      [5, 67, 9],
      [131, 3, 33],
    ]) {
      const shape = { m, n, k, transposeA: true };
      const [a, b, before] = [m * k, n * k, m * n].map((size) => normals(random, size));
      const tensors = [a, b, before].map((values) => gpu().tensor(values));
      const c = gpu().full([m, n], Number.NaN);
      productBy({ variant, slices: 1 }, tensors[0], tensors[1], c, {
        ...shape,
        slope: tensors[2],
        gelu: true,
      });
      const slope = (x: number) =>
        0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
      const expected = (at: number) => entry(a, b, shape, 0, Math.floor(at / n), at % n) * slope(before[at]);
      expect(worst(await c.data(), expected)).toBeLessThanOrEqual(1e-4);
      for (const slices of [1, 2]) {
        const sums = gpu().full([m], Number.NaN);
        productBy({ variant, slices }, tensors[0], tensors[1], c, { ...shape, sums });
        const column = (at: number) => {
          let total = 0;
          for (let l = 0; l < k; l++) total += a[l * m + at];
          return total;
        };
        expect(worst(await sums.data(), column), `${m} × ${n} × ${k}`).toBeLessThanOrEqual(1e-4);
      }
    }
  });
});

describe("chooseMatmul", () => {
  const gpuLike = {
    software: false,
    subgroups: true,
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
    maxInvocations: 1024,
    maxWorkgroupStorage: 32768,
  };
  const software = { ...gpuLike, software: true, subgroupMinSize: 8, subgroupMaxSize: 8 };
  const square = { m: 2048, n: 2048, k: 1024 };
  const chosen = (capabilities: MatmulCapabilities, shape: ProductShape) => {
    const { variant, slices } = chooseMatmul(capabilities, shape);
    return [variant.name, slices];
  };

  it("takes tiles in workgroup memory on a GPU, subgroups on a software adapter", () => {
    expect(chosen(gpuLike, square)).toEqual(["shared-128", 1]);
    expect(chosen(software, square)).toEqual(["subgroup-8-4-1", 1]);
  });

  it("falls back to registers without subgroups of one known size, or on thin results", () => {
    const varying = { ...software, subgroupMaxSize: 32 };
    expect(chooseMatmul(varying, square).variant.name).toBe("register");
    expect(chooseMatmul(gpuLike, { m: 1024, n: 9, k: 1024 }).variant.name).toBe("register");
  });

  it("cuts a long summed axis where the result is too small to fill the adapter", () => {
    const small = { m: 96, n: 96, k: 8192, transposeA: true };
    expect(chooseMatmul(gpuLike, small).slices).toBeGreaterThan(8);
    expect(chooseMatmul(gpuLike, { ...square, k: 64 }).slices).toBe(1);
  });

  it("takes a kernel of its own for a single row, and on hardware for a few", () => {
    expect(chooseMatmul(gpuLike, { m: 4, n: 1024, k: 1024 }).variant.name).toBe("few_rows-16");
    expect(chooseMatmul(software, { m: 1, n: 1024, k: 1024 }).variant.name).toBe("few_rows-1");
    expect(chooseMatmul(software, { m: 4, n: 1024, k: 1024 }).variant.shader).toBe("subgroup");
    expect(chooseMatmul(gpuLike, { m: 4, n: 1024, k: 1024, transposeA: true }).variant.shader).toBe(
      "register",
    );
  });

  it("offers subgroup matrices for f16 in whole steps only, and never takes them untimed", () => {
    const matrices = [
      { m: 16, n: 8, k: 16 },
      { m: 16, n: 16, k: 16 },
    ];
    const capable = { ...gpuLike, subgroupMatrices: matrices };
    const offered = (shape: ProductShape) =>
      supportedMatmuls(capable, shape).filter(({ shader }) => shader === "subgroup_matrix");
    const half = { ...square, half: true };
    expect(offered(half).map(({ name }) => name)).toEqual(
      [64, 128].map((tile) => `subgroup_matrix-${tile}-32-16x16x16`),
    );
    expect(offered(square)).toEqual([]);
    expect(offered({ ...half, k: 1028 })).toEqual([]);
    expect(chooseMatmul(capable, half).variant.shader).toBe("shared");
  });

  it("takes the plain kernel for tiny products", () => {
    expect(chooseMatmul(gpuLike, { m: 3, n: 5, k: 1000 }).variant.name).toBe("plain");
  });
});
