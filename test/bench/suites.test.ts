// The suites of the benchmark: names, rates against ceilings, and that cases of each family run and give their memory back.
// Times are not judged.
import { describe, expect, it } from "vitest";
import { median, time } from "../../bench/measure.js";
import { casesOf, describe as describeRow, runCase, suiteNames } from "../../bench/suites.js";
import type { BenchCase } from "../../bench/types.js";
import { useGpu } from "../support/gpu.js";

const ceilings = {
  gflops: 100,
  copyGBs: 10,
  copies: [{ MiB: 64, GBs: 10 }],
  dispatchUs: 5,
  submitUs: 50,
  readbackUs: 60,
};

describe("without a device", () => {
  it.each(suiteNames)("%s has cases that can be told apart", (suite) => {
    const cases = casesOf(suite, { software: false });
    const names = cases.map(({ name, shape }) => `${name} ${shape}`);
    expect(new Set(names).size).toBe(names.length);
    expect(cases.length > 0).toBe(suite !== "roofline");
    for (const { flops, bytes, work } of cases) {
      expect(flops ?? bytes ?? work?.amount).toBeGreaterThan(0);
    }
  });

  it("takes the middle", () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2);
  });

  it("holds a case against the nearer ceiling", () => {
    const timing = {
      ms: 3,
      minMs: 2,
      eachMs: 2,
      minEachMs: 1,
      together: 4,
      runs: 11,
      firstMs: 9,
      dispatches: 1,
    };
    const bench = { name: "x", shape: "1" } as BenchCase;
    // 10⁸ flops take 1 ms at most speed, 10⁶ bytes 0.1 ms.
    const product = describeRow({ ...bench, flops: 1e8, bytes: 1e6 }, timing, ceilings);
    expect(product).toMatchObject({ gflops: 50, gbs: 0.5, bound: "compute", share: 0.5 });
    const copy = describeRow({ ...bench, bytes: 1e7 }, timing, ceilings);
    expect(copy).toMatchObject({ gbs: 5, bound: "memory", share: 0.5 });
    const rate = describeRow({ ...bench, work: { amount: 10, unit: "clips" } }, timing, ceilings);
    expect(rate.rate).toEqual({ perSecond: 5000, unit: "clips" });
    expect(rate.share).toBeUndefined();
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

  it.each(["gelu+grad", "infonce+grad", "linear", "select_rows+grad", "adamw"])(
    "%s runs and gives its memory back",
    async (name) => {
      const found = casesOf("kernels", { software: true }).find((each) => each.name === name);
      const { inUse, arenas } = gpu().device.pool.use;
      const row = await runCase(gpu(), found as BenchCase, ceilings);
      expect(row.dispatches).toBeGreaterThan(0);
      expect(row.eachMs).toBeGreaterThan(0);
      expect(gpu().device.pool.use.inUse).toBe(inUse);
      expect(gpu().device.pool.use.arenas).toBe(arenas);
    },
  );
});
