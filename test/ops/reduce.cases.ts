// Rows of the op table: reductions over one axis, several, all; in one phase and in two; rows and columns.
import { logsumexp, max, mean, min, norm, type ReduceOptions, sum, variance } from "../../src/ops/reduce.js";
import { reducedShape, resolveAxes } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { InputSpec, OpCase } from "./case.js";
import { add, collapse, logSumExp } from "./lanes.js";

interface Family {
  run(x: Tensor, options: ReduceOptions): Tensor;
  f(vector: number[]): number;
  draw?: InputSpec["draw"];
}

const average = (vector: readonly number[]) => add(vector) / vector.length;
const spread = (correction: number) => (vector: readonly number[]) => {
  const centre = average(vector);
  return add(vector.map((x) => (x - centre) ** 2)) / (vector.length - correction);
};

const families: Record<string, Family> = {
  sum: { run: sum, f: add },
  mean: { run: mean, f: average },
  max: { run: max, f: (vector) => vector.reduce((a, b) => Math.max(a, b)), draw: "distinct" },
  min: { run: min, f: (vector) => vector.reduce((a, b) => Math.min(a, b)), draw: "distinct" },
  var: { run: variance, f: spread(1) },
  logsumexp: { run: logsumexp, f: logSumExp },
  norm: { run: norm, f: (vector) => Math.sqrt(add(vector.map((x) => x * x))), draw: "positive" },
};

/** Every reduction in these. */
const common: [label: string, shape: number[], options: ReduceOptions][] = [
  ["everything", [3, 5, 7], {}],
  ["rows of a multiple of four", [5, 64], { dim: -1 }],
  ["rows of odd length", [3, 63], { dim: -1, keepDim: true }],
  ["columns", [65, 12], { dim: 0 }],
  ["a middle axis", [3, 5, 7], { dim: 1, keepDim: true }],
  ["outer and inner axes", [4, 5, 6], { dim: [0, 2] }],
  ["columns in two phases", [200, 3], { dim: 0 }],
];

/** Only some, which share their kernels with the others. */
const shapes: [label: string, shape: number[], options: ReduceOptions][] = [
  ["a number", [], {}],
  ["one element", [1], { dim: 0 }],
  ["three elements", [3], {}],
  ["rows of one", [5, 1], { dim: 1 }],
  ["rows of two", [7, 2], { dim: -1 }],
  ["no axis", [3, 4], { dim: [] }],
  ["two leading axes", [3, 5, 8], { dim: [0, 1] }],
  ["two trailing axes", [3, 5, 7], { dim: [-1, -2] }],
  ["axes parted by one of length one", [4, 1, 6], { dim: [0, 2] }],
  ["alternate axes", [3, 2, 4, 5], { dim: [0, 2], keepDim: true }],
  ["one long row with a tail", [65_537], {}],
  ["long rows", [3, 20_004], { dim: 1 }],
  ["long odd rows", [2, 20_003], { dim: 1 }],
  ["long columns of fours", [5000, 8], { dim: 0 }],
  ["a bias gradient", [512, 96], { dim: 0 }],
];

const large: [label: string, shape: number[], options: ReduceOptions][] = [
  ["more rows than 65 535", [70_001, 3], { dim: 1 }],
  ["more rows of fours than 65 535", [70_001, 20], { dim: 1 }],
  ["a million elements", [1_000_003], {}],
  ["more columns than 65 535", [3, 70_001], { dim: 0 }],
];

function row(op: string, label: string, shape: number[], options: ReduceOptions): OpCase {
  const { run, f, draw } = families[op];
  const axes = resolveAxes(options.dim, shape.length);
  const long = axes.reduce((n, axis) => n * shape[axis], 1);
  return {
    op,
    label,
    inputs: [{ shape, draw }],
    run: ([x]) => run(x, options),
    reference: ([x]) => collapse(x, axes, f),
    shape: reducedShape(shape, axes, options.keepDim ?? false),
    atol: op === "sum" ? Math.max(1e-5, 3e-7 * long) : 1e-5,
  };
}

const offset: OpCase = {
  op: "var",
  label: "far from zero, population",
  inputs: [{ shape: [5, 257] }],
  run: ([x]) => variance(x.add(1000), { dim: 1, correction: 0 }),
  reference: ([x]) => collapse(x, [1], spread(0)),
  // x + 1000 rounds to 6e-5.
  atol: 2e-4,
  gradientAtol: 1e-3,
};

const ties: OpCase = {
  op: "max",
  label: "below zero",
  inputs: [{ shape: [4, 37], draw: "distinct" }],
  run: ([x]) => max(x.add(-100), { dim: 1 }),
  reference: ([x]) => collapse(x, [1], (vector) => families.max.f(vector) - 100),
};

const masked: OpCase = {
  op: "logsumexp",
  label: "rows of −∞ and large values",
  inputs: [{ shape: [3, 6], values: rowsWithExtremes(), gradient: false }],
  run: ([x]) => logsumexp(x, { dim: 1 }),
  reference: () => [Number.NEGATIVE_INFINITY, 10_000 + Math.log(6), Math.log(2) - 5000],
  gradient: false,
};

function rowsWithExtremes(): number[] {
  const nothing = Number.NEGATIVE_INFINITY;
  return [
    ...new Array<number>(6).fill(nothing),
    ...new Array<number>(6).fill(10_000),
    ...[-5000, nothing, -5000, nothing, nothing, -9000],
  ];
}

/** Rows without elements: of those, sums, logsumexp and the norm are numbers (NaN and errors: empty.test.ts). */
const empty: OpCase[] = [
  ...Object.keys(families).flatMap((op) => [
    row(op, "no rows", [0, 5], { dim: 1 }),
    row(op, "no columns, kept", [3, 4, 0], { dim: [0], keepDim: true }),
  ]),
  ...["sum", "logsumexp", "norm"].flatMap((op) => [
    row(op, "rows without an element", [3, 0], { dim: 1 }),
    row(op, "columns without an element", [2, 0, 8], { dim: 1 }),
    row(op, "nothing at all", [0, 3], {}),
    row(op, "alternate axes without an element", [0, 4, 3], { dim: [0, 2] }),
  ]),
];

export const cases: OpCase[] = [
  ...empty,
  ...Object.keys(families).flatMap((op) => common.map((rest) => row(op, ...rest))),
  ...["sum", "max", "var"].flatMap((op) =>
    shapes
      .filter(
        ([, shape, { dim }]) =>
          op !== "var" || resolveAxes(dim, shape.length).some((axis) => shape[axis] > 1),
      )
      .map((rest) => row(op, ...rest)),
  ),
  ...["sum", "logsumexp"].flatMap((op) => large.map((rest) => ({ ...row(op, ...rest), gradient: false }))),
  ...[offset, ties, masked],
];
