// The suites of the benchmark: names, rates against ceilings, and that cases of each family run and give their memory back.
// Times are not judged.
import { describe, expect, it } from "vitest";
import { type Timing, time, timeTogether } from "../../src/bench/measure.js";
import { copyAt, descending, Roofline } from "../../src/bench/roofline.js";
import { casesOf, describe as describeRow, grouped, runCases, suiteNames } from "../../src/bench/suites.js";
import type { BenchCase } from "../../src/bench/types.js";
import { median } from "../../src/ops/tuning.js";
import { useGpu } from "../support/gpu.js";

const ceilings = {
  gflops: 100,
  copyGBs: 10,
  copies: [
    { MiB: 1, GBs: 40 },
    { MiB: 64, GBs: 10 },
  ],
  dispatchUs: 5,
  submitUs: 50,
  readbackUs: 60,
};

describe("without a device", () => {
  it.each(suiteNames)("%s has cases that can be told apart", (suite) => {
    const cases = casesOf(suite, { software: false });
    const names = cases.map(({ name, shape }) => `${name} ${shape}`);
    expect(new Set(names).size).toBe(names.length);
    expect(cases.length > 0).toBe(!["roofline", "growth", "probes", "features"].includes(suite));
    for (const { flops, bytes } of cases) expect(flops ?? bytes).toBeGreaterThan(0); // so that each has a ceiling
  });

  it("takes the middle", () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2);
  });

  const timing: Timing = {
    ms: 3,
    minMs: 2,
    eachMs: 2,
    minEachMs: 1,
    together: 4,
    runs: 11,
    firstMs: 9,
    jsMs: 0.1,
    minJsMs: 0.05,
    counts: { dispatches: 1, submits: 1, buffers: 0, bindGroups: 0 },
    othersCores: 0,
  };
  const bench = { name: "x", shape: "1" } as BenchCase;
  const rowOf = (part: Partial<BenchCase>, dispatches = 1) =>
    describeRow(
      { bench: { ...bench, ...part }, timing: { ...timing, counts: { ...timing.counts, dispatches } } },
      ceilings,
    );

  it("holds a case against the nearer ceiling", () => {
    // 10⁸ flops take 1 ms at most speed, 10⁶ bytes 0.025 ms, a dispatch 0.005 ms.
    const product = rowOf({ flops: 1e8, bytes: 1e6 });
    expect(product).toMatchObject({ gflops: 50, gbs: 0.5, bound: "compute", share: 0.5, bestShare: 1 });
    expect(rowOf({ bytes: 1e7 })).toMatchObject({ gbs: 5, bound: "memory", share: 0.5 });
    expect(rowOf({ bytes: 1e3 }, 100)).toMatchObject({ bound: "dispatch", share: 0.25 });
    expect(rowOf({ bytes: 1e7, work: { amount: 10, unit: "clips" } }).rate).toEqual({
      perSecond: 5000,
      unit: "clips",
    });
  });

  it("compares with a copy of about as many bytes", () => {
    expect(copyAt(ceilings, 2 ** 20)).toBe(40);
    expect(copyAt(ceilings, 7 * 2 ** 20)).toBe(40); // 7 times from 1 MiB, 9 times from 64
    expect(copyAt(ceilings, 9 * 2 ** 20)).toBe(10);
    expect(copyAt(ceilings, 2 ** 40)).toBe(10);
    expect(copyAt({ copies: [], copyGBs: 3 }, 1)).toBe(3);
  });

  it("takes no size for slower than a larger one", () => {
    const measured = [5, 2, 3, 1].map((GBs, i) => ({ MiB: 4 ** i, GBs }));
    expect(descending(measured).map(({ GBs }) => GBs)).toEqual([5, 3, 3, 1]);
  });

  it("lets ways of doing the same take turns", () => {
    const groups = grouped([
      bench,
      { ...bench, group: "a" },
      { ...bench, group: "a" },
      { ...bench, group: "b" },
    ]);
    expect(groups.map(({ length }) => length)).toEqual([1, 2, 1]);
  });
});

describe("on a device", () => {
  const gpu = useGpu();

  it("waits for the work that it times", async () => {
    let calls = 0;
    const x = gpu().zeros([1]);
    const timing = await time(
      gpu(),
      () => {
        calls++;
        x.add(1);
      },
      { samples: 3 },
    );
    expect(calls).toBe(1 + 1 + 3 + (timing.together > 1 ? 3 * timing.together : 0));
    expect(timing.minMs).toBeLessThanOrEqual(timing.ms);
    x.dispose();
  });

  it("takes turns", async () => {
    const order: string[] = [];
    const [a, b] = await timeTogether(
      gpu(),
      ["a", "b"].map((name) => () => {
        order.push(name);
        gpu().zeros([1]).add(1);
      }),
      { samples: 3 },
    );
    expect(order.slice(0, 10).join("")).toBe("aabbababab");
    expect(a.counts.dispatches).toBe(1);
    expect(b.runs).toBe(3);
  });

  it("finds ceilings that rise or stay when they are sampled again", async () => {
    const { inUse } = gpu().device.pool.use;
    const roofline = await Roofline.open(gpu());
    const before = roofline.ceilings;
    await roofline.sample(4 << 20);
    const after = roofline.ceilings;
    roofline.dispose();
    expect(gpu().device.pool.use.inUse).toBe(inUse);
    expect(after.gflops).toBeGreaterThanOrEqual(before.gflops);
    expect(after.gflops).toBeGreaterThan(0.1);
    for (const [i, { MiB, GBs }] of after.copies.entries()) {
      expect(GBs).toBeGreaterThanOrEqual(before.copies[i].GBs);
      expect(GBs).toBeGreaterThan(0.01);
      expect(MiB).toBe(before.copies[i].MiB);
    }
    expect(after.submitUs).toBeGreaterThan(0);
    expect(after.dispatchUs).toBeGreaterThanOrEqual(0);
  });

  it.each(["gelu+grad", "infonce+grad", "linear", "select_rows+grad", "adamw", "train_step_demo_captured"])(
    "%s runs and gives its memory back",
    async (name) => {
      const found = casesOf("kernels", { software: true }).find((each) => each.name === name);
      const { inUse, arenas } = gpu().device.pool.use;
      const [timed] = await runCases(gpu(), [found as BenchCase], { samples: 2 });
      const row = describeRow(timed, ceilings);
      expect(row.counts.dispatches).toBeGreaterThan(0);
      expect(row.eachMs).toBeGreaterThan(0);
      expect(row.share).toBeGreaterThan(0);
      expect(gpu().device.pool.use.inUse).toBe(inUse);
      expect(gpu().device.pool.use.arenas).toBe(arenas);
    },
  );
});
