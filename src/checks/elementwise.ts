// Checks of what works element by element or moves elements: programs, copies, gathers, transposes, fills, casts, dropout, and the
// unfolding of convolutions. Grids are walked by strides, so small lengths keep the order of the strides that the work has.
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
  type Numbers,
  normals,
  output,
  type Trial,
  total,
  uniforms,
  whole,
} from "./check.js";
import { bitsOf, compile, compileBody, type Names } from "./expression.js";

const span = 128;

/** Lengths of a walk, the innermost first: those of the work, cut to a few. Whole vec4s stay whole, and others stay odd. */
function lengthsOf({ params }: KernelUse, rank: number, most: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, k) => Math.max(1, Math.min(params[`n${k}`], most[k] ?? 2)));
}

/** Strides in the order of those that were asked for, without gaps; 0 stays 0. */
function compact(lengths: readonly number[], strides: readonly number[]): number[] {
  const order = lengths.map((_, k) => k).filter((k) => strides[k] > 0);
  order.sort((a, b) => strides[a] - strides[b]);
  const own = lengths.map(() => 0);
  let next = 1;
  for (const k of order) {
    own[k] = next;
    next *= lengths[k];
  }
  return own;
}

/** Where element i of a walk stands. */
function place(i: number, lengths: readonly number[], strides: readonly number[]): number {
  let rest = i;
  let at = 0;
  lengths.forEach((n, k) => {
    const step = k === lengths.length - 1 ? rest : rest % n;
    at += step * strides[k];
    rest = Math.floor(rest / n);
  });
  return at;
}

const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
const axesOf = (rank: number, name: string, params: Readonly<Record<string, number>>) =>
  Array.from({ length: rank }, (_, k) => params[`${name}${k}`]);
const named = (name: string, values: readonly number[]) =>
  Object.fromEntries(values.map((value, k) => [`${name}${k}`, value]));

/** elementwise/program: every element in float64, by the expressions that the kernel is built with. */
function program(use: KernelUse, random: Random): Trial[] {
  const { defines, params } = use;
  const [inputs, outputs] = [define(use, "INPUTS"), define(use, "OUTPUTS")];
  const bits = String(defines.OUT0).includes("u32");
  const walks = define(use, "WALKS");
  const rank = walks ? define(use, "RANK") : 0;
  const quad = define(use, "QUAD") === 1;
  // Many more than a workgroup's 64 · 4, so that the walk goes on; odd where vec4s allow it.
  const lengths = walks ? lengthsOf(use, rank, quad ? [6, 11, 3, 5] : [33, 7, 6, 3]) : [1201];
  const size = product(lengths) * (quad ? 4 : 1);
  const count = Math.ceil(size / 4);
  // The work's own numbers, but for small ones (an ε, one over a count), which would hide an error in what they are multiplied with.
  const numbers = Object.entries(params).flatMap(([name, value]): [string, number][] =>
    /^c\d+$/.test(name)
      ? [[name, value !== 0 && Math.abs(value) < 0.1 ? 0.3 * Math.sign(value) : value]]
      : [],
  );

  const steps: Record<string, number> = {};
  let walk = 0;
  const operands = Array.from({ length: inputs }, (_, k) => {
    const load = String(defines[`LOAD${k}`]);
    if (load === `in${k}[i]`) return { at: (i: number) => i, size };
    if (load.startsWith("one")) return { at: () => 0, size: 1 };
    const j = walk++;
    const asked = axesOf(rank, `s${j}_`, params);
    const vector = quad && String(defines[`TYPE${k}`]).startsWith("vec4");
    // A vec4 of the innermost axis counts as one there and in all strides.
    const own = compact(lengths, asked);
    own.forEach((stride, axis) => {
      steps[`s${j}_${axis}`] = stride;
    });
    const used = 1 + total(rank, (axis) => (lengths[axis] - 1) * own[axis]);
    const at = (i: number) => {
      const index = place(quad ? Math.floor(i / 4) : i, lengths, own);
      return vector ? 4 * index + (i % 4) : index;
    };
    return { at, size: vector ? 4 * used : used };
  });

  // Formulas have their poles and kinks: most values stay near 1, some are 0 where the formula looks at bits.
  const text = [defines.BODY, ...Array.from({ length: outputs }, (_, k) => defines[`RESULT${k}`])].join(" ");
  const positive = /\b(log|sqrt|inverseSqrt|pow|power4)\(/.test(text);
  const values = operands.map(({ size: length }): Numbers => {
    if (bits) return Uint32Array.from({ length }, () => (random.integer(3) === 0 ? 0 : random.word()));
    if (positive) return uniforms(random, length, 0.5, 2);
    const dented = /bitcast/.test(text) ? 0.4 : 0;
    return Float32Array.from({ length }, () => {
      const value = random.normal();
      return random.uniform() < dented ? 0 : Math.sign(value) * (0.2 + Math.abs(value));
    });
  });
  const body = compileBody(String(defines.BODY));
  const results = Array.from({ length: outputs }, (_, k) => compile(String(defines[`RESULT${k}`])));
  const expected = results.map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    const names: Names = Object.fromEntries(numbers);
    operands.forEach(({ at }, k) => {
      names[`x${k}`] = values[k][at(i)];
    });
    body(names);
    results.forEach((result, k) => {
      expected[k][i] = result(names);
    });
  }
  return [
    {
      params: { count, span, ...Object.fromEntries(numbers), ...named("n", walks ? lengths : []), ...steps },
      groups: groupsFor(count, span),
      bound: [
        ...values.map(input),
        ...expected.map((wanted) => (bits ? whole([...wanted], true) : output(wanted))),
      ],
    },
  ];
}

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

/** A kernel over a run of vec4s that makes one result of one element. */
function over(size: number, bound: Trial["bound"], params: Record<string, number> = {}): Trial[] {
  const count = Math.ceil(size / 4);
  return [{ params: { count, span, ...params }, groups: groupsFor(count, span), bound }];
}

function accumulate(_: KernelUse, random: Random): Trial[] {
  const [a, b] = [normals(random, 1001), normals(random, 1001)];
  return over(1001, [
    input(a),
    changed(
      b,
      build(1001, (i) => a[i] + b[i]),
    ),
  ]);
}

function cast(use: KernelUse, random: Random): Trial[] {
  const size = 1004;
  // As whole vec4s; f16 goes in and out as pairs of half words.
  const values = Float32Array.from(
    { length: size },
    () => (random.integer(2049) - 1024) / (use.defines.TO === "i32" ? 1 : 32),
  );
  const pack = (type: unknown): Numbers => {
    if (type === "i32") return Int32Array.from(values, Math.trunc);
    return type === "f16" ? halves(values) : values;
  };
  const [from, to] = [pack(use.defines.FROM), pack(use.defines.TO)];
  const exact = use.defines.FROM === "i32" ? Float32Array.from(values, Math.trunc) : values;
  const wanted =
    use.defines.TO === "f16"
      ? halves(exact)
      : use.defines.TO === "i32"
        ? Int32Array.from(exact, Math.trunc)
        : exact;
  const start = to instanceof Float32Array ? output(wanted) : whole([...wanted], to instanceof Uint32Array);
  return over(size, [input(from), start]);
}

/** Two float16 a word. The numbers must be multiples of 1/32 below 32, or whole and below 2048, which are exact. */
function halves(values: Float32Array): Uint32Array {
  const half = (x: number) => {
    if (x === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(x)));
    const mantissa = Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024);
    return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | mantissa;
  };
  return Uint32Array.from({ length: values.length / 2 }, (_, i) => {
    return (half(values[2 * i]) | (half(values[2 * i + 1]) << 16)) >>> 0;
  });
}

function fill(_: KernelUse, random: Random): Trial[] {
  const bits = random.word();
  return over(
    1001,
    [
      whole(
        Array.from({ length: 1001 }, () => bits),
        true,
      ),
    ],
    { bits },
  );
}

/** The hash of shaders/lib/hash: exact in integers. */
export function hash(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

function dropout(use: KernelUse, random: Random): Trial[] {
  const size = 1001;
  const seeded = define(use, "SEEDED");
  const x = normals(random, size);
  const [key, threshold, scale] = [random.word(), Math.floor(0.3 * 2 ** 32), 1.5];
  const mask = Uint32Array.from({ length: size }, () => (random.integer(2) ? bitsOf(1) : 0));
  const kept = (i: number) => (seeded === 0 ? mask[i] !== 0 : hash(hash(i) ^ key) >>> 0 >= threshold);
  const bound = [input(x), output(build(size, (i) => (kept(i) ? scale * x[i] : 0)))];
  if (seeded === 0) bound.push(input(mask));
  if (seeded === 2) bound.push(input(Uint32Array.of(key)));
  return over(size, bound, { scale, threshold, key });
}

function gumbel(_: KernelUse, random: Random): Trial[] {
  const key = random.word();
  const wanted = build(1001, (i) => {
    const u = ((hash(hash(i) ^ key) >>> 9) + 0.5) / 8388608;
    return -Math.log(-Math.log(u));
  });
  // float32 rounds u to 24 bits, which -log(u) near u = 1 makes more of.
  return over(1001, [input(Uint32Array.of(key)), output(wanted, 1e-3)]);
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

export const elementwiseChecks: CheckTable = {
  "elementwise/program": program,
  "elementwise/accumulate": accumulate,
  "elementwise/cast": cast,
  "elementwise/fill": fill,
  "elementwise/dropout": dropout,
  "elementwise/gumbel": gumbel,
  copy,
  transpose,
  gather,
  "conv/unfold": unfold,
  "conv/fold": fold,
  "scatter/serial": scatterSerial,
  "scatter/lists": scatterLists,
  "scatter/add": scatterAdd,
};
