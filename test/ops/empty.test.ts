// Tensors without elements beside the op table's rows of them: what is no number (means of nothing), what cannot be answered
// (the largest of nothing), and every such row once more as a captured function.
import { describe, expect, it } from "vitest";
import {
  bceWithLogits,
  concat,
  crossEntropy,
  gumbelSoftmax,
  infonce,
  mse,
  selectRows,
} from "../../src/ops/index.js";
import { rowTable } from "../../src/ops/select-rows.js";
import { sizeOf } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { families } from "./all-cases.js";
import { capturedProblems } from "./captured.js";

const gpu = useGpu();
const seed = freshSeed("tensors without elements");
const rows = Object.values(families).flat();

describe("tensors without elements", () => {
  it("have a product of zeros where the summed axis is empty", async () => {
    const product = gpu()
      .zeros([2, 0])
      .matmul(gpu().zeros([0, 3]));
    expect(product.shape).toEqual([2, 3]);
    expect([...(await product.data())]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ["mean", (x) => x.mean()],
    ["mean over an axis", (x) => x.mean({ dim: 1 })],
    ["var", (x) => x.var()],
    ["var over an axis", (x) => x.var({ dim: 1, correction: 0 })],
    ["mse", (x) => mse(x, x.detach())],
    ["bce_with_logits", (x) => bceWithLogits(x, x.detach())],
    ["infonce", (x) => infonce(x.reshape([0, 3]), x.detach().reshape([0, 3]))],
    ["cross_entropy", (x) => crossEntropy(x.reshape([0, 3]), x.gpu.tensor(new Int32Array(0), [0]))],
  ])("give NaN as their %s, and a gradient without elements", async (_, compute) => {
    const x = gpu().zeros([3, 0], { requiresGrad: true });
    const y = compute(x);
    expect([...(await y.data())]).toEqual(new Array(y.size).fill(Number.NaN));
    y.backward(gpu().ones(y.shape));
    expect(x.grad?.shape).toEqual([3, 0]);
    expect(await x.grad?.data()).toHaveLength(0);
  });

  it("have no largest element, and say so", () => {
    const x = gpu().zeros([2, 0, 3]);
    for (const refused of [
      () => x.max(),
      () => x.min({ dim: 1 }),
      () => x.max({ dim: [0, 1] }),
      () => x.argmax(),
      () => x.argmax({ dim: 1 }),
    ]) {
      expect(refused).toThrow(/no element to choose from/);
    }
    expect(x.max({ dim: 0 }).shape).toEqual([0, 3]);
    expect(() => x.topk(1, { dim: 1 })).toThrow(/0 places/);
    expect(() => x.reshape([0, -1])).toThrow(/cannot become/);
  });

  it("go through scopes, readbacks and concatenation", async () => {
    const x = gpu().tensor(new Float32Array(0), [0, 3]);
    expect(await x.data()).toHaveLength(0);
    expect(await gpu().tensor(new Int32Array(0)).indices()).toHaveLength(0);
    const table = rowTable(gpu(), new Int32Array(0), 0);
    const y = gpu().scope(() => concat([selectRows(x, table), gpu().ones([1, 3])]));
    expect([...(await y.data())]).toEqual([1, 1, 1]);
    expect((await gumbelSoftmax(gpu().zeros([0, 4]), { tau: 1, seed: 1, hard: true }).data()).length).toBe(0);
  });
});

describe("captured, a row without elements gives what it gives eagerly", () => {
  const empty = rows.filter(({ inputs }) => inputs.some(({ shape }) => sizeOf(shape) === 0));
  it.each(empty.map((row) => [`${row.op}, ${row.label}`, row] as const))("%s", async (_, row) => {
    expect(await capturedProblems(gpu(), row, seed)).toEqual([]);
  });
});
