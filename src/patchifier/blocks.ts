// The parts that transformers are made of here, as functions of named weights: linear layers, LayerNorm and the pre-LayerNorm
// block with packed qkv and exact GELU. Names follow timm. Whose weights they are (an encoder's, a teacher's, a decoder's) is
// the caller's.
import { ones, truncatedNormal, xavierUniform, zeros } from "../nn/init.js";
import type { ParameterSpec } from "../nn/parameters.js";
import { attentionFromQkv } from "../ops/attention.js";
import { add } from "../ops/binary.js";
import { fuse } from "../ops/fuse.js";
import { layerNorm } from "../ops/layer-norm.js";
import { type LinearOptions, linear } from "../ops/linear.js";
import { mlp } from "../ops/mlp.js";
import type { Tensor } from "../tensor/tensor.js";

/** The weight of a name. */
export type Weights = (name: string) => Tensor;

/** LayerNorm's ε, as in timm's vision transformers. */
const epsilon = 1e-6;

/** Mask tokens start truncated normal 0.02 (timm). */
export const tokenInit = truncatedNormal(0.02);

/** Embeddings with the token in the masked places, plus positions: [B, T, d], [B, T, 1], [d], [T, d]. */
export const placed = fuse((embedded, masked, token, positions) =>
  token.where(masked, embedded).add(positions),
);

export function linearOf(x: Tensor, weights: Weights, name: string, options?: LinearOptions): Tensor {
  return linear(x, weights(`${name}.weight`), weights(`${name}.bias`), options);
}

export function normOf(x: Tensor, weights: Weights, name: string): Tensor {
  return layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), { eps: epsilon });
}

/** A transformer block on x [B, T, d]. */
export function block(x: Tensor, weights: Weights, name: string, heads: number): Tensor {
  const y = attended(x, weights, name, heads);
  return mlp(normOf(y, weights, `${name}.norm2`), mlpWeights(weights, name), { residual: y });
}

/** The same with what its feed-forward part gave before the residual was added: what data2vec's teacher is asked for. */
export function blockParts(x: Tensor, weights: Weights, name: string, heads: number) {
  const y = attended(x, weights, name, heads);
  const forward = mlp(normOf(y, weights, `${name}.norm2`), mlpWeights(weights, name));
  return { output: add(y, forward), forward };
}

/** The first half of a block: x plus its attention. */
function attended(x: Tensor, weights: Weights, name: string, heads: number): Tensor {
  const qkv = linearOf(normOf(x, weights, `${name}.norm1`), weights, `${name}.attn.qkv`);
  return linearOf(attentionFromQkv(qkv, heads), weights, `${name}.attn.proj`, { residual: x });
}

function mlpWeights(weights: Weights, name: string) {
  return {
    weight1: weights(`${name}.mlp.fc1.weight`),
    bias1: weights(`${name}.mlp.fc1.bias`),
    weight2: weights(`${name}.mlp.fc2.weight`),
    bias2: weights(`${name}.mlp.fc2.bias`),
  };
}

/**
 * Weight and bias of a linear layer: as Glorot and Bengio draw them (or as `init` does), and 0. timm's 0.02 suits widths of 768; at 96 it
 * makes blocks that hardly do anything for hundreds of steps.
 */
export function linearSpecs(
  name: string,
  inputs: number,
  outputs: number,
  init: ParameterSpec["init"] = xavierUniform(inputs, outputs),
): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], init },
    { name: `${name}.bias`, shape: [outputs], init: zeros },
  ];
}

export function normSpecs(name: string, width: number): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [width], init: ones },
    { name: `${name}.bias`, shape: [width], init: zeros },
  ];
}

export function blockSpecs(name: string, width: number, mlpRatio: number): ParameterSpec[] {
  return [
    ...normSpecs(`${name}.norm1`, width),
    ...linearSpecs(`${name}.attn.qkv`, width, 3 * width),
    ...linearSpecs(`${name}.attn.proj`, width, width),
    ...normSpecs(`${name}.norm2`, width),
    ...linearSpecs(`${name}.mlp.fc1`, width, mlpRatio * width),
    ...linearSpecs(`${name}.mlp.fc2`, mlpRatio * width, width),
  ];
}
