// Tensors, scopes and disposal: what lives how long, and that nothing leaks.
import { describe, expect, it } from "vitest";
import { MelgradError, ShapeError } from "../../src/gpu/errors.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();
const inUse = () => gpu().device.pool.use.inUse;

describe("making tensors", () => {
  it("infers shapes and dtypes", () => {
    expect(gpu().tensor([[1, 2], [3, 4], [5, 6]]).shape).toEqual([3, 2]); // biome-ignore format: one line
    expect(gpu().tensor(7).shape).toEqual([]);
    expect(gpu().tensor(Int32Array.of(1, 2)).dtype).toBe("i32");
    expect(gpu().tensor([1, 2], undefined, { dtype: "i32" }).dtype).toBe("i32");
    expect(() => gpu().tensor([1, 2, 3], [2, 2])).toThrow(ShapeError);
    expect(() => gpu().tensor([1, 2]).write([1])).toThrow(ShapeError);
  });

  it("reads back what was written", async () => {
    expect(await gpu().tensor([[1.5, -2], [3, 4]]).data()).toEqual(Float32Array.of(1.5, -2, 3, 4)); // biome-ignore format: one line
    expect(
      await gpu()
        .tensor(Int32Array.of(-5, 2 ** 30))
        .indices(),
    ).toEqual(Int32Array.of(-5, 2 ** 30));
    expect(await gpu().full([3], -1, { dtype: "i32" }).indices()).toEqual(Int32Array.of(-1, -1, -1));
    expect(await gpu().tensor(6).item()).toBe(6);
    await expect(gpu().tensor([1, 2]).item()).rejects.toThrow(ShapeError);
    await expect(gpu().tensor([1, 2]).indices()).rejects.toThrow(ShapeError);
  });

  it("draws the same numbers from the same seed", async () => {
    gpu().seed(11);
    const first = await gpu().randn([50]).data();
    gpu().seed(11);
    expect(await gpu().randn([50]).data()).toEqual(first);
    gpu().seed(12);
    expect(await gpu().randn([50]).data()).not.toEqual(first);
  });

  it("has tensors without elements", async () => {
    const empty = gpu().zeros([0, 3]);
    expect(empty.size).toBe(0);
    expect(await empty.data()).toEqual(new Float32Array(0));
  });
});

describe("lifetime", () => {
  it("gives memory back once the last reshape is gone", () => {
    const before = inUse();
    const x = gpu().zeros([1000]);
    const held = inUse() - before;
    const y = x.reshape([10, 100]);
    expect(inUse() - before).toBe(held);
    x.dispose();
    x.dispose();
    expect(inUse() - before).toBe(held);
    y.dispose();
    expect(inUse()).toBe(before);
  });

  it("refuses a disposed tensor and says what to do", async () => {
    const x = gpu().tensor([1, 2]);
    x.dispose();
    expect(x.isDisposed).toBe(true);
    expect(() => x.add(1)).toThrow(MelgradError);
    expect(() => x.add(1)).toThrow(/return it from its scope or call keep\(\)/);
    await expect(x.data()).rejects.toThrow(/disposed/);
  });

  it("is disposed by Symbol.dispose", () => {
    const x = gpu().zeros([4]);
    x[Symbol.dispose]();
    expect(x.isDisposed).toBe(true);
  });
});

describe("scope", () => {
  it("keeps what is returned, also in arrays and objects, and disposes the rest", async () => {
    const before = inUse();
    const { a, list, nested } = gpu().scope(() => {
      const x = gpu().tensor([1, 2, 3, 4]);
      const y = x.mul(2);
      return { a: y.add(1), list: [y], nested: { z: x.mul(3).add(1) } };
    });
    expect([a, list[0], nested.z].map((tensor) => tensor.isDisposed)).toEqual([false, false, false]);
    expect(await a.data()).toEqual(Float32Array.of(3, 5, 7, 9));
    expect(await nested.z.data()).toEqual(Float32Array.of(4, 7, 10, 13));
    for (const tensor of [a, list[0], nested.z]) tensor.dispose();
    expect(inUse()).toBe(before);
  });

  it("hands what an inner scope returns to the outer one", () => {
    const before = inUse();
    gpu().scope(() => {
      const inner = gpu().scope(() => gpu().zeros([500]).add(1));
      expect(inner.isDisposed).toBe(false);
    });
    expect(inUse()).toBe(before);
  });

  it("leaves kept tensors alone", () => {
    const before = inUse();
    let kept = gpu().zeros([1]);
    kept.dispose();
    gpu().scope(() => {
      kept = gpu().scope(() => void 0) ?? gpu().zeros([300]).keep();
    });
    expect(kept.isDisposed).toBe(false);
    kept.dispose();
    expect(inUse()).toBe(before);
  });

  it("disposes everything when the work throws", () => {
    const before = inUse();
    expect(() =>
      gpu().scope(() => {
        gpu().zeros([100]).add(1);
        throw new Error("on purpose");
      }),
    ).toThrow("on purpose");
    expect(inUse()).toBe(before);
    const after = gpu().zeros([3]);
    expect(after.isDisposed).toBe(false); // no scope is left open
    after.dispose();
  });

  it("refuses an asynchronous function", () => {
    expect(() => gpu().scope(async () => 1)).toThrow(/synchronous/);
  });

  it("returns to the baseline after training steps", async () => {
    const w = gpu().randn([64, 32], { requiresGrad: true });
    const step = () =>
      gpu().scope(() => {
        const x = gpu().randn([16, 64]);
        const loss = x.matmul(w).gelu().softmax().square().mean();
        loss.backward();
        w.grad?.dispose();
        w.grad = undefined;
        return loss;
      });
    step().dispose();
    await gpu().device.finish();
    const { inUse: before, buffersCreated, reserved } = gpu().device.pool.use;
    for (let i = 0; i < 20; i++) step().dispose();
    await gpu().device.finish();
    const { use } = gpu().device.pool;
    expect(use.inUse).toBe(before);
    expect(use.reserved).toBe(reserved);
    expect(use.buffersCreated).toBe(buffersCreated);
    w.dispose();
  });
});
