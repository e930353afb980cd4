// Rows of the op table: changes of type. Half precision, which not every adapter has, is in test/tensor/half.test.ts.
import { cast, castOp } from "../../src/ops/cast.js";
import type { OpCase } from "./case.js";

export const cases: OpCase[] = [
  ...[[1], [7], [5, 63], [4, 256], [3, 0]].map(
    (shape): OpCase => ({
      op: "cast",
      label: `f32 of ${shape.join(" × ")}`,
      inputs: [{ shape }],
      run: ([x]) => castOp([x], { dtype: "f32" }),
      reference: ([x]) => x.data,
      shape,
    }),
  ),
  {
    op: "cast",
    label: "i32 to f32",
    inputs: [{ shape: [3, 21], draw: "index", below: 1000 }],
    run: ([x]) => cast(x, "f32"),
    reference: ([x]) => x.data,
    gradient: false,
  },
  {
    op: "cast",
    label: "f32 to i32 cuts the fraction off",
    inputs: [{ shape: [65], scale: 10 }],
    run: ([x]) => cast(x, "i32"),
    reference: ([x]) => x.data.map(Math.trunc),
    gradient: false,
  },
];
