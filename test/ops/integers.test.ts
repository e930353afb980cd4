// i32 tensors where an operation computes in f32: their bits are no f32, so they are refused by name, with what to do instead; an
// operation that only moves its elements moves integers like any others. Every input of every operation of the op table.
import { expect, it } from "vitest";
import { fuse } from "../../src/ops/fuse.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { families } from "./all-cases.js";
import type { OpCase, Values } from "./case.js";
import { isFloat, prepareCase, upload } from "./check.js";

const gpu = useGpu();
const seed = freshSeed("integers");

/** One row of each operation, not the largest. */
const byOp = new Map<string, OpCase>();
for (const row of Object.values(families).flat()) {
  const sizes = row.inputs.map(({ shape }) => sizeOf(shape));
  if (Math.min(...sizes) > 1 && Math.max(...sizes) < 5000 && !byOp.has(row.op)) byOp.set(row.op, row);
}

/** Operations that move elements as they are; all others compute. */
const moves = new Set([
  ...["reshape", "permute", "broadcast_to", "slice", "concat", "pad", "where", "gather", "index_select"],
  ...["select_rows", "cast"],
]);

it.each([...byOp])("%s", async (op, row) => {
  const prepared = prepareCase(row, seed);
  const floats = row.inputs.flatMap((spec, i) => (isFloat(spec) ? [i] : []));
  // Operations that move several take them of one type.
  const groups = moves.has(op) && op !== "gather" ? [floats] : floats.map((i) => [i]);
  for (const group of groups) {
    const inputs = upload(gpu(), prepared).map((tensor) => tensor.detach());
    const values: Values[] = prepared.values.map((value) => ({ ...value }));
    for (const i of group) {
      const data = Float64Array.from(values[i].data, (_, k) => 0x3f000000 + 17 * k);
      values[i] = { data, shape: values[i].shape };
      inputs[i] = gpu().tensor(Int32Array.from(data), values[i].shape);
    }
    if (!moves.has(op)) {
      expect(() => row.run(inputs), `input ${group[0]}`).toThrow(
        new RegExp(`(${op}|fuse|attention)\\b.*i32.*(cast|f32)`),
      );
      continue;
    }
    const output = row.run(inputs);
    const expected = row.reference(values);
    if (output.dtype === "f32") {
      expect(op).toBe("cast");
      expect(Array.from(await output.data())).toEqual(Array.from(expected, Math.fround));
    } else {
      expect(Array.from(await output.indices())).toEqual(Array.from(expected));
    }
  }
});

it("conditions and masks may be integers", async () => {
  const [keep, x] = [gpu().tensor(Int32Array.of(0, 7)), gpu().tensor([1, 2])];
  const chosen = fuse((c, a, b) => a.where(c, b.add(10)));
  expect([...(await chosen(keep, x, x).data())]).toEqual([11, 2]);
  expect([...(await x.dropout({ p: 0, keep }).data())]).toEqual([0, 2]);
});
