// Checks of running sums, of the places of the largest elements, and of the k largest.
import type { Random } from "../tensor/random.js";
import {
  build,
  type CheckTable,
  changed,
  define,
  groupsFor,
  input,
  type KernelUse,
  normals,
  output,
  type Trial,
  whole,
} from "./check.js";

function cumsum(use: KernelUse, random: Random): Trial[] {
  const unit = define(use, "VEC") ? 4 : 1;
  const [reverse, exclusive, totals, offset] = ["REVERSE", "EXCLUSIVE", "TOTALS", "OFFSET"].map(
    (name) => define(use, name) === 1,
  );
  // vec4s are of rows, single numbers of columns too.
  const [outer, inner, reduce, chunk, parts] = [3, unit === 4 ? 1 : 5, 23, 9, 3];
  const length = reduce * unit;
  const x = normals(random, outer * length * inner);
  const offsets = normals(random, outer * parts * inner);
  const sums = new Float64Array(x.length);
  const ends = new Float64Array(offsets.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let part = 0; part < parts; part++) {
        const own = (o * parts + part) * inner + i;
        let sum = offset ? offsets[own] : 0;
        for (let r = part * chunk * unit; r < Math.min(length, (part + 1) * chunk * unit); r++) {
          const at = (o * length + (reverse ? length - 1 - r : r)) * inner + i;
          sums[at] = exclusive ? sum : sum + x[at];
          sum += x[at];
        }
        ends[own] = sum;
      }
    }
  }
  const count = outer * parts * inner;
  const params = { count, reduce, inner, parts, chunk };
  return [
    { params, groups: groupsFor(count), bound: [input(x), input(offsets), output(totals ? ends : sums)] },
  ];
}

/** Numbers of which many are equal, so that the first of them counts. */
function repeated(random: Random, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => random.integer(9) - 4);
}

function argmax(use: KernelUse, random: Random): Trial[] {
  const indexed = define(use, "INDEXED") === 1;
  const [outer, reduce, inner, parts] = [3, 29, 5, 2];
  const x = repeated(random, outer * reduce * inner);
  const places = Int32Array.from({ length: x.length }, () => random.integer(1000));
  const [values, indices]: number[][] = [[], []];
  for (let at = 0; at < outer * parts * inner; at++) {
    const [column, part, o] = [at % inner, Math.floor(at / inner) % parts, Math.floor(at / inner / parts)];
    const own: [number, number][] = [];
    for (let r = part; r < reduce; r += parts) {
      const i = (o * reduce + r) * inner + column;
      own.push([x[i], indexed ? places[i] : r]);
    }
    own.sort(([a, i], [b, j]) => b - a || i - j);
    values.push(own[0][0]);
    indices.push(own[0][1]);
  }
  const count = outer * parts * inner;
  const bound = [input(x), input(places), output(values), whole(indices)];
  return [{ params: { count, reduce, inner, parts }, groups: groupsFor(count), bound }];
}

function indices(_: KernelUse, random: Random): Trial[] {
  const [count, bound, ignore] = [203, 9, -100];
  const right = Int32Array.from({ length: count }, (_unused, i) =>
    i % 7 === 3 ? ignore : random.integer(bound),
  );
  return [undefined, 0, 64, 201].map((wrong) => {
    const index = right.slice();
    if (wrong !== undefined) index[wrong] = wrong % 2 === 0 ? bound : -1;
    if (wrong !== undefined && wrong < 200) index[wrong + 2] = -5;
    const found = Int32Array.of(-1, -1);
    const expected = wrong === undefined ? found : [wrong, index[wrong]];
    return { params: { count, bound, ignore }, groups: [1], bound: [input(index), changed(found, expected)] };
  });
}

function scatter(_: KernelUse, random: Random): Trial[] {
  const [rows, n, k] = [7, 31, 5];
  const upstream = normals(random, rows * k);
  const indices = Int32Array.from({ length: rows }, () => 0).reduce<number[]>(
    (all) => [...all, ...random.permutation(n).subarray(0, k)],
    [],
  );
  const wanted = build(rows * n, () => 0);
  upstream.forEach((value, i) => {
    wanted[Math.floor(i / k) * n + indices[i]] = value;
  });
  const bound = [
    input(upstream),
    input(Int32Array.from(indices)),
    changed(new Float32Array(rows * n), wanted),
  ];
  return [{ params: { count: rows * k, n, k }, groups: groupsFor(rows * k), bound }];
}

function topk(use: KernelUse, random: Random): Trial[] {
  const unit = define(use, "VEC") ? 4 : 1;
  const indexed = define(use, "INDEXED") === 1;
  const [rows, items, chunk, parts, k] = [3, 41, 24, 2, 5];
  return [1, -1].map((sign) => {
    const x = repeated(random, rows * items * unit);
    const places = Int32Array.from({ length: x.length }, (_, i) => 3 * i);
    const [values, indices]: number[][] = [[], []];
    for (let run = 0; run < rows * parts; run++) {
      const [part, row] = [run % parts, Math.floor(run / parts)];
      const start = part * chunk * unit;
      const first = row * items * unit;
      const own: [number, number][] = [];
      for (let i = start; i < Math.min(items * unit, start + chunk * unit); i++) own.push([x[first + i], i]);
      own.sort(([a, i], [b, j]) => sign * (b - a) || i - j);
      for (const [value, at] of own.slice(0, k)) {
        values.push(value);
        indices.push(indexed ? places[first + at] : at);
      }
    }
    const params = { runs: rows * parts, items, parts, chunk, k, flip: sign > 0 ? 0 : 0xffffffff };
    const bound = [input(x), input(places), output(values), whole(indices)];
    return { params, groups: [rows * parts] as const, bound };
  });
}

export const scanChecks: CheckTable = {
  "check/indices": indices,
  "scan/cumsum": cumsum,
  "scan/argmax": argmax,
  "scan/scatter": scatter,
  "scan/topk": topk,
};
