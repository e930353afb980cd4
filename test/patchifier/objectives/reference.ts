// The model in float64, plainly: rows of numbers, one clip at a time. What the objectives' tests compare with.
import { erf } from "../../ops/reference.js";

export type Row = Float64Array;
export type Rows = Row[];
/** Values by parameter name; matrices row-major. */
export type Params = ReadonlyMap<string, Float64Array>;

export function param(params: Params, name: string): Float64Array {
  const values = params.get(name);
  if (!values) throw new Error(`The model has no '${name}'.`);
  return values;
}

export function linear(x: Rows, params: Params, name: string): Rows {
  const weight = param(params, `${name}.weight`);
  const bias = param(params, `${name}.bias`);
  const width = weight.length / bias.length;
  return x.map((row) => {
    if (row.length !== width) throw new Error(`${name} takes ${width} values, not ${row.length}.`);
    return bias.map((sum, o) => {
      for (let i = 0; i < width; i++) sum += weight[o * width + i] * row[i];
      return sum;
    });
  });
}

export function moments(row: Row): { mean: number; variance: number } {
  const mean = row.reduce((total, value) => total + value, 0) / row.length;
  return { mean, variance: row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length };
}

export function standardise(row: Row, eps: number): Row {
  const { mean, variance } = moments(row);
  return row.map((value) => (value - mean) / Math.sqrt(variance + eps));
}

export function norm(x: Rows, params: Params, name: string): Rows {
  const [weight, bias] = [param(params, `${name}.weight`), param(params, `${name}.bias`)];
  return x.map((row) => standardise(row, 1e-6).map((value, i) => value * weight[i] + bias[i]));
}

export function plus(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t][i]));
}

/** Consecutive rows of `width` values. */
export function rowsOf(values: ArrayLike<number>, width: number): Rows {
  const all = Float64Array.from(values);
  return Array.from({ length: all.length / width }, (_, t) => all.slice(t * width, (t + 1) * width));
}

export function softmax(x: Row): Row {
  const top = x.reduce((a, b) => Math.max(a, b));
  const powers = x.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

export function logSumExp(x: Row): number {
  const top = x.reduce((a, b) => Math.max(a, b));
  return top + Math.log(x.reduce((total, value) => total + Math.exp(value - top), 0));
}

export function dot(a: Row, b: Row): number {
  return a.reduce((total, value, i) => total + value * b[i], 0);
}

export function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0) / values.length;
}

function attention(qkv: Rows, heads: number): Rows {
  const width = qkv[0].length / 3;
  const dim = width / heads;
  const part = (row: Row, which: number, head: number) =>
    row.slice(which * width + head * dim, which * width + (head + 1) * dim);
  return qkv.map((query) => {
    const out = new Float64Array(width);
    for (let head = 0; head < heads; head++) {
      const q = part(query, 0, head);
      const scores = Float64Array.from(qkv, (key) => dot(q, part(key, 1, head)) / Math.sqrt(dim));
      softmax(scores).forEach((weight, k) => {
        part(qkv[k], 2, head).forEach((value, i) => {
          out[head * dim + i] += weight * value;
        });
      });
    }
    return out;
  });
}

/** A block's output, and what its feed-forward part gave. */
export function block(x: Rows, params: Params, name: string, heads: number): { output: Rows; forward: Rows } {
  const qkv = linear(norm(x, params, `${name}.norm1`), params, `${name}.attn.qkv`);
  const y = plus(x, linear(attention(qkv, heads), params, `${name}.attn.proj`));
  const hidden = linear(norm(y, params, `${name}.norm2`), params, `${name}.mlp.fc1`).map((row) =>
    row.map((value) => 0.5 * value * (1 + erf(value / Math.SQRT2))),
  );
  const forward = linear(hidden, params, `${name}.mlp.fc2`);
  return { output: plus(y, forward), forward };
}

export interface Sizes {
  layers: number;
  heads: number;
  width: number;
}

/** Embeddings with positions; mask tokens stand in the places of `masked`. */
export function tokens(patches: Rows, params: Params, { width }: Sizes, masked?: ReadonlySet<number>): Rows {
  const token = param(params, "mask_token");
  const embedded = linear(patches, params, "patch_embed").map((row, t) => (masked?.has(t) ? token : row));
  return plus(embedded, rowsOf(param(params, "pos_embed"), width));
}

/** Blocks and final norm. */
export function transform(x: Rows, params: Params, { layers, heads }: Sizes): Rows {
  let rows = x;
  for (let i = 0; i < layers; i++) rows = block(rows, params, `blocks.${i}`, heads).output;
  return norm(rows, params, "norm");
}
