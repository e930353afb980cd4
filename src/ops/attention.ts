// Scaled dot-product attention, softmax(q·kᵀ/√D + mask)·v, forward and gradient without storing the T×T scores. Not here:
// the projections around it.
import { ShapeError } from "../gpu/errors.js";
import { broadcastStrides, formatShape, type Shape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Build, usableChoice } from "./alternatives.js";
import { chooseAttention } from "./attention-rule.js";
import {
  type AttentionCase,
  type AttentionPass,
  type AttentionVariant,
  ownRows,
} from "./attention-variants/variant.js";
import { add, mul } from "./binary.js";
import { defineOp } from "./define.js";
import { foldGroups } from "./launch.js";
import { matmul } from "./matmul.js";
import { blocksOf } from "./pieces.js";
import { softmax } from "./softmax.js";
import { stridedCopy } from "./strided.js";
import { reshape } from "./view.js";
import { where } from "./where.js";

/** Masks and scale of attention. */
export interface AttentionOptions {
  /**
   * Any shape that repeats to [B, H, Tq, Tk]. f32: added to the scores before the softmax, -Infinity or -1e30 hides. i32: 0
   * hides that key from that query.
   */
  mask?: Tensor;
  /** [B, Tk], f32 or i32: 0 hides that key from every query. A query that sees no key gives zeros. */
  keyKeep?: Tensor;
  /** Factor of the scores; 1/√D by default. */
  scale?: number;
}

interface AttentionPlan extends Omit<AttentionCase, "pass" | "hidden"> {
  scale: number;
  mask?: Tensor;
  maskKind: 0 | 1 | 2;
}

/** Attention's kernels; what a tuner knows of them besides is in tuning-attention.ts. */
export const attentionFamily = { name: "attention", rule: chooseAttention };

/** Runs one of the three kernels; `blocks` without the mask. Outside the graph; for the gradient below and the tuner. */
export function attentionPass(pass: AttentionPass, x: Tensor, plan: AttentionPlan, blocks: Tensor[]): void {
  const { device } = x.gpu;
  const { pairs, heads, tq, tk, dim, packed, scale, mask, maskKind } = plan;
  const shape: AttentionCase = { pass, pairs, heads, tq, tk, dim, packed, hidden: maskKind === 1 };
  const chunks = Math.ceil(dim / 4);
  const params: Record<string, number> = { heads, tq, tk, pairs, chunks, scale };
  if (mask && maskKind === 2) {
    const [b, h, q, k] = broadcastStrides(mask.shape, [pairs / heads, heads, tq, tk]);
    Object.assign(params, { mask_b: b, mask_h: h, mask_q: q, mask_k: k });
  }
  const common = {
    HEAD_DIM: dim,
    CHUNKS: chunks,
    VEC4: dim % 4 === 0,
    PACKED: packed,
    MASK: maskKind,
    MASK_TYPE: mask?.dtype ?? "f32",
    KEEP: mask?.dtype === "i32",
  };
  const build = ({ prefix, defines }: AttentionVariant): Build => [
    `attention/${prefix}${pass}`,
    { ...common, ...defines(shape) },
  ];
  const choice = device.chooser.choose(attentionFamily, shape);
  const taken = usableChoice(device, attentionFamily, shape, choice, { build });
  const kernel = device.kernel(...build(taken));
  const bound = blocksOf(mask ? [...blocks, mask] : blocks);
  device.run(kernel, bound, params, foldGroups(pairs * Math.ceil(ownRows(shape) / taken.rows)));
}

/** Sizes, scale and mask of a call. Throws ShapeError where a mask is of another dtype or shape, or both are given. */
export function planAttention(
  { mask, keyKeep, scale }: AttentionOptions,
  [batch, heads, tq, dim]: Shape,
  tk: number,
  packed: boolean,
): AttentionPlan {
  if ((mask ?? keyKeep)?.dtype === "f16")
    throw new ShapeError("attention: a mask must be f32 or i32, not f16.");
  if (mask && keyKeep) throw new ShapeError("attention: give either mask or keyKeep, not both.");
  if (keyKeep && !sameShape(keyKeep.shape, [batch, tk])) {
    throw new ShapeError(
      `attention: keyKeep must be [${batch}, ${tk}] (batch, keys), not ${formatShape(keyKeep.shape)}.`,
    );
  }
  const full = [batch, heads, tq, tk];
  if (mask && !repeatsTo(mask.shape, full)) {
    throw new ShapeError(
      `attention: the mask ${formatShape(mask.shape)} does not repeat to ${formatShape(full)}.`,
    );
  }
  return {
    pairs: batch * heads,
    heads,
    tq,
    tk,
    dim,
    packed,
    scale: scale ?? 1 / Math.sqrt(Math.max(1, dim)),
    mask: mask ?? keyKeep,
    maskKind: mask ? 2 : keyKeep ? 1 : 0,
  };
}

/** Whether there is no query, no key or no value: the result is zeros, if it has elements at all. */
function isNothing({ pairs, tq, tk, dim }: AttentionPlan): boolean {
  return pairs * tq * tk * dim === 0;
}

function repeatsTo(shape: Shape, full: Shape): boolean {
  const offset = full.length - shape.length;
  return offset >= 0 && shape.every((n, axis) => n === 1 || n === full[axis + offset]);
}

const attentionOp = defineOp<AttentionOptions, { plan: AttentionPlan; stats: Tensor }>({
  name: "attention",
  doc: "softmax(q·kᵀ/√D + mask)·v; q is [B, H, Tq, D], k and v are [B, H, Tk, D].",
  forward([q, k, v], options) {
    const plan = planAttention(options, q.shape, k.shape[2], false);
    if (isNothing(plan)) return { output: q.gpu.zeros(q.shape), saved: { plan, stats: q } };
    const output = q.gpu.empty(q.shape);
    const stats = q.gpu.empty([plan.pairs, plan.tq, 2]);
    attentionPass("forward", q, plan, [output, stats, q, k, v]);
    return { output, saved: { plan, stats } };
  },
  backward({ grad, inputs: [q, k, v], output, saved: { plan, stats } }) {
    if (isNothing(plan)) return [q, k, v].map(({ gpu, shape }) => gpu.zeros(shape));
    const [dq, dk, dv] = [q, k, v].map((input) => input.gpu.empty(input.shape));
    attentionPass("backward_query", q, plan, [dq, stats, grad, output, q, k, v]);
    attentionPass("backward_key", q, plan, [dk, dv, stats, grad, q, k, v]);
    return [dq, dk, dv];
  },
});

const packedOp = defineOp<AttentionOptions & { heads: number }, { plan: AttentionPlan; stats: Tensor }>({
  name: "attention_qkv",
  doc: "attention of a packed projection [B, T, 3·H·D] (q, k, v, each split into heads); the result is [B, T, H·D].",
  forward([qkv], { heads, ...options }) {
    const [batch, tokens, width] = qkv.shape;
    const plan = planAttention(options, [batch, heads, tokens, width / 3 / heads], tokens, true);
    if (isNothing(plan))
      return { output: qkv.gpu.zeros([batch, tokens, width / 3]), saved: { plan, stats: qkv } };
    const output = qkv.gpu.empty([batch, tokens, width / 3]);
    const stats = qkv.gpu.empty([plan.pairs, tokens, 2]);
    attentionPass("forward", qkv, plan, [output, stats, qkv]);
    return { output, saved: { plan, stats } };
  },
  backward({ grad, inputs: [qkv], output, saved: { plan, stats } }) {
    if (isNothing(plan)) return [qkv.gpu.zeros(qkv.shape)];
    const gradient = qkv.gpu.empty(qkv.shape);
    attentionPass("backward_query", qkv, plan, [gradient, stats, grad, output, qkv]);
    attentionPass("backward_key", qkv, plan, [gradient, stats, grad, qkv]);
    return [gradient];
  },
});

/**
 * softmax(q·kᵀ·scale + mask)·v over the keys. q: [B, H, Tq, D], k and v: [B, H, Tk, D], D at most 256; the result is
 * [B, H, Tq, D]. The mask gets no gradient. Throws ShapeError where the shapes do not fit.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const fits =
    q.rank === 4 &&
    sameShape(k.shape, v.shape) &&
    k.rank === 4 &&
    q.shape.every((n, axis) => axis === 2 || n === k.shape[axis]);
  if (!fits) {
    throw new ShapeError(
      `attention: q ${formatShape(q.shape)}, k ${formatShape(k.shape)}, v ${formatShape(v.shape)} must be [B, H, Tq, D], [B, H, Tk, D] and the same as k.`,
    );
  }
  checkDim(q.shape[3]);
  return attentionOp([q, k, v], options);
}

/**
 * Self-attention read straight from a joint projection: `qkv` [B, T, 3·H·D], whose last axis is q, k, v, each split into
 * `heads` heads; the result is [B, T, H·D]. The same numbers as permuting into heads, `attention`, and permuting back.
 */
export function attentionFromQkv(qkv: Tensor, heads: number, options: AttentionOptions = {}): Tensor {
  const width = qkv.shape[qkv.rank - 1];
  if (qkv.rank !== 3 || width % (3 * heads) !== 0) {
    throw new ShapeError(
      `attentionFromQkv: qkv must be [B, T, 3·heads·D]; ${formatShape(qkv.shape)} does not divide into ${heads} heads.`,
    );
  }
  checkDim(width / 3 / heads);
  return packedOp([qkv], { ...options, heads });
}

function checkDim(dim: number): void {
  if (dim > 256) throw new ShapeError(`attention: ${dim} values a head are more than 256: use more heads.`);
}

/**
 * The attention weights softmax(q·kᵀ·scale + mask), [B, H, Tq, Tk], stored in full: for drawing, not for training. q: [B, H, Tq, D],
 * k: [B, H, Tk, D].
 */
export function attentionWeights(q: Tensor, k: Tensor, options: AttentionOptions = {}): Tensor {
  const { scale, mask, maskKind } = planAttention(options, q.shape, k.shape[2], false);
  let scores = mul(matmul(q, k, { transposeB: true }), scale);
  if (mask && maskKind === 2) scores = mask.dtype === "i32" ? where(mask, scores, -1e30) : add(scores, mask);
  if (mask && maskKind === 1) {
    const keep = reshape(mask, [mask.shape[0], 1, 1, mask.shape[1]]);
    scores = where(keep, scores, -1e30);
  }
  return softmax(scores, { dim: -1 });
}

/** `attentionWeights` of a packed projection [B, T, 3·heads·D]: [B, heads, T, T]. */
export function attentionWeightsFromQkv(qkv: Tensor, heads: number, options: AttentionOptions = {}): Tensor {
  const [batch, tokens, width] = qkv.shape;
  const dim = width / 3 / heads;
  const strides = [tokens * width, dim, width, 1];
  const [q, k] = [0, 1].map((part) =>
    stridedCopy(qkv, [batch, heads, tokens, dim], strides, (part * width) / 3),
  );
  return attentionWeights(q, k, options);
}
