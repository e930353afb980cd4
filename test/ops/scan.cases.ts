// Rows of the op table: cumsum, argmax and topk, in one pass and in several.
import { argmax, cumsum, topk } from "../../src/ops/scan.js";
import type { OpCase } from "./case.js";
import { along, collapse, lanes } from "./lanes.js";

function cumsumRow(label: string, shape: number[], dim: number): OpCase {
  const axis = dim < 0 ? dim + shape.length : dim;
  return {
    op: "cumsum",
    label,
    inputs: [{ shape }],
    run: ([x]) => cumsum(x, { dim }),
    reference: ([x]) =>
      along(x, axis, (vector) => {
        let total = 0;
        return vector.map((value) => {
          total += value;
          return total;
        });
      }),
    shape,
    atol: 1e-6 * Math.max(10, shape[axis]),
    gradientAtol: 1e-6 * Math.max(100, shape[axis]),
  };
}

const best = (vector: readonly number[]) => vector.reduce((top, x, i) => (x > vector[top] ? i : top), 0);

function argmaxRow(
  label: string,
  shape: number[],
  dim: number | null,
  draw: "distinct" | "normal" = "distinct",
): OpCase {
  const axes = dim === null ? shape.map((_, axis) => axis) : [dim < 0 ? dim + shape.length : dim];
  return {
    op: "argmax",
    label,
    inputs: [{ shape, draw }],
    run: ([x]) => argmax(x, { dim }),
    reference: ([x]) => collapse(x, axes, best),
    shape: shape.filter((_, axis) => !axes.includes(axis)),
    atol: 0,
    rtol: 0,
  };
}

const firstOfEqual: OpCase = {
  op: "argmax",
  label: "the first of equal ones",
  inputs: [{ shape: [2, 200], values: Array.from({ length: 400 }, (_, i) => (i % 200 === 0 ? 0 : 5)) }],
  run: ([x]) => argmax(x, { dim: 1 }),
  reference: () => [1, 1],
};

function topkRow(
  label: string,
  shape: number[],
  k: number,
  dim = -1,
  part: "values" | "indices" = "values",
): OpCase {
  const axis = dim < 0 ? dim + shape.length : dim;
  return {
    op: "topk",
    label: `${label}, ${part}`,
    inputs: [{ shape, draw: "distinct" }],
    run: ([x]) => topk(x, k, { dim })[part],
    reference: ({ 0: x }) => {
      const { starts, steps } = lanes(shape, [axis]);
      const out = shape.with(axis, k);
      const to = lanes(out, [axis]);
      const result = new Float64Array(starts.length * k);
      starts.forEach((start, lane) => {
        const order = steps
          .map((_, i) => i)
          .sort((a, b) => x.data[start + steps[b]] - x.data[start + steps[a]]);
        to.steps.forEach((step, i) => {
          result[to.starts[lane] + step] = part === "indices" ? order[i] : x.data[start + steps[order[i]]];
        });
      });
      return result;
    },
    shape: shape.with(axis, k),
    atol: 0,
    rtol: 0,
    gradient: part === "values" ? undefined : false,
  };
}

const smallest: OpCase = {
  op: "topk",
  label: "the smallest",
  inputs: [{ shape: [3, 17], draw: "distinct" }],
  run: ([x]) => topk(x, 4, { largest: false }).values,
  reference: ([x]) =>
    [0, 1, 2].flatMap((row) => [...x.data.slice(17 * row, 17 * row + 17)].sort((a, b) => a - b).slice(0, 4)),
};

export const cases: OpCase[] = [
  cumsumRow("one element", [1], 0),
  cumsumRow("rows", [5, 33], -1),
  cumsumRow("columns", [7, 4], 0),
  cumsumRow("a middle axis", [3, 9, 5], 1),
  cumsumRow("rows of fours", [5, 36], -1),
  cumsumRow("rows in three launches", [2, 1500], 1),
  cumsumRow("odd rows in three launches", [2, 1501], 1),
  cumsumRow("columns in three launches", [1500, 3], 0),
  cumsumRow("runs of runs", [1, 20_003], 1),
  { ...cumsumRow("more rows than 65 535", [70_001, 3], 1), gradient: false },
  argmaxRow("one element", [1], 0),
  argmaxRow("rows", [5, 33], -1),
  argmaxRow("columns", [7, 4], 0),
  argmaxRow("a middle axis", [3, 65, 5], 1),
  argmaxRow("everything", [3, 5, 7], null),
  argmaxRow("long rows in parts", [3, 20_001], 1),
  argmaxRow("long columns in parts", [5000, 3], 0),
  argmaxRow("more rows than 65 535", [70_001, 3], 1, "normal"),
  firstOfEqual,
  ...(["values", "indices"] as const).flatMap((part) => [
    topkRow("one", [1], 1, 0, part),
    topkRow("rows", [6, 33], 5, -1, part),
    topkRow("columns", [7, 4], 2, 0, part),
    topkRow("everything, sorted", [3, 16], 16, 1, part),
    topkRow("rows in two passes", [2, 3000], 7, 1, part),
  ]),
  { ...topkRow("more rows than 65 535", [70_001, 3], 1), gradient: false },
  smallest,
  cumsumRow("no rows", [0, 33], -1),
  cumsumRow("rows without an element", [5, 0], -1),
  argmaxRow("no rows", [0, 5], 1),
  argmaxRow("no columns", [5, 3, 0], 1),
  ...(["values", "indices"] as const).flatMap((part) => [
    topkRow("no rows", [0, 33], 5, -1, part),
    topkRow("none", [6, 33], 0, -1, part),
    topkRow("no columns", [7, 0], 2, 0, part),
  ]),
];
