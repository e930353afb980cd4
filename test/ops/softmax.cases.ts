// Rows of the op table: softmax and log-softmax along any axis, for short, odd and long rows.
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import type { OpCase } from "./case.js";
import { along, logSumExp } from "./lanes.js";

const shapes: [label: string, shape: number[], dim: number][] = [
  ["rows of one", [3, 1], -1],
  ["rows of three", [65, 3], -1],
  ["rows of four", [7, 4], -1],
  ["odd rows", [5, 63], -1],
  ["rows of a multiple of four", [3, 2, 64], -1],
  ["long rows", [2, 1028], -1],
  ["long odd rows", [2, 1025], -1],
  ["very long rows", [2, 4100], -1],
  ["a single row", [65], 0],
  ["the first axis", [9, 5], 0],
  ["a middle axis", [3, 11, 5], 1],
  ["a middle axis beside fours", [3, 7, 8], 1],
  ["few long columns", [300, 3], 0],
  ["no rows", [0, 5], -1],
  ["rows without an element", [3, 0], -1],
  ["columns without an element", [3, 0, 8], 1],
  ["no columns", [3, 300, 0], 1],
];

function row(log: boolean, label: string, shape: number[], dim: number, scale = 1): OpCase {
  const axis = dim < 0 ? dim + shape.length : dim;
  const run = log ? logSoftmax : softmax;
  return {
    op: log ? "log_softmax" : "softmax",
    label,
    inputs: [{ shape, scale }],
    run: ([x]) => run(x, { dim }),
    reference: ([x]) =>
      along(x, axis, (vector) => {
        const level = logSumExp(vector);
        return vector.map((value) => (log ? value - level : Math.exp(value - level)));
      }),
    shape,
    atol: log ? 1e-5 * scale : 1e-6,
  };
}

export const cases: OpCase[] = [false, true].flatMap((log) => [
  ...shapes.map((rest) => row(log, ...rest)),
  { ...row(log, "logits in the hundreds", [6, 40], -1, 100), gradientAtol: 1e-3 },
  { ...row(log, "more rows than 65 535", [70_001, 2], -1), gradient: false },
  { ...row(log, "more rows of a subgroup than 65 535", [66_001, 20], -1), gradient: false },
  { ...row(log, "more columns than 65 535", [1, 3, 70_001], 1), gradient: false },
]);
