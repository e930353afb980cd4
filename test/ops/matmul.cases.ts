// Rows of the op table: matrix products in every transposition, broadcast and shape, and the linear layer with its epilogues.
import { linear } from "../../src/ops/linear.js";
import { matmul } from "../../src/ops/matmul.js";
import type { GeluForm } from "../../src/ops/matmul-kernels.js";
import { mlp } from "../../src/ops/mlp.js";
import { broadcastShapes, broadcastStrides, type Shape, sizeOf } from "../../src/tensor/shape.js";
import type { OpCase } from "./case.js";
import { build, erf, unravel } from "./reference.js";

function swapped(shape: Shape, swap: boolean): Shape {
  return swap ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]] : shape;
}

/** Where each matrix of the broadcast batch starts in an operand. */
function starts(operand: Shape, batch: Shape): number[] {
  const [rows, columns] = operand.slice(-2);
  const strides = broadcastStrides(operand.slice(0, -2), batch).map((stride) => stride * rows * columns);
  return Array.from({ length: sizeOf(batch) }, (_, i) =>
    unravel(i, batch).reduce((offset, at, axis) => offset + at * strides[axis], 0),
  );
}

function matmulRow(
  label: string,
  a: Shape,
  b: Shape,
  { transposeA = false, transposeB = false, gradient = true } = {},
): OpCase {
  const [m, k] = a.slice(-2);
  const n = b[b.length - 1];
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2));
  const shape = [...batch, m, n];
  return {
    op: "matmul",
    label,
    inputs: [{ shape: swapped(a, transposeA) }, { shape: swapped(b, transposeB) }],
    run: ([x, y]) => matmul(x, y, { transposeA, transposeB }),
    reference: ([{ data: x }, { data: y }]) => {
      const out = new Float64Array(sizeOf(shape));
      const [stepI, stepL] = transposeA ? [1, m] : [k, 1];
      const [rowL, columnJ] = transposeB ? [1, k] : [n, 1];
      const startX = starts(a, batch);
      const startY = starts(b, batch);
      for (let at = 0; at < out.length; at++) {
        const z = Math.floor(at / (m * n));
        const first = startX[z] + (Math.floor(at / n) % m) * stepI;
        const second = startY[z] + (at % n) * columnJ;
        let sum = 0;
        for (let l = 0; l < k; l++) sum += x[first + l * stepL] * y[second + l * rowL];
        out[at] = sum;
      }
      return out;
    },
    atol: 2e-6 * k,
    shape,
    gradient,
  };
}

const vectors: OpCase[] = [
  {
    op: "matmul",
    label: "row vector by matrix",
    inputs: [{ shape: [5] }, { shape: [5, 3] }],
    run: ([x, y]) => matmul(x, y),
    reference: ([x, y]) => build([3], ([j]) => x.data.reduce((sum, v, i) => sum + v * y.data[i * 3 + j], 0)),
    shape: [3],
  },
  {
    op: "matmul",
    label: "matrix by column vector",
    inputs: [{ shape: [2, 4, 5] }, { shape: [5] }],
    run: ([x, y]) => matmul(x, y),
    reference: ([x, y]) => build([8], ([i]) => y.data.reduce((sum, v, j) => sum + v * x.data[i * 5 + j], 0)),
    shape: [2, 4],
  },
  {
    op: "matmul",
    label: "vector by vector",
    inputs: [{ shape: [65] }, { shape: [65] }],
    run: ([x, y]) => matmul(x, y),
    reference: ([x, y]) => [x.data.reduce((sum, v, i) => sum + v * y.data[i], 0)],
    shape: [],
  },
];

function geluOf(form: GeluForm): (x: number) => number {
  if (form === "tanh")
    return (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  return form ? (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) : (x) => x;
}

interface LinearRowOptions {
  bias?: boolean;
  gelu?: GeluForm;
  residual?: boolean;
  gradient?: boolean;
}

function linearRow(
  label: string,
  x: Shape,
  outputs: number,
  { bias = true, gelu = false, residual = false, gradient = true }: LinearRowOptions = {},
): OpCase {
  const activate = geluOf(gelu);
  const width = x[x.length - 1];
  const shape = [...x.slice(0, -1), outputs];
  const inputs = [{ shape: x }, { shape: [outputs, width] }];
  if (bias) inputs.push({ shape: [outputs] });
  if (residual) inputs.push({ shape });
  return {
    op: "linear",
    label,
    inputs,
    run: (given) =>
      linear(given[0], given[1], bias ? given[2] : undefined, {
        gelu,
        residual: residual ? given[given.length - 1] : undefined,
      }),
    reference: (given) => {
      const [{ data }, weight] = given;
      return Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
        const row = Math.floor(at / outputs);
        const column = at % outputs;
        let sum = bias ? given[2].data[column] : 0;
        for (let i = 0; i < width; i++) sum += data[row * width + i] * weight.data[column * width + i];
        sum = activate(sum);
        return residual ? sum + given[given.length - 1].data[row * outputs + column] : sum;
      });
    },
    atol: 2e-6 * width,
    shape,
    gradient,
  };
}

function mlpRow(
  label: string,
  x: Shape,
  [inner, outputs]: readonly [number, number],
  { gelu = true, residual = false }: { gelu?: true | "tanh"; residual?: boolean } = {},
): OpCase {
  const width = x[x.length - 1];
  const shape = [...x.slice(0, -1), outputs];
  const shapes: Shape[] = [x, [inner, width], [inner], [outputs, inner], [outputs]];
  if (residual) shapes.push(shape);
  const rows = sizeOf(x.slice(0, -1));
  const layer = (
    data: ArrayLike<number>,
    inputs: number,
    weight: ArrayLike<number>,
    bias: ArrayLike<number>,
    f = (x: number) => x,
  ) =>
    Float64Array.from({ length: rows * bias.length }, (_, at) => {
      const row = Math.floor(at / bias.length);
      const column = at % bias.length;
      let sum = bias[column];
      for (let i = 0; i < inputs; i++) sum += data[row * inputs + i] * weight[column * inputs + i];
      return f(sum);
    });
  return {
    op: "mlp",
    label,
    inputs: shapes.map((each, i) => ({ shape: each, scale: i === 1 || i === 3 ? 0.4 : 1 })),
    run: ([input, weight1, bias1, weight2, bias2, added]) =>
      mlp(input, { weight1, bias1, weight2, bias2 }, { gelu, residual: added }),
    reference: ([input, w1, b1, w2, b2, added]) => {
      const hidden = layer(input.data, width, w1.data, b1.data, geluOf(gelu));
      return layer(hidden, inner, w2.data, b2.data).map((value, i) => value + (added?.data[i] ?? 0));
    },
    atol: 2e-6 * (width + inner),
    shape,
  };
}

const emptyProducts: OpCase[] = [
  matmulRow("a summed axis of nothing", [2, 0], [0, 3]),
  matmulRow("a summed axis of nothing, Aᵀ·Bᵀ", [8, 0], [0, 12], { transposeA: true, transposeB: true }),
  matmulRow("a summed axis of nothing, batch", [2, 4, 0], [2, 0, 3]),
  matmulRow("no rows", [0, 5], [5, 3]),
  matmulRow("no columns", [2, 5], [5, 0]),
  matmulRow("no columns, A·Bᵀ", [2, 5], [5, 0], { transposeB: true }),
  matmulRow("no matrices", [0, 2, 5], [5, 3]),
  matmulRow("no matrices, both", [0, 2, 5], [0, 5, 3]),
  matmulRow("no matrices, repeated", [1, 2, 5], [0, 5, 3]),
  mlpRow("no rows", [0, 8], [12, 4], { residual: true }),
  mlpRow("nothing hidden", [3, 8], [0, 4]),
  mlpRow("no inputs", [3, 0], [5, 4], { gelu: "tanh" }),
  linearRow("no rows", [2, 0, 5], 3, { gelu: true, residual: true }),
  linearRow("no inputs", [4, 0], 3, { gelu: true }),
  linearRow("no inputs, residual, no bias", [4, 0], 8, { residual: true, bias: false }),
  linearRow("no outputs", [4, 5], 0),
];

export const cases: OpCase[] = [
  mlpRow("odd", [7, 33], [19, 21]),
  mlpRow("aligned, residual", [2, 33, 20], [40, 20], { residual: true }),
  mlpRow("tanh, residual", [66, 12], [48, 12], { gelu: "tanh", residual: true }),
  mlpRow("one row", [5], [3, 2], { gelu: "tanh" }),
  matmulRow("one number", [1, 1], [1, 1]),
  matmulRow("odd", [3, 63], [63, 5]),
  matmulRow("around a tile", [65, 33], [33, 67]),
  matmulRow("aligned", [64, 32], [32, 96]),
  matmulRow("aligned, few rows", [4, 128], [128, 160]),
  matmulRow("one row", [1, 257], [257, 65]),
  matmulRow("one column", [65, 257], [257, 1]),
  matmulRow("outer product", [33, 1], [1, 47]),
  matmulRow("long sum, small result", [8, 1024], [1024, 12]),
  matmulRow("Aᵀ·B", [37, 53], [53, 29], { transposeA: true }),
  matmulRow("A·Bᵀ", [37, 53], [53, 29], { transposeB: true }),
  matmulRow("Aᵀ·Bᵀ", [37, 53], [53, 29], { transposeA: true, transposeB: true }),
  matmulRow("Aᵀ·B aligned", [40, 56], [56, 36], { transposeA: true }),
  matmulRow("A·Bᵀ aligned", [40, 56], [56, 36], { transposeB: true }),
  matmulRow("Aᵀ·Bᵀ aligned", [40, 56], [56, 36], { transposeA: true, transposeB: true }),
  matmulRow("batch", [3, 17, 9], [3, 9, 13]),
  matmulRow("batch of tiles", [2, 40, 64], [2, 64, 48]),
  matmulRow("batch, Aᵀ·B", [2, 3, 17, 8], [2, 3, 8, 5], { transposeA: true }),
  matmulRow("batch, A·Bᵀ", [2, 3, 17, 8], [2, 3, 8, 19], { transposeB: true }),
  matmulRow("one right matrix", [4, 17, 9], [9, 13]),
  matmulRow("one right matrix, transposed", [4, 17, 9], [1, 9, 13], { transposeB: true }),
  matmulRow("one right matrix for transposed left ones", [4, 17, 9], [9, 13], { transposeA: true }),
  matmulRow("one left matrix", [17, 9], [3, 9, 5]),
  matmulRow("both repeat", [2, 1, 7, 5], [1, 3, 5, 4]),
  matmulRow("more than 65 535 rows", [65_537, 3], [3, 2], { gradient: false }),
  matmulRow("more than 65 535 matrices", [65_537, 1, 2], [65_537, 2, 1], { gradient: false }),
  ...vectors,
  linearRow("two axes", [19, 33], 21),
  linearRow("three axes, aligned", [2, 24, 64], 32),
  linearRow("without bias", [3, 5, 17], 9, { bias: false }),
  linearRow("one row", [1, 130], 67),
  linearRow("one input, one output", [5, 1], 1),
  linearRow("a single vector", [8], 3),
  linearRow("GELU", [7, 33], 21, { gelu: true }),
  linearRow("GELU, aligned, many rows", [130, 36], 44, { gelu: true }),
  linearRow("tanh GELU", [7, 33], 21, { gelu: "tanh" }),
  linearRow("tanh GELU and residual, aligned", [66, 36], 44, { gelu: "tanh", residual: true }),
  linearRow("residual", [6, 33], 21, { residual: true }),
  linearRow("GELU and residual, aligned, no bias", [2, 33, 32], 40, {
    gelu: true,
    residual: true,
    bias: false,
  }),
  linearRow("more than 65 535 rows", [65_537, 4], 4, { gradient: false }),
  ...emptyProducts,
];
