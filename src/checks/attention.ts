// Checks of attention's kernels, forward and gradients, in every layout and with every mask: softmax's weights of a few heads worked
// out in full.
import { attentionPasses, attentionVariantFamilies, shadersOf } from "../ops/attention-variants/list.js";
import { type AttentionVariantFamily, ownRows } from "../ops/attention-variants/variant.js";
import { foldGroups } from "../ops/launch.js";
import type { Random } from "../tensor/random.js";
import {
  type Bound,
  type CheckTable,
  changed,
  define,
  input,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
} from "./check.js";

type Part = "q" | "k" | "v";

/** Sizes, and where a row of a part starts. */
interface Layout {
  batch: number;
  heads: number;
  tq: number;
  tk: number;
  dim: number;
  packed: boolean;
}

const tokensOf = ({ tq, tk }: Layout, part: Part) => (part === "q" ? tq : tk);

/** Of q, k or v, in tensors of their own or in one. */
function rowAt(layout: Layout, part: Part, pair: number, row: number): number {
  const { heads, tq, dim, packed } = layout;
  if (!packed) return (pair * tokensOf(layout, part) + row) * dim;
  const token = Math.floor(pair / heads) * tq + row;
  return ((token * 3 + ["q", "k", "v"].indexOf(part)) * heads + (pair % heads)) * dim;
}

/** Of the output and of its gradient. */
function outAt({ heads, tq, dim, packed }: Layout, pair: number, row: number): number {
  return packed
    ? ((Math.floor(pair / heads) * tq + row) * heads + (pair % heads)) * dim
    : (pair * tq + row) * dim;
}

/** A mask's addend, -Infinity where it hides. */
type Mask = (pair: number, query: number, key: number) => number;

function attend(
  layout: Layout,
  values: Record<Part, Float32Array>,
  grad: Float32Array,
  scale: number,
  mask: Mask,
) {
  const { batch, heads, tq, tk, dim } = layout;
  const pairs = batch * heads;
  const outputs = pairs * tq * dim;
  const out = new Float64Array(outputs);
  const stats = new Float64Array(2 * pairs * tq);
  const sizeOf = (part: Part) => values[part].length;
  const gradients: Record<Part, Float64Array> = {
    q: new Float64Array(sizeOf("q")),
    k: new Float64Array(sizeOf("k")),
    v: new Float64Array(sizeOf("v")),
  };
  for (let pair = 0; pair < pairs; pair++) {
    for (let i = 0; i < tq; i++) {
      const [query, at] = [rowAt(layout, "q", pair, i), outAt(layout, pair, i)];
      const scores = Float64Array.from({ length: tk }, (_, j) => {
        const key = rowAt(layout, "k", pair, j);
        return scale * total(dim, (d) => values.q[query + d] * values.k[key + d]) + mask(pair, i, j);
      });
      const top = scores.reduce((a, b) => Math.max(a, b));
      const level = top + Math.log(total(tk, (j) => Math.exp(scores[j] - top)));
      const weights = scores.map((score) => Math.exp(score - level));
      const slopes = weights.map((_, j) => {
        const value = rowAt(layout, "v", pair, j);
        return total(dim, (d) => grad[at + d] * values.v[value + d]);
      });
      const delta = total(tk, (j) => weights[j] * slopes[j]);
      stats.set([level / Math.LN2, delta], 2 * (pair * tq + i));
      for (let j = 0; j < tk; j++) {
        const [key, value] = [rowAt(layout, "k", pair, j), rowAt(layout, "v", pair, j)];
        const slope = scale * weights[j] * (slopes[j] - delta);
        for (let d = 0; d < dim; d++) {
          out[at + d] += weights[j] * values.v[value + d];
          gradients.v[value + d] += weights[j] * grad[at + d];
          gradients.q[query + d] += slope * values.k[key + d];
          gradients.k[key + d] += slope * values.q[query + d];
        }
      }
    }
  }
  return { out, stats, gradients };
}

/** A mask of the kind that the kernel is built for, as it is bound, with its parameters. */
function maskOf(use: KernelUse, { batch, heads, tq, tk }: Layout, random: Random) {
  const kind = define(use, "MASK");
  if (kind === 0) return { mask: () => 0, bound: [] as Bound[], params: {} };
  const integer = use.defines.MASK_TYPE === "i32";
  const keep = (size: number, every: number) =>
    Int32Array.from({ length: size }, (_, i) => (i % every === 0 || random.uniform() < 0.7 ? 1 : 0));
  const stored = (values: Int32Array) => [input(integer ? values : Float32Array.from(values))];
  if (kind === 1) {
    const kept = keep(batch * tk, tk);
    const mask: Mask = (pair, _, j) =>
      kept[Math.floor(pair / heads) * tk + j] ? 0 : Number.NEGATIVE_INFINITY;
    return { mask, bound: stored(kept), params: {} };
  }
  const size = batch * heads * tq * tk;
  const params = { mask_b: heads * tq * tk, mask_h: tq * tk, mask_q: tk, mask_k: 1 };
  const at = (pair: number, i: number, j: number) => (pair * tq + i) * tk + j;
  if (integer) {
    const kept = keep(size, tk);
    const mask: Mask = (...place) => (kept[at(...place)] ? 0 : Number.NEGATIVE_INFINITY);
    return { mask, bound: stored(kept), params };
  }
  const added = normals(random, size);
  const mask: Mask = (...place) => added[at(...place)];
  return { mask, bound: [input(added)], params };
}

/** The kernels' passes, by the variants of a family. */
function attention(family: AttentionVariantFamily, use: KernelUse, random: Random): Trial[] {
  const pass = attentionPasses[shadersOf(family).indexOf(use.shader)];
  const packed = define(use, "PACKED") === 1;
  const dim = define(use, "HEAD_DIM");
  // Kernels without an edge take the other rows in whole steps of at most 8.
  const even = define(use, "EDGE") === 0 && use.defines.EDGE !== undefined;
  const tq = even ? 24 : 37;
  const layout: Layout = { batch: 2, heads: 3, tq, tk: packed || even ? tq : 29, dim, packed };
  const { batch, heads, tk } = layout;
  const pairs = batch * heads;
  const scale = Math.fround(1 / Math.sqrt(dim));
  const { mask, bound: masks, params: strides } = maskOf(use, layout, random);
  const joint = packed ? normals(random, 3 * pairs * tq * dim) : undefined;
  const values: Record<Part, Float32Array> = {
    q: joint ?? normals(random, pairs * tq * dim),
    k: joint ?? normals(random, pairs * tk * dim),
    v: joint ?? normals(random, pairs * tk * dim),
  };
  const grad = normals(random, pairs * tq * dim);
  const { out, stats, gradients } = attend(layout, values, grad, scale, mask);
  const inputs = joint ? [input(joint)] : [input(values.q), input(values.k), input(values.v)];
  const known = Float32Array.from(stats);
  /** NaN for every second one: of the query's pair or the other. */
  const only = (which: 0 | 1) => known.map((value, i) => (i % 2 === which ? value : Number.NaN));
  // A joint gradient is written in parts by two kernels: what the other writes may be anything.
  const written = (parts: readonly Part[]) => {
    if (!packed) return parts.map((part) => output(gradients[part], 3e-4));
    const whole = new Float64Array(values.q.length).fill(Number.NaN);
    for (const part of parts) {
      for (let pair = 0; pair < pairs; pair++) {
        for (let row = 0; row < tq; row++) {
          const at = rowAt(layout, part, pair, row);
          whole.set(gradients[part].subarray(at, at + dim), at);
        }
      }
    }
    return [output(whole, 3e-4)];
  };
  const bound =
    pass === "forward"
      ? [output(out, 2e-4), { ...output(known, 2e-4), expected: only(0) }, ...inputs]
      : pass === "backward_query"
        ? [
            ...written(["q"]),
            changed(only(0), known, 3e-4),
            input(grad),
            input(Float32Array.from(out)),
            ...inputs,
          ]
        : [...written(["k", "v"]), input(known), input(grad), ...inputs];
  const { rows } = family.ofDefines((name) => define(use, name));
  const each = Math.ceil(ownRows({ pass, tq, tk }) / rows);
  const params = { heads, tq, tk, pairs, chunks: Math.ceil(dim / 4), scale, ...strides };
  return [{ params, groups: foldGroups(pairs * each), bound: [...bound, ...masks] }];
}

export const attentionChecks: CheckTable = Object.fromEntries(
  attentionVariantFamilies.flatMap((family) =>
    shadersOf(family).map((shader) => [shader, (use, random) => attention(family, use, random)]),
  ),
);
