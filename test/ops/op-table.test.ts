/// <reference types="vite/types/importMeta.d.ts" />
// The op table: every row of every *.cases.ts against its float64 reference, forward and gradient, and a check that every
// operation has rows. The runner is check.ts; its own test stands at the end.
import { describe, expect, it } from "vitest";
import { registry } from "../../src/ops/define.js";
import { unary } from "../../src/ops/unary.js";
import { sizeOf } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { families as everywhere } from "./all-cases.js";
import type { OpCase } from "./case.js";
import { checkCase } from "./check.js";
import { expectCase } from "./expect-case.js";

const families = import.meta.glob<OpCase[]>("./*.cases.ts", { eager: true, import: "cases" });
import.meta.glob("../../src/ops/*.ts", { eager: true }); // every operation enters the registry
const rows = Object.values(families).flat();
const gpu = useGpu();
const seed = freshSeed("op table");

const byOp = new Map<string, OpCase[]>();
for (const row of rows) byOp.set(row.op, [...(byOp.get(row.op) ?? []), row]);
for (const [op, group] of byOp) {
  describe(op, () => {
    for (const row of group) {
      const index = rows.indexOf(row);
      it(row.label, () => expectCase(gpu(), row, seed + index));
    }
  });
}

describe("the table", () => {
  it("has a row for every operation, and a gradient row for every differentiable one", () => {
    const lacking: string[] = [];
    for (const { name, differentiable } of registry.values()) {
      const group = byOp.get(name) ?? [];
      if (group.length === 0) lacking.push(name);
      else if (differentiable && group.every((row) => row.gradient === false))
        lacking.push(`${name}: gradient`);
    }
    expect(lacking).toEqual([]);
  });

  it("has a row without elements for every operation", () => {
    const hasEmpty = (row: OpCase) => row.inputs.some(({ shape }) => sizeOf(shape) === 0);
    expect([...registry.keys()].filter((op) => !byOp.get(op)?.some(hasEmpty))).toEqual([]);
  });

  it("is whole where files cannot be looked for", () => {
    expect(Object.values(everywhere).flat()).toHaveLength(rows.length);
  });

  it("names only operations that exist", () => {
    expect([...byOp.keys()].filter((op) => !registry.has(op))).toEqual([]);
  });
});

describe("the runner", () => {
  const square: OpCase = {
    op: "square",
    label: "x²",
    inputs: [{ shape: [3, 5] }],
    run: ([x]) => unary.square([x], {}),
    reference: ([x]) => x.data.map((v) => v * v),
  };

  it("passes a right row", async () => {
    expect(await checkCase(gpu(), square, seed)).toEqual([]);
  });

  it("fails on wrong values, a NaN, a wrong shape and a wrong gradient", async () => {
    const wrong: OpCase = { ...square, run: ([x]) => unary.abs([x], {}) };
    expect(await checkCase(gpu(), wrong, seed)).not.toEqual([]);
    const hole = Float32Array.from({ length: 15 }, (_, i) => (i === 7 ? Number.NaN : 0));
    const nan: OpCase = { ...square, run: ([x]) => unary.square([x], {}).add(x.gpu.tensor(hole, [3, 5])) };
    expect((await checkCase(gpu(), nan, seed)).join()).toMatch(/NaN/);
    const long = { ...square, shape: [15] };
    expect((await checkCase(gpu(), long, seed)).join()).toMatch(/shape/);
    const short = { ...square, reference: () => new Float64Array(sizeOf([3, 4])) };
    expect((await checkCase(gpu(), short, seed)).join()).toMatch(/elements/);
    // The value of x² with the gradient of a constant: only the gradient's check can see it.
    const flat: OpCase = {
      ...square,
      run: ([x]) => unary.square([x.detach()], {}).add(unary.affine([x], { a: 0, b: 0 })),
    };
    expect((await checkCase(gpu(), flat, seed)).join()).toMatch(/gradient 0\[/);
  });

  it("fails on memory that does not come back", async () => {
    const kept: Tensor[] = [];
    const leaking: OpCase = {
      ...square,
      run([x]) {
        kept.push(unary.abs([x.detach()], {}).keep());
        return unary.square([x], {});
      },
    };
    expect((await checkCase(gpu(), leaking, seed)).join()).toMatch(/256 bytes are still held/);
    for (const tensor of kept) tensor.dispose();
  });

  it("fails on one element's gradient that is a hundredth off, wherever it is", async () => {
    const values = Array.from({ length: 2079 }, (_, i) => 2 + Math.sin(i));
    for (const at of [0, 1040, 2078]) {
      // Adds nothing to the value, and a hundredth of one element's slope to the gradient.
      const offset = new Float32Array(2079);
      offset[at] = 0.02 * values[at];
      const shape = [33, 63];
      const off: OpCase = {
        ...square,
        inputs: [{ shape, values }],
        run: ([x]) => {
          const more = x.mul(x.gpu.tensor(offset, shape));
          return unary.square([x], {}).add(more).sub(more.detach());
        },
      };
      // The cotangent is drawn: where it is near 0 the error is too, but not with every seed.
      const found: string[] = [];
      for (let k = 0; k < 3; k++) found.push(...(await checkCase(gpu(), off, seed + k)));
      expect(found.join()).toMatch(/direction through all|gradient 0\[/);
    }
  });

  const labels = /^(odd rows|width 63)$/;
  it.each([
    ["softmax", "softmax/rows", /output\[/],
    ["softmax", "softmax/rows_backward", /gradient 0/],
    ["layer_norm", "norm/layer_norm_backward", /gradient 0/],
  ])("fails on %s where the kernel %s is a hundredth off", async (op, shader, message) => {
    const worse = (code: string, key: string) =>
      key.startsWith(`${shader}|`)
        ? code.replace(/(target_\[[^\]]+\]) = ([^;]+);/g, "$1 = ($2) * 1.01;")
        : code;
    const wrong = await openLess({ options: { rewrite: worse } });
    const row = rows.find((each) => each.op === op && labels.test(each.label));
    if (!row) throw new Error("there is no such row");
    expect((await checkCase(wrong, row, seed)).join()).toMatch(message);
    expect(await checkCase(gpu(), row, seed)).toEqual([]);
    wrong.close();
  });
});
