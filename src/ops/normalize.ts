// Vectors of length one and the cosine between vectors, along any axis. Built of the reduction kernels.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, resolveAxis, rowsOf, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./broadcast.js";
import { defineOp } from "./define.js";
import { combine } from "./elementwise.js";
import { blocksOf, byRows } from "./pieces.js";
import { reduceInto, spread, viewAround } from "./reduction.js";
import { planRows } from "./row-teams.js";

interface Resolved {
  axis: number;
  eps: number;
}

/** Vectors of length one and what they were divided by: max(|x|, eps), with the axis kept. */
interface Units {
  unit: Tensor;
  length: Tensor;
}

function sumOver(x: Tensor, axis: number, keepDim: boolean): Tensor {
  const shape = keepDim ? x.shape.map((n, i) => (i === axis ? 1 : n)) : x.shape.toSpliced(axis, 1);
  const out = x.gpu.empty(shape);
  reduceInto(x, viewAround(x.shape, axis), { kind: "sum" }, out);
  return out;
}

function unitVectors(x: Tensor, { axis, eps }: Resolved): Units {
  const view = viewAround(x.shape, axis);
  const length = x.gpu.empty(x.shape.map((n, i) => (i === axis ? 1 : n)));
  const finish = "max(sqrt(r), RESULT(p.scale))";
  reduceInto(x, view, { kind: "sum", map: "x * x", finish, scale: eps }, length);
  return { unit: spread(x.shape, view, { expression: "x / a", x, a: length }), length };
}

/** (g − u·(g·u)) / length; where eps took the place of the length, that does not depend on x: g / eps. */
function unitGradient(grad: Tensor, { unit, length }: Units, { axis, eps }: Resolved): Tensor {
  const view = viewAround(unit.shape, axis);
  const along = sumOver(combine("a * b", grad, unit), axis, true);
  const limited = combine(`a * sign(b - f32(${eps}))`, along, length);
  const turned = spread(unit.shape, view, { expression: "x * a", x: unit, a: limited });
  const across = combine("a - b", grad, turned);
  return spread(unit.shape, view, { expression: "x / a", x: across, a: length });
}

const normalizeOp = defineOp<Resolved, Units>({
  name: "normalize",
  doc: "x / max(|x|, eps) along an axis.",
  forward([x], options) {
    const saved = unitVectors(x, options);
    return { output: saved.unit, saved };
  },
  backward: ({ grad, options, saved }) => [unitGradient(grad, saved, options)],
});

/** x divided by its L2 norm along `dim` (default the last axis), which counts as at least `eps` (default 1e-12). */
export function normalize(x: Tensor, { dim = -1, eps = 1e-12 }: { dim?: number; eps?: number } = {}): Tensor {
  return normalizeOp([x], { axis: resolveAxis(dim, x.rank), eps });
}

const cosineOp = defineOp<{ fromEnd: number; eps: number }, Units[]>({
  name: "cosine_similarity",
  doc: "a·b / (max(|a|, eps)·max(|b|, eps)) along an axis; the others broadcast.",
  forward(inputs, { fromEnd, eps }) {
    const saved = inputs.map((x) => unitVectors(x, { axis: x.rank + fromEnd, eps }));
    const products = combine("a * b", saved[0].unit, saved[1].unit);
    return { output: sumOver(products, products.rank + fromEnd, false), saved };
  },
  backward({ grad, inputs, output, options: { fromEnd, eps }, saved, needs }) {
    const axis = output.rank + 1 + fromEnd;
    const upstream = grad.alias(output.shape.toSpliced(axis, 0, 1));
    return inputs.map((x, i) => {
      if (!needs[i]) return undefined;
      const own = sumTo(combine("a * b", saved[1 - i].unit, upstream), x.shape);
      return unitGradient(own, saved[i], { axis: x.rank + fromEnd, eps });
    });
  },
});

/** The last axis of two tensors of one shape, in one walk. */
const cosineRowsOp = defineOp<{ eps: number }, { lengths: Tensor }>({
  name: "cosine_rows",
  doc: "a·b / (max(|a|, eps)·max(|b|, eps)) along the last axis of two tensors of one shape.",
  forward([a, b], { eps }) {
    const width = a.shape[a.rank - 1];
    const rows = rowsOf(a.shape);
    const { device } = a.gpu;
    const output = a.gpu.empty(a.shape.slice(0, -1));
    const lengths = a.gpu.empty([rows, 2]);
    byRows(rows, [output, lengths, a, b], (parts, rows) => {
      const { kernel, items, groups } = planRows(a, [rows, width], "norm/cosine", {});
      device.run(kernel, blocksOf(parts), { rows, items, eps }, groups);
    });
    return { output, saved: { lengths } };
  },
  backward({ grad, inputs, output, options: { eps }, saved: { lengths }, needs }) {
    return inputs.map((x, i) => {
      if (!needs[i]) return undefined;
      const width = x.shape[x.rank - 1];
      const rows = rowsOf(x.shape);
      const out = x.gpu.empty(x.shape);
      const second = { SECOND: i === 1 };
      byRows(rows, [out, grad, output, lengths, x, inputs[1 - i]], (parts, rows) => {
        const { kernel, items, groups } = planRows(x, [rows, width], "norm/cosine_backward", second);
        x.gpu.device.run(kernel, blocksOf(parts), { rows, items, eps }, groups);
      });
      return out;
    });
  },
});

/**
 * The cosine of the angle between a and b along `dim` (default the last axis), which both must have in full; the other
 * axes broadcast. Each norm counts as at least `eps` (default 1e-8).
 */
export function cosineSimilarity(
  a: Tensor,
  b: Tensor,
  { dim = -1, eps = 1e-8 }: { dim?: number; eps?: number } = {},
): Tensor {
  const rank = Math.max(a.rank, b.rank);
  const fromEnd = resolveAxis(dim, rank) - rank;
  if (a.shape.at(fromEnd) === undefined || a.shape.at(fromEnd) !== b.shape.at(fromEnd)) {
    throw new ShapeError(
      `cosineSimilarity: ${formatShape(a.shape)} and ${formatShape(b.shape)} differ along axis ${dim}: broadcastTo one.`,
    );
  }
  if (fromEnd === -1 && sameShape(a.shape, b.shape)) return cosineRowsOp([a, b], { eps });
  return cosineOp([a, b], { fromEnd, eps });
}
