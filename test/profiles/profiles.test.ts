// What the profiles are made of: subgroups emulated in workgroup memory, invocations in reverse order, poisoned memory, devices that
// really lack what their profile says; and the list of variants, the results and their table in docs/browsers.md.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin, mergeResults, profilesText, readResults, withProfiles } from "../../scripts/profiles.mjs";
import { preprocess } from "../../src/gpu/preprocess.js";
import { families } from "../ops/all-cases.js";
import type { OpCase } from "../ops/case.js";
import { checkCase } from "../ops/check.js";
import { freshSeed } from "../support/gpu.js";
import { coverageOf } from "./coverage.js";
import { emulateLanes } from "./emulated-lanes.js";
import { type OpenProfile, openProfile } from "./open.js";
import { permuteInvocations } from "./permuted.js";
import { profiles } from "./profiles.js";

const named = (name: string) => profiles.find((profile) => profile.name === name) ?? profiles[0];

/** A device for a describe. */
function useProfile(name: string): () => OpenProfile {
  let opened: OpenProfile | undefined;
  beforeAll(async () => {
    opened = await openProfile(named(name));
  });
  afterAll(() => opened?.gpu.close());
  return () => {
    if (!opened) throw new Error("The device is open inside tests only.");
    return opened;
  };
}

/** 64 numbers that a text computes, whose binding 0 they are. */
async function computed(device: GPUDevice, code: string): Promise<Float32Array> {
  device.pushErrorScope("validation");
  const compute = { module: device.createShaderModule({ code }), entryPoint: "main" };
  const pipeline = device.createComputePipeline({ layout: "auto", compute });
  const [storage, staging] = [GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC, GPUBufferUsage.MAP_READ].map(
    (usage) => device.createBuffer({ size: 256, usage: usage | GPUBufferUsage.COPY_DST }),
  );
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: storage } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, staging, 0, 256);
  device.queue.submit([encoder.finish()]);
  expect((await device.popErrorScope())?.message).toBeUndefined();
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

/** Runs a text as it is expanded from a library of its own. */
function expanded(text: string): string {
  return preprocess({ it: text }, "it", {}, { immediates: false }).code;
}

const output = "@group(0) @binding(0) var<storage, read_write> out: array<f32>;";
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("emulated subgroups", () => {
  const opened = useProfile("minimum");

  const entry = (body: string) => `
    diagnostic(off, subgroup_uniformity);
    ${output}
    @compute @workgroup_size(64)
    fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32,
            @builtin(subgroup_size) size: u32, @builtin(local_invocation_index) local: u32) {
      let x = f32(local + group.x);
      ${body}
    }`;
  const cases: [what: string, body: string, f: (local: number, lanes: number) => number][] = [
    ["lane and size", "out[local] = f32(lane * 1000u + size);", (i, n) => (i % n) * 1000 + n],
    [
      "a sum and a maximum",
      "out[local] = subgroupAdd(x) + 1e4 * subgroupMax(-x);",
      (i, n) => {
        const first = i - (i % n);
        return sum(Array.from({ length: n }, (_, k) => first + k)) - 1e4 * first;
      },
    ],
    [
      "a minimum and a vector's sum",
      "let v = vec2(x, 1.0); out[local] = subgroupAdd(v).y + 100.0 * subgroupMin(v.x);",
      (i, n) => n + 100 * (i - (i % n)),
    ],
    [
      "whole numbers beyond what a float tells apart",
      "let big = 0x7fc00000u + local; out[local] = f32(subgroupMax(big) - subgroupMin(big)) + f32(subgroupAdd(local));",
      (i, n) => n - 1 + n * (i - (i % n)) + (n * (n - 1)) / 2,
    ],
    [
      "a lane's vector",
      "let v = vec4(x, 2.0 * x, 0.0, 1.0); out[local] = dot(subgroupBroadcast(v, 5u), vec4(1.0));",
      (i, n) => 3 * (i - (i % n) + 5) + 1,
    ],
    [
      "shuffles, one within another",
      "out[local] = subgroupShuffleXor(subgroupShuffle(x, (lane + 1u) % size), 2u);",
      (i, n) => {
        const from = (i % n) ^ 2;
        return i - (i % n) + ((from + 1) % n);
      },
    ],
    [
      "subgroups that part",
      "if (local >= 32u) { return; } var t = 0.0; for (var k = 0u; k < 3u; k++) { t += subgroupAdd(x); } out[local] = t;",
      (i, n) => (n === 32 && i < 32 ? 3 * 496 : Number.NaN),
    ],
  ];

  it.each(cases)("%s", async (_, body, f) => {
    const { device } = opened().gpu;
    expect(device.gpu.features.has("subgroups")).toBe(false);
    for (const lanes of [32, 64]) {
      const expected = Array.from({ length: 64 }, (_, i) => f(i, lanes));
      const code = emulateLanes(lanes)(expanded(entry(body)), "it");
      const got = await computed(device.gpu, code);
      expected.forEach((value, i) => {
        if (!Number.isNaN(value)) expect(got[i], `${lanes} lanes, ${i}`).toBe(value);
      });
    }
  });

  it("refuses what it does not know", () => {
    expect(() => emulateLanes(32)(expanded(entry("out[local] = f32(subgroupElect());")), "it")).toThrow(
      /Elect/,
    );
  });
});

describe("invocations in reverse order", () => {
  const opened = useProfile("minimum");
  const text = (barrier: string) => `
    var<workgroup> values: array<f32, 64>;
    ${output}
    @compute @workgroup_size(64)
    fn main(@builtin(local_invocation_index) local: u32) {
      values[local] = f32(local + 1u);
      ${barrier}
      out[local] = values[local / 8u];
    }`;
  const right = Array.from({ length: 64 }, (_, i) => Math.floor(i / 8) + 1);

  it("finds a missing barrier, which lavapipe's order hides, and nothing else", async () => {
    const { gpu: device, capabilities } = opened().gpu.device;
    const run = async (barrier: string, permuted: boolean) => {
      const code = expanded(text(barrier));
      return [...(await computed(device, permuted ? permuteInvocations(code, "it") : code))];
    };
    expect(await run("workgroupBarrier();", false)).toEqual(right);
    expect(await run("workgroupBarrier();", true)).toEqual(right);
    if (capabilities.adapterName.match(/llvmpipe/i)) expect(await run("", false)).toEqual(right);
    expect(await run("", true)).not.toEqual(right);
  });
});

describe("poisoned memory", () => {
  const opened = useProfile("dirty");

  it("gives NaN where nothing was written", async () => {
    const { gpu } = opened();
    for (const size of [1, 63, 64, 4096, 400_000]) {
      const values = await gpu.empty([size]).data();
      expect(values.every(Number.isNaN)).toBe(true);
    }
  });

  it("names what was written behind the end, and nothing else", async () => {
    const { gpu, memory } = opened();
    const { device } = gpu;
    const kernel = device.kernel("elementwise/fill");
    for (const [size, quads, found] of [
      [64, 16, false],
      [64, 20, true],
      [61, 16, false],
      [61, 17, true],
      [100_000, 25_001, true],
    ] as const) {
      const tensor = gpu.empty([size]);
      const params = { count: quads, span: 64, bits: 1 };
      device.run(kernel, [tensor.block], params, [Math.ceil(quads / 64)]);
      tensor.dispose();
      const faults = (await memory?.faults()) ?? [];
      expect(faults.join(), `${quads} into ${size}`).toMatch(found ? new RegExp(`\\[${size}\\]`) : /^$/);
    }
  });
});

describe("profiles", () => {
  const seed = freshSeed("profiles");
  const few = (op: string, labels: RegExp): OpCase[] =>
    Object.values(families)
      .flat()
      .filter((row) => row.op === op && labels.test(row.label));
  const rows = [...few("softmax", /^odd rows/), ...few("attention", /^hidden keys$/)];

  it.each(profiles.map((profile) => [profile.name, profile] as const))("%s", async (name, profile) => {
    const { gpu, kernels, memory } = await openProfile(profile);
    try {
      const { features, limits } = gpu.device.gpu;
      if (/minimum|permuted/.test(name)) {
        expect([...features].filter((feature) => feature !== "core-features-and-limits")).toEqual([]);
        expect(limits.maxStorageBufferBindingSize).toBe(128 << 20);
        expect(limits.maxComputeWorkgroupStorageSize).toBe(16_384);
      }
      for (const [i, row] of rows.entries()) {
        expect([row.label, ...(await checkCase(gpu, row, seed + i))]).toEqual([row.label]);
      }
      expect((await memory?.faults()) ?? []).toEqual([]);
      expect([...kernels.values()].map(({ shader }) => shader)).toContain("softmax/rows");
    } finally {
      gpu.close();
    }
  });
});

describe("the matrix", () => {
  it("counts a condition by kernel and side", () => {
    const defines = { TEAM: 2, GROUP: "64u", VEC: 0, ROWS: "1u", LANES: 0, TOGETHER: 1, LOG: false };
    const { variants, ran } = coverageOf([{ shader: "softmax/rows", defines }], /^bench\//);
    expect(ran).toContain("softmax/rows: not (TEAM == 1)");
    expect(ran).toContain("softmax/rows: not (LOG)");
    expect(ran).not.toContain("softmax/rows: VEC");
    for (const variant of ran) expect(variants).toContain(variant);
    expect(variants).toContain("reduce/rows: not (TEAM == 1)");
    expect(variants).toContain("matmul/subgroup: LANES = 16");
    expect(variants.some((variant) => variant.startsWith("bench/"))).toBe(false);
    expect(ran.every((variant) => variant.startsWith("softmax/rows"))).toBe(true);
  });

  it("keeps what other runs left, and lists what nobody ran", () => {
    const parts = { "op table": { passed: 5, failed: 1, problems: ["x"] } };
    const rest = {
      "golden sets": { passed: 2, failed: 0 },
      "training steps": { passed: 1, failed: 0 },
      "other kernels": { passed: 3, failed: 0 },
    };
    const one = {
      name: "full",
      about: "as it is",
      adapter: "A",
      parts: { ...parts, ...rest },
      weights: 1e-7,
    };
    const variants = ["a", "a: X", "a: not (X)", "b", "c", "c: Y | Z", "matmul/subgroup_matrix: X"];
    const first = mergeResults(undefined, [
      { adapter: "embedded", report: { variants, profiles: [{ ...one, ran: ["a", "a: X", "c"] }] } },
    ]);
    const both = mergeResults(first, [
      {
        adapter: "lavapipe",
        width: 128,
        report: { variants: ["new", ...variants], profiles: [{ ...one, ran: ["a", "a: not (X)"] }] },
      },
    ]);
    const text = profilesText(both);
    expect(text).toContain("| profile | embedded | lavapipe, subgroups of 4 |");
    expect(text).toContain("5 + 2 + 1 + 3 passed, 1 failed");
    expect(text).toContain("Of 8 variants");
    expect(text).toContain("4 ran");
    expect(text).toMatch(/No profile runs these 4, 1 of which cannot be run here/);
    expect(text).toMatch(/Impossible here \([^)]*\):\n\n- `matmul\/subgroup_matrix`: `X`\n/);
    expect(text).toMatch(/Not run [^\n]*\n\n- `new`\n- `b`\n- `c`: `Y \\\| Z`\n\n<\/details>$/);
    const part = { ...one, parts: { "op table": { passed: 6, failed: 0, problems: [] } }, ran: ["b"] };
    const later = profilesText(
      mergeResults(first, [{ adapter: "embedded", report: { variants, profiles: [part] } }]),
    );
    expect(later).toContain("6 + 2 + 1 + 3 passed, 0 failed");
    expect(later).toMatch(/Of 7 variants[^\n]* 4 ran/);
  });

  it("is the one in docs/browsers.md", () => {
    const page = readFileSync("docs/browsers.md", "utf8");
    expect(page).toContain(begin);
    expect(withProfiles(page, profilesText(readResults()))).toBe(page);
  });
});
