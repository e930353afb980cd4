// What rows of the op table cannot say of fused chains: how many dispatches they take, that kernels are shared, and mistakes.
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/gpu/errors.js";
import { type Expr, fuse } from "../../src/ops/fuse.js";
import { capture } from "../../src/tensor/capture.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();

describe("a fused chain", () => {
  it("is one dispatch forward and one for the gradients of all its inputs", async () => {
    const [x, y] = [1, 2].map(() => gpu().randn([8, 12]).withGrad());
    const seed = gpu().ones([8, 12]);
    const { counts } = gpu().device;
    const start = counts.dispatches;
    const z = fuse((a, b) => a.mul(2).add(b).gelu().mul(a))(x, y);
    expect(counts.dispatches - start).toBe(1);
    gpu().noGrad(() => z.node?.backward(seed, []));
    expect(counts.dispatches - start).toBe(2);
    const written = x.mul(2).add(y).gelu().mul(x);
    const [got, expected] = [await z.data(), await written.data()];
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  });

  it("shares its kernel with chains of the same steps and other numbers", () => {
    const x = gpu().randn([64]);
    const run = (a: number, b: number) => fuse((v) => v.mul(a).add(b).tanh())(x);
    run(1, 2);
    const before = gpu().device.pipelines.kernelCount;
    run(3, 3);
    expect(gpu().device.pipelines.kernelCount).toBe(before);
  });

  it("takes i32 conditions for the numbers that they are, in every layout", async () => {
    const numbers = Int32Array.of(0, 1, -1, 0x7fffffff, -0x80000000, 0, 0x00400000, 2);
    const x = gpu().randn([3, 8]);
    const values = await x.data();
    for (const [shape, at] of [
      [[8], (i: number) => numbers[i % 8]],
      [[3, 1], (i: number) => numbers[3 + Math.floor(i / 8)]],
      [[1], () => numbers[4]],
    ] as [number[], (i: number) => number][]) {
      const count = shape.reduce((n, side) => n * side, 1);
      const condition = gpu().tensor(numbers.slice(count === 8 ? 0 : count === 3 ? 3 : 4).slice(0, count), [
        ...shape,
      ]);
      const y = await fuse((a, c) => a.where(c, a.mul(-3)))(x, condition).data();
      expect(y).toEqual(values.map((value, i) => (at(i) !== 0 ? value : Math.fround(-3 * value))));
    }
    const i32 = gpu().tensor(numbers, [8]);
    expect(() => fuse((a, c) => a.where(c, c))(x, i32)).toThrow(/parameter 2 is i32.*cast/);
    expect(() => fuse((a, c) => a.mul(c))(x, i32)).toThrow(ShapeError);
  });

  it("gives a captured run the bits of an eager one", async () => {
    const w = gpu().randn([31, 20]).keep();
    const step = ({ x }: { x: Tensor }) => ({ y: fuse((v, u) => v.exp().add(1).log().mul(u))(x, w) });
    const captured = capture(gpu(), step);
    for (let call = 0; call < 2; call++) {
      const x = gpu().randn([31, 20]);
      expect(await captured({ x }).y.data()).toEqual(await step({ x }).y.data());
    }
    captured.dispose();
  });

  it("leaves out the gradients that nobody wants", () => {
    const x = gpu().randn([16]).withGrad();
    const y = gpu().randn([16]);
    const z = fuse((a, b) => a.mul(b))(x, y);
    const [dx, dy] = gpu().noGrad(() => z.node?.backward(gpu().ones([16]), [])) ?? [];
    expect(dx?.shape).toEqual([16]);
    expect(dy).toBeUndefined();
  });
});

describe("mistakes", () => {
  it("throw ShapeError", () => {
    const x = gpu().zeros([2]);
    const long = (v: Expr) => Array.from({ length: 15 }).reduce<Expr>((u) => u.mul(1.5), v);
    expect(() => fuse(() => x as unknown as Expr)).toThrow(ShapeError);
    expect(() => fuse((a: Expr, _b: Expr) => a)).toThrow(/parameter 2 is not used/);
    expect(() => fuse(long)).toThrow(/at most 14 numbers/);
    const pair = fuse((a: Expr, b: Expr) => a.add(b)) as (...inputs: unknown[]) => unknown;
    expect(() => pair(x)).toThrow(/of 2 tensors was given 1/);
    expect(() => pair(x, gpu().zeros([3]))).toThrow(/broadcast/);
  });
});
