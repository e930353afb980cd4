// Rows of the op table: layer norm in every combination of parameters and widths, normalize and cosine similarity.
import { layerNorm } from "../../src/ops/layer-norm.js";
import { cosineSimilarity, normalize } from "../../src/ops/normalize.js";
import { broadcastShapes } from "../../src/tensor/shape.js";
import type { InputSpec, OpCase, Values } from "./case.js";
import { add, along, collapse } from "./lanes.js";
import { zip } from "./reference.js";

function layerNormRow(
  label: string,
  shape: number[],
  { weight = true, bias = true, eps = 1e-5, scale = 1 } = {},
): OpCase {
  const width = shape[shape.length - 1];
  const inputs: InputSpec[] = [{ shape, scale }];
  if (weight) inputs.push({ shape: [width] });
  if (bias) inputs.push({ shape: [width] });
  return {
    op: "layer_norm",
    label,
    inputs,
    run: ([x, ...rest]) =>
      layerNorm(x, weight ? rest[0] : undefined, bias ? rest[rest.length - 1] : undefined, { eps }),
    reference: ([x, ...rest]) =>
      along(x, shape.length - 1, (row) => {
        const mean = add(row) / width;
        const deviation = Math.sqrt(add(row.map((value) => (value - mean) ** 2)) / width + eps);
        return row.map(
          (value, i) =>
            ((value - mean) / deviation) * (weight ? rest[0].data[i] : 1) +
            (bias ? rest[rest.length - 1].data[i] : 0),
        );
      }),
    shape,
  };
}

const lengthOf = (vector: readonly number[]) => Math.sqrt(add(vector.map((x) => x * x)));

function normalizeRow(label: string, shape: number[], dim: number): OpCase {
  const axis = dim < 0 ? dim + shape.length : dim;
  return {
    op: "normalize",
    label,
    inputs: [{ shape }],
    run: ([x]) => normalize(x, { dim }),
    reference: ([x]) => along(x, axis, (vector) => vector.map((value) => value / lengthOf(vector))),
    shape,
  };
}

const limited: OpCase = {
  op: "normalize",
  label: "vectors shorter than eps",
  inputs: [{ shape: [4, 6], scale: 0.01 }],
  run: ([x]) => normalize(x, { eps: 2 }),
  reference: ([x]) => x.data.map((value) => value / 2),
};

function cosineRow(label: string, a: number[], b: number[], dim: number): OpCase {
  const shape = broadcastShapes(a, b);
  const axis = dim < 0 ? dim + shape.length : dim;
  const units = (x: Values): Values => ({
    shape: x.shape,
    data: along(x, axis - shape.length + x.shape.length, (vector) =>
      vector.map((value) => value / lengthOf(vector)),
    ),
  });
  return {
    op: dim === -1 && String(a) === String(b) ? "cosine_rows" : "cosine_similarity",
    label,
    // A vector of one number near 0 has no direction in float32: its gradient is rounding over its length.
    inputs: [a, b].map((own) => ({ shape: own, draw: shape[axis] === 1 ? "positive" : "normal" })),
    run: ([x, y]) => cosineSimilarity(x, y, { dim }),
    reference: ([x, y]) =>
      collapse({ data: zip(shape, [units(x), units(y)], (u, v) => u * v), shape }, [axis], add),
    shape: shape.toSpliced(axis, 1),
  };
}

export const cases: OpCase[] = [
  layerNormRow("two axes", [9, 32]),
  layerNormRow("three axes, eps 1e-6", [2, 5, 24], { eps: 1e-6 }),
  layerNormRow("one row", [64]),
  layerNormRow("width 3", [5, 3]),
  layerNormRow("width 63", [3, 63]),
  layerNormRow("width 65", [65, 65]),
  layerNormRow("width 1028", [3, 1028]),
  layerNormRow("width 4100", [2, 4100]),
  layerNormRow("many rows, parameters in two phases", [300, 20]),
  layerNormRow("no parameters", [7, 65], { weight: false, bias: false }),
  layerNormRow("a weight alone", [7, 12], { bias: false }),
  layerNormRow("a bias alone", [7, 12], { weight: false }),
  layerNormRow("large values", [6, 33], { scale: 100 }),
  { ...layerNormRow("more rows than 65 535", [70_001, 4]), gradient: false },
  {
    ...layerNormRow("an offset of the rows", [8, 48]),
    run: ([x, weight, bias]) => layerNorm(x.add(100), weight, bias),
    atol: 1e-3, // x + 100 rounds to 4e-6, and the deviation is about 1
    gradientAtol: 1e-3,
  },
  normalizeRow("rows", [7, 33], -1),
  normalizeRow("a middle axis", [3, 9, 5], 1),
  normalizeRow("columns of fours", [65, 8], 0),
  { ...normalizeRow("more rows than 65 535", [70_001, 5], -1), gradient: false },
  limited,
  cosineRow("rows", [7, 33], [7, 33], -1),
  cosineRow("rows of vec4s", [3, 5, 64], [3, 5, 64], -1),
  cosineRow("one number a row", [65, 1], [65, 1], -1),
  cosineRow("every pair", [6, 1, 17], [1, 5, 17], -1),
  cosineRow("the first axis", [9, 4], [9, 4], 0),
  cosineRow("operands of different rank", [3, 4, 12], [12], -1),
  layerNormRow("no rows", [0, 32]),
  layerNormRow("no rows, odd", [2, 0, 7]),
  layerNormRow("rows without an element", [5, 0]),
  normalizeRow("no rows", [0, 33], -1),
  normalizeRow("rows without an element", [5, 0], -1),
  normalizeRow("no columns", [3, 4, 0], 1),
  cosineRow("no rows", [0, 33], [0, 33], -1),
  cosineRow("rows without an element", [7, 0], [7, 0], -1),
  cosineRow("columns without an element", [0, 4], [0, 4], 0),
  cosineRow("no pair", [0, 1, 7], [1, 5, 7], -1),
];
