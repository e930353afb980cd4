// Checks of the kernels that train many probe heads at once: draws and dropout, the layers' shares and sums, losses, gradients, Adam, and the
// counting of what is right. Layouts are those of shaders/probe.
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
  uniforms,
  whole,
} from "./check.js";
import { hash } from "./elementwise.js";
import { bitsOf } from "./expression.js";

const missing = 0xffffffff;

/** The step's words: keys of the draws, one over the batch's size, Adam's two, whether there is work, and each row's example. */
function nowOf(random: Random, rows: number, examples: number) {
  const index = Array.from({ length: rows }, (_, row) => (row === 2 ? missing : random.integer(examples)));
  const keys = [random.word(), random.word()];
  const words = [keys[0], keys[1], bitsOf(0.25), bitsOf(1.3), bitsOf(1.1), 1, 0, 0, ...index];
  return { keys, index, bound: input(Uint32Array.from(words)) };
}

/** Source, threshold and scale of variants of the input. */
function variantsOf(count: number) {
  const list = Array.from({ length: count }, (_, v) => {
    const p = v * 0.25;
    return { source: v % 2, threshold: Math.floor(p * 2 ** 32), scale: Math.fround(1 / (1 - p)) };
  });
  const words = list.flatMap(({ source, threshold, scale }) => [source, threshold, bitsOf(scale), 0]);
  return { list, bound: input(Uint32Array.from(words)) };
}

const drawnAt = (i: number, key: number) => hash(hash(i) ^ key);

function draw(_: KernelUse, random: Random): Trial[] {
  const [rows, examples, quads, features] = [7, 11, 5, 17];
  const width = 4 * quads;
  const x = normals(random, 2 * examples * width);
  const { keys, index, bound } = nowOf(random, rows, examples);
  const { list, bound: variants } = variantsOf(3);
  const wanted = build(list.length * rows * width, (at) => {
    const { source, threshold, scale } = list[Math.floor(at / rows / width)];
    const i = at % (rows * width);
    const [row, column] = [Math.floor(i / width), i % width];
    if (index[row] === missing) return 0;
    const value = x[(source * examples + index[row]) * width + column];
    if (column >= features) return value;
    return drawnAt(i, keys[0]) >= threshold ? value * scale : 0;
  });
  const params = { count: rows * quads, quads, features, variants: list.length, examples };
  return [{ params, groups: groupsFor(rows * quads), bound: [input(x), bound, variants, output(wanted)] }];
}

function activate(use: KernelUse, random: Random): Trial[] {
  const [runs, units, quads, live, each] = [5, 7, 3, 6, 2];
  const own = 4 * units * quads;
  const h = normals(random, runs * own);
  const { keys, bound } = nowOf(random, 4, 4);
  const { list, bound: variants } = variantsOf(3);
  const drops = define(use, "DROP") === 1;
  const wanted = build(runs * own, (at) => {
    const value = Math.max(h[at], 0);
    const [run, i] = [Math.floor(at / own), at % own];
    if (!drops || Math.floor(i / 4 / quads) >= live) return value;
    const { threshold, scale } = list[Math.floor(run / each)];
    return drawnAt(i, keys[1]) >= threshold ? value * scale : 0;
  });
  const count = units * quads;
  const all = [changed(h, wanted), ...(drops ? [bound, variants] : [])];
  return [{ params: { count, quads, live, runs, each }, groups: groupsFor(count), bound: all }];
}

function adam(_: KernelUse, random: Random): Trial[] {
  const [runs, quads, live] = [5, 7, 6];
  const size = runs * quads * 4;
  const table = Array.from({ length: runs }, (_v, r) =>
    [0.01 * (r + 1), 0.1 * r, r === 1 ? 0 : 1, 0].map(Math.fround),
  );
  const [g, w, m] = [size, size, size].map((length) => normals(random, length));
  const v = uniforms(random, size, 0.01, 1);
  const { bound } = nowOf(random, 4, 4);
  const [beta1, beta2, eps, rise, root] = [0.9, 0.999, 1e-8, Math.fround(1.3), Math.fround(1.1)];
  const wanted = [w, m, v].map((values) => Float64Array.from(values));
  for (let i = 0; i < size; i++) {
    const [rate, l2, on] = table[Math.floor(i / 4 / quads)];
    if (!on || Math.floor(i / 4) % quads >= live) continue;
    const slope = g[i] + l2 * w[i];
    wanted[1][i] = beta1 * m[i] + (1 - beta1) * slope;
    wanted[2][i] = beta2 * v[i] + (1 - beta2) * slope * slope;
    wanted[0][i] = w[i] - (rate * rise * wanted[1][i]) / (Math.sqrt(wanted[2][i]) * root + eps);
  }
  const runsOf = input(Float32Array.from(table.flat()));
  const state = [w, m, v].map((values, k) => changed(values, wanted[k], 2e-5));
  const count = runs * quads;
  const params = { count, span: 64, quads, live, beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, eps };
  return [{ params, groups: groupsFor(count), bound: [input(g), bound, runsOf, ...state] }];
}

function back(use: KernelUse, random: Random): Trial[] {
  const [runs, units, rows, classes, quads, live, each] = [3, 8, 4, 3, 5, 7, 2];
  const width = 4 * quads;
  const [a, w, dz] = [runs * units * width, runs * rows * units, runs * rows * width].map((n) =>
    normals(random, n),
  );
  const scales = Float32Array.of(1, 1.5);
  const wanted = build(runs * units * width, (at) => {
    const [run, unit, i] = [Math.floor(at / width / units), Math.floor(at / width) % units, at % width];
    if (!(a[at] > 0) || unit >= live) return 0;
    const sum = total(classes, (k) => w[(run * rows + k) * units + unit] * dz[(run * rows + k) * width + i]);
    return scales[Math.floor(run / each)] * sum;
  });
  const count = (runs * units * Math.ceil(quads / 4)) / 4;
  const params = { count, quads, units, rows, classes, live, each };
  const bound = [input(a), input(w), input(dz), input(scales), output(wanted)];
  return [{ params, groups: groupsFor(count, define(use, "WIDTH")), bound }];
}

function loss(use: KernelUse, random: Random): Trial[] {
  const kind = define(use, "KIND");
  const [runs, rows, classes, quads, known] = [3, 4, 3, 2, 9];
  const width = 4 * quads;
  const z = normals(random, runs * rows * width);
  const { index, bound } = nowOf(random, width, known);
  const labels = integers(random, known, classes);
  const targets = uniforms(random, known * classes, 0, 1);
  const share = 0.25;
  const wanted = build(z.length, (at) => {
    const [run, row, i] = [Math.floor(at / width / rows), Math.floor(at / width) % rows, at % width];
    if (row >= classes || index[i] === missing) return 0;
    const score = (k: number) => z[(run * rows + k) * width + i];
    if (kind === 0) {
      const sum = total(classes, (k) => Math.exp(score(k)));
      return share * (Math.exp(score(row)) / sum - Number(labels[index[i]] === row));
    }
    const y = targets[index[i] * classes + row];
    const off = kind === 1 ? 1 / (1 + Math.exp(-score(row))) - y : 2 * (score(row) - y);
    return (off * share) / classes;
  });
  const given = input(kind === 0 ? Uint32Array.from(labels) : targets);
  const count = runs * quads;
  const groups = groupsFor(count, define(use, "WIDTH"));
  return [{ params: { count, quads, rows, classes }, groups, bound: [bound, given, changed(z, wanted)] }];
}

function shares(use: KernelUse, random: Random): Trial[] {
  const [runs, layers, columns] = [19, 5, 8];
  const [x, d] = [normals(random, runs * columns), normals(random, runs * columns)];
  const softmax = (run: number, l: number) =>
    Math.exp(x[run * columns + l]) / total(layers, (k) => Math.exp(x[run * columns + k]));
  const each = (f: (run: number, l: number) => number) =>
    build(runs * columns, (i) => (i % columns < layers ? f(Math.floor(i / columns), i % columns) : 0));
  const made = Float32Array.from(each(softmax));
  const params = { runs, layers, columns };
  const groups = groupsFor(runs, 16);
  if (!define(use, "BACK")) return [{ params, groups, bound: [input(x), output(made)] }];
  const gradient = each((run, l) => {
    const at = run * columns;
    return made[at + l] * (d[at + l] - total(layers, (k) => made[at + k] * d[at + k]));
  });
  return [{ params, groups, bound: [input(d), input(made), output(gradient)] }];
}

const mixed = { runs: 3, rows: 5, examples: 7, layers: 3, columns: 4, quads: 5, features: 17 };

function mix(use: KernelUse, random: Random): Trial[] {
  const { runs, rows, examples, layers, columns, quads, features } = mixed;
  const width = 4 * quads;
  const [x, share] = [normals(random, layers * examples * width), normals(random, runs * columns)];
  const { index, bound } = nowOf(random, rows, examples);
  const draws = define(use, "DRAW") === 1;
  const wanted = build(runs * rows * width, (at) => {
    const [run, row, column] = [Math.floor(at / width / rows), Math.floor(at / width) % rows, at % width];
    const example = draws ? index[row] : row;
    if (example === missing) return 0;
    const of = (l: number) => x[(l * examples + example) * width + column];
    return column < features ? total(layers, (l) => share[run * columns + l] * of(l)) : of(0);
  });
  const count = runs * rows * quads;
  const params = { count, quads, features, rows, examples, layers, columns };
  return [
    {
      params,
      groups: groupsFor(count),
      bound: [input(x), input(share), ...(draws ? [bound] : []), output(wanted)],
    },
  ];
}

function mixBack(_: KernelUse, random: Random): Trial[] {
  const { runs, rows, examples, layers, columns, quads, features } = mixed;
  const width = 4 * quads;
  const [dx, x] = [normals(random, runs * rows * width), normals(random, layers * examples * width)];
  const { index, bound } = nowOf(random, rows, examples);
  const wanted = build(runs * columns, (at) => {
    const [run, l] = [Math.floor(at / columns), at % columns];
    if (l >= layers) return 0;
    return total(rows, (row) => {
      if (index[row] === missing) return 0;
      return total(
        features,
        (c) => dx[(run * rows + row) * width + c] * x[(l * examples + index[row]) * width + c],
      );
    });
  });
  const params = { results: runs * columns, quads, features, rows, examples, layers, columns };
  return [{ params, groups: [runs * columns], bound: [input(dx), input(x), bound, output(wanted)] }];
}

function move(use: KernelUse, random: Random): Trial[] {
  const [slots, quads] = [7, 5];
  const width = 4 * quads;
  const [source, target] = [normals(random, slots * width), normals(random, slots * width)];
  const places = Int32Array.from({ length: slots }, (_, i) => (i % 3 === 1 ? -1 : random.integer(slots)));
  const clears = define(use, "CLEAR") === 1;
  const wanted = build(slots * width, (i) => {
    const place = places[Math.floor(i / width)];
    return place < 0 ? (clears ? 0 : target[i]) : source[place * width + (i % width)];
  });
  const count = slots * quads;
  const bound = [input(source), input(places), changed(target, wanted)];
  return [{ params: { count, span: 64, quads }, groups: groupsFor(count), bound }];
}

/** The first of the largest. */
function best(count: number, value: (k: number) => number): number {
  let at = 0;
  for (let k = 1; k < count; k++) if (value(k) > value(at)) at = k;
  return at;
}

function tally(use: KernelUse, random: Random): Trial[] {
  const kind = define(use, "KIND");
  const [runs, rows, quads, examples] = [2, 8, 12, 45];
  const classes = kind === 1 ? define(use, "CLASSES") : 3;
  const height = Math.max(rows, classes);
  const width = 4 * quads;
  // Few distinct scores, so that some are equal.
  const z = Float32Array.from({ length: runs * height * width }, () => random.integer(23) / 8);
  const score = (run: number, k: number, i: number) => z[(run * height + k) * width + i];
  const points = Uint32Array.from({ length: classes * classes }, () => random.integer(11));
  const params = { rows: height, classes, quads, examples };
  const each = (count: number) => Array.from({ length: count }, (_, i) => i);
  if (kind === 0) {
    const labels = Uint32Array.from(integers(random, examples, classes));
    const sums = each(runs).map((run) =>
      total(examples, (i) => points[labels[i] * classes + best(classes, (k) => score(run, k, i))]),
    );
    const bound = [input(z), input(labels), input(Uint32Array.of(0)), input(points), whole(sums, true)];
    return [{ params: { ...params, results: runs, songs: 0 }, groups: [runs], bound }];
  }
  if (kind === 1) {
    const starts = [0, 7, 8, 20, 33, examples];
    const songs = starts.length - 1;
    const clips = [...random.permutation(examples)];
    const labels = Uint32Array.from(integers(random, songs, classes));
    const sums = each(runs).flatMap((run) => {
      const parts = [0, 0, 0, 0];
      for (let song = 0; song < songs; song++) {
        const own = clips.slice(starts[song], starts[song + 1]);
        const over = (f: (k: number, i: number) => number) => (k: number) =>
          total(own.length, (c) => f(k, own[c]));
        const votes = over((k, i) => Number(best(classes, (j) => score(run, j, i)) === k));
        const peak = (k: number) => Math.max(...own.map((i) => score(run, k, i)));
        const share = over(
          (k, i) => Math.exp(score(run, k, i)) / total(classes, (j) => Math.exp(score(run, j, i))),
        );
        const ways = [votes, peak, over((k, i) => score(run, k, i)), share];
        ways.forEach((way, j) => {
          parts[j] += points[labels[song] * classes + best(classes, way)];
        });
      }
      return parts;
    });
    // Means of the softmax that are equal in exact numbers may be told apart by rounding: not compared.
    const loose = sums.map((sum, i) => (i % 4 === 3 ? Number.NaN : sum));
    const bound = [input(z), input(labels), input(Uint32Array.from([...starts, ...clips])), input(points)];
    return [
      { params: { ...params, results: runs, songs }, groups: [runs], bound: [...bound, whole(loose, true)] },
    ];
  }
  const results = runs * classes;
  if (kind === 2) {
    const positives = each(classes).map((tag) =>
      tag === 1 ? [] : [...random.permutation(examples)].slice(0, 9 + tag),
    );
    const starts = [0];
    for (const own of positives) starts.push(starts[starts.length - 1] + own.length);
    const sums = each(results).map((at) => {
      const [run, tag] = [Math.floor(at / classes), at % classes];
      const own = positives[tag];
      return total(own.length, (c) => {
        const s = score(run, tag, own[c]);
        return total(examples, (i) => (s > score(run, tag, i) ? 2 : Number(s === score(run, tag, i))));
      });
    });
    const songs = input(Uint32Array.from([...starts, ...positives.flat()]));
    const bound = [input(z), input(Uint32Array.of(0)), songs, whole(sums, true)];
    return [{ params: { ...params, results, songs: 0 }, groups: [results], bound }];
  }
  const labels = normals(random, classes * width);
  const sums = each(results).map((at) => {
    const [run, row] = [Math.floor(at / classes), at % classes];
    return total(examples, (i) => (score(run, row, i) - labels[row * width + i]) ** 2);
  });
  const bound = [input(z), input(labels), input(Uint32Array.of(0)), output(sums)];
  return [{ params: { ...params, results, songs: 0 }, groups: [results], bound }];
}

export const probeChecks: CheckTable = {
  "probe/draw": draw,
  "probe/activate": activate,
  "probe/adam": adam,
  "probe/back": back,
  "probe/loss": loss,
  "probe/shares": shares,
  "probe/mix": mix,
  "probe/mix_back": mixBack,
  "probe/move": move,
  "probe/tally": tally,
};
