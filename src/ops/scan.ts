// What walks an axis in order: cumsum, argmax and topk.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, reducedShape, resolveAxis, rowsOf, type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { teamKernel } from "./alternatives.js";
import { defineOp, result } from "./define.js";
import { foldLanes } from "./launch.js";
import { blocksOf, byRows } from "./pieces.js";
import { type View3, viewAround } from "./reduction.js";
import { planTeams } from "./row-teams.js";
import { reshape, transpose } from "./view.js";

interface ScanMode {
  reverse?: boolean;
  exclusive?: boolean;
}

/** Invocations that fill the machine. */
function enough(x: Tensor): number {
  return x.gpu.device.capabilities.software ? 512 : 16384;
}

function runningSum(x: Tensor, { outer, reduce, inner }: View3, mode: ScanMode): Tensor {
  const out = x.gpu.empty(x.shape);
  if (x.size > 0) {
    byRows(outer, [x, out], ([x, out], outer) => runInto(x, { outer, reduce, inner }, mode, out));
  }
  return out;
}

function runInto(
  x: Tensor,
  { outer, reduce, inner }: View3,
  { reverse = false, exclusive = false }: ScanMode,
  out: Tensor,
): void {
  const { device } = x.gpu;
  const columns = outer * inner;
  const vec = inner === 1 && reduce % 4 === 0;
  const width = vec ? 4 : 1;
  const short = reduce <= 64 || (columns >= enough(x) && reduce <= 1024);
  const run = short ? reduce : Math.max(32, Math.ceil(Math.sqrt(reduce)));
  const chunk = Math.ceil(run / width);
  const items = reduce / width;
  const parts = Math.ceil(items / chunk);
  const count = columns * parts;
  const params = { count, reduce: items, inner, parts, chunk };
  const groups = foldLanes(count);
  const launch = (out: Tensor, offsets: Tensor | undefined, totals: boolean) => {
    const defines = { VEC: vec, REVERSE: reverse, EXCLUSIVE: exclusive && !totals, TOTALS: totals };
    const kernel = device.kernel("scan/cumsum", { ...defines, OFFSET: offsets !== undefined });
    device.run(kernel, [x.block, (offsets ?? x).block, out.block], params, groups);
    return out;
  };
  if (parts === 1) {
    launch(out, undefined, false);
    return;
  }
  const totals = launch(x.gpu.empty([outer, parts, inner]), undefined, true);
  const offsets = runningSum(totals, { outer, reduce: parts, inner }, { exclusive: true });
  launch(out, offsets, false);
  totals.dispose();
  offsets.dispose();
}

const cumsumOp = defineOp<{ axis: number }>({
  name: "cumsum",
  doc: "Running sums along an axis.",
  forward: ([x], { axis }) => result(runningSum(x, viewAround(x.shape, axis), {})),
  backward: ({ grad, options: { axis } }) => [
    runningSum(grad, viewAround(grad.shape, axis), { reverse: true }),
  ],
});

/** y[i] = x[0] + … + x[i] along `dim` (default the last axis). */
export function cumsum(x: Tensor, { dim = -1 }: { dim?: number } = {}): Tensor {
  return cumsumOp([x], { axis: resolveAxis(dim, x.rank) });
}

/** Indices of the largest elements, into `out`; see scan/argmax. */
function largestPlaces(x: Tensor, places: Tensor | undefined, view: View3, out: Tensor): void {
  const { outer, reduce, inner } = view;
  const { device } = x.gpu;
  const columns = outer * inner;
  const most = Math.floor(reduce / 16);
  const parts = Math.max(1, Math.min(Math.ceil(enough(x) / columns), most));
  const single = parts === 1;
  const partial = [outer, parts, inner];
  const values = x.gpu.empty(partial);
  const indices = single ? out : x.gpu.empty(partial, { dtype: "i32" });
  const count = columns * parts;
  device.run(
    device.kernel("scan/argmax", { INDEXED: places !== undefined }),
    blocksOf([x, places ?? x, values, indices]),
    { count, reduce, inner, parts },
    foldLanes(count),
  );
  if (!single) {
    largestPlaces(values, indices, { outer, reduce: parts, inner }, out);
    indices.dispose();
  }
  values.dispose();
}

const argmaxOp = defineOp<{ view: View3; shape: Shape }>({
  name: "argmax",
  doc: "The index of the largest element along an axis, the first of equal ones.",
  forward([x], { view, shape }) {
    if (x.size === 0 && sizeOf(shape) > 0) {
      throw new ShapeError(`argmax: ${formatShape(x.shape)} has no element to choose from.`);
    }
    const out = x.gpu.empty(shape, { dtype: "i32" });
    byRows(view.outer, [x, out], ([x, out], outer) => {
      largestPlaces(x, undefined, { ...view, outer }, out);
    });
    return result(out);
  },
});

/** i32 indices of the largest elements along `dim`; of the flattened tensor where `dim` is null or not given. */
export function argmax(
  x: Tensor,
  { dim = null, keepDim = false }: { dim?: number | null; keepDim?: boolean } = {},
): Tensor {
  if (dim === null) {
    const axes = x.shape.map((_, axis) => axis);
    const view = { outer: 1, reduce: x.size, inner: 1 };
    return argmaxOp([x], { view, shape: reducedShape(x.shape, axes, keepDim) });
  }
  const axis = resolveAxis(dim, x.rank);
  return argmaxOp([x], {
    view: viewAround(x.shape, axis),
    shape: reducedShape(x.shape, x.rank === 0 ? [] : [axis], keepDim),
  });
}

/** Elements that one team of topk searches, where k allows: long enough for what is left to be little. */
const topkRun = 1024;

/** Fills `values` and `indices`, [rows, k], from x [rows, n]. */
function rankInto(
  x: Tensor,
  places: Tensor | undefined,
  [rows, n, k]: [number, number, number],
  sign: number,
  values: Tensor,
  indices: Tensor,
): void {
  if (values.size === 0) return;
  const { gpu } = x;
  const vec = n % 4 === 0;
  const width = vec ? 4 : 1;
  const chunk = Math.ceil(Math.min(n, Math.max(topkRun, 4 * k)) / width);
  const items = n / width;
  const parts = Math.ceil(items / chunk);
  const single = parts === 1;
  const best = single ? values : gpu.empty([rows, parts * k]);
  const kept = single ? indices : gpu.empty([rows, parts * k], { dtype: "i32" });
  const runs = rows * parts;
  const { device } = gpu;
  const rest = { INDEXED: places !== undefined };
  const { kernel, groups } = teamKernel(device, "scan/topk", rest, (team) =>
    planTeams(device.capabilities, runs, chunk * width, vec, team),
  );
  device.run(
    kernel,
    blocksOf([x, places ?? x, best, kept]),
    { runs, items, parts, chunk, k, flip: sign > 0 ? 0 : 0xffffffff },
    groups,
  );
  if (single) return;
  rankInto(best, kept, [rows, parts * k, k], sign, values, indices);
  best.dispose();
  kept.dispose();
}

const topkOp = defineOp<{ k: number; sign: number; indices: Tensor }>({
  name: "topk",
  doc: "The k largest elements of every row, in order; the gradient goes to where they came from.",
  forward([x], { k, sign, indices }) {
    const n = x.shape[x.rank - 1];
    const values = x.gpu.empty([...x.shape.slice(0, -1), k]);
    byRows(rowsOf(x.shape), [x, values, indices], ([x, values, indices], rows) => {
      rankInto(x, undefined, [rows, n, k], sign, values, indices);
    });
    return result(values);
  },
  backward({ grad, inputs: [x], options: { k, indices } }) {
    const dx = x.gpu.zeros(x.shape);
    const { device } = x.gpu;
    byRows(rowsOf(x.shape), [grad, indices, dx], (parts, rows) => {
      const params = { count: rows * k, n: x.shape[x.rank - 1], k };
      const groups = foldLanes(rows * k);
      device.run(device.kernel("scan/scatter"), blocksOf(parts), params, groups);
    });
    return [dx];
  },
});

/** Along which axis, and which end. */
export interface TopkOptions {
  /** Default the last axis. */
  dim?: number;
  /** false for the smallest. */
  largest?: boolean;
}

/** What `topk` gives: of the shape of x with k places along the axis. */
export type TopkResult = {
  /** f32, with a gradient. */
  values: Tensor;
  /** i32. */
  indices: Tensor;
};

/** The k largest elements along `dim` in falling order, and their i32 indices. Of equal ones the first comes first. Throws ShapeError where the axis is shorter than k. */
export function topk(x: Tensor, k: number, { dim = -1, largest = true }: TopkOptions = {}): TopkResult {
  const flat = x.rank === 0 ? reshape(x, [1]) : x;
  const axis = resolveAxis(dim, flat.rank);
  if (!Number.isInteger(k) || k < 0 || k > flat.shape[axis]) {
    throw new ShapeError(
      `topk: k is ${k}, but axis ${dim} of ${formatShape(x.shape)} has ${flat.shape[axis]} places.`,
    );
  }
  const last = axis === flat.rank - 1;
  const source = last ? flat : transpose(flat, axis, -1);
  const indices = x.gpu.empty([...source.shape.slice(0, -1), k], { dtype: "i32" });
  const values = topkOp([source], { k, sign: largest ? 1 : -1, indices });
  if (last) return { values, indices };
  return { values: transpose(values, axis, -1), indices: transpose(indices, axis, -1) };
}
