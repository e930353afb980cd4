// Checks of what moves elements, and adds those up that come to one place: copies, transposes, gathers, scatters, the unfolding of
// convolutions and its reverse.
import type { Random } from "../tensor/random.js";
import {
  build,
  type CheckTable,
  changed,
  define,
  groupsFor,
  input,
  integers,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
  whole,
} from "./check.js";
import { axesOf, compact, lengthsOf, named, place, product, span } from "./walk.js";

/** copy: bits, read or placed by strides. */
function copy(use: KernelUse, random: Random): Trial[] {
  const rank = define(use, "RANK");
  const [placed, quad] = [define(use, "PLACE") === 1, define(use, "QUAD")];
  const lengths = lengthsOf(use, rank, quad ? [5, 7, 3, 4] : [13, 7, 5, 3]);
  const asked = axesOf(rank, "s", use.params);
  const own = compact(lengths, asked);
  const unit = quad > 0 ? 4 : 1;
  const size = product(lengths) * unit;
  const strided = quad === 2 ? 4 : 1;
  const start = quad === 2 ? 1 : 3;
  const reach = (start + 1 + total(rank, (k) => (lengths[k] - 1) * own[k])) * strided;
  const at = (i: number) => {
    const index = start + place(Math.floor(i / unit), lengths, own);
    return quad === 2 ? 4 * index + (i % 4) : index;
  };
  const source = Uint32Array.from({ length: placed ? size : reach }, () => random.word());
  const result = new Float64Array(placed ? reach : size);
  if (placed) result.fill(Number.NaN);
  for (let i = 0; i < size; i++) {
    if (placed) result[at(i)] = source[i];
    else result[i] = source[at(i)];
  }
  const count = Math.ceil(size / 4);
  const params = { count, span, start, size, ...named("n", lengths), ...named("s", own) };
  return [{ params, groups: groupsFor(count, span), bound: [input(source), whole([...result], true)] }];
}

/** transpose: 4×4 blocks, `each` of them an invocation. */
function transpose(use: KernelUse, random: Random): Trial[] {
  const rank = define(use, "RANK");
  const each = Math.min(use.params.each, 3);
  // The last axis of the result is the source's turned one: walk 0 counts vec4s of it, and one more axis runs of 4·each.
  const outer = Array.from({ length: rank - 2 }, () => 2);
  const [columns, runs] = [3, 2];
  const [width, height] = [4 * columns, 4 * each * runs];
  // source [outer, width, height], target [outer, height, width]
  const matrix = width * height;
  const source = Uint32Array.from({ length: matrix * product(outer) }, () => random.word());
  const result = new Float64Array(source.length);
  for (let o = 0; o < product(outer); o++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        result[o * matrix + y * width + x] = source[o * matrix + x * height + y];
      }
    }
  }
  const lengths = [columns, runs, ...outer];
  const steps = [(4 * height) / 4, (4 * each) / 4, ...outer.map((_, k) => (matrix / 4) * 2 ** k)];
  const targets = [1, each * width, ...outer.map((_, k) => (matrix / 4) * 2 ** k)];
  const params = {
    ...{ count: product(lengths), each, start: 0, row: height / 4, line: width / 4 },
    ...{ ...named("n", lengths), ...named("s", steps), ...named("o", targets) },
  };
  return [{ params, groups: groupsFor(product(lengths)), bound: [input(source), whole([...result], true)] }];
}

/** gather: rows or elements by an index, some of which lie outside. */
function gather(use: KernelUse, random: Random): Trial[] {
  const rank = define(use, "RANK");
  const [full, quad] = [define(use, "FULL") === 1, define(use, "QUAD") === 1];
  const vectors = quad && !full;
  const lengths = lengthsOf(use, rank, quad ? [5, 7, 3, 2] : [11, 7, 3, 2]);
  const rows = 9;
  const unit = quad ? 4 : 1;
  const size = product(lengths) * unit;
  const asked = { s: axesOf(rank, "s", use.params), t: axesOf(rank, "t", use.params) };
  const beside = full && quad ? Math.min(1, use.params.beside) : 0;
  const steps = compact(lengths, asked.s).map((stride) => (beside > 0 ? 4 * stride : stride));
  const picks = full ? [] : compact(lengths, asked.t);
  const inner = 1 + total(rank, (k) => (lengths[k] - 1) * steps[k]) + 3 * beside;
  const source = Uint32Array.from({ length: (rows + 1) * inner * (vectors ? 4 : 1) }, () => random.word());
  const places = full ? size : 1 + total(rank, (k) => (lengths[k] - 1) * picks[k]);
  const index = Int32Array.from({ length: places }, () => random.integer(rows + 2) - 1);
  const outside = Number.parseInt(String(use.defines.OUTSIDE), 16) || 0;
  const result = build(size, (i) => {
    const at = place(quad ? Math.floor(i / 4) : i, lengths, steps) + (quad && full ? (i % 4) * beside : 0);
    const row = index[full ? i : place(quad ? Math.floor(i / 4) : i, lengths, picks)];
    if (row < 0 || row >= rows) return outside;
    const from = at + row * inner;
    return vectors ? source[4 * from + (i % 4)] : source[from];
  });
  const count = Math.ceil(size / 4);
  const params = {
    ...{ count, span, size, rows, inner, beside },
    ...{ ...named("n", lengths), ...named("s", steps), ...named("t", picks) },
  };
  const bound = [input(source), input(index), whole([...result], true)];
  return [{ params, groups: groupsFor(count, span), bound }];
}

interface Plane {
  height: number;
  width: number;
  kernel: [number, number];
  stride: [number, number];
  pad: [number, number];
  out: [number, number];
  planes: number;
}

function planeOf(unit: boolean, quad: "in" | "out" | undefined): Plane {
  const stride: [number, number] = unit ? [1, 1] : [2, 3];
  const [kernel, pad]: [number, number][] = [
    [3, 4],
    [1, 2],
  ];
  for (let width = 11; ; width++) {
    const height = 9;
    const out = [height, width].map((n, k) => Math.floor((n + 2 * pad[k] - kernel[k]) / stride[k]) + 1);
    const length = quad === "in" ? width : out[1];
    if (quad && length % 4 !== 0) continue;
    if (!quad && length % 4 === 0) continue;
    return { height, width, kernel, stride, pad, out: [out[0], out[1]], planes: 3 };
  }
}

/** conv/unfold: [planes, kernel, out] of [planes, height, width]. */
function unfold(use: KernelUse, random: Random): Trial[] {
  const { height, width, kernel, stride, pad, out, planes } = planeOf(
    false,
    define(use, "QUAD") ? "out" : undefined,
  );
  const quad = define(use, "QUAD") === 1;
  const x = normals(random, planes * height * width);
  const lengths = [out[1], out[0], kernel[1], kernel[0], planes];
  const size = product(lengths);
  const wanted = build(size, (i) => {
    const at = lengths.map((n, k) => Math.floor(i / product(lengths.slice(0, k))) % n);
    const column = at[0] * stride[1] + at[2] - pad[1];
    const row = at[1] * stride[0] + at[3] - pad[0];
    const inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? x[(at[4] * height + row) * width + column] : 0;
  });
  const count = Math.ceil(size / 4);
  const params = {
    ...{ count, span, height, width, sy: stride[0], sx: stride[1], py: pad[0], px: pad[1] },
    ...named("n", lengths.with(0, quad ? lengths[0] / 4 : lengths[0])),
  };
  return [{ params, groups: groupsFor(count, span), bound: [input(x), output(wanted)] }];
}

/** conv/fold: the sums of what unfold would have read from each place. */
function fold(use: KernelUse, random: Random): Trial[] {
  const quad = define(use, "QUAD") === 1;
  const shape = planeOf(define(use, "UNIT") === 1, quad ? "in" : undefined);
  const { height, width, kernel, stride, pad, out, planes } = shape;
  const source = normals(random, planes * kernel[0] * kernel[1] * out[0] * out[1]);
  const size = planes * height * width;
  const wanted = new Float64Array(size);
  source.forEach((value, i) => {
    const ox = i % out[1];
    const oy = Math.floor(i / out[1]) % out[0];
    const kx = Math.floor(i / (out[0] * out[1])) % kernel[1];
    const ky = Math.floor(i / (out[0] * out[1] * kernel[1])) % kernel[0];
    const plane = Math.floor(i / (out[0] * out[1] * kernel[1] * kernel[0]));
    const [row, column] = [oy * stride[0] + ky - pad[0], ox * stride[1] + kx - pad[1]];
    if (row < 0 || row >= height || column < 0 || column >= width) return;
    wanted[(plane * height + row) * width + column] += value;
  });
  const count = Math.ceil(size / 4);
  const params = {
    ...{ count, span, kernel_h: kernel[0], kernel_w: kernel[1], out_h: out[0], out_w: out[1] },
    ...{ sy: stride[0], sx: stride[1], py: pad[0], px: pad[1] },
    ...{ n0: quad ? width / 4 : width, n1: height, n2: planes },
  };
  return [{ params, groups: groupsFor(count, span), bound: [input(source), output(wanted)] }];
}

/** scatter/serial: src added at the places that an index names, in memory that holds what it is added to. */
function scatterSerial(use: KernelUse, random: Random): Trial[] {
  const unit = define(use, "VEC") ? 4 : 1;
  const [outer, rows, picks, inner] = [3, 5, 23, 7];
  const own = unit === 1; // an index for each element
  const index = integers(random, own ? outer * picks * inner : picks, rows + 1);
  const [src, start] = [
    normals(random, outer * picks * inner * unit),
    normals(random, outer * rows * inner * unit),
  ];
  const wanted = Float64Array.from(start);
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < picks; j++) {
      for (let i = 0; i < inner; i++) {
        const row = index[own ? (o * picks + j) * inner + i : j];
        if (row >= rows) continue;
        for (let e = 0; e < unit; e++) {
          wanted[((o * rows + row) * inner + i) * unit + e] += src[((o * picks + j) * inner + i) * unit + e];
        }
      }
    }
  }
  const params = {
    ...{ count: outer * inner, inner, rows, picks },
    ...(own ? { io: picks * inner, ij: inner, ii: 1 } : { io: 0, ij: 1, ii: 0 }),
  };
  return [
    { params, groups: groupsFor(outer * inner), bound: [input(src), input(index), changed(start, wanted)] },
  ];
}

/** scatter/lists: for each chunk of picks the first of every row, and for each pick the next. */
function scatterLists(_: KernelUse, random: Random): Trial[] {
  const [rows, picks, chunks] = [5, 29, 3];
  const length = Math.ceil(picks / chunks);
  const index = integers(random, picks, rows + 1);
  const { head, next } = listsOf(index, rows, chunks, length);
  const params = { slices: 1, inner: 1, chunks, length, rows, picks, io: 0, ij: 1, ii: 0 };
  // What follows no pick is never read.
  const loose = next.map((n, j) => (index[j] < rows ? n : Number.NaN));
  return [{ params, groups: groupsFor(chunks), bound: [input(index), whole(head), whole(loose)] }];
}

function listsOf(index: Int32Array, rows: number, chunks: number, length: number) {
  const head = Array.from({ length: chunks * rows }, () => -1);
  const next = Array.from(index, () => -1);
  for (let j = index.length - 1; j >= 0; j--) {
    if (index[j] >= rows) continue;
    const at = Math.floor(j / length) * rows + index[j];
    next[j] = head[at];
    head[at] = j;
  }
  return { head, next };
}

/** scatter/add: sums along the lists. */
function scatterAdd(use: KernelUse, random: Random): Trial[] {
  const unit = define(use, "VEC") ? 4 : 1;
  const [outer, rows, picks, inner, chunks] = [2, 5, 29, 7, 3];
  const length = Math.ceil(picks / chunks);
  const index = integers(random, picks, rows + 1);
  const { head, next } = listsOf(index, rows, chunks, length);
  const src = normals(random, outer * picks * inner * unit);
  const start = normals(random, outer * rows * inner * unit);
  const adds = define(use, "ADD") === 1;
  const wanted = adds ? Float64Array.from(start) : new Float64Array(start.length);
  src.forEach((value, i) => {
    const [e, rest] = [i % unit, Math.floor(i / unit)];
    const [column, j, o] = [rest % inner, Math.floor(rest / inner) % picks, Math.floor(rest / inner / picks)];
    if (index[j] < rows) wanted[((o * rows + index[j]) * inner + column) * unit + e] += value;
  });
  const count = outer * rows * inner;
  const bound = [input(src), input(Int32Array.from(head)), input(Int32Array.from(next)), output(wanted)];
  if (adds) bound.push(input(start));
  const params = { count, inner, rows, picks, slices: 1, chunks, so: 0, si: 0 };
  return [{ params, groups: groupsFor(count), bound }];
}

export const moveChecks: CheckTable = {
  copy,
  transpose,
  gather,
  "conv/unfold": unfold,
  "conv/fold": fold,
  "scatter/serial": scatterSerial,
  "scatter/lists": scatterLists,
  "scatter/add": scatterAdd,
};
