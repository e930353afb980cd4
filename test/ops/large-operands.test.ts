/// <reference types="vite/types/importMeta.d.ts" />
// Operands larger than a binding: the op table's rows on a device that says that it binds 1 KiB at once, where each must come out right
// without a dispatch that binds more, or be refused by name; then sizes above what every adapter binds, on a device of WebGPU's defaults.
import { beforeAll, describe, expect, it } from "vitest";
import { OutOfMemoryError } from "../../src/gpu/errors.js";
import { capture } from "../../src/tensor/capture.js";
import { Random } from "../../src/tensor/random.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { useLess } from "../support/adapters.js";
import { freshSeed } from "../support/gpu.js";
import type { OpCase } from "./case.js";
import { checkPrepared, prepareCase } from "./check.js";

const families = import.meta.glob<OpCase[]>("./*.cases.ts", { eager: true, import: "cases" });
const rows = Object.values(families).flat();
const seed = freshSeed("large operands");

/** Rows of a single one are as large as a binding, or what they do is not cut: notes say which. */
const whole = /^(attention|attention_qkv|conv2d|infonce|argmax, a middle axis)\b/;

describe("with bindings of 1 KiB", () => {
  const limit = 1024;
  const gpu = useLess({ device: { limits: { maxStorageBufferBindingSize: limit } } });
  let largest = 0;

  beforeAll(() => {
    gpu().device.observer = (_, blocks) => {
      for (const { bindingSize } of blocks) largest = Math.max(largest, bindingSize);
    };
  });

  const chosen = new Map<string, OpCase[]>();
  for (const row of rows) {
    const sizes = row.inputs.map(({ shape }) => sizeOf(shape));
    const longest = Math.max(0, ...row.inputs.map(({ shape }) => shape.at(-1) ?? 1));
    const some = chosen.get(row.op) ?? [];
    const fits = Math.max(...sizes) > limit / 4 && Math.max(...sizes) < 4000 && longest < limit / 4;
    if (fits && some.length < 2 && !whole.test(`${row.op}, ${row.label}`)) chosen.set(row.op, [...some, row]);
  }
  for (const row of [...chosen.values()].flat()) {
    it(`${row.op}, ${row.label}`, async () => {
      expect(await checkPrepared(gpu(), prepareCase(row, seed))).toEqual([]);
      expect(largest).toBeLessThanOrEqual(limit);
    });
  }

  it("refuses rows larger than a binding by the kernel's name, with the limit", () => {
    const x = gpu().zeros([3, 1000]);
    expect(() => x.softmax()).toThrow(OutOfMemoryError);
    expect(() => x.softmax()).toThrow(/softmax\/rows: 3.9 KiB is more than .* at once \(1.0 KiB\)/);
    expect(() => x.softmax({ dim: 0 })).toThrow(/softmax\/columns: 11.7 KiB is more than/);
    expect(() => x.argmax({ dim: 0 })).toThrow(/scan\/argmax: 11.7 KiB is more than/);
    x.dispose();
  });

  it("records pieces as it runs them", async () => {
    const [a, b] = [gpu().randn([70, 33]), gpu().randn([33, 50])];
    const work = () => a.matmul(b).softmax().sum({ dim: 0 });
    const once = await work().data();
    const captured = capture(gpu(), work);
    expect(await captured({}).data()).toEqual(once);
    captured.dispose();
  });
});

describe("with WebGPU's default limits", () => {
  const gpu = useLess({ defaultLimits: true });

  it("computes with more than 128 MiB", async () => {
    const random = new Random(seed);
    const [height, width] = [8193, 4100];
    const g = gpu();
    g.device.observer = (_, blocks) => {
      for (const { bindingSize } of blocks) expect(bindingSize).toBeLessThanOrEqual(128 << 20);
    };
    const column = g.randn([height, 1]).withGrad();
    const row = g.randn([width]);
    const [c, r] = [await column.data(), await row.data()];
    const loss = column.mul(row).softmax().mul(row).sum({ dim: 1 });
    loss.backward(g.ones([height]));
    const [got, grad] = [await loss.data(), (await column.grad?.data()) ?? []];
    const seam = Math.floor((128 << 20) / (4 * width));
    const places = [0, 63, 64, height - 1, seam - 17, seam - 1, seam, seam + 1];
    for (let i = 0; i < 24; i++) places.push(random.integer(height));
    for (const at of places) {
      const e = Array.from(r, (x) => Math.exp(x * c[at]));
      const all = e.reduce((a, b) => a + b);
      const mean = (f: (x: number) => number) => e.reduce((sum, p, i) => sum + p * f(r[i]), 0) / all;
      const first = mean((x) => x);
      expect(Math.abs(got[at] - first) <= 1e-4 * (1 + Math.abs(first)), `loss ${at}`).toBe(true);
      const slope = mean((x) => x * x) - first ** 2;
      expect(Math.abs(grad[at] - slope) <= 1e-3 * (1 + slope), `gradient ${at}`).toBe(true);
    }
    for (const tensor of [column, row, loss]) tensor.dispose();
    g.device.observer = undefined;
  }, 120_000);
});
