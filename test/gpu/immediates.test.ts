// Parameters of kernels by either way: immediates and the uniform buffer give the same bits, also over more dispatches than
// the uniform buffer has slots.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Device } from "../../src/gpu/device.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import type { HostGpu } from "../../src/host/types.js";
import { attention, layerNorm } from "../../src/node.js";
import { makeTuner } from "../../src/ops/tuning-families.js";
import { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const hosts: HostGpu[] = [];
const gpus: Gpu[] = [];

beforeAll(async () => {
  for (const immediates of [undefined, false]) {
    const host = await openNodeGpu();
    hosts.push(host);
    const { gpu, adapter, name: adapterName, software } = host;
    gpus.push(
      new Gpu(await Device.open(gpu, adapter, { adapterName, software, immediates, tuner: makeTuner })),
    );
  }
});

afterAll(() => {
  for (const gpu of gpus) gpu.close();
  for (const host of hosts) host.release();
});

it("uses immediates where Dawn has them, and not when told", () => {
  expect(gpus.map((gpu) => gpu.device.capabilities.immediates)).toEqual([true, false]);
});

it("computes the same bits either way, forward and backward", async () => {
  const seed = freshSeed("immediates");
  const results = gpus.map((gpu) => {
    gpu.seed(seed);
    const x = gpu.randn([2, 3, 17, 8], { requiresGrad: true });
    const w = gpu.randn([8], { requiresGrad: true });
    const y = layerNorm(attention(x, x, x), w)
      .gelu()
      .softmax();
    y.mul(y).mul(3.5).add(0.25).sum().backward();
    return [y, x.grad, w.grad].map((tensor) => tensor?.data());
  });
  const [immediate, uniform] = await Promise.all(results.map((tensors) => Promise.all(tensors)));
  expect(uniform).toEqual(immediate);
  expect(immediate.every((values) => values?.every(Number.isFinite))).toBe(true);
});

it("keeps the parameters of many dispatches apart", async () => {
  const [, gpu] = gpus;
  const random = new Random(freshSeed("many"));
  const steps = Array.from({ length: 700 }, () => Math.fround(random.uniform()));
  const start = gpu.device.counts.submits;
  let x = gpu.zeros([5]);
  for (const step of steps) x = gpu.scope(() => x.add(step));
  const expected = steps.reduce((total, step) => Math.fround(total + step), 0);
  expect(await x.data()).toEqual(new Float32Array(5).fill(expected));
  expect(gpu.device.counts.submits - start).toBeGreaterThanOrEqual(3);
});
