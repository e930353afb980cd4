// Checks of losses: cross entropy, the adding up of losses, sums of losses by element, InfoNCE.
import type { Random } from "../tensor/random.js";
import { add, byRow, eachLength, logSumExp, rows, unitOf } from "./by-row.js";
import {
  build,
  type CheckTable,
  changed,
  define,
  input,
  integers,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
  uniforms,
} from "./check.js";
import { compile } from "./expression.js";

/** Rows of logits with their classes; the diagonal's rows are squares one after the other. */
function logitsOf(use: KernelUse, random: Random, items: number) {
  const classes = items * unitOf(use);
  const diagonal = define(use, "DIAGONAL") === 1;
  const x = normals(random, rows * classes, 2);
  const targets = integers(random, rows, classes);
  const ignore = classes > 1 ? (targets[0] + 1) % classes : -100;
  if (rows > 1) targets[rows - 1] = ignore;
  const target = (r: number) => (diagonal ? r % classes : targets[r]);
  const ignored = (r: number) => !diagonal && targets[r] === ignore;
  const [scale, smoothing] = [Math.fround(0.7), Math.fround(0.1)];
  const lse = Float32Array.from({ length: rows }, (_, r) =>
    logSumExp(build(classes, (i) => scale * x[r * classes + i])),
  );
  return { classes, x, targets, ignore, target, ignored, scale, smoothing, lse };
}

function crossEntropy(use: KernelUse, random: Random): Trial[] {
  return eachLength(use, (items) => {
    const { classes, x, targets, ignore, target, ignored, scale, smoothing, lse } = logitsOf(
      use,
      random,
      items,
    );
    const losses = build(rows, (r) => {
      if (ignored(r)) return 0;
      const hit = scale * x[r * classes + target(r)];
      const even = (scale * total(classes, (i) => x[r * classes + i])) / classes;
      return lse[r] - (1 - smoothing) * hit - smoothing * even;
    });
    const valid = build(rows, (r) => Number(!ignored(r)));
    const bound = [input(x), input(targets), output(losses), output(lse), output(valid)];
    return [{ classes, scale, smoothing, ignore }, bound];
  });
}

function crossEntropyBackward(use: KernelUse, random: Random): Trial[] {
  const [each, mean, inPlace] = ["EACH", "MEAN", "IN_PLACE"].map((name) => define(use, name) === 1);
  return eachLength(use, (items) => {
    const { classes, x, targets, ignore, target, ignored, scale, smoothing, lse } = logitsOf(
      use,
      random,
      items,
    );
    const [g, count, factor] = [normals(random, each ? rows : 1), 5, Math.fround(1.3)];
    const wanted = byRow(x, classes, (row, r) => {
      const s = ((ignored(r) ? 0 : factor) * g[each ? r : 0]) / (mean ? count : 1);
      return row.map((v, i) => {
        const hot = (i === target(r) ? 1 - smoothing : 0) + smoothing / classes;
        return s * (Math.exp(scale * v - lse[r]) - hot);
      });
    });
    const bound = [input(targets), input(lse), input(g), input(Float32Array.of(count))];
    bound.push(...(inPlace ? [changed(x, wanted)] : [input(x), output(wanted)]));
    return [{ classes, scale, smoothing, ignore, factor }, bound];
  });
}

function lossFold(use: KernelUse, random: Random): Trial[] {
  const count = 301;
  const x = normals(random, count);
  const scale = Math.fround(0.31);
  const valid = Float32Array.from({ length: count }, () => random.integer(2));
  valid[0] = 1;
  const [sum, kept] = [add(x), add(valid)];
  if (!define(use, "MEAN")) {
    return [{ params: { count, scale }, groups: [1], bound: [output([sum * scale]), input(x)] }];
  }
  const bound = [output([sum / kept]), input(x), input(valid), output([kept])];
  return [{ params: { count, scale }, groups: [1], bound }];
}

function lossSum(use: KernelUse, random: Random): Trial[] {
  const unit = unitOf(use);
  const loss = compile(String(use.defines.EXPR));
  const weighted = define(use, "WEIGHTED") === 1;
  const [chunk, chunks, period] = [101, 3, 7];
  const size = (2 * chunk + 51) * unit - (unit === 4 && !weighted ? 3 : 0);
  const items = Math.ceil(size / unit);
  const [x, t] = [normals(random, size), uniforms(random, size, 0, 1)];
  const w = uniforms(random, period * unit, 0.5, 2);
  const sums = new Float64Array(chunks);
  x.forEach((value, i) => {
    const part = Math.floor(i / unit / chunk);
    sums[part] += loss({ x: value, t: t[i], w: weighted ? w[i % w.length] : 1 });
  });
  const bound = [output(sums, 3e-4), input(x), input(t), ...(weighted ? [input(w)] : [])];
  return [{ params: { items, size, chunk, chunks, period }, groups: [chunks], bound }];
}

/** Similarities of all pairs of a clip in base 2, their logarithm of the sum, and what follows: the fused kernels of InfoNCE. */
function infonce(use: KernelUse, random: Random): Trial[] {
  const [n, clips, items] = [19, 3, Math.min(use.params.items, 24)];
  const width = 4 * items;
  const [x, c] = [normals(random, clips * n * width, 0.3), normals(random, clips * n * width, 0.3)];
  const scale = Math.fround(Math.LOG2E / 2);
  const at = (clip: number, i: number) => (clip * n + i) * width;
  const similarities = build(clips * n * n, (i) => {
    const [clip, row, column] = [Math.floor(i / n / n), Math.floor(i / n) % n, i % n];
    return scale * total(width, (k) => x[at(clip, row) + k] * c[at(clip, column) + k]);
  });
  const row = (r: number) => similarities.subarray(r * n, (r + 1) * n);
  const lse = build(clips * n, (r) => logSumExp(row(r).map((s) => s * Math.LN2)) / Math.LN2);
  if (!use.shader.endsWith("backward")) {
    const losses = build(clips * n, (r) => (lse[r] - row(r)[r % n]) * Math.LN2);
    const bound = [output(similarities), output(lse), output(losses), input(x), input(c)];
    return [{ params: { n, clips, items, scale }, groups: [clips * n], bound }];
  }
  const columnwise = define(use, "COLUMNWISE") === 1;
  const [g, factor] = [normals(random, 1), Math.fround(0.7)];
  // columnwise: the gradient of c, from x; else that of x, from c.
  const other = columnwise ? x : c;
  const wanted = new Float64Array(other.length);
  for (let clip = 0; clip < clips; clip++) {
    for (let own = 0; own < n; own++) {
      for (let k = 0; k < n; k++) {
        const [i, j] = columnwise ? [k, own] : [own, k];
        const share = 2 ** (similarities[(clip * n + i) * n + j] - lse[clip * n + i]) - Number(i === j);
        for (let d = 0; d < width; d++)
          wanted[at(clip, own) + d] += g[0] * factor * share * other[at(clip, k) + d];
      }
    }
  }
  const rounded = [similarities, lse].map((values) => input(Float32Array.from(values)));
  const bound = [output(wanted), ...rounded, input(g), input(other)];
  return [{ params: { n, clips, items, factor }, groups: [clips * n * items], bound }];
}

export const lossChecks: CheckTable = {
  "loss/cross_entropy": crossEntropy,
  "loss/cross_entropy_backward": crossEntropyBackward,
  "loss/fold": lossFold,
  "loss/sum": lossSum,
  "loss/infonce": infonce,
  "loss/infonce_backward": infonce,
};
