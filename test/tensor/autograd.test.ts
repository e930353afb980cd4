// Reverse mode: sums over several uses, leaves and slots, seeds, what records and what does not. The rules of single
// operations are the op table's.
import { describe, expect, it } from "vitest";
import { MelgradError, ShapeError } from "../../src/gpu/errors.js";
import { linear } from "../../src/ops/linear.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();
const leaf = (values: number[]) => gpu().tensor(values, undefined, { requiresGrad: true });

describe("sums over uses", () => {
  it("adds the gradients of every use of a tensor", async () => {
    const x = leaf([1, 2, -3]);
    const y = x.square(); // used three times
    y.mul(y).add(y).add(x).sum().backward(); // x⁴ + x² + x
    expect(await x.grad?.data()).toEqual(Float32Array.of(4 + 2 + 1, 32 + 4 + 1, -108 - 6 + 1));
  });

  it("does not let one use change what another is given", async () => {
    // add hands one gradient to both operands; a later sum must not write into it.
    const a = leaf([1, 1]);
    const b = leaf([2, 2]);
    const sum = a.add(b);
    sum.add(a).add(a).sum().backward();
    expect(await a.grad?.data()).toEqual(Float32Array.of(3, 3));
    expect(await b.grad?.data()).toEqual(Float32Array.of(1, 1));
  });

  it("adds to what is there at a second backward", async () => {
    const x = leaf([3]);
    const loss = x.square();
    loss.backward();
    loss.backward();
    x.mul(10).backward();
    expect(await x.grad?.data()).toEqual(Float32Array.of(22));
  });

  it("walks a deep graph without recursion", async () => {
    const x = leaf([1]);
    let y = x.mul(1);
    for (let i = 0; i < 3000; i++) y = y.add(1e-3);
    y.backward();
    expect(await x.grad?.data()).toEqual(Float32Array.of(1));
  });
});

describe("slots", () => {
  it("puts a leaf's gradient into its slot", async () => {
    const w = gpu().tensor([[1, 2], [3, 4]], undefined, { requiresGrad: true }); // biome-ignore format: one line
    w.gradSlot = gpu().full([2, 2], Number.NaN);
    const x = gpu().tensor([[1, 10]]);
    linear(x, w).sum().backward();
    expect(w.grad).toBe(w.gradSlot);
    expect(await w.grad?.data()).toEqual(Float32Array.of(1, 10, 1, 10));
  });

  it("sums a shared parameter's uses in its slot", async () => {
    const w = gpu().tensor([[2]], undefined, { requiresGrad: true });
    w.gradSlot = gpu().full([1, 1], Number.NaN);
    const x = gpu().tensor([[3]]);
    linear(linear(x, w), w).sum().backward(); // 3w²
    expect(await w.grad?.data()).toEqual(Float32Array.of(12));
    expect(w.grad).toBe(w.gradSlot);
    linear(x, w).sum().backward();
    expect(await w.grad?.data()).toEqual(Float32Array.of(15));
  });
});

describe("what records", () => {
  it("gives no gradient through detach, noGrad, or to tensors that want none", async () => {
    const x = leaf([2]);
    const constant = gpu().tensor([5]);
    x.detach().mul(100).add(x.mul(constant)).backward();
    expect(await x.grad?.data()).toEqual(Float32Array.of(5));
    expect(constant.grad).toBeUndefined();
    const quiet = gpu().noGrad(() => x.mul(2));
    expect(quiet.requiresGrad).toBe(false);
    expect(() => quiet.backward()).toThrow(MelgradError);
    expect(gpu().recordsGradients).toBe(true);
  });

  it("records again after noGrad threw", () => {
    expect(() =>
      gpu().noGrad(() => {
        throw new Error("on purpose");
      }),
    ).toThrow();
    expect(gpu().recordsGradients).toBe(true);
  });

  it("needs a single number, or a seed of the right shape", async () => {
    const x = leaf([1, 2]);
    expect(() => x.mul(2).backward()).toThrow(ShapeError);
    expect(() => x.mul(2).backward(gpu().tensor([1]))).toThrow(ShapeError);
    x.mul(2).backward(gpu().tensor([10, 100]));
    expect(await x.grad?.data()).toEqual(Float32Array.of(20, 200));
  });

  it("leaves the gradient alive when its scope ends", async () => {
    const x = leaf([4]);
    gpu().scope(() => x.square().backward());
    expect(await x.grad?.data()).toEqual(Float32Array.of(8));
  });
});
