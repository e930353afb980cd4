// Movement by indices that live on the device: gather, index_select and their reverse, scatter_add. Sums that meet at one
// place are added in the order of the index, without atomics, so that the same input gives the same bits.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, mergeAxes, resolveAxis, type Shape, sizeOf, stridesOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { filled } from "./fill.js";
import { foldLanes, runElements } from "./launch.js";
import { slice } from "./move.js";
import { blocksOf, cutters } from "./pieces.js";
import { stridedCopy } from "./strided.js";

/** x as [outer, rows, inner] around an axis, and how the index is read: at o·io + j·ij + i·ii. */
export interface Layout {
  outer: number;
  rows: number;
  picks: number;
  inner: number;
  io: number;
  ij: number;
  ii: number;
}

function layoutOf(shape: Shape, axis: number, index: Tensor): Layout {
  const outer = sizeOf(shape.slice(0, axis));
  const inner = sizeOf(shape.slice(axis + 1));
  const rows = shape[axis];
  if (index.rank === 1 && shape.length !== 1) {
    return { outer, rows, picks: index.size, inner, io: 0, ij: 1, ii: 0 };
  }
  const picks = index.shape[axis];
  return { outer, rows, picks, inner, io: picks * inner, ij: inner, ii: 1 };
}

const nan = "0x7fc00000u";

declare module "./pieces.js" {
  interface Cutters {
    /** `pickInto` in pieces. */
    pick(x: Tensor, index: Tensor, layout: Layout, out: Tensor, outside: string): boolean;
    /** start, or zeros, of `shape` with src added; undefined where no tensor needs a cut. */
    add(
      start: Tensor | undefined,
      index: Tensor,
      src: Tensor,
      layout: Layout,
      shape: Shape,
    ): Tensor | undefined;
  }
}

/** The picked elements, of `shape`, and `outside` (bits) where the index is outside x; outside the graph. */
export function pick(x: Tensor, index: Tensor, axis: number, shape: Shape, outside = nan): Tensor {
  const out = x.gpu.empty(shape, { dtype: x.dtype });
  pickInto(x, index, layoutOf(x.shape, axis, index), out, outside);
  return out;
}

/** The same into `out`, of the layout's shape. */
export function pickInto(x: Tensor, index: Tensor, layout: Layout, out: Tensor, outside: string): void {
  const { device } = x.gpu;
  const { outer, rows, picks, inner, io, ij, ii } = layout;
  const full = ii === 1;
  if (cutters.pick?.(x, index, layout, out, outside)) return;
  const from = [rows * inner, 0, 1];
  const merged = mergeAxes([outer, picks, inner], full ? [from] : [from, [io, ij, ii]]);
  if (merged.shape.length === 0) {
    merged.shape.push(1);
    for (const own of merged.strides) own.push(0);
  }
  const last = merged.shape.length - 1;
  const [steps, indexSteps] = merged.strides;
  const quad = full ? merged.shape[last] % 4 === 0 : inner % 4 === 0;
  const vectors = quad && !full;
  const params: Record<string, number> = { size: out.size, rows, beside: steps[last] };
  params.inner = vectors ? inner / 4 : inner;
  for (let k = 0; k <= last; k++) {
    const innermost = k === 0;
    params[`n${k}`] = merged.shape[last - k] / (innermost && quad ? 4 : 1);
    params[`s${k}`] = steps[last - k] * (innermost && quad && full ? 4 : 1);
    if (!innermost && vectors) params[`s${k}`] /= 4;
    if (!full) params[`t${k}`] = indexSteps[last - k];
  }
  const defines = { RANK: last + 1, OUTER: last, LAST: `x${last}`, FULL: full, QUAD: quad, OUTSIDE: outside };
  const kernel = device.kernel("gather", defines);
  runElements(kernel, [x, index, out], out.size, params);
}

/** start (zeros where absent) of `shape` plus src added at the indexed places; outside the graph. */
function addAt(start: Tensor | undefined, index: Tensor, src: Tensor, axis: number, shape: Shape): Tensor {
  const layout = layoutOf(shape, axis, index);
  return cutters.add?.(start, index, src, layout, shape) ?? added(start, index, src, layout, shape);
}

/** The same of tensors that fit a binding. */
export function added(
  start: Tensor | undefined,
  index: Tensor,
  src: Tensor,
  { outer, rows, picks, inner, io, ij, ii }: Layout,
  shape: Shape,
): Tensor {
  const { gpu } = src;
  const { device } = gpu;
  const vec = inner % 4 === 0 && ii === 0;
  const width = vec ? inner / 4 : inner;
  if (outer * width >= (device.capabilities.software ? 16 : 16384)) {
    const out = start ? stridedCopy(start, shape, stridesOf(shape)) : filled(src, shape, 0);
    const count = outer * width;
    device.run(
      device.kernel("scatter/serial", { VEC: vec }),
      blocksOf([src, index, out]),
      { count, inner: width, rows, picks, io, ij, ii },
      foldLanes(count),
    );
    return out;
  }
  const [slicesOuter, slicesInner] = [io === 0 ? 1 : outer, ii === 0 ? 1 : inner];
  const slices = slicesOuter * slicesInner;
  const walkers = device.capabilities.software ? 256 : 1024;
  // A slice is walked by several lanes where there are few slices, but every walk is a list more to follow; memory for heads stays within a few times the index.
  const chunks = Math.max(
    1,
    Math.min(Math.ceil(picks / 64), Math.floor(walkers / slices), Math.ceil((4 * picks) / Math.max(rows, 1))),
  );
  const length = Math.ceil(picks / chunks);
  const out = gpu.empty(shape);
  const head = gpu.empty([chunks * rows * slices], { dtype: "i32" });
  const next = gpu.empty([picks * slices], { dtype: "i32" });
  device.run(
    device.kernel("scatter/lists"),
    blocksOf([index, head, next]),
    { slices, inner: slicesInner, chunks, length, rows, picks, io, ij, ii },
    foldLanes(slices * chunks),
  );
  const count = outer * rows * width;
  const tensors = [src, head, next, out];
  if (start) tensors.push(start);
  const so = io === 0 ? 0 : slicesInner;
  const si = ii === 0 ? 0 : 1;
  device.run(
    device.kernel("scatter/add", { VEC: vec, ADD: start !== undefined }),
    blocksOf(tensors),
    { count, inner: width, rows, picks, slices, chunks, so, si },
    foldLanes(count),
  );
  head.dispose();
  next.dispose();
  return out;
}

const gatherOp = defineOp<{ axis: number }>({
  name: "gather",
  integers: true,
  doc: "y[…, j, …] = x[…, index[…, j, …], …]: the index has an entry for every element of the result",
  forward([x, index], { axis }) {
    index.gpu.lookAt?.("gather", index, x.shape[axis]);
    return result(pick(x, index, axis, index.shape));
  },
  backward: ({ grad, inputs: [x, index], options: { axis } }) => [
    addAt(undefined, index, grad, axis, x.shape),
    undefined,
  ],
});

/**
 * Elements of x by an i32 index of the same rank: y[…, j, …] = x[…, index[…, j, …], …] along axis `dim`. Along the others the
 * index may be shorter than x. Indices count from 0; one outside x gives NaN
 * (gpu.checkIndices).
 */
export function gather(x: Tensor, index: Tensor, { dim }: { dim: number }): Tensor {
  const axis = resolveAxis(dim, x.rank);
  requireIndex("gather", index);
  if (index.rank !== x.rank || index.shape.some((n, i) => i !== axis && n > x.shape[i])) {
    throw new ShapeError(
      `gather: an index of shape ${formatShape(index.shape)} does not lie within ${formatShape(x.shape)} but for axis ${dim}.`,
    );
  }
  return gatherOp([within(x, index.shape, axis), index], { axis });
}

const indexSelectOp = defineOp<{ axis: number }>({
  name: "index_select",
  integers: true,
  doc: "Slices of x along an axis, by a list of indices",
  forward([x, index], { axis }) {
    index.gpu.lookAt?.("indexSelect", index, x.shape[axis]);
    const shape = x.shape.map((n, i) => (i === axis ? index.size : n));
    return result(pick(x, index, axis, shape));
  },
  backward: ({ grad, inputs: [x, index], options: { axis } }) => [
    addAt(undefined, index, grad, axis, x.shape),
    undefined,
  ],
});

/** The slices of x that an i32 list names along axis `dim`, repeats allowed. An index outside x gives NaN (gpu.checkIndices). */
export function indexSelect(x: Tensor, index: Tensor, { dim = 0 }: { dim?: number } = {}): Tensor {
  requireIndex("indexSelect", index);
  if (index.rank !== 1) {
    throw new ShapeError(`indexSelect: the index is ${formatShape(index.shape)}; it must be a list.`);
  }
  return indexSelectOp([x, index], { axis: resolveAxis(dim, x.rank) });
}

const scatterAddOp = defineOp<{ axis: number }>({
  name: "scatter_add",
  integers: [1],
  doc: "x with src added: y[…, index[…, j, …], …] += src[…, j, …]",
  forward([x, index, src], { axis }) {
    index.gpu.lookAt?.("scatterAdd", index, x.shape[axis]);
    return result(addAt(x, index, src, axis, x.shape));
  },
  backward: ({ grad, inputs: [, index], needs, options: { axis } }) => [
    needs[0] ? grad : undefined,
    undefined,
    needs[2] ? pick(grad, index, axis, index.shape, "0u") : undefined,
  ],
});

/**
 * x with the elements of src added at the places that an i32 index of the same shape names along axis `dim`. Sums are added
 * in the order of the index: equal input gives equal bits. Indices outside x are passed over (gpu.checkIndices).
 */
export function scatterAdd(x: Tensor, index: Tensor, src: Tensor, { dim }: { dim: number }): Tensor {
  const axis = resolveAxis(dim, x.rank);
  requireIndex("scatterAdd", index);
  const fits =
    src.rank === x.rank &&
    index.rank === x.rank &&
    index.shape.every((n, i) => n <= src.shape[i] && (i === axis || n === x.shape[i]));
  if (!fits) {
    throw new ShapeError(
      `scatterAdd: index ${formatShape(index.shape)} and src ${formatShape(src.shape)} must be as long as x ${formatShape(x.shape)} but for axis ${dim}.`,
    );
  }
  return scatterAddOp([x, index, within(src, index.shape)], { axis });
}

/** The leading part of x that has these lengths, but for one axis. */
function within(x: Tensor, shape: Shape, except?: number): Tensor {
  if (x.shape.every((n, i) => i === except || n === shape[i])) return x;
  return slice(
    x,
    shape.map((n, i) => (i === except ? [] : [0, n])),
  );
}

function requireIndex(name: string, index: Tensor): void {
  if (index.dtype !== "i32") {
    throw new ShapeError(`${name}: the index is f32; make it from an Int32Array or with { dtype: "i32" }.`);
  }
}
