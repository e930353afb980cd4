// Rows of the op table: element-by-element functions of one tensor.
import { type UnaryName, type UnaryOptions, unary } from "../../src/ops/unary.js";
import type { InputSpec, OpCase } from "./case.js";
import { erf } from "./reference.js";

interface Formula {
  f(x: number): number;
  draw?: InputSpec["draw"];
  scale?: number;
  options?: UnaryOptions;
  atol?: number;
  rtol?: number;
  label?: string;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const tanhGelu = (x: number) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

const formulas: Record<UnaryName, Formula | Formula[]> = {
  neg: { f: (x) => -x },
  abs: { f: Math.abs },
  exp: { f: Math.exp, scale: 3, rtol: 5e-5 },
  log: { f: Math.log, draw: "positive", scale: 100 },
  sqrt: { f: Math.sqrt, draw: "positive" },
  rsqrt: { f: (x) => 1 / Math.sqrt(x), draw: "positive" },
  reciprocal: { f: (x) => 1 / x, draw: "positive", scale: -1 },
  square: { f: (x) => x * x },
  relu: { f: (x) => Math.max(x, 0) },
  sigmoid: { f: sigmoid, scale: 4 },
  tanh: { f: Math.tanh, scale: 2 },
  silu: { f: (x) => x * sigmoid(x), scale: 4 },
  gelu: { f: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), scale: 2 },
  gelu_tanh: { f: tanhGelu, scale: 2 },
  affine: { f: (x) => -1.5 * x + 0.25, options: { a: -1.5, b: 0.25 } },
  clamp: { f: (x) => Math.min(Math.max(x, -0.7), 0.4), options: { a: -0.7, b: 0.4 } },
  pow_scalar: [
    { f: (x) => x ** 2, options: { a: 2 }, label: "2 of either sign" },
    { f: (x) => x ** 3, options: { a: 3 }, label: "3 of either sign", rtol: 5e-5 },
    { f: (x) => x ** 5, options: { a: 5 }, label: "5 of either sign", rtol: 5e-5 },
    { f: (x) => x ** -1.5, options: { a: -1.5 }, draw: "positive", label: "-1.5", rtol: 5e-5 },
    { f: () => 1, options: { a: 0 }, label: "0" },
  ],
};

const shapes: [label: string, shape: number[]][] = [
  ["one number", []],
  ["three", [3]],
  ["63 by 65", [63, 65]],
  ["a multiple of four", [2, 4, 32]],
  ["no element", [3, 0]],
];

function rowsOf(op: UnaryName, formula: Formula): OpCase[] {
  const { f, options = {}, draw, scale, atol, rtol, label } = formula;
  return shapes.map(([name, shape]) => ({
    op,
    label: label ? `${label}, ${name}` : name,
    inputs: [{ shape, draw, scale }],
    shape,
    run: ([x]) => unary[op]([x], options),
    reference: ([x]) => x.data.map(f),
    atol,
    rtol,
  }));
}

const large: OpCase = {
  op: "gelu",
  label: "far out, where erf is 1 and exp overflows nothing",
  inputs: [{ shape: [7], values: [0, -30, 30, -6, 6, 100, -100] }],
  run: ([x]) => unary.gelu([x], {}),
  reference: ([x]) => x.data.map((v) => 0.5 * v * (1 + erf(v / Math.SQRT2))),
  atol: 1e-6,
};

export const cases: OpCase[] = [
  ...(Object.keys(formulas) as UnaryName[]).flatMap((op) =>
    [formulas[op]].flat().flatMap((formula) => rowsOf(op, formula)),
  ),
  large,
];
