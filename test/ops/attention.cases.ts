// Rows of the op table: attention with every kind of mask, on separate and on packed operands.
import { type AttentionOptions, attention, attentionFromQkv } from "../../src/ops/attention.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { InputSpec, OpCase, Values } from "./case.js";

type Score = (b: number, h: number, i: number, j: number, score: number) => number;
type Read = (part: number, b: number, h: number, t: number, d: number) => number;

interface Sizes {
  batch: number;
  heads: number;
  tq: number;
  tk: number;
  dim: number;
}

/** Softmax attention in float64; a score of -Infinity hides the key. Writes [B, H, Tq, D] through `put`. */
function plainAttention(
  { batch, heads, tq, tk, dim }: Sizes,
  read: Read,
  adjust: Score,
  put: (b: number, h: number, i: number, d: number, value: number) => void,
): void {
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < tq; i++) {
        const scores = Array.from({ length: tk }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < dim; d++) dot += read(0, b, h, i, d) * read(1, b, h, j, d);
          return adjust(b, h, i, j, dot / Math.sqrt(dim));
        });
        const top = Math.max(...scores);
        const weights = scores.map((score) => (top === -Infinity ? 0 : Math.exp(score - top)));
        const total = weights.reduce((x, y) => x + y, 0) || 1;
        for (let d = 0; d < dim; d++) {
          put(b, h, i, d, weights.reduce((sum, w, j) => sum + w * read(2, b, h, j, d), 0) / total);
        }
      }
    }
  }
}

interface Mask {
  spec: InputSpec;
  options(mask: Tensor): AttentionOptions;
  adjust(mask: Values): Score;
}

/** 0 hides a key of a clip. */
function keep(batch: number, tk: number): Mask {
  return {
    spec: { shape: [batch, tk], draw: "mask", gradient: false },
    options: (mask) => ({ keyKeep: mask }),
    adjust: (mask) => (b, _h, _i, j, score) => (mask.data[b * tk + j] === 0 ? -Infinity : score),
  };
}

/** A number for each (clip, query, key), the same for all heads. */
function additive(batch: number, tq: number, tk: number): Mask {
  return {
    spec: { shape: [batch, 1, tq, tk], gradient: false },
    options: (mask) => ({ mask }),
    adjust: (mask) => (b, _h, i, j, score) => score + mask.data[(b * tq + i) * tk + j],
  };
}

/** 0 hides a key from a query, differently for each head. */
function boolean(heads: number, tq: number, tk: number): Mask {
  return {
    spec: { shape: [heads, tq, tk], draw: "mask", gradient: false },
    options: (mask) => ({ mask }),
    adjust: (mask) => (_b, h, i, j, score) => (mask.data[(h * tq + i) * tk + j] === 0 ? -Infinity : score),
  };
}

function row(label: string, sizes: Sizes, mask?: Mask, gradient = true): OpCase {
  const { batch, heads, tq, tk, dim } = sizes;
  const [q, k] = [tq, tk].map((tokens) => ({ shape: [batch, heads, tokens, dim] }));
  return {
    op: "attention",
    label,
    inputs: [q, k, k, ...(mask ? [mask.spec] : [])],
    run: ([x, y, z, m]) => attention(x, y, z, mask?.options(m)),
    reference: (inputs) => {
      const out = new Float64Array(batch * heads * tq * dim);
      const read: Read = (part, b, h, t, d) =>
        inputs[part].data[((b * heads + h) * (part === 0 ? tq : tk) + t) * dim + d];
      const adjust: Score = mask ? mask.adjust(inputs[3]) : (_b, _h, _i, _j, score) => score;
      plainAttention(sizes, read, adjust, (b, h, i, d, value) => {
        out[((b * heads + h) * tq + i) * dim + d] = value;
      });
      return out;
    },
    shape: q.shape,
    gradient,
  };
}

function packedRow(
  label: string,
  batch: number,
  heads: number,
  tokens: number,
  dim: number,
  mask?: Mask,
): OpCase {
  const width = heads * dim;
  return {
    op: "attention_qkv",
    label,
    inputs: [{ shape: [batch, tokens, 3 * width] }, ...(mask ? [mask.spec] : [])],
    run: ([x, m]) => attentionFromQkv(x, heads, mask?.options(m)),
    reference: ([x, m]) => {
      const out = new Float64Array(batch * tokens * width);
      const read: Read = (part, b, h, t, d) =>
        x.data[(b * tokens + t) * 3 * width + part * width + h * dim + d];
      const adjust: Score = mask ? mask.adjust(m) : (_b, _h, _i, _j, score) => score;
      plainAttention({ batch, heads, tq: tokens, tk: tokens, dim }, read, adjust, (b, h, i, d, value) => {
        out[(b * tokens + i) * width + h * dim + d] = value;
      });
      return out;
    },
    shape: [batch, tokens, width],
  };
}

export const cases: OpCase[] = [
  row("one token", { batch: 2, heads: 1, tq: 1, tk: 1, dim: 8 }),
  row("odd tokens", { batch: 1, heads: 3, tq: 17, tk: 17, dim: 8 }),
  row("whole steps", { batch: 1, heads: 2, tq: 16, tk: 16, dim: 8 }),
  row("queries and keys differ", { batch: 2, heads: 2, tq: 5, tk: 19, dim: 8 }),
  row("odd head", { batch: 1, heads: 2, tq: 9, tk: 9, dim: 5 }),
  row("one value a head", { batch: 1, heads: 1, tq: 5, tk: 6, dim: 1 }),
  row("more rows than a workgroup", { batch: 1, heads: 1, tq: 130, tk: 67, dim: 8 }, undefined, false),
  row("hidden keys", { batch: 3, heads: 2, tq: 9, tk: 9, dim: 8 }, keep(3, 9)),
  row("hidden keys, odd head", { batch: 3, heads: 1, tq: 7, tk: 8, dim: 5 }, keep(3, 8)),
  row("numbers added", { batch: 2, heads: 2, tq: 9, tk: 11, dim: 8 }, additive(2, 9, 11)),
  row("keys hidden from queries", { batch: 2, heads: 3, tq: 19, tk: 21, dim: 8 }, boolean(3, 19, 21)),
  row("several tiles, hidden keys", { batch: 2, heads: 1, tq: 40, tk: 71, dim: 8 }, keep(2, 71)),
  row("several tiles, numbers added", { batch: 1, heads: 1, tq: 37, tk: 70, dim: 8 }, additive(1, 37, 70)),
  row("several tiles, odd head", { batch: 1, heads: 1, tq: 35, tk: 38, dim: 6 }),
  ...[1, 3, 63, 65].map((tokens) =>
    row(`${tokens} tokens`, { batch: 1, heads: 1, tq: tokens, tk: tokens, dim: 8 }),
  ),
  row("1000 tokens", { batch: 1, heads: 1, tq: 1000, tk: 1000, dim: 8 }, undefined, false),
  ...[20, 64, 96, 128].map((dim) => row(`heads of ${dim}`, { batch: 1, heads: 2, tq: 9, tk: 18, dim })),
  packedRow("odd tokens", 2, 3, 17, 8),
  packedRow("whole steps, the demo model's head", 1, 2, 32, 24),
  packedRow("odd head", 2, 2, 6, 5),
  packedRow("hidden keys", 2, 2, 17, 8, keep(2, 17)),
  packedRow("numbers added", 2, 2, 9, 8, additive(2, 9, 9)),
  row("no query", { batch: 2, heads: 2, tq: 0, tk: 5, dim: 8 }),
  row("no key", { batch: 2, heads: 2, tq: 5, tk: 0, dim: 8 }, keep(2, 0)),
  row("no clip", { batch: 0, heads: 2, tq: 5, tk: 3, dim: 8 }),
  row("heads of nothing", { batch: 1, heads: 2, tq: 5, tk: 3, dim: 0 }),
  packedRow("no token", 2, 3, 0, 8),
];
