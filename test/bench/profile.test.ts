// The profile of a step: names, sums, and that both ways of timing see every dispatch.
import { describe, expect, it } from "vitest";
import { aggregate, definesOf, profileProgram, shortNames } from "../../src/bench/profile.js";
import { BenchStep, presetPlan } from "../../src/bench/step.js";
import { useGpu } from "../support/gpu.js";

describe("names", () => {
  it("hold what tells kernels apart", () => {
    const keys = ["a/b|X=1|VEC4=true|N=8", "a/b|X=1|VEC4=false|N=8", "a/b|X=2|VEC4=true|N=8", "c|Q=7"];
    expect([...shortNames(keys).values()]).toEqual(["a/b X=1 VEC4", "a/b X=1", "a/b X=2 VEC4", "c"]);
  });

  it("of generated kernels are their expressions, and never long", () => {
    const keys = ["e|TYPE0=f32|RESULT0=x0 + x1", `e|TYPE0=i32|RESULT0=${"x0 * ".repeat(99)}1`];
    const [plain, long] = shortNames(keys).values();
    expect(plain).toBe("e RESULT0=x0 + x1");
    expect(long.length).toBeLessThan(80);
  });

  it("come from keys whose values may hold anything but bars", () => {
    expect(definesOf("s|A=x == 1|B=")).toEqual({ A: "x == 1", B: "" });
    expect(definesOf("s")).toEqual({});
  });
});

describe("sums", () => {
  it("are by kernel, longest first, products by size", () => {
    const times = [
      { key: "add", ms: 1, bytes: 4e6 },
      { key: "matmul", ms: 2, bytes: 1, flops: 4e6, shape: "1×2×3" },
      { key: "matmul", ms: 6, bytes: 1, flops: 4e6, shape: "4×5×6" },
      { key: "add", ms: 1, bytes: 4e6 },
    ];
    const { kernels, ...rest } = aggregate(times);
    expect(rest).toEqual({ dispatches: 4, ms: 10 });
    expect(kernels).toEqual([
      {
        name: "matmul",
        key: "matmul",
        count: 2,
        ms: 8,
        share: 0.8,
        gflops: 1,
        shapes: [
          { shape: "4×5×6", count: 1, ms: 6, gflops: 4e6 / 6e6 },
          { shape: "1×2×3", count: 1, ms: 2, gflops: 2 },
        ],
      },
      { name: "add", key: "add", count: 2, ms: 2, share: 0.2, gbs: 4 },
    ]);
    expect(aggregate([])).toEqual({ dispatches: 0, ms: 0, kernels: [] });
  });
});

describe("on a device", () => {
  const gpu = useGpu();

  it("times every dispatch of a step, by timestamps where there are any, and one by one", async () => {
    const { inUse, arenas } = gpu().device.pool.use;
    const step = new BenchStep(gpu(), presetPlan("demo", 1));
    const program = step.record();
    const methods = gpu().device.capabilities.timestamps
      ? (["timestamps", "alone"] as const)
      : (["alone"] as const);
    for (const method of methods) {
      const profile = await profileProgram(gpu(), program, { runs: 1, method });
      expect(profile.method).toBe(method);
      expect(profile.dispatches).toBe(program.report().dispatches);
      expect(profile.kernels.reduce((sum, { count }) => sum + count, 0)).toBe(profile.dispatches);
      expect(profile.ms).toBeGreaterThan(0);
      const products = profile.kernels.filter(({ name }) => name.startsWith("matmul/"));
      expect(products.some(({ gflops = 0 }) => gflops > 0)).toBe(true);
    }
    program.dispose();
    step.dispose();
    gpu().device.pool.trim();
    expect(gpu().device.pool.use.inUse).toBe(inUse);
    expect(gpu().device.pool.use.arenas).toBe(arenas);
  });
});
