// capture(): replays give the bits that running eagerly gives, whatever lies between the calls; memory and bind groups are made
// once; and what a recording cannot hold is refused with a reason.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Device } from "../../src/gpu/device.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import type { HostGpu } from "../../src/host/types.js";
import { bucketOf, capture, dropout, Optimizer, ParameterSet } from "../../src/node.js";
import { backward } from "../../src/ops/autograd.js";
import { makeTuner } from "../../src/ops/tuning-families.js";
import { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { useLess } from "../support/adapters.js";
import { freshSeed } from "../support/gpu.js";

const hosts: HostGpu[] = [];
const devices = new Map<string, Gpu>();

beforeAll(async () => {
  for (const immediates of [true, false]) {
    const host = await openNodeGpu();
    hosts.push(host);
    const { gpu, adapter, name: adapterName, software } = host;
    const device = await Device.open(gpu, adapter, { adapterName, software, immediates, tuner: makeTuner });
    devices.set(immediates ? "immediates" : "a uniform buffer", new Gpu(device));
  }
});

afterAll(() => {
  for (const gpu of devices.values()) gpu.close();
  for (const host of hosts) host.release();
});

describe.each(["immediates", "a uniform buffer"])("a captured function, parameters by %s", (way) => {
  const gpu = () => devices.get(way) as Gpu;

  it("gives the bits of eager execution, call after call", async () => {
    gpu().seed(freshSeed("capture"));
    const w = gpu().randn([33, 20]).keep();
    const step = ({ x, y }: { x: Tensor; y: Tensor }) => {
      const hidden = x.matmul(w, { transposeB: true }).gelu();
      return { hidden, total: hidden.softmax().mul(y).sum(), both: [hidden.add(1), y.mul(3)] };
    };
    const captured = capture(gpu(), step);
    for (let call = 0; call < 4; call++) {
      const x = gpu().randn([7, 20]);
      const y = gpu().randn([7, 33]);
      const eager = step({ x, y });
      gpu().randn([100]).mul(2); // pooled memory changes hands between calls
      const replayed = captured({ x, y });
      expect(await replayed.hidden.data()).toEqual(await eager.hidden.data());
      expect(await replayed.total.item()).toBe(await eager.total.item());
      expect(await replayed.both[0].data()).toEqual(await eager.both[0].data());
      expect(await replayed.both[1].data()).toEqual(await eager.both[1].data());
      expect((await replayed.hidden.data()).every(Number.isFinite)).toBe(true);
    }
    captured.dispose();
  });

  it("trains: moments, step count and learning rate go on from call to call", async () => {
    const seed = freshSeed("captured optimiser");
    const specs = ["a", "b"].map((name) => ({
      name,
      shape: [5, 6],
      init: (size: number, random: Random) => Float32Array.from({ length: size }, () => random.normal()),
    }));
    const runs: { losses: number[]; a: Float32Array }[] = [];
    for (const replays of [false, true]) {
      const parameters = new ParameterSet(gpu(), specs, new Random(seed));
      const optimizer = new Optimizer(parameters, { rule: "adamw", weightDecay: 0.1 });
      let lr = 0.1;
      const step = ({ x }: { x: Tensor }) => {
        const loss = x.matmul(parameters.get("a")).mul(parameters.get("b").sum()).square().mean();
        parameters.zeroGrad();
        backward(loss);
        optimizer.update(() => lr);
        return loss;
      };
      const call = replays ? capture(gpu(), step) : step;
      gpu().seed(seed);
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        lr *= 0.7;
        losses.push(
          await gpu()
            .scope(() => call({ x: gpu().randn([4, 5]) }))
            .item(),
        );
      }
      expect(optimizer.step).toBe(5);
      runs.push({ losses, a: await parameters.get("a").data() });
    }
    const [eager, replayed] = runs;
    expect(replayed).toEqual(eager);
    expect(new Set(eager.losses).size).toBe(5);
  });

  it("makes buffers and bind groups once, submits once, and runs unread calls in order", async () => {
    const total = gpu().zeros([4]).keep();
    const captured = capture(gpu(), ({ x }: { x: Tensor }) => {
      const sum = total.add(x);
      gpu().device.copy(sum.block, total.block, 16);
    });
    const x = gpu().tensor([1, 2, 3, 4]);
    await captured.prepare({ x });
    expect(await total.data()).toEqual(new Float32Array(4));
    captured({ x });
    await gpu().device.finish();
    const { buffersCreated } = gpu().device.pool.use;
    const { bindGroupsCreated } = gpu().device.pipelines;
    const { submits } = gpu().device.counts;
    for (let i = 0; i < 9; i++) captured({ x });
    expect(await total.data()).toEqual(Float32Array.of(10, 20, 30, 40));
    expect(gpu().device.pool.use.buffersCreated).toBe(buffersCreated);
    expect(gpu().device.pipelines.bindGroupsCreated).toBe(bindGroupsCreated);
    expect(gpu().device.counts.submits - submits).toBe(9);
    captured.dispose();
  });

  it("keeps the scalars of runs that wait in between other programs' runs", async () => {
    let n = 0;
    const total = gpu().zeros([1]).keep();
    const programs = [1, 100].map((factor) =>
      capture(gpu(), () => {
        const now = gpu().scalars(1, (out) => out.fill(factor * ++n));
        gpu().device.copy(total.add(now).block, total.block, 4);
      }),
    );
    for (const i of [0, 1, 0, 1, 1, 0]) programs[i]({});
    expect(await total.item()).toBe(1 + 200 + 3 + 400 + 500 + 6);
    for (const program of programs) program.dispose();
  });

  it("keeps the scalars of a cut run whose end still waits", async () => {
    let n = 0;
    const last = gpu().zeros([1]).keep();
    const total = gpu().zeros([1]).keep();
    const captured = capture(
      gpu(),
      () => {
        const now = gpu().scalars(1, (out) => out.fill(++n));
        gpu().device.copy(total.add(last).block, total.block, 4);
        gpu().device.copy(now.block, last.block, 4); // after the cut, so it waits for the next submission
      },
      { budgetMs: 1e-9 },
    );
    captured({});
    await gpu().device.finish(); // the budget is known from here on
    for (let call = 2; call <= 5; call++) captured({});
    expect(await total.item()).toBe(1 + 2 + 3 + 4);
    captured.dispose();
  });

  it("draws dropout anew where its seed is a function, alike in forward and gradient", async () => {
    let seed = freshSeed("captured dropout");
    const w = gpu().ones([64]).keep().withGrad();
    const step = () => {
      w.grad = undefined;
      const y = dropout(w, { p: 0.5, seed: () => seed });
      backward(y.sum());
      return { y, grad: w.grad as unknown as Tensor };
    };
    const captured = capture(gpu(), step);
    const seen = new Set<string>();
    for (let call = 0; call < 4; call++) {
      seed++;
      const expected = await dropout(w, { p: 0.5, seed }).data();
      const { y, grad } = captured({});
      expect(await y.data()).toEqual(expected);
      expect(await grad.data()).toEqual(expected); // d(w·keep/(1-p))/dw where w is 1
      seen.add(expected.join());
    }
    expect(seen.size).toBe(4);
    captured.dispose();
  });

  it("freezes uploads and keeps memory that was disposed meanwhile", async () => {
    const outside = gpu().tensor([5, 6, 7]).keep();
    const captured = capture(gpu(), ({ x }: { x: Tensor }) => {
      const constant = gpu().tensor([10, 20, 30]);
      const product = constant.mul(x);
      constant.dispose();
      return product.mul(2).add(outside);
    });
    const x = gpu().tensor([1, 2, 3]);
    captured({ x });
    outside.dispose();
    for (let i = 0; i < 3; i++) gpu().tensor([NaN, NaN, NaN]); // would take its place
    expect(await captured({ x }).data()).toEqual(Float32Array.of(25, 86, 187));
    captured.dispose();
  });

  it("cuts a run into submissions that fill a budget", async () => {
    const captured = capture(
      gpu(),
      ({ x }: { x: Tensor }) => {
        let y = x;
        for (let i = 0; i < 10; i++) y = y.matmul(x); // products do not melt into one kernel
        return y;
      },
      { budgetMs: 1e-9 },
    );
    const x = gpu().tensor([1, 1, 0, 1], [2, 2]);
    expect(await captured({ x }).data()).toEqual(Float32Array.of(1, 11, 0, 1));
    await gpu().device.finish();
    const { submits } = gpu().device.counts;
    expect(await captured({ x }).data()).toEqual(Float32Array.of(1, 11, 0, 1));
    expect(gpu().device.counts.submits - submits).toBe(11); // one a dispatch, and the readback
    captured.dispose();
  });
});

describe("on hardware", () => {
  const gpu = useLess({ options: { software: false } });

  it("submits every dispatch by itself until a run has been timed, then by time", async () => {
    const captured = capture(gpu(), ({ x }: { x: Tensor }) => {
      let y = x;
      for (let i = 0; i < 10; i++) y = y.matmul(x);
      return y;
    });
    const x = gpu().tensor([1, 1, 0, 1], [2, 2]);
    const submitsOf = async () => {
      const { submits } = gpu().device.counts;
      expect(await captured({ x }).data()).toEqual(Float32Array.of(1, 11, 0, 1));
      return gpu().device.counts.submits - submits;
    };
    await gpu().device.finish();
    expect(await submitsOf()).toBe(11); // the readback too
    await gpu().device.finish();
    expect(await submitsOf()).toBeLessThan(6); // ten such products take far less than 75 ms
    captured.dispose();
  });
});

describe("shapes and refusals", () => {
  const gpu = () => devices.get("immediates") as Gpu;

  it("records a program for each shape and forgets the one unused for longest", async () => {
    let recordings = 0;
    const captured = capture(
      gpu(),
      ({ x }: { x: Tensor }) => {
        recordings++;
        return x.mul(2).sum();
      },
      { programs: 2 },
    );
    const call = async (length: number) => captured({ x: gpu().ones([length]) }).item();
    expect([await call(3), await call(4), await call(3)]).toEqual([6, 8, 6]);
    expect(recordings).toBe(2);
    expect(await call(5)).toBe(10); // 4 goes
    expect(await call(3)).toBe(6);
    expect(recordings).toBe(3);
    expect(await call(4)).toBe(8);
    expect(recordings).toBe(4);
    expect(captured.reports()).toHaveLength(2);
    captured.dispose();
    expect(captured.reports()).toHaveLength(0);
  });

  it("gives all its memory back", () => {
    const { reserved } = gpu().device.pool.use;
    const captured = capture(gpu(), ({ x }: { x: Tensor }) => x.matmul(x).matmul(x));
    const x = gpu().zeros([64, 64]);
    captured({ x });
    expect(gpu().device.pool.use.reserved).toBeGreaterThan(reserved);
    captured.dispose();
    x.dispose();
    gpu().device.pool.trim();
    expect(gpu().device.pool.use.reserved).toBeLessThanOrEqual(reserved);
  });

  it("plans without taking memory or compiling", () => {
    const { reserved } = gpu().device.pool.use;
    const captured = capture(gpu(), ({ x }: { x: Tensor }) => x.matmul(x).matmul(x));
    const x = gpu().empty([64, 64]);
    const report = captured.plan({ x });
    expect(report.dispatches).toBe(2);
    expect(report.arenas.reduce((sum, bytes) => sum + bytes)).toBeGreaterThanOrEqual(3 * 64 * 64 * 4);
    expect(gpu().device.pool.use.reserved - reserved).toBeLessThanOrEqual(2 * x.byteLength);
    captured.dispose();
    x.dispose();
  });

  it("refuses to read back, to write outside, and to nest", async () => {
    const x = gpu().tensor([1, 2]);
    let reading: Promise<unknown> | undefined;
    capture(gpu(), (inputs: { x: Tensor }) => {
      reading = inputs.x.data();
      return inputs.x;
    })({ x });
    await expect(reading).rejects.toThrow("return the tensor and read it after the call");
    expect(() => capture(gpu(), () => x.write([3, 4]))({})).toThrow("pass the values as an input");
    const inner = capture(gpu(), (inputs: { x: Tensor }) => inputs.x.mul(2));
    inner({ x });
    expect(() => capture(gpu(), (inputs: { x: Tensor }) => inner(inputs))({ x })).toThrow(
      "capture only the outer one",
    );
    expect(await x.data()).toEqual(Float32Array.of(1, 2)); // and the device is none the worse
  });

  it("buckets lengths with at most half of padding", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 12, 13, 100].map(bucketOf)).toEqual([1, 2, 3, 4, 6, 6, 8, 12, 16, 128]);
    for (let n = 1; n < 3000; n++) {
      expect(bucketOf(n)).toBeGreaterThanOrEqual(n);
      expect(bucketOf(n)).toBeLessThan(1.5 * n + 1);
    }
    expect(() => bucketOf(0)).toThrow("at least 1");
  });
});
