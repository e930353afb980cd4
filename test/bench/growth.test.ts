// How growth is judged, and a short measurement.
import { describe, expect, it } from "vitest";
import { evaluateGrowth, fullGrowth, growthPoints, measureGrowth } from "../../src/bench/growth.js";
import { useGpu } from "../support/gpu.js";

function points(...pairs: [gflop: number, ms: number][]) {
  return pairs.map(([gflop, ms], i) => ({
    axis: "batch" as const,
    value: 2 ** i,
    ms,
    minMs: ms,
    cpuMs: ms,
    runs: 3,
    gflop,
  }));
}

describe("judging", () => {
  it("demands nothing until the adapter is full", () => {
    // 10, 16, 20, 20 GFLOP/s: full from the third on.
    const rows = evaluateGrowth(points([0.1, 10], [0.2, 12.5], [0.4, 20], [0.8, 40]));
    expect(rows.map(({ full }) => full)).toEqual([false, false, false, true]);
    expect(rows.map(({ within }) => within)).toEqual([undefined, undefined, undefined, true]);
    expect(rows[0].ratio).toBeUndefined();
    expect(rows[1].timeGrowth).toBeCloseTo(1.25);
    expect(rows[1].ratio).toBeCloseTo(0.625);
    expect(rows[3].ratio).toBeCloseTo(1);
    expect(rows.map(({ gflops }) => Math.round(gflops))).toEqual([10, 16, 20, 20]);
    expect(fullGrowth(rows)).toMatchObject({ from: 4, to: 8, within: true });
  });

  it("finds time that grows faster than the work", () => {
    const rows = evaluateGrowth(points([0.1, 5], [0.2, 10.5], [0.4, 30]));
    expect(rows.map(({ within }) => within)).toEqual([undefined, true, false]);
    expect(fullGrowth(rows)).toMatchObject({ from: 1, to: 4, within: false });
  });

  it("finds a slow creep over several points", () => {
    const rows = evaluateGrowth(points([0.1, 10], [0.2, 22], [0.4, 48.4]));
    expect(rows.map(({ within }) => within)).toEqual([undefined, true, true]);
    expect(fullGrowth(rows)).toMatchObject({ within: false });
  });

  it("has nothing to say of an adapter that is never full", () => {
    const rows = evaluateGrowth(points([0.1, 10], [0.2, 10], [0.4, 10]));
    expect(rows.every(({ within }) => within === undefined)).toBe(true);
    expect(fullGrowth(rows)).toBeUndefined();
    expect(evaluateGrowth([])).toEqual([]);
  });
});

describe.each([true, false])("the points, software %s", (software) => {
  it.each(["batch", "tokens", "width"] as const)("vary %s alone", (axis) => {
    const all = growthPoints(axis, { software });
    const values = all.map(({ value }) => value);
    expect([values[0], values.at(-1)]).toEqual({ batch: [1, 32], tokens: [32, 512], width: [64, 384] }[axis]);
    all.slice(1).forEach(({ flops, plan }, i) => {
      expect(flops.total).toBeGreaterThan(all[i].flops.total);
      expect(plan.model.width % plan.model.heads).toBe(0);
    });
  });
});

describe("on a device", () => {
  const gpu = useGpu();

  it("times two batches", async () => {
    const { inUse, arenas } = gpu().device.pool.use;
    const some = growthPoints("batch", { software: true }).slice(0, 2);
    const rows = await measureGrowth(gpu(), some, { runs: 2 });
    expect(rows).toHaveLength(2);
    expect(rows[1].flopGrowth).toBeCloseTo(2, 5);
    for (const { ms, gflops, runs } of rows) {
      expect(ms).toBeGreaterThan(0);
      expect(gflops).toBeGreaterThan(0);
      expect(runs).toBe(2);
    }
    expect(gpu().device.pool.use.inUse).toBe(inUse);
    expect(gpu().device.pool.use.arenas).toBe(arenas);
  });
});
