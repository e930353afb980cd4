// What the op table does not see of attention: rows without a visible key, the kernels for adapters without subgroups and for
// hardware, refused shapes, and the weights for drawing.
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/gpu/errors.js";
import {
  attention,
  attentionFromQkv,
  attentionWeights,
  attentionWeightsFromQkv,
} from "../../src/ops/attention.js";
import { matmul } from "../../src/ops/matmul.js";
import { type Less, useLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { cases } from "./attention.cases.js";
import { expectCase } from "./expect-case.js";

const gpu = useGpu();
const seed = freshSeed("attention");

describe("rows without a visible key", () => {
  it.each(["keyKeep", "mask"] as const)("%s: zeros, and zero gradients", async (how) => {
    gpu().seed(seed);
    const [q, k, v] = [0, 1, 2].map(() => gpu().randn([2, 1, 5, 8], { requiresGrad: true }));
    const keep = gpu().tensor([...new Array(5).fill(1), ...new Array(5).fill(0)], [2, 5]);
    const mask = keep.reshape([2, 1, 1, 5]).sub(1).mul(1e30);
    const out = attention(q, k, v, how === "mask" ? { mask } : { keyKeep: keep });
    out.backward(gpu().ones(out.shape));
    for (const tensor of [out, q.grad, k.grad, v.grad]) {
      const values = [...((await tensor?.data()) ?? [])];
      expect(values).toHaveLength(80);
      expect(values.slice(40).every((value) => value === 0)).toBe(true);
      expect(values.every(Number.isFinite)).toBe(true);
    }
    expect((await out.data()).slice(0, 40).every((value) => value !== 0)).toBe(true);
  });
});

describe("equal inputs", () => {
  it("give equal bits, gradients too", async () => {
    gpu().seed(seed);
    const values = await gpu()
      .randn([2, 67, 3 * 2 * 24])
      .data();
    const weight = gpu().randn([2, 67, 48]);
    const run = async () => {
      const qkv = gpu().tensor(values, [2, 67, 3 * 2 * 24], { requiresGrad: true });
      const out = attentionFromQkv(qkv, 2);
      out.backward(weight);
      return [...(await out.data()), ...((await qkv.grad?.data()) ?? [])];
    };
    const first = await run();
    expect(first).toHaveLength(4 * 2 * 67 * 48);
    expect(await run()).toEqual(first);
  });
});

describe("other kinds of adapter", () => {
  const rows = cases.filter(({ label }) => /odd tokens|hidden keys, odd head/.test(label));

  describe.each<[string, Less]>([
    ["without subgroups", { without: ["subgroups"] }],
    ["hardware", { options: { software: false } }],
  ])("%s", (_, less) => {
    const other = useLess(less);
    it.each(rows.map((row, i) => [row.label, row, i] as const))("%s", (_, row, i) =>
      expectCase(other(), row, seed + i),
    );
  });
});

describe("attention weights", () => {
  it("times v are attention, packed and not, with and without a mask", async () => {
    gpu().seed(seed);
    const [batch, heads, tokens, dim] = [2, 3, 7, 4];
    const qkv = gpu().randn([batch, tokens, 3 * heads * dim]);
    const parts = qkv.reshape([batch, tokens, 3, heads, dim]).permute([2, 0, 3, 1, 4]);
    const values = await parts.data();
    const size = values.length / 3;
    const [q, k, v] = [0, 1, 2].map((i) =>
      gpu().tensor(values.slice(i * size, (i + 1) * size), [batch, heads, tokens, dim]),
    );
    const keyKeep = gpu().tensor(new Int32Array([1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0]), [batch, tokens]);
    for (const options of [{}, { keyKeep }, { mask: gpu().randn([tokens, tokens]) }]) {
      const weights = attentionWeights(q, k, options);
      expect(weights.shape).toEqual([batch, heads, tokens, tokens]);
      const expected = await attention(q, k, v, options).data();
      const packed = await attentionFromQkv(qkv, heads, options)
        .reshape([batch, tokens, heads, dim])
        .permute([0, 2, 1, 3])
        .data();
      const product = await matmul(weights, v).data();
      const fromQkv = await matmul(attentionWeightsFromQkv(qkv, heads, options), v).data();
      for (const got of [packed, product, fromQkv]) {
        expect(got.every((value, i) => Math.abs(value - expected[i]) <= 1e-5)).toBe(true);
      }
    }
  });
});

describe("refused", () => {
  it("shapes that do not fit, and two masks at once", () => {
    const x = gpu().zeros([1, 2, 3, 4]);
    expect(() => attention(x, x, gpu().zeros([1, 2, 4, 4]))).toThrow(ShapeError);
    expect(() => attention(x, x, x, { keyKeep: gpu().ones([1, 4]) })).toThrow(/\[1, 3\]/);
    expect(() => attention(x, x, x, { mask: gpu().zeros([2, 3]) })).toThrow(/does not repeat/);
    expect(() => attention(x, x, x, { mask: x, keyKeep: x })).toThrow(/not both/);
    expect(() => attentionFromQkv(gpu().zeros([1, 3, 10]), 2)).toThrow(/2 heads/);
  });
});
