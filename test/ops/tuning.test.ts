// The tuner's measurements on the device: kernels planted to be wrong, slow or refused must not be chosen, the real kernels of
// every family must pass their own test, and what is chosen must be what runs. Not here: tables (test/gpu/tuner.test.ts).
import shaders from "melgrad:shaders";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { TunedFamily } from "../../src/gpu/tuner.js";
import { MemoryTuningStore } from "../../src/gpu/tuner-store.js";
import { open } from "../../src/node.js";
import type { AttentionCase } from "../../src/ops/attention-variants/variant.js";
import { matmul } from "../../src/ops/matmul.js";
import { register } from "../../src/ops/matmul-variants/register.js";
import { tuneAll, tuneCase, type Work } from "../../src/ops/tuning.js";
import { startTuner, tune, tuneUsed } from "../../src/ops/tuning-families.js";
import type { ProductCase } from "../../src/ops/tuning-matmul.js";
import { matmulTunable } from "../../src/ops/tuning-work.js";
import { attentionTunable } from "../../src/ops/tuning-work-attention.js";
import { capture } from "../../src/tensor/capture.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("tuning");
const quick = { seed, rounds: 3, sampleMs: 2 };
const library = shaders as Record<string, string>;

beforeEach(() => {
  gpu().device.tuner.forget();
  gpu().device.tuner.mode = "off";
});

/** y = 2x + 1 for each element, in kernels that differ by what they do besides. */
const kernels = {
  plain:
    "var sum = 2.0 * x[i] + 1.0; for (var j = 0u; j < 150u; j++) { sum += x[(i + j) % p.count] * p.zero; }",
  slow: "var sum = 2.0 * x[i] + 1.0; for (var j = 0u; j < 1500u; j++) { sum += x[(i + j) % p.count] * p.zero; }",
  fast: "let sum = 2.0 * x[i] + 1.0;",
  wrong: "let sum = select(2.0 * x[i] + 1.0, 0.0, i == p.count - 1u);",
  nan: "let sum = select(2.0 * x[i] + 1.0, p.zero / p.zero, i == 77u);",
  unwritten: "let sum = 2.0 * x[i] + 1.0; if (i % 1000u == 999u) { return; }",
  refused: "let sum = no_such_function(x[i]);",
} as const;
type Name = keyof typeof kernels;

for (const [name, body] of Object.entries(kernels)) {
  library[`planted/${name}`] = `
struct Params { count: u32, zero: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
var<immediate> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i >= p.count) { return; }
  ${body}
  y[i] = sum;
}`;
}

function planted(candidates: Name[], rule: Name = "plain") {
  const family: TunedFamily<number, Name> = {
    name: "planted",
    version: 1,
    shaders: ["planted/plain"],
    keep: (count) => count,
    bucket: (count) => String(count),
    candidates: () => candidates,
    rule: () => rule,
    nameOf: (name) => name,
    parse: (name) => candidates.find((each) => each === name),
    kernelOf: (name) => name,
  };
  const work = (on: Gpu, count: number, random: Random): Work => {
    const values = Float32Array.from({ length: count }, () => random.normal());
    const [x, y] = [on.tensor(values), on.empty([count])];
    return {
      reset: () => void y.write(new Float32Array(count).fill(Number.NaN)),
      run: () => {
        const kernel = on.device.kernel(`planted/${on.device.tuner.choose(family, count)}`);
        on.device.run(kernel, [x.block, y.block], { count, zero: 0 }, [Math.ceil(count / 64)]);
      },
      async check() {
        const got = await y.data();
        const at = got.findIndex((value, i) => !(Math.abs(value - (2 * values[i] + 1)) <= 1e-5));
        return at < 0 ? undefined : `element ${at} is ${got[at]}`;
      },
      dispose: () => {
        x.dispose();
        y.dispose();
      },
    };
  };
  return { family, work };
}

describe("planted kernels", () => {
  it("a slow one is not chosen, a fast one is", async () => {
    const tunable = planted(["plain", "slow", "fast"]);
    const result = await tuneCase(gpu(), tunable, 20_000, quick);
    expect(result.choice).toBe("fast");
    expect(result.gain).toBeGreaterThan(1);
    expect(result.attempts.find(({ choice }) => choice === "slow")?.reason).toBe("too slow");
    expect(gpu().device.tuner.choose(tunable.family, 20_000)).toBe("fast");
  });

  it("the rule's stays where another one gains little", async () => {
    const tunable = planted(["fast", "plain", "slow"], "fast");
    const result = await tuneCase(gpu(), tunable, 20_000, quick);
    expect(result).toMatchObject({ choice: "", gain: 1 });
    const unlikely = planted(["plain", "fast"]);
    expect((await tuneCase(gpu(), unlikely, 20_000, { ...quick, margin: 1e6 })).choice).toBe("");
  });

  it.each(["wrong", "nan", "unwritten"] as const)("one that is %s is vetoed, however fast", async (name) => {
    const tunable = planted(["slow", name], "slow");
    const result = await tuneCase(gpu(), tunable, 20_000, quick);
    expect(result.choice).toBe("");
    expect(result.attempts[1].reason).toMatch(/^element \d+ is/);
    expect(gpu().device.tuner.vetoed(tunable.family, name)).toMatch(/^element \d+ is .* \(20000\)$/);
  });

  it("one that the driver refuses is vetoed and leaves the device in order", async () => {
    const tunable = planted(["slow", "refused", "fast"], "slow");
    const result = await tuneCase(gpu(), tunable, 20_000, quick);
    expect(result.choice).toBe("fast");
    expect(result.attempts[1].reason).toMatch(/^refused: /);
    expect(Array.from(await gpu().tensor([1, 2]).data())).toEqual([1, 2]);
  });

  it("a vetoed rule gives way to the first right one", async () => {
    const tunable = planted(["wrong", "slow", "fast"], "wrong");
    const result = await tuneCase(gpu(), tunable, 20_000, quick);
    expect(result.choice).toBe("fast");
    expect(gpu().device.tuner.choose(tunable.family, 5)).toBe("slow"); // a bucket that was not measured
  });

  it("one that takes long to compile must repay it", async () => {
    const tunable = planted(["plain", "fast"]);
    const result = await tuneCase(gpu(), tunable, 21_000, { ...quick, repay: 1e-9 });
    expect(["", "fast"]).toContain(result.choice); // whichever the driver took longer for
    expect((await tuneCase(gpu(), tunable, 21_000, { ...quick, repay: 1e9 })).choice).toBe("fast");
  });

  it("vetoes last in the store, until they are tested again", async () => {
    const store = new MemoryTuningStore();
    const tunable = planted(["wrong", "plain"], "wrong");
    await gpu().device.tuner.open(store);
    await tuneAll(gpu(), [{ tunable: tunable as never, shape: 1000 as never }], quick);
    gpu().device.tuner.forget();
    expect(gpu().device.tuner.choose(tunable.family, 5)).toBe("wrong");
    await gpu().device.tuner.open(store);
    expect(gpu().device.tuner.choose(tunable.family, 5)).toBe("plain");
  });
});

const products: ProductCase[] = [
  { m: 33, n: 37, k: 65, batch: 3, transposeB: true },
  { m: 48, n: 40, k: 320, transposeA: true, accumulate: true },
];

const fused: ProductCase = { m: 12, n: 16, k: 8, bias: true };
const summed: ProductCase = { m: 64, n: 64, k: 64, transposeA: true, sums: true };

describe("matrix products", () => {
  it.each([fused, summed])("every kernel passes its test of all results: %j", async (shape) => {
    const { attempts } = await tuneCase(gpu(), matmulTunable, shape, { seed, rounds: 1, sampleMs: 1 });
    for (const attempt of attempts) expect(attempt.reason ?? "too slow").toBe("too slow");
  });

  it.each(products)("every kernel of $m × $n × $k passes its test", async (shape) => {
    const { attempts, choice } = await tuneCase(gpu(), matmulTunable, shape, {
      seed,
      rounds: 3,
      sampleMs: 1,
    });
    expect(attempts.length).toBeGreaterThan(1);
    for (const attempt of attempts) expect(attempt.reason ?? "too slow").toBe("too slow");
    expect(["", ...attempts.map((each) => each.choice)]).toContain(choice);
  });

  it.each<[string, ProductCase, string, string, RegExp]>([
    ["what GELU is applied to", fused, "  pre[i] = x;", "  pre[i] = x + f32(i == 7u);", /^what GELU is/],
    [
      "a residual",
      fused,
      "  x += residual[i];",
      "  x += residual[i] + f32(i == 9u);",
      /^GELU with a residual/,
    ],
    ["GELU", fused, "  x = gelu4(x);", "  x = x;", /^GELU with a residual/],
    [
      "its slope",
      fused,
      "  x *= gelu_slope4(slope[i]);",
      "  x *= gelu_slope4(-slope[i]);",
      /^the slope of GELU/,
    ],
    ["column sums", summed, "/ 4u] = sum; }", "/ 4u] = sum + f32(row == 8u); }", /^sum (8|9|10|11) is off/],
  ])("that are wrong in nothing but %s are vetoed", async (_, shape, sound, wrong, reason) => {
    const name = "matmul/operands";
    const text = library[name];
    const own = await open();
    try {
      own.device.tuner.forget();
      library[name] = text.replace(sound, wrong);
      expect(library[name]).not.toBe(text);
      const { attempts } = await tuneCase(own, matmulTunable, shape, { seed, rounds: 1, sampleMs: 1 });
      const wrongs = attempts.filter(({ reason: given }) => reason.test(given ?? ""));
      if (shape.sums) {
        // Only kernels of subgroups make sums on their way.
        const subgroups = attempts.filter(({ choice }) => choice.startsWith("subgroup"));
        expect(wrongs.length > 0).toBe(subgroups.length > 0);
      } else {
        expect(wrongs.length).toBeGreaterThan(0);
      }
    } finally {
      library[name] = text;
      own.close();
    }
  });

  it("a kernel that a driver gets wrong in one place is found and not taken again", async () => {
    const sound = library["matmul/register"];
    const own = await open();
    try {
      own.device.tuner.forget();
      library["matmul/register"] = sound.replace("quad < quads.y", "quad < quads.y - u32(place.x == 1u)");
      expect(library["matmul/register"]).not.toBe(sound);
      const result = await tuneCase(own, matmulTunable, { m: 64, n: 64, k: 64 }, { seed, rounds: 1 });
      expect(result.attempts.find(({ choice }) => choice === "register")?.reason).toMatch(
        /^row (3[2-9]|[45]\d|6[0-3]) is off by/,
      );
      expect(own.device.tuner.vetoed(matmulTunable.family, { variant: register, slices: 1 })).toBeDefined();
    } finally {
      library["matmul/register"] = sound;
      own.close();
    }
  });
});

const attentions: Omit<AttentionCase, "pass">[] = [
  { pairs: 6, heads: 2, tq: 37, tk: 37, dim: 24, packed: true, hidden: false },
  { pairs: 4, heads: 2, tq: 21, tk: 37, dim: 18, packed: false, hidden: true },
];

describe.each(attentions)("attention of $tq × $tk, $dim", (shape) => {
  it.each(["forward", "backward_query", "backward_key"] as const)(
    "every kernel passes its test: %s",
    async (pass) => {
      const { attempts } = await tuneCase(
        gpu(),
        attentionTunable,
        { ...shape, pass },
        { ...quick, rounds: 1 },
      );
      expect(attempts.length).toBeGreaterThan(1);
      for (const attempt of attempts) expect(attempt.reason ?? "too slow").toBe("too slow");
    },
  );
});

describe("tune()", () => {
  const step = (a = gpu().zeros([40, 24]), b = gpu().zeros([24, 36])) => matmul(a, b);

  it("does nothing in mode off", async () => {
    const before = gpu().device.counts.dispatches;
    expect(await tune(gpu(), () => step())).toEqual([]);
    expect(gpu().device.counts.dispatches).toBe(before);
  });

  it("measures what a step asks for, once; force measures it again", async () => {
    const { tuner } = gpu().device;
    const store = new MemoryTuningStore();
    await tuner.open(store);
    tuner.mode = "on";
    const seen: string[] = [];
    const options = { seed, rounds: 1, onResult: ({ bucket }: { bucket: string }) => void seen.push(bucket) };
    expect((await tune(gpu(), () => step(), options)).length).toBe(1);
    expect(await tune(gpu(), () => step(), options)).toEqual([]);
    tuner.forget();
    await tuner.open(store);
    expect(await tune(gpu(), () => step(), options)).toEqual([]);
    tuner.forget();
    await tuner.open(store);
    tuner.mode = "force";
    expect((await tune(gpu(), () => step(), options)).length).toBe(1);
    expect(seen.length).toBe(2);
  });

  it("stops when the budget is spent and goes on at the next call", async () => {
    const { tuner } = gpu().device;
    tuner.mode = "on";
    const work = () => {
      step();
      step(gpu().zeros([8, 200]), gpu().zeros([200, 8]));
    };
    expect((await tune(gpu(), work, { seed, rounds: 1, budgetMs: 1 })).length).toBe(1);
    expect((await tuneUsed(gpu(), { seed, rounds: 1 })).length).toBe(1);
    expect(tuner.wanted()).toEqual([]);
  });

  it("the choice is what runs, eagerly and captured", async () => {
    const { device } = gpu();
    const names: string[] = [];
    device.tuner.put(
      matmulTunable.family,
      matmulTunable.family.bucket({ m: 8, n: 8, k: 300 }),
      { variant: register, slices: 2 },
      2,
    );
    const random = new Random(seed);
    const values = [0, 1].map(() => Float32Array.from({ length: 2400 }, () => random.normal()));
    const [a, b] = [gpu().tensor(values[0], [8, 300]), gpu().tensor(values[1], [300, 8])];
    device.observer = (kernel) => void names.push(kernel.name);
    const eager = matmul(a, b);
    device.observer = undefined;
    expect(names).toEqual(["matmul/register", "matmul/sum_slices"]);
    const captured = capture(gpu(), (inputs: { a: typeof a; b: typeof b }) => matmul(inputs.a, inputs.b));
    const replayed = captured({ a, b });
    expect(Array.from(await replayed.data())).toEqual(Array.from(await eager.data()));
    captured.dispose();
    for (const tensor of [a, b, eager]) tensor.dispose();
  });
});

describe("startTuner", () => {
  const opened: Gpu[] = [];
  afterAll(() => {
    for (const each of opened) each.close();
  });

  it("gives an opened device its mode", async () => {
    const own = await open({ tune: "force" });
    opened.push(own);
    expect(own.device.tuner.mode).toBe("force");
    await startTuner(own.device);
    expect(own.device.tuner.mode).toBe("off");
  });
});
