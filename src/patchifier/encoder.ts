// Patchifier's encoder: linear patch embedding, learned position and mask tokens, pre-LayerNorm transformer blocks, a final
// LayerNorm. Parameter names follow timm. What is masked and what is asked of the predictions is in masks.ts and
// objectives.ts, which also says what parameters an objective adds to the encoder's.
import { ParameterSet, type ParameterSpec } from "../nn/parameters.js";
import { add } from "../ops/binary.js";
import { mean } from "../ops/reduce.js";
import { unary } from "../ops/unary.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  block,
  blockSpecs,
  linearOf,
  linearSpecs,
  normOf,
  normSpecs,
  placed,
  tokenInit,
  type Weights,
} from "./blocks.js";
import { type ModelConfig, patchGrid } from "./config.js";
import { positionSpec } from "./positions.js";

/** The sizes that the encoder depends on: T tokens of P values, width d. */
export interface EncoderSizes {
  /** Patches of a crop, T. */
  tokens: number;
  /** Values of a patch, P. */
  values: number;
  /** Length of a token, d. */
  width: number;
  /** Transformer blocks. */
  layers: number;
  /** Attention heads. */
  heads: number;
  /** Hidden units of a block's MLP, in widths. */
  mlpRatio: number;
  /** Rows of the patches' grid, for where positions start; default 1. */
  rows?: number;
}

/** The sizes of a configured model. Throws ShapeError where patches do not divide the bands. */
export function encoderSizes(model: ModelConfig): EncoderSizes {
  const { tokens, values, rows } = patchGrid(model);
  const { width, layers, heads, mlpRatio } = model;
  return { tokens, values, width, layers, heads, mlpRatio, rows };
}

/** Called with the name of each intermediate result: tokens, block_0, …, encoded. */
export type Trace = (name: string, value: Tensor) => void;

/** The encoder: patches [B, T, P] → tokens [B, T, d], a pre-LayerNorm transformer with timm's parameter names. */
export class Patchifier {
  /** All of them by name, the objective's included. */
  readonly parameters: ParameterSet;
  /** The parameters as functions of blocks.ts take them. */
  readonly weights: Weights = (name) => this.parameters.get(name);

  /** `added` are the parameters of the objective, after the encoder's; by default two prediction heads (`joint`'s). */
  constructor(
    /** Where it lives. */
    readonly gpu: Gpu,
    /** Its sizes. */
    readonly sizes: EncoderSizes,
    random: Random,
    added: readonly ParameterSpec[] = headSpecs(sizes),
  ) {
    this.parameters = new ParameterSet(gpu, [...encoderSpecs(sizes), ...added], random);
  }

  /**
   * patches [B, T, P] → tokens after the final LayerNorm [B, T, d]. `masked` [B, T, 1] is 1 where the mask token stands in
   * for the patch embedding.
   */
  encode(patches: Tensor, masked?: Tensor, trace?: Trace): Tensor {
    const embedded = this.embedPatches(patches);
    const { weights } = this;
    const x = masked
      ? placed(embedded, masked, weights("mask_token"), weights("pos_embed"))
      : add(embedded, weights("pos_embed"));
    trace?.("tokens", x);
    return this.transform(x, trace);
  }

  /** The linear embedding alone, without positions: [..., P] → [..., d]. */
  embedPatches(patches: Tensor): Tensor {
    return linearOf(patches, this.weights, "patch_embed");
  }

  /** Blocks and final LayerNorm on tokens [B, any number, d] that have their positions. */
  transform(tokens: Tensor, trace?: Trace): Tensor {
    const { layers, heads } = this.sizes;
    let x = tokens;
    for (let i = 0; i < layers; i++) {
      x = block(x, this.weights, `blocks.${i}`, heads);
      trace?.(`block_${i}`, x);
    }
    x = normOf(x, this.weights, "norm");
    trace?.("encoded", x);
    return x;
  }

  /** One vector a clip: the mean over the tokens of an unmasked pass. patches [B, T, P] → [B, d]. */
  embed(patches: Tensor): Tensor {
    return this.gpu.noGrad(() => this.gpu.scope(() => mean(this.encode(patches), { dim: 1 })));
  }

  /** A prediction head (two linear layers with a ReLU between) on tokens [N, d] → [N, P]. */
  head(tokens: Tensor, name: "contrast" | "reconstruct"): Tensor {
    const hidden = unary.relu([linearOf(tokens, this.weights, `heads.${name}.0`)], {});
    return linearOf(hidden, this.weights, `heads.${name}.2`);
  }

  /** The input of block `layer`'s attention, for drawing attention maps: packed qkv [B, T, 3d] of an unmasked pass. */
  qkvOf(patches: Tensor, layer: number): Tensor {
    return this.gpu.noGrad(() => {
      const { weights } = this;
      let x = add(this.embedPatches(patches), weights("pos_embed"));
      for (let i = 0; i < layer; i++) x = block(x, weights, `blocks.${i}`, this.sizes.heads);
      return linearOf(normOf(x, weights, `blocks.${layer}.norm1`), weights, `blocks.${layer}.attn.qkv`);
    });
  }

  /** Gives the parameters' memory back. */
  dispose(): void {
    this.parameters.dispose();
  }
}

/** The encoder's parameters with their initial distributions: positions as waves, linear weights as Glorot and Bengio, the mask token truncated normal 0.02, biases 0, gains 1. */
export function encoderSpecs({
  tokens,
  values,
  width,
  layers,
  mlpRatio,
  rows,
}: EncoderSizes): ParameterSpec[] {
  return [
    positionSpec("pos_embed", tokens, width, rows),
    { name: "mask_token", shape: [width], init: tokenInit },
    ...linearSpecs("patch_embed", values, width),
    ...Array.from({ length: layers }, (_, i) => blockSpecs(`blocks.${i}`, width, mlpRatio)).flat(),
    ...normSpecs("norm", width),
  ];
}

/** The two heads of `joint`, of which `infonce` and `reconstruct` use one. */
export function headSpecs({ values, width }: EncoderSizes): ParameterSpec[] {
  return ["contrast", "reconstruct"].flatMap((name) => [
    ...linearSpecs(`heads.${name}.0`, width, width),
    ...linearSpecs(`heads.${name}.2`, width, values),
  ]);
}
