// Checks of what works row by row or column by column: softmax, layer norm, cosine, reductions.
import type { Random } from "../tensor/random.js";
import { add, byRow, eachLength, lengthsOf, logSumExp, most, rows, unitOf } from "./by-row.js";
import {
  build,
  type CheckTable,
  define,
  groupsFor,
  input,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
  uniforms,
} from "./check.js";
import { compile } from "./expression.js";

const softmaxOf = (log: boolean) => (x: Float64Array) => {
  const level = logSumExp(x);
  return x.map((value) => (log ? value - level : Math.exp(value - level)));
};

/** The gradient of softmax from its output and what comes from above. */
const softmaxGradient = (log: boolean) => (y: Float64Array, g: Float64Array) => {
  const sum = log ? add(g) : add(g.map((value, i) => value * y[i]));
  return y.map((value, i) => (log ? g[i] - Math.exp(value) * sum : value * (g[i] - sum)));
};

function softmaxRows(use: KernelUse, random: Random): Trial[] {
  return eachLength(use, (_, width) => {
    const x = normals(random, rows * width, 2);
    return [{}, [input(x), output(byRow(x, width, softmaxOf(define(use, "LOG") === 1)))]];
  });
}

function softmaxRowsBackward(use: KernelUse, random: Random): Trial[] {
  const log = define(use, "LOG") === 1;
  return eachLength(use, (_, width) => {
    const g = normals(random, rows * width);
    const y = Float32Array.from(byRow(normals(random, rows * width), width, softmaxOf(log)));
    const wanted = byRow(y, width, (row, r) =>
      softmaxGradient(log)(
        row,
        build(width, (i) => g[r * width + i]),
      ),
    );
    return [{}, [input(g), input(y), output(wanted)]];
  });
}

const columns = { outer: 3, reduce: 19, items: 5 };

/** f of each column of [outer, reduce, inner]. */
function byColumn(
  inner: number,
  sources: readonly ArrayLike<number>[],
  f: (...columns: Float64Array[]) => ArrayLike<number>,
): Float64Array {
  const { outer, reduce } = columns;
  const out = new Float64Array(outer * reduce * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (k: number) => (o * reduce + k) * inner + i;
      const made = f(...sources.map((x) => build(reduce, (k) => x[at(k)])));
      for (let k = 0; k < reduce; k++) out[at(k)] = made[k];
    }
  }
  return out;
}

function softmaxColumns(use: KernelUse, random: Random): Trial[] {
  const { outer, reduce, items } = columns;
  const inner = items * unitOf(use);
  const log = define(use, "LOG") === 1;
  const size = outer * reduce * inner;
  const back = use.shader.endsWith("backward");
  const x = normals(random, size, back ? 1 : 2);
  const y = byColumn(inner, [x], softmaxOf(log));
  const params = { count: outer * items, reduce, items };
  if (!back) return [{ params, groups: groupsFor(outer * items), bound: [input(x), output(y)] }];
  const [g, rounded] = [normals(random, size), Float32Array.from(y)];
  const wanted = byColumn(inner, [rounded, g], softmaxGradient(log));
  return [{ params, groups: groupsFor(outer * items), bound: [input(g), input(rounded), output(wanted)] }];
}

interface Stats {
  mean: number;
  rstd: number;
}

function statsOf(row: Float64Array, eps: number): Stats {
  const mean = add(row) / row.length;
  const variance = add(row.map((x) => (x - mean) ** 2)) / row.length;
  return { mean, rstd: 1 / Math.sqrt(variance + eps) };
}

/** x with the mean and rstd of its rows, in pairs. */
function rowsWithStats(random: Random, width: number, count = rows) {
  const x = normals(random, count * width).map((value) => value + 1.5);
  const eps = 1e-5;
  const stats: Stats[] = [];
  byRow(x, width, (row, r) => {
    stats[r] = statsOf(row, eps);
    return row;
  });
  return { x, eps, stats, pairs: Float32Array.from(stats.flatMap(({ mean, rstd }) => [mean, rstd])) };
}

function layerNorm(use: KernelUse, random: Random): Trial[] {
  return eachLength(use, (_, width) => {
    const { x, eps, stats, pairs } = rowsWithStats(random, width);
    const [w, b] = [normals(random, width), normals(random, width)];
    const [hasWeight, hasBias] = [define(use, "HAS_WEIGHT"), define(use, "HAS_BIAS")];
    const wanted = byRow(x, width, (row, r) =>
      row.map((v, i) => (v - stats[r].mean) * stats[r].rstd * (hasWeight ? w[i] : 1) + (hasBias ? b[i] : 0)),
    );
    const bound = [input(x), input(w), input(b), output(pairs), output(wanted, 3e-4)];
    return [{ scale: 1 / width, eps }, bound];
  });
}

function layerNormBackward(use: KernelUse, random: Random): Trial[] {
  return eachLength(use, (_, width) => {
    const { x, stats, pairs } = rowsWithStats(random, width);
    const [g, w] = [normals(random, rows * width), normals(random, width)];
    const wanted = byRow(x, width, (row, r) => {
      const { mean, rstd } = stats[r];
      const h = row.map((_v, i) => g[r * width + i] * (define(use, "HAS_WEIGHT") ? w[i] : 1));
      const centred = row.map((v) => (v - mean) * rstd);
      const [plain, along] = [add(h) / width, add(h.map((v, i) => v * centred[i])) / width];
      return h.map((v, i) => rstd * (v - plain - centred[i] * along));
    });
    return [{ scale: 1 / width }, [input(g), input(x), input(w), input(pairs), output(wanted, 3e-4)]];
  });
}

function layerNormWeights(use: KernelUse, random: Random): Trial[] {
  const items = Math.min(use.params.items, 33);
  const width = items * unitOf(use);
  const [count, chunk, chunks] = [29, 12, 3];
  const { x, stats, pairs } = rowsWithStats(random, width, count);
  const g = normals(random, count * width);
  const sums = [new Float64Array(chunks * width), new Float64Array(chunks * width)];
  g.forEach((value, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const at = Math.floor(row / chunk) * width + column;
    sums[0][at] += value * (x[i] - stats[row].mean) * stats[row].rstd;
    sums[1][at] += value;
  });
  return [
    {
      params: { rows: count, items, chunk, chunks },
      groups: groupsFor(items * chunks),
      bound: [input(g), input(x), input(pairs), output(sums[0], 3e-4), output(sums[1], 3e-4)],
    },
  ];
}

function cosine(use: KernelUse, random: Random): Trial[] {
  const back = use.shader.endsWith("backward");
  const second = define(use, "SECOND") === 1;
  return eachLength(use, (_, width) => {
    const [a, b, g] = [rows * width, rows * width, rows].map((size) => normals(random, size));
    const eps = 1e-6;
    const length = (x: Float32Array, r: number) =>
      Math.max(eps, Math.sqrt(total(width, (i) => x[r * width + i] ** 2)));
    const dot = (r: number) => total(width, (i) => a[r * width + i] * b[r * width + i]);
    // Of the second operand the gradient is asked for with the two in each other's places.
    const lengths = Array.from({ length: rows }, (_v, r) => {
      const pair = [length(a, r), length(b, r)];
      return second ? pair.reverse() : pair;
    });
    const cosines = Float32Array.from(lengths, ([x, y], r) => dot(r) / x / y);
    const pairs = Float32Array.from(lengths.flat());
    if (!back) return [{ eps }, [output(cosines), output(pairs), input(a), input(b)]];
    const wanted = byRow(a, width, (row, r) => {
      const [x, y] = lengths[r];
      const own = second ? y : x;
      return row.map((v, i) => g[r] * (b[r * width + i] / x / y - (v * cosines[r]) / own / own));
    });
    return [{ eps }, [output(wanted), input(g), input(cosines), input(pairs), input(a), input(b)]];
  });
}

/** What a reduction makes of values; MAP and FINISH in float64. */
function reductionOf(use: KernelUse, scale: number) {
  const kind = define(use, "KIND");
  const map = compile(String(use.defines.MAP));
  const finish = compile(String(use.defines.FINISH));
  return (count: number, x: (i: number) => number, c: (i: number) => number, c1: number): number => {
    const values = build(count, (i) => map({ x: x(i), c: c(i) }));
    const r = kind === 0 ? add(values) : kind === 1 ? most(values) : -most(values.map((v) => -v));
    return finish({ r, c1, "p.scale": scale });
  };
}

/** Positive where the formulas need it, else around 0. */
function valuesFor(use: KernelUse, random: Random, size: number): Float32Array {
  const positive = /\b(log|sqrt)\(/.test(`${use.defines.MAP} ${use.defines.FINISH}`);
  return positive ? uniforms(random, size, 0.1, 1) : normals(random, size);
}

function reduceRows(use: KernelUse, random: Random): Trial[] {
  const unit = unitOf(use);
  const withKind = define(use, "WITH");
  const scale = Math.fround(0.37);
  const reduce = reductionOf(use, scale);
  return lengthsOf(use, use.params.chunk).map((chunk) => {
    const splits = use.params.splits > 1 ? 2 : 1;
    // One row in parts, of which the last is shorter and has a tail; or many rows.
    const items = splits * chunk - (splits > 1 ? Math.floor(chunk / 3) : 0);
    const tail = unit === 4 && splits > 1 ? 3 : 0;
    const outer = splits > 1 ? 1 : rows;
    const width = items * unit;
    const x = valuesFor(use, random, outer * width + tail);
    const extra = valuesFor(use, random, withKind === 2 ? x.length : outer);
    const wanted = build(outer * splits, (at) => {
      const [o, part] = [Math.floor(at / splits), at % splits];
      const from = o * width + part * chunk * unit;
      const end = o * width + Math.min(width, (part + 1) * chunk * unit) + (part === splits - 1 ? tail : 0);
      const c1 = withKind === 1 ? extra[o] : 0;
      return reduce(
        end - from,
        (i) => x[from + i],
        (i) => (withKind === 2 ? extra[from + i] : c1),
        c1,
      );
    });
    const params = { rows: outer * splits, items, tail, splits, chunk, scale };
    // Sums of thousands of terms of both signs lose digits against their size.
    const tolerance = 1e-4 + 3e-7 * Math.sqrt(chunk * unit) * Math.sqrt(chunk * unit);
    return { params, groups: [outer * splits], bound: [input(x), input(extra), output(wanted, tolerance)] };
  });
}

function reduceColumns(use: KernelUse, random: Random): Trial[] {
  const unit = unitOf(use);
  const withKind = define(use, "WITH");
  const scale = Math.fround(0.37);
  const merge = reductionOf(use, scale);
  const [outer, reduce, items, splits] = [3, 29, Math.min(use.params.items, 33), 2];
  const inner = items * unit;
  const chunk = 15;
  const x = valuesFor(use, random, outer * reduce * inner);
  const extra = valuesFor(use, random, withKind === 2 ? x.length : outer * inner);
  const wanted = build(outer * splits * inner, (at) => {
    const [column, part, o] = [at % inner, Math.floor(at / inner) % splits, Math.floor(at / inner / splits)];
    const from = part * chunk;
    const count = Math.min(reduce, from + chunk) - from;
    const place = (k: number) => (o * reduce + from + k) * inner + column;
    const c1 = withKind === 1 ? extra[o * inner + column] : 0;
    return merge(
      count,
      (k) => x[place(k)],
      (k) => (withKind === 2 ? extra[place(k)] : c1),
      c1,
    );
  });
  const count = outer * splits * items;
  const params = { count, reduce, items, splits, chunk, scale };
  return [{ params, groups: groupsFor(count), bound: [input(x), input(extra), output(wanted)] }];
}

export const rowChecks: CheckTable = {
  "softmax/rows": softmaxRows,
  "softmax/rows_backward": softmaxRowsBackward,
  "softmax/columns": softmaxColumns,
  "softmax/columns_backward": softmaxColumns,
  "norm/layer_norm": layerNorm,
  "norm/layer_norm_backward": layerNormBackward,
  "norm/layer_norm_weights": layerNormWeights,
  "norm/cosine": cosine,
  "norm/cosine_backward": cosine,
  "reduce/rows": reduceRows,
  "reduce/columns": reduceColumns,
};
