// Rows of the op table: slice and flip, concat and stack, pad, where.
import { concat, flip, pad, type Range, slice, split, stack, where } from "../../src/ops/move.js";
import type { InputSpec, OpCase, Values } from "./case.js";
import { build, element, zip } from "./reference.js";

const exact = { atol: 0, rtol: 0 };

/** `from` lists, by axis, the source position of each position of the result. */
function sliced(label: string, shape: number[], ranges: (Range | null)[], from: number[][]): OpCase {
  const out = from.map((list) => list.length);
  return {
    op: "slice",
    label,
    inputs: [{ shape }],
    shape: out,
    run: ([x]) => slice(x, ranges),
    reference: ([x]) =>
      build(out, (at) =>
        element(
          x,
          at.map((i, axis) => from[axis][i]),
        ),
      ),
    ...exact,
  };
}

const upTo = (n: number, start = 0, step = 1) =>
  Array.from({ length: Math.ceil((n - start) / step) }, (_, i) => start + i * step);

function joined(label: string, shapes: number[][], dim: number, axis: number): OpCase {
  const out = shapes[0].map((n, i) => (i === axis ? shapes.reduce((sum, s) => sum + s[axis], 0) : n));
  return {
    op: "concat",
    label,
    inputs: shapes.map((shape) => ({ shape })),
    shape: out,
    run: (inputs) => concat(inputs, { dim }),
    reference: (inputs) =>
      build(out, (at) => {
        let i = at[axis];
        const part = inputs.find(({ shape }) => {
          if (i < shape[axis]) return true;
          i -= shape[axis];
          return false;
        }) as Values;
        return element(part, at.with(axis, i));
      }),
    ...exact,
  };
}

function stacked(label: string, shape: number[], count: number, dim: number, axis: number): OpCase {
  const out = [...shape.slice(0, axis), count, ...shape.slice(axis)];
  return {
    op: "concat",
    label: `stack: ${label}`,
    inputs: Array.from({ length: count }, () => ({ shape })),
    shape: out,
    run: (inputs) => stack(inputs, { dim }),
    reference: (inputs) => build(out, (at) => element(inputs[at[axis]], at.toSpliced(axis, 1))),
    ...exact,
  };
}

function padded(label: string, shape: number[], pads: [number, number][], value: number): OpCase {
  const out = shape.map((n, axis) => n + pads[axis][0] + pads[axis][1]);
  return {
    op: "pad",
    label,
    inputs: [{ shape }],
    shape: out,
    run: ([x]) => pad(x, pads, value),
    reference: ([x]) =>
      build(out, (at) => {
        const from = at.map((i, axis) => i - pads[axis][0]);
        return from.every((i, axis) => i >= 0 && i < shape[axis]) ? element(x, from) : value;
      }),
    ...exact,
  };
}

function chosen(
  label: string,
  c: number[],
  a: number[],
  b: number[],
  out: number[],
  draw: InputSpec["draw"] = "mask",
): OpCase {
  return {
    op: "where",
    label,
    inputs: [{ shape: c, draw, gradient: false }, { shape: a }, { shape: b }],
    shape: out,
    run: ([condition, left, right]) => where(condition, left, right),
    reference: (inputs) => zip(out, inputs, (condition, left, right) => (condition !== 0 ? left : right)),
    ...exact,
  };
}

export const cases: OpCase[] = [
  sliced(
    "from the start of rows",
    [6, 9],
    [
      [1, 5],
      [2, 9],
    ],
    [upTo(5, 1), upTo(9, 2)],
  ),
  sliced(
    "steps",
    [7, 12],
    [
      [0, 7, 2],
      [1, 12, 3],
    ],
    [upTo(7, 0, 2), upTo(12, 1, 3)],
  ),
  sliced(
    "negative positions",
    [7, 12],
    [
      [-3, null],
      [null, -4],
    ],
    [[4, 5, 6], upTo(8)],
  ),
  sliced(
    "negative steps",
    [5, 6],
    [
      [null, null, -1],
      [4, 0, -2],
    ],
    [
      [4, 3, 2, 1, 0],
      [4, 2],
    ],
  ),
  sliced("beyond the ends", [4, 3], [[-9, 99], null], [upTo(4), upTo(3)]),
  sliced("columns of a multiple of four", [5, 16], [null, [4, 12]], [upTo(5), upTo(12, 4)]),
  sliced("one of three packed parts", [2, 5, 12], [null, null, [4, 8]], [upTo(2), upTo(5), upTo(8, 4)]),
  {
    ...sliced("more rows than 65 535", [70_000, 3], [[3, null, 1]], [upTo(70_000, 3), upTo(3)]),
    gradient: false,
  },
  {
    ...sliced(
      "flip of two axes",
      [3, 2, 5],
      [],
      [
        [2, 1, 0],
        [0, 1],
        [4, 3, 2, 1, 0],
      ],
    ),
    run: ([x]) => flip(x, [0, -1]),
  },
  {
    ...sliced("the second part of a split", [3, 9], [], [upTo(3), upTo(6, 2)]),
    run: ([x]) => split(x, [2, 4, 3], { dim: 1 })[1],
  },
  joined(
    "axis 0",
    [
      [2, 5],
      [3, 5],
      [1, 5],
    ],
    0,
    0,
  ),
  joined(
    "a middle axis",
    [
      [2, 3, 4],
      [2, 1, 4],
    ],
    1,
    1,
  ),
  joined(
    "the last axis",
    [
      [3, 4],
      [3, 1],
      [3, 63],
    ],
    -1,
    1,
  ),
  joined(
    "parts of multiples of four",
    [
      [3, 4],
      [3, 8],
    ],
    -1,
    1,
  ),
  joined("one tensor", [[3, 4]], 0, 0),
  stacked("axis 0", [2, 5], 3, 0, 0),
  stacked("the last axis", [3, 4], 2, -1, 2),
  stacked("numbers", [], 5, 0, 0),
  padded(
    "two axes",
    [3, 5],
    [
      [1, 0],
      [2, 3],
    ],
    0,
  ),
  padded(
    "another value",
    [2, 3, 4],
    [
      [0, 0],
      [0, 2],
      [1, 1],
    ],
    -1.5,
  ),
  padded(
    "whole vec4s",
    [3, 8],
    [
      [1, 1],
      [4, 8],
    ],
    1,
  ),
  { ...padded("many, of odd lengths", [201, 95], [[1, 2], [3, 0]], 0.5), gradient: false }, // biome-ignore format: one line
  { ...padded("many, of fours", [201, 92], [[1, 2], [4, 8]], 0.5), gradient: false }, // biome-ignore format: one line
  padded("nothing", [65], [[0, 0]], 0),
  chosen("one shape, an odd number", [7, 9], [7, 9], [7, 9], [7, 9]),
  chosen("a column of conditions and a number", [6, 1], [6, 9], [1], [6, 9]),
  chosen("tokens: a mask, one vector, all", [2, 5, 1], [8], [2, 5, 8], [2, 5, 8]),
  chosen("a row of conditions", [12], [3, 12], [3, 1], [3, 12]),
  chosen("numbers", [], [], [], []),
  chosen("every operand repeats", [4, 1, 1], [1, 3, 1], [1, 1, 5], [4, 3, 5]),
  chosen("six runs of axes", [2, 1, 2, 1, 2, 1], [1, 3, 1, 3, 1, 2], [2, 3, 2, 3, 2, 2], [2, 3, 2, 3, 2, 2]),
  {
    ...chosen("a condition of floats, one of them -0", [4], [4], [4], [4], "normal"),
    inputs: [{ shape: [4], values: [0, -0, -1, 0.5], gradient: false }, { shape: [4] }, { shape: [4] }],
  },
  { ...chosen("more rows than 65 535", [65_537, 1], [65_537, 3], [3], [65_537, 3]), gradient: false },
  sliced("nothing of something", [3, 4], [null, [2, 2]], [upTo(3), []]),
  sliced("something of nothing", [0, 4], [null, [1, 3]], [[], upTo(3, 1)]),
  joined("nothing in between", [[2, 5], [0, 5], [1, 5]], 0, 0), // biome-ignore format: one line
  joined("nothing and nothing", [[2, 0], [2, 0]], 1, 1), // biome-ignore format: one line
  padded("nothing within a frame", [0, 5], [[1, 2], [0, 1]], 0.5), // biome-ignore format: one line
  padded("no columns", [3, 0], [[1, 0], [0, 0]], 0.5), // biome-ignore format: one line
  chosen("nothing", [3, 1], [3, 0], [1], [3, 0]),
];
