// What an adapter offers and is not trusted with: subgroups whose lanes are not where kernels take them to be, f16 that computes
// wrongly, immediates without the limit or the method. Each is played by a device whose shaders really behave so.
import { describe, expect, it } from "vitest";
import { packReads } from "../../src/gpu/staging.js";
import { tuningKey } from "../../src/gpu/tuner.js";
import { browserVersion } from "../../src/host/browser.js";
import { halfFault } from "../../src/host/node/half.js";
import { Random } from "../../src/tensor/random.js";
import { openLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();

/** The text of kernels whose invocations are numbered otherwise. */
const renumber = (to: string) => (code: string, key: string) =>
  key.startsWith("lanes")
    ? code
        .replace("@builtin(local_invocation_index) local: u32", "@builtin(local_invocation_index) given: u32")
        .replace(/(fn main\([^{]*\{)/, `$1\n  let local = ${to};`)
        .replace("found[local]", "found[given]")
    : code;

describe("subgroups", () => {
  it("are used where lanes are in order", () => {
    const { capabilities } = gpu().device;
    expect(capabilities.subgroups).toBe(gpu().device.gpu.features.has("subgroups" as GPUFeatureName));
    expect(capabilities.distrusted ?? []).toEqual([]);
  });

  it.each([
    ["lanes that count backwards", renumber("given ^ 3u")],
    ["subgroups that take every other invocation", renumber("(given * 2u) % 64u + given / 32u")],
    [
      "lanes that do not come together after a loop",
      (code: string) => code.replace("subgroupAdd(part)", "part"),
    ],
    [
      "a shader that does not compile",
      (code: string, key: string) => (key.startsWith("lanes") ? "oh" : code),
    ],
  ])("%s: not used, with a reason, and results are right", async (_, rewrite) => {
    const other = await openLess({ options: { rewrite } });
    try {
      const { capabilities } = other.device;
      if (!other.device.gpu.features.has("subgroups" as GPUFeatureName)) return;
      expect(capabilities).toMatchObject({ subgroups: false, subgroupMaxSize: 1 });
      expect(capabilities.distrusted).toEqual([
        expect.stringMatching(/^subgroups of this adapter is|^subgroups/),
      ]);
      expect(other.device.tuner.notes.join()).toMatch(/subgroups/);
      const random = new Random(freshSeed("distrusted subgroups"));
      const values = Float32Array.from({ length: 3 * 96 }, () => random.normal());
      const sums = await other.tensor(values, [3, 96]).sum({ dim: 1 }).data();
      for (let row = 0; row < 3; row++) {
        const expected = values.slice(96 * row, 96 * row + 96).reduce((a, b) => a + b, 0);
        expect(Math.abs(sums[row] - expected)).toBeLessThan(1e-4);
      }
    } finally {
      other.close();
    }
  });
});

describe("f16", () => {
  const has = () => gpu().device.capabilities.f16;

  it("passes where it is right", async () => {
    expect(await halfFault(gpu().device)).toBeUndefined();
  });

  it.each([
    ["loads", (code: string) => code.replace("f32(single[i])", "f32(single[i ^ 1u])"), /was stored/],
    ["converts", (code: string) => code.replace("f16(source[i])", "f16(round(source[i]))"), /stored|product/],
    ["multiplies", (code: string) => code.replace("half += ", "half -= "), /a product is/],
    ["stores vec4s", (code: string) => code.replace("source[4u * i + 2u]", "0.0"), /a product is/],
  ])("that %s wrongly is not used", async (_, change, reason) => {
    if (!has()) return;
    const rewrite = (code: string, key: string) => (key.startsWith("half") ? change(code) : code);
    const other = await openLess({ options: { rewrite, halfFault } });
    expect(other.device.capabilities.f16).toBe(false);
    expect(other.device.capabilities.distrusted?.join()).toMatch(reason);
    expect(() => other.zeros([4], { dtype: "f16" })).toThrow();
    other.close();
  });
});

describe("immediates", () => {
  it.each([
    ["the limit", { limits: { maxImmediateSize: 32 } }],
    ["the limit, which older versions do not name", { limits: { maxImmediateSize: undefined } }],
    ["the method", { withoutMethod: "setImmediates" }],
  ])("are not used without %s", async (_, device) => {
    const other = await openLess({ device });
    expect(other.device.capabilities.immediates).toBe(false);
    expect(await other.tensor([1, 2, 3]).mul(2.5).data()).toEqual(Float32Array.of(2.5, 5, 7.5));
    other.close();
  });
});

describe("the key of measurements", () => {
  it("holds the browser and its version", () => {
    const { capabilities } = gpu().device;
    const keys = ["Firefox 153", "Firefox 154", undefined].map((runtime) =>
      tuningKey({ ...capabilities, runtime }),
    );
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe(tuningKey(capabilities));
  });

  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox 153"],
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.3.1",
      "Edge 147.0.3.1",
    ],
    [
      "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/147.0.1.0 Safari/537.36",
      "Chrome 147.0.1",
    ],
    [
      "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
      "Safari 26.1",
    ],
    ["Something else", "Something else"],
  ])("%s", (agent, name) => {
    expect(browserVersion(agent)).toBe(name);
  });
});

describe("readbacks", () => {
  it("are laid out in buffers no larger than the device makes, without a gap or an overlap", () => {
    const random = new Random(freshSeed("readbacks"));
    for (let round = 0; round < 50; round++) {
      const largest = 64 + random.integer(1000);
      const parts = Array.from({ length: 1 + random.integer(6) }, () => ({
        byteLength: 4 * random.integer(900),
      }));
      const loads = packReads(parts, largest);
      const read = parts.map(() => 0);
      for (const { bytes, pieces } of loads) {
        expect(bytes).toBeLessThanOrEqual(largest);
        let end = 0;
        for (const { part, from, to, byteLength } of pieces) {
          expect(from).toBe(read[part]);
          expect(to).toBeGreaterThanOrEqual(end);
          expect([to % 16, byteLength % 4]).toEqual([0, 0]);
          end = to + byteLength;
          read[part] += byteLength;
        }
        expect(end).toBeLessThanOrEqual(bytes);
      }
      expect(read).toEqual(parts.map(({ byteLength }) => byteLength));
    }
  });

  it("larger than a buffer come in pieces", async () => {
    const other = await openLess({ device: { limits: { maxBufferSize: 4096 } } });
    const values = Float32Array.from({ length: 1021 }, (_, i) => i + 0.5);
    const tensors = [0, 1, 2].map((k) => other.tensor(values.map((value) => value + k)));
    const got = await Promise.all(tensors.map((tensor) => tensor.data()));
    for (const [k, data] of got.entries()) expect(data).toEqual(values.map((value) => value + k));
    const together = await other.device.readMany(
      tensors.map(({ block, byteLength }) => ({ block, byteLength })),
    );
    expect(together.map((buffer) => new Float32Array(buffer))).toEqual(got);
    other.close();
  });
});
