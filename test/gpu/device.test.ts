// The device's promises: order of reads and writes, errors that surface at a readback with the shader's line, and what
// happens after it was lost or closed.
import { describe, expect, it } from "vitest";
import { Device } from "../../src/gpu/device.js";
import { DeviceLostError, ShaderError } from "../../src/gpu/errors.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import { open } from "../../src/node.js";
import { useGpu } from "../support/gpu.js";

describe("order", () => {
  const gpu = useGpu();

  it("lets recorded work see what was there before a write", async () => {
    const x = gpu().tensor([1, 2, 3]);
    const before = x.mul(10);
    x.write([4, 5, 6]);
    const after = x.mul(10);
    expect([await before.data(), await after.data()]).toEqual([
      Float32Array.of(10, 20, 30),
      Float32Array.of(40, 50, 60),
    ]);
  });

  it("copies and clears in order with dispatches", async () => {
    const { device } = gpu();
    const x = gpu().tensor([1, 2, 3, 4]);
    const y = gpu().empty([4]);
    const doubled = x.mul(2);
    device.copy(doubled.block, y.block);
    device.clear(doubled.block);
    const z = y.add(doubled);
    expect(await z.data()).toEqual(Float32Array.of(2, 4, 6, 8));
  });

  it("reads many blocks, empty ones too, in one wait", async () => {
    const { device } = gpu();
    const [x, y] = [gpu().tensor([1, 2, 3]), gpu().tensor([7])];
    const bytes = await device.readMany([
      { block: x.block, byteLength: 12 },
      { block: y.block, byteLength: 0 },
      { block: y.block, byteLength: 4 },
    ]);
    expect(bytes.map((each) => [...new Float32Array(each)])).toEqual([[1, 2, 3], [], [7]]);
  });

  it("keeps nothing of waits that are over", async () => {
    for (let i = 0; i < 3; i++) await gpu().zeros([4]).data();
    // Each wait joins the one before: did it hold what that gave, a training would hold a chain as long as itself.
    const failures = Reflect.get(gpu().device, "failures") as object;
    expect(await Reflect.get(failures, "settling")).toBeUndefined();
  });

  it("gives concurrent readbacks their own values", async () => {
    const tensors = Array.from({ length: 20 }, (_, i) => gpu().full([100 + i], i));
    const values = await Promise.all(tensors.map((tensor) => tensor.data()));
    values.forEach((data, i) => {
      expect(data).toEqual(new Float32Array(100 + i).fill(i));
    });
  });
});

describe("errors", () => {
  it("names a parameter that a kernel needs and was not given", async () => {
    const gpu = await open();
    const x = gpu.zeros([8]);
    const kernel = gpu.device.kernel("elementwise/accumulate");
    const y = gpu.zeros([8]);
    expect(() => gpu.device.run(kernel, [x.block, y.block], {}, [1])).toThrow(/needs the parameter 'count'/);
    expect(() => gpu.device.run(kernel, [x.block], { count: 1 }, [1])).toThrow(
      /binds 2 buffers but was given 1/,
    );
    gpu.close();
  });

  it("shows the file and line of a shader that does not compile, at the next readback, and from then on", async () => {
    const gpu = await open();
    const x = gpu.tensor([1, 2, 3, 4]);
    const defines = { VEC: 0, KIND: 0, WITH: 0, MAP: "not_a_function(x)", FINISH: "r" };
    const kernel = gpu.device.kernel("reduce/columns", defines);
    const y = gpu.empty([4]);
    const params = { count: 4, reduce: 1, items: 4, splits: 1, chunk: 1, scale: 1 };
    gpu.device.run(kernel, [x.block, x.block, y.block], params, [1]);
    const atOnce = await Promise.allSettled([x.data(), y.data(), x.data()]);
    for (const each of atOnce) {
      const { reason } = each as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(ShaderError);
      expect(reason.message).toMatch(/columns\.wgsl:\d+: /);
    }
    await expect(x.data()).rejects.toThrow(/shaders\/reduce\/columns\.wgsl:\d+: .*not_a_function/s);
    gpu.close();
  });

  it("throws DeviceLostError after close", async () => {
    const gpu = await open();
    const x = gpu.tensor([1, 2]);
    expect(await x.data()).toEqual(Float32Array.of(1, 2));
    gpu.close();
    await expect(x.data()).rejects.toThrow(DeviceLostError);
    expect(() => x.mul(2).add(x)).toThrow(DeviceLostError);
  });

  it("says what to do when the adapter loses the device", async () => {
    const gpu = await open();
    const x = gpu.tensor([1, 2]);
    gpu.device.gpu.destroy(); // as a driver reset does, behind the engine's back
    await gpu.device.gpu.lost;
    await expect(x.data()).rejects.toThrow(DeviceLostError);
    await expect(x.data()).rejects.toThrow(/--resume/);
    gpu.close();
  });

  it("survives a readback that is under way while the device closes", async () => {
    const gpu = await open();
    const reading = gpu.randn([1000]).data();
    gpu.close();
    await reading.then(
      (data) => expect(data.length).toBe(1000),
      (error) => expect(error).toBeInstanceOf(DeviceLostError),
    );
  });
});

it("says so where it is asked for a tuner and has none", async () => {
  const host = await openNodeGpu();
  const device = await Device.open(host.gpu, host.adapter, { software: host.software });
  expect(() => device.tuner).toThrow(/no tuner/);
  expect(device.chooser.choose({ name: "toy", rule: () => "plain" }, {})).toBe("plain");
  device.close();
  host.release();
});
