// Rows of the op table: one_hot. Gumbel noise, which takes no tensor, is in gumbel.test.ts.
import { oneHot } from "../../src/ops/one-hot.js";
import type { OpCase } from "./case.js";
import { build } from "./reference.js";

function oneHotRow(label: string, shape: number[], classes: number, values?: number[]): OpCase {
  return {
    op: "one_hot",
    label,
    inputs: [{ shape, draw: "index", below: classes, values }],
    shape: [...shape, classes],
    run: ([index]) => oneHot(index, classes),
    reference: ([index]) => build([index.data.length, classes], ([i, c]) => Number(index.data[i] === c)),
    rtol: 0,
    atol: 0,
  };
}

export const cases: OpCase[] = [
  oneHotRow("a single index", [], 3),
  oneHotRow("65 of 63 classes", [65], 63),
  oneHotRow("by two axes, whole vec4s", [3, 5], 8),
  oneHotRow("one class", [7], 1),
  oneHotRow("more rows than 65 535", [65537], 3),
  { ...oneHotRow("indices outside", [4], 3, [-1, 3, 2, 0]), outside: true },
  oneHotRow("no index", [3, 0], 4),
  { ...oneHotRow("no classes", [7], 0), outside: true },
];
