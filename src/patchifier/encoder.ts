// Patchifier's encoder: linear patch embedding, learned position and mask tokens, pre-LayerNorm transformer blocks with
// packed qkv and exact GELU, a final LayerNorm, and two prediction heads. Parameter names follow timm. What is masked and
// what is asked of the predictions is in masks.ts and objectives.ts.
import { ones, truncatedNormal, zeros } from "../nn/init.js";
import { ParameterSet, type ParameterSpec } from "../nn/parameters.js";
import { attentionFromQkv } from "../ops/attention.js";
import { add } from "../ops/binary.js";
import { fuse } from "../ops/fuse.js";
import { layerNorm } from "../ops/layer-norm.js";
import { type LinearOptions, linear } from "../ops/linear.js";
import { mlp } from "../ops/mlp.js";
import { mean } from "../ops/reduce.js";
import { unary } from "../ops/unary.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { type ModelConfig, patchGrid } from "./config.js";

/** The sizes that the encoder depends on: T tokens of P values, width d. */
export interface EncoderSizes {
  tokens: number;
  values: number;
  width: number;
  layers: number;
  heads: number;
  mlpRatio: number;
}

/** LayerNorm's ε, as in timm's vision transformers. */
const epsilon = 1e-6;

/** Embeddings with the token in the masked places, plus positions. */
const placed = fuse((embedded, masked, token, positions) => token.where(masked, embedded).add(positions));

export function encoderSizes(model: ModelConfig): EncoderSizes {
  const { tokens, values } = patchGrid(model);
  const { width, layers, heads, mlpRatio } = model;
  return { tokens, values, width, layers, heads, mlpRatio };
}

/** Called with the name of each intermediate result: tokens, block_0, …, encoded. */
export type Trace = (name: string, value: Tensor) => void;

export class Patchifier {
  readonly parameters: ParameterSet;

  constructor(
    readonly gpu: Gpu,
    readonly sizes: EncoderSizes,
    random: Random,
  ) {
    this.parameters = new ParameterSet(gpu, parameterSpecs(sizes), random);
  }

  /**
   * patches [B, T, P] → tokens after the final LayerNorm [B, T, d]. `masked` [B, T, 1] is 1 where the mask token stands in
   * for the patch embedding.
   */
  encode(patches: Tensor, masked?: Tensor, trace?: Trace): Tensor {
    const { sizes } = this;
    const embedded = this.linear(patches, "patch_embed");
    const positions = this.get("pos_embed");
    let x = masked ? placed(embedded, masked, this.get("mask_token"), positions) : add(embedded, positions);
    trace?.("tokens", x);
    for (let i = 0; i < sizes.layers; i++) {
      x = this.block(x, `blocks.${i}`);
      trace?.(`block_${i}`, x);
    }
    x = this.norm(x, "norm");
    trace?.("encoded", x);
    return x;
  }

  /** One vector a clip: the mean over the tokens of an unmasked pass. patches [B, T, P] → [B, d]. */
  embed(patches: Tensor): Tensor {
    return this.gpu.noGrad(() => this.gpu.scope(() => mean(this.encode(patches), { dim: 1 })));
  }

  /** A prediction head (two linear layers with a ReLU between) on tokens [N, d] → [N, P]. */
  head(tokens: Tensor, name: "contrast" | "reconstruct"): Tensor {
    const hidden = unary.relu([this.linear(tokens, `heads.${name}.0`)], {});
    return this.linear(hidden, `heads.${name}.2`);
  }

  /** The input of block `layer`'s attention, for drawing attention maps: packed qkv [B, T, 3d] of an unmasked pass. */
  qkvOf(patches: Tensor, layer: number): Tensor {
    return this.gpu.noGrad(() => {
      let x = add(this.linear(patches, "patch_embed"), this.get("pos_embed"));
      for (let i = 0; i < layer; i++) x = this.block(x, `blocks.${i}`);
      return this.linear(this.norm(x, `blocks.${layer}.norm1`), `blocks.${layer}.attn.qkv`);
    });
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private block(x: Tensor, name: string): Tensor {
    const attended = attentionFromQkv(
      this.linear(this.norm(x, `${name}.norm1`), `${name}.attn.qkv`),
      this.sizes.heads,
    );
    const y = this.linear(attended, `${name}.attn.proj`, { residual: x });
    const weights = {
      weight1: this.get(`${name}.mlp.fc1.weight`),
      bias1: this.get(`${name}.mlp.fc1.bias`),
      weight2: this.get(`${name}.mlp.fc2.weight`),
      bias2: this.get(`${name}.mlp.fc2.bias`),
    };
    return mlp(this.norm(y, `${name}.norm2`), weights, { residual: y });
  }

  private get(name: string): Tensor {
    return this.parameters.get(name);
  }

  private linear(x: Tensor, name: string, options?: LinearOptions): Tensor {
    return linear(x, this.get(`${name}.weight`), this.get(`${name}.bias`), options);
  }

  private norm(x: Tensor, name: string): Tensor {
    return layerNorm(x, this.get(`${name}.weight`), this.get(`${name}.bias`), { eps: epsilon });
  }
}

/** Every parameter with its initial distribution: linear weights truncated normal 0.02, biases 0, gains 1 (timm). */
export function parameterSpecs({ tokens, values, width, layers, mlpRatio }: EncoderSizes): ParameterSpec[] {
  const weight = truncatedNormal(0.02);
  const linearSpecs = (name: string, inputs: number, outputs: number): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [outputs, inputs], init: weight },
    { name: `${name}.bias`, shape: [outputs], init: zeros },
  ];
  const normSpecs = (name: string): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [width], init: ones },
    { name: `${name}.bias`, shape: [width], init: zeros },
  ];
  const blocks = Array.from({ length: layers }, (_, i) => [
    ...normSpecs(`blocks.${i}.norm1`),
    ...linearSpecs(`blocks.${i}.attn.qkv`, width, 3 * width),
    ...linearSpecs(`blocks.${i}.attn.proj`, width, width),
    ...normSpecs(`blocks.${i}.norm2`),
    ...linearSpecs(`blocks.${i}.mlp.fc1`, width, mlpRatio * width),
    ...linearSpecs(`blocks.${i}.mlp.fc2`, mlpRatio * width, width),
  ]).flat();
  return [
    { name: "pos_embed", shape: [tokens, width], init: weight },
    { name: "mask_token", shape: [width], init: weight },
    ...linearSpecs("patch_embed", values, width),
    ...blocks,
    ...normSpecs("norm"),
    ...linearSpecs("heads.contrast.0", width, width),
    ...linearSpecs("heads.contrast.2", width, values),
    ...linearSpecs("heads.reconstruct.0", width, width),
    ...linearSpecs("heads.reconstruct.2", width, values),
  ];
}
