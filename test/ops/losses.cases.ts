// Rows of the op table: the losses, in every reduction, with smoothing, ignored rows, weights and odd sizes.
import {
  type BinaryCrossEntropyOptions,
  bceWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  infonce,
  type LossReduction,
  mse,
} from "../../src/ops/losses.js";
import { sizeOf } from "../../src/tensor/shape.js";
import type { OpCase, Values } from "./case.js";
import { add, logSumExp } from "./lanes.js";

function reduced(losses: readonly number[], reduction: LossReduction, count = losses.length): number[] {
  if (reduction === "none") return [...losses];
  return [reduction === "sum" ? add(losses) : add(losses) / count];
}

function crossEntropyRow(
  label: string,
  rows: number[],
  classes: number,
  options: CrossEntropyOptions = {},
  scale = 1,
): OpCase {
  const { labelSmoothing = 0, ignoreIndex = -100, reduction = "mean" } = options;
  return {
    op: "cross_entropy",
    label,
    inputs: [
      { shape: [...rows, classes], scale },
      { shape: rows, draw: "index", below: classes },
    ],
    run: ([x, target]) => crossEntropy(x, target, options),
    reference: ([x, target]) => {
      let count = 0;
      const losses = Array.from(target.data, (t, i) => {
        if (t === ignoreIndex) return 0;
        count++;
        const row = [...x.data.slice(i * classes, (i + 1) * classes)];
        const level = logSumExp(row);
        return level - (1 - labelSmoothing) * row[t] - (labelSmoothing * add(row)) / classes;
      });
      return reduced(losses, reduction, count);
    },
    shape: reduction === "none" ? rows : [],
    atol: 1e-5 * scale * (reduction === "sum" ? sizeOf(rows) : 1),
  };
}

const crossEntropies: OpCase[] = [
  crossEntropyRow("fours", [13], 24),
  crossEntropyRow("one class", [3], 1),
  crossEntropyRow("odd classes, sum", [65], 63, { reduction: "sum" }),
  crossEntropyRow("by row", [3, 5], 10, { reduction: "none" }),
  crossEntropyRow("smoothing", [13], 17, { labelSmoothing: 0.1 }),
  crossEntropyRow("an ignored class", [40], 4, { ignoreIndex: 2 }),
  crossEntropyRow("smoothing and an ignored class", [40], 5, { labelSmoothing: 0.2, ignoreIndex: 1 }),
  crossEntropyRow("an ignored class by row", [40], 3, { ignoreIndex: 0, reduction: "none" }),
  crossEntropyRow("logits in the hundreds", [8], 52, {}, 100),
  crossEntropyRow("many classes", [2], 2051),
  { ...crossEntropyRow("more rows than 65 535", [70_001], 3), gradient: false },
  { ...crossEntropyRow("more rows of a subgroup than 65 535", [66_001], 20), gradient: false },
];

function mseRow(label: string, shape: number[], reduction: LossReduction): OpCase {
  return {
    op: "mse",
    label,
    inputs: [{ shape }, { shape }],
    run: ([x, y]) => mse(x, y, { reduction }),
    reference: ([x, y]) =>
      reduced(
        Array.from(x.data, (value, i) => (value - y.data[i]) ** 2),
        reduction,
      ),
    shape: reduction === "none" ? shape : [],
    atol: 1e-5 * (reduction === "sum" ? Math.sqrt(sizeOf(shape)) : 1),
  };
}

function binaryRow(
  label: string,
  shape: number[],
  {
    weighted = false,
    scale = 1,
    ...options
  }: BinaryCrossEntropyOptions & { weighted?: boolean; scale?: number } = {},
): OpCase {
  const { reduction = "mean" } = options;
  const classes = shape[shape.length - 1];
  const log1p = (x: number) => Math.log1p(Math.exp(-Math.abs(x)));
  return {
    op: "bce_with_logits",
    label,
    inputs: [
      { shape, scale },
      { shape, draw: "unit", gradient: false },
      ...(weighted ? [{ shape: [classes], draw: "positive", gradient: false } as const] : []),
    ],
    run: ([x, target, posWeight]) => bceWithLogits(x, target, { ...options, posWeight }),
    reference: ([x, target, weight]: readonly (Values | undefined)[]) =>
      reduced(
        Array.from(x?.data ?? [], (value, i) => {
          const t = target?.data[i] ?? 0;
          const w = weight?.data[i % classes] ?? 1;
          return w * t * (log1p(value) + Math.max(-value, 0)) + (1 - t) * (log1p(value) + Math.max(value, 0));
        }),
        reduction,
      ),
    shape: reduction === "none" ? shape : [],
    atol: 1e-5 * scale * (reduction === "sum" ? sizeOf(shape) : 1),
  };
}

function infonceRow(label: string, shape: number[], tau: number): OpCase {
  const [n, width] = shape.slice(-2);
  const clips = sizeOf(shape.slice(0, -2));
  return {
    op: "infonce",
    label,
    inputs: [{ shape }, { shape }],
    run: ([x, c]) => infonce(x, c, { tau }),
    reference: ([x, c]) => {
      const losses = Array.from({ length: clips * n }, (_, at) => {
        const [clip, i] = [Math.floor(at / n), at % n];
        const row = new Array<number>(n).fill(0);
        for (let j = 0; j < n; j++) {
          for (let k = 0; k < width; k++)
            row[j] += x.data[at * width + k] * c.data[(clip * n + j) * width + k];
          row[j] /= tau;
        }
        return logSumExp(row) - row[i];
      });
      return [add(losses) / losses.length];
    },
    shape: [],
    atol: 1e-4,
    gradientAtol: 2e-4,
  };
}

export const cases: OpCase[] = [
  ...crossEntropies,
  mseRow("mean", [6, 11], "mean"),
  mseRow("one element", [1], "mean"),
  mseRow("sum", [3, 4, 5], "sum"),
  mseRow("by element", [3, 7], "none"),
  mseRow("in two phases", [9, 4001], "mean"),
  { ...mseRow("a million elements", [1_000_003], "mean"), gradient: false },
  binaryRow("mean", [16, 50]),
  binaryRow("sum", [9, 13], { reduction: "sum" }),
  binaryRow("by element", [3, 7], { reduction: "none" }),
  binaryRow("weighted, odd", [8, 7], { weighted: true }),
  binaryRow("weighted, fours", [8, 12], { weighted: true, reduction: "sum" }),
  binaryRow("logits in the hundreds", [5, 9], { scale: 100 }),
  infonceRow("one clip", [12, 64], 8),
  infonceRow("a batch", [3, 17, 48], 7),
  infonceRow("two of one", [2, 1, 5], 1),
  infonceRow("odd sizes", [2, 63, 9], 3),
  crossEntropyRow("no rows, sum", [0], 5, { reduction: "sum" }),
  crossEntropyRow("no rows, by row", [3, 0], 8, { reduction: "none" }),
  mseRow("nothing, sum", [0, 4], "sum"),
  mseRow("nothing, by element", [3, 0], "none"),
  binaryRow("nothing, sum", [0, 7], { weighted: true, reduction: "sum" }),
  binaryRow("nothing, by element", [3, 0], { reduction: "none" }),
  infonceRow("rows without an element", [2, 3, 0], 1),
];
