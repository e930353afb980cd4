// Rows of the op table: element-by-element functions of two tensors, in every layout of the broadcast kernel.
import { type BinaryName, binary } from "../../src/ops/binary.js";
import type { InputSpec, OpCase } from "./case.js";
import { zip } from "./reference.js";

const formulas: Record<
  BinaryName,
  { f(a: number, b: number): number; a?: InputSpec["draw"]; b?: InputSpec["draw"] }
> = {
  add: { f: (a, b) => a + b },
  sub: { f: (a, b) => a - b },
  mul: { f: (a, b) => a * b },
  div: { f: (a, b) => a / b, b: "positive" },
  maximum: { f: Math.max },
  minimum: { f: Math.min },
  pow: { f: (a, b) => a ** b, a: "positive" },
};

/** Every op in these. */
const common: [label: string, a: number[], b: number[], out: number[]][] = [
  ["the same shape", [3, 5, 7], [3, 5, 7], [3, 5, 7]],
  ["a row of a multiple of four", [2, 3, 64], [64], [2, 3, 64]],
  ["both ways", [4, 1, 6], [5, 1], [4, 5, 6]],
  ["no rows, both ways", [0, 1, 6], [5, 1], [0, 5, 6]],
  ["one of none", [1, 4], [0, 4], [0, 4]],
];

/** Only `mul`, whose gradients use both operands. */
const layouts: [label: string, a: number[], b: number[], out: number[]][] = [
  ["two numbers", [], [], []],
  ["a number on the right", [5, 7], [], [5, 7]],
  ["one element on the left", [1], [63], [63]],
  ["one element of higher rank", [5, 7], [1, 1, 1], [1, 5, 7]],
  ["an odd row", [3, 5, 7], [7], [3, 5, 7]],
  ["a row on the left", [8], [3, 8], [3, 8]],
  ["two axes that repeat", [2, 3, 4, 5], [4, 5], [2, 3, 4, 5]],
  ["a column", [6, 9], [6, 1], [6, 9]],
  ["a middle axis", [2, 5, 8], [2, 1, 8], [2, 5, 8]],
  ["an outer product", [65, 1], [1, 63], [65, 63]],
  ["five runs of axes", [2, 1, 3, 1, 2], [1, 4, 1, 5, 1], [2, 4, 3, 5, 2]],
  ["six runs of axes", [2, 1, 3, 1, 2, 1], [1, 2, 1, 3, 1, 2], [2, 2, 3, 3, 2, 2]],
];

function rowOf(
  op: BinaryName,
  [label, a, b, out]: [label: string, a: number[], b: number[], out: number[]],
): OpCase {
  const { f, a: drawA, b: drawB } = formulas[op];
  return {
    op,
    label,
    inputs: [
      { shape: a, draw: drawA },
      { shape: b, draw: drawB },
    ],
    shape: out,
    run: (inputs) => binary[op](inputs),
    reference: (inputs) => zip(out, inputs, f),
    rtol: op === "pow" ? 5e-5 : undefined,
  };
}

const manyRows: OpCase = {
  op: "maximum",
  label: "more rows than 65 535",
  inputs: [{ shape: [65_537, 3] }, { shape: [65_537, 1] }],
  run: (inputs) => binary.maximum(inputs),
  reference: (inputs) => zip([65_537, 3], inputs, Math.max),
  gradient: false,
};

export const cases: OpCase[] = [
  ...(Object.keys(formulas) as BinaryName[]).flatMap((op) => common.map((row) => rowOf(op, row))),
  ...layouts.map((row) => rowOf("mul", row)),
  manyRows,
  { ...rowOf("sub", ["many, a row and a column", [300, 1], [124], [300, 124]]), gradient: false },
  { ...rowOf("sub", ["many, of odd lengths", [1, 301, 63], [3, 1, 63], [3, 301, 63]]), gradient: false },
];
