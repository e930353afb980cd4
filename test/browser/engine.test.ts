// The engine's browser edition in a real headless browser: the bundle that npm ships, built here, computes forward and
// backward, an optimiser step and log-mels that agree with float64, by immediates and by the uniform buffer alike.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserBundle } from "../../scripts/browser-bundle.mjs";
import type * as Melgrad from "../../src/index.js";
import { erf } from "../ops/reference.js";
import { freshSeed } from "../support/gpu.js";
import { adapterNames, browserKind } from "./browsers.js";
import { closeBrowser, type OpenedPage, openPage } from "./launch.js";

let opened: OpenedPage;

beforeAll(async () => {
  const { code, imports } = await browserBundle("src/index.ts");
  expect(imports).toEqual([]);
  opened = await openPage({
    html: `<!doctype html><title>loading</title><script type="module">
      import * as melgrad from "/melgrad.js";
      globalThis.melgrad = melgrad;
      document.title = "ready";
    </script>`,
    files: { "/melgrad.js": code },
  });
  await opened.page.waitForFunction(() => document.title === "ready");
});

afterAll(async () => {
  await opened?.close();
  await closeBrowser();
});

/** What the page sees. */
declare const melgrad: typeof Melgrad;

function expectClose(got: readonly number[], want: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(want.length);
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]) / (1 + Math.abs(want[i]));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const total = (n: number, f: (k: number) => number) =>
  Array.from({ length: n }, (_, k) => f(k)).reduce((a, b) => a + b, 0);
const build64 = (n: number, f: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => f(i));

describe.each([
  ["immediates", undefined],
  ["the uniform buffer", false],
] as const)("with parameters by %s", (_, immediates) => {
  it("differentiates matmul, gelu and mean", async () => {
    const [m, k, n] = [13, 30, 21];
    const seed = freshSeed("matmul");
    const result = await opened.page.evaluate(
      async ({ seed, m, k, n, immediates }) => {
        const adapter = await navigator.gpu.requestAdapter();
        if (!adapter) throw new Error("no adapter");
        const device = await melgrad.Device.open(navigator.gpu, adapter, { software: true, immediates });
        const gpu = new melgrad.Gpu(device);
        gpu.seed(seed);
        const x = gpu.randn([m, k], { requiresGrad: true });
        const w = gpu.randn([k, n], { requiresGrad: true });
        const loss = x.matmul(w).gelu().mean();
        loss.backward();
        const tensors = [x, w, loss, x.grad, w.grad];
        const values = await Promise.all(tensors.map(async (tensor) => [...((await tensor?.data()) ?? [])]));
        const used = device.capabilities.immediates;
        gpu.close();
        return { values, used };
      },
      { seed, m, k, n, immediates },
    );
    if (immediates === false) expect(result.used).toBe(false);
    // Chromium has them since 149, the embedded one and Firefox do not.
    else if (browserKind === "chromium") expect(result.used).toBe(true);
    const [x, w, loss, dx, dw] = result.values;
    const z = build64(m * n, (i) => total(k, (j) => x[Math.floor(i / n) * k + j] * w[j * n + (i % n)]));
    const phi = (t: number) => 0.5 * (1 + erf(t / Math.SQRT2));
    const dz = z.map((t) => (phi(t) + (t * Math.exp(-0.5 * t * t)) / Math.sqrt(2 * Math.PI)) / (m * n));
    expectClose(loss, [z.reduce((sum, t) => sum + t * phi(t), 0) / (m * n)], 1e-6);
    expectClose(
      dx,
      build64(m * k, (i) => total(n, (j) => dz[Math.floor(i / k) * n + j] * w[(i % k) * n + j])),
      1e-6,
    );
    expectClose(
      dw,
      build64(k * n, (i) => total(m, (j) => x[j * k + Math.floor(i / n)] * dz[j * n + (i % n)])),
      1e-6,
    );
  });
});

it("normalises, attends, and takes softmax, as float64 does", async () => {
  const [t, d] = [19, 8];
  const seed = freshSeed("rows");
  const result = await opened.page.evaluate(
    async ({ seed, t, d }) => {
      const gpu = await melgrad.open();
      gpu.seed(seed);
      const x = gpu.randn([1, 2, t, d]);
      const tensors = [x, melgrad.layerNorm(x), x.softmax(), melgrad.attention(x, x, x)];
      const values = await Promise.all(tensors.map(async (tensor) => [...(await tensor.data())]));
      const { adapterName } = gpu.device.capabilities;
      gpu.close();
      return { values, adapterName };
    },
    { seed, t, d },
  );
  expect(result.adapterName).toMatch(adapterNames);
  const [x, normed, soft, attended] = result.values;
  const row = (i: number) => i - (i % d);
  const softmax = (scores: Float64Array, width: number) =>
    scores.map((s, i) => Math.exp(s) / total(width, (k) => Math.exp(scores[i - (i % width) + k])));
  expectClose(soft, softmax(Float64Array.from(x), d), 1e-6);
  const want = build64(x.length, (i) => {
    const mean = total(d, (k) => x[row(i) + k]) / d;
    const variance = total(d, (k) => (x[row(i) + k] - mean) ** 2) / d;
    return (x[i] - mean) / Math.sqrt(variance + 1e-5);
  });
  expectClose(normed, want, 1e-5);
  for (const head of [0, 1]) {
    const own = x.slice(head * t * d, (head + 1) * t * d);
    const scores = build64(
      t * t,
      (i) => total(d, (k) => own[Math.floor(i / t) * d + k] * own[(i % t) * d + k]) / Math.sqrt(d),
    );
    const weights = softmax(scores, t);
    const mixed = build64(t * d, (i) =>
      total(t, (k) => weights[Math.floor(i / d) * t + k] * own[k * d + (i % d)]),
    );
    expectClose(attended.slice(head * t * d, (head + 1) * t * d), mixed, 1e-5);
  }
});

it("takes an AdamW step and gives all memory back", async () => {
  const seed = freshSeed("adamw");
  const result = await opened.page.evaluate(async (seed) => {
    const gpu = await melgrad.open();
    const { inUse: before, arenas } = gpu.device.pool.use;
    const specs = [{ name: "w", shape: [7, 3], init: melgrad.truncatedNormal(1) }];
    const parameters = new melgrad.ParameterSet(gpu, specs, new melgrad.Random(seed));
    const optimizer = new melgrad.Optimizer(parameters, { rule: "adamw", weightDecay: 0.1 });
    const start = [...(await parameters.get("w").data())];
    const loss = gpu.scope(() => {
      const loss = parameters.get("w").square().sum();
      parameters.zeroGrad();
      loss.backward();
      optimizer.update(0.01);
      return loss;
    });
    const value = await loss.item();
    loss.dispose();
    const after = [...(await parameters.get("w").data())];
    const weights = await parameters.read();
    const file = melgrad.writeSafetensors(
      [...weights].map(([name, value]) => [name, { dtype: "F32", ...value }] as const),
    );
    const names = [...melgrad.readSafetensors(file).keys()];
    optimizer.dispose();
    parameters.dispose();
    const { use } = gpu.device.pool;
    const leak = [use.inUse - before, use.arenas - arenas];
    gpu.close();
    return { start, after, value, names, leak };
  }, seed);
  const { start, after, value, names, leak } = result;
  expectClose([value], [start.reduce((sum, w) => sum + w * w, 0)], 1e-5);
  // After one step the corrected moments are g and g², so the update is lr·sign(g) beside the decay.
  expectClose(
    after,
    start.map((w) => w - 0.01 * 0.1 * w - (0.01 * 2 * w) / (Math.abs(2 * w) + 1e-8)),
    1e-5,
  );
  expect(names).toEqual(["w"]);
  expect(leak).toEqual([0, 0]);
});

it("computes log-mels that agree with a plain DFT", async () => {
  const [nFft, hopLength, nMels, samples] = [256, 128, 20, 1000];
  const seed = freshSeed("logmel");
  const result = await opened.page.evaluate(
    async ({ seed, nFft, hopLength, nMels, samples }) => {
      const gpu = await melgrad.open();
      gpu.seed(seed);
      const x = gpu.randn([samples]);
      const power = melgrad.stftPower(x, { nFft, hopLength });
      const logMel = new melgrad.LogMel(gpu, { nFft, hopLength, nMels }).forward(x);
      const linear = melgrad.melSpectrogram(x, { nFft, hopLength, nMels });
      const values = await Promise.all(
        [x, power, logMel, linear].map(async (each) => [...(await each.data())]),
      );
      gpu.close();
      return values;
    },
    { seed, nFft, hopLength, nMels, samples },
  );
  const [x, power, logMel, mel] = result;
  const frames = 1 + Math.floor(samples / hopLength);
  const want = build64((nFft / 2 + 1) * frames, (at) => {
    const [bin, frame] = [Math.floor(at / frames), at % frames];
    let [re, im] = [0, 0];
    for (let n = 0; n < nFft; n++) {
      const value =
        (x[frame * hopLength - nFft / 2 + n] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / nFft));
      re += value * Math.cos((2 * Math.PI * bin * n) / nFft);
      im -= value * Math.sin((2 * Math.PI * bin * n) / nFft);
    }
    return re * re + im * im;
  });
  expectClose(power, want, 2e-5);
  expect(mel.length).toBe(nMels * frames);
  expectClose(
    logMel,
    mel.map((value) => Math.log10(1 + 1e4 * value)),
    1e-5,
  );
});

it("leaves no error in the page", () => {
  expect(opened.errors).toEqual([]);
});
