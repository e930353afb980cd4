// The FLOP counts against counts by hand.
import { describe, expect, it } from "vitest";
import { dispatchFlops, logMelFlops, stepFlops, stftFlops } from "../../src/bench/flops.js";
import { presetPlan, stepSizes } from "../../src/bench/step.js";

describe("a training step", () => {
  it("is what counting by hand gives", () => {
    // B = 2, T = 3, P = 5, M = 2, d = 4, one layer, r = 2.
    const sizes = { batch: 2, tokens: 3, values: 5, masked: 2, width: 4, layers: 1, mlpRatio: 2 };
    const embed = 6 * 5 * 4; // multiply-adds
    const qkv = 6 * 4 * 12;
    const projection = 6 * 4 * 4;
    const mlp = 6 * 4 * 8 + 6 * 8 * 4;
    const attention = 2 * (3 * 3 * 4) * 2; // q·kᵀ and weights·v, for two clips
    const head = 4 * 4 * 4 + 4 * 4 * 5;
    const contrast = 2 * (2 * 2 * 5);
    const layer = qkv + projection + mlp + attention;
    const forward = 2 * (embed + layer + 2 * head + contrast);
    const backward = 2 * (embed + 2 * layer + 4 * head + contrast);
    expect(stepFlops(sizes)).toEqual({ forward, backward, total: forward + backward });
    const half = stepFlops({ ...sizes, objective: "reconstruct" });
    expect(half.forward).toBe(2 * (embed + layer + head));
    expect(stepFlops({ ...sizes, objective: "infonce" }).backward).toBe(
      2 * (embed + 2 * layer + 2 * head + contrast),
    );
  });

  it("has the sizes of a preset", () => {
    expect(stepSizes(presetPlan("demo"))).toEqual({
      batch: 8,
      tokens: 64,
      values: 256,
      masked: 38,
      width: 96,
      layers: 4,
      mlpRatio: 4,
      objective: "joint",
    });
  });
});

describe("a spectrum", () => {
  it("counts a real FFT as 2.5·N·log₂N", () => {
    expect(stftFlops(3, 8)).toBe(3 * (8 + 60 + 15));
    expect(logMelFlops(3, 8, 2)).toBe(3 * (8 + 60 + 15 + 20 + 4));
  });
});

describe("a dispatch", () => {
  it("is counted where name and parameters tell", () => {
    expect(dispatchFlops("matmul/subgroup", { m: 2, n: 3, k: 4, batch: 5 })).toBe(240);
    expect(dispatchFlops("matmul/column_sums", { rows: 2, columns: 3 })).toBeUndefined();
    expect(dispatchFlops("copy", { count: 2 })).toBeUndefined();
    expect(dispatchFlops("optim/scale", undefined)).toBeUndefined();
    const sizes = { pairs: 2, tq: 3, tk: 5, heads: 2 };
    expect(dispatchFlops("attention/forward", sizes, { HEAD_DIM: "8" })).toBe(2 * 2 * 2 * 3 * 5 * 8);
    expect(dispatchFlops("attention/backward_key", sizes, { HEAD_DIM: "8" })).toBe(4 * 2 * 2 * 3 * 5 * 8);
    expect(dispatchFlops("attention/forward", sizes)).toBeUndefined();
  });
});
