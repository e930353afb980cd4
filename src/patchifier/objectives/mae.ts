// `mae`, a masked autoencoder (He et al. 2022; for spectrograms AudioMAE and MAE-AST): the encoder sees the visible patches
// only, a small decoder with mask tokens and positions of its own predicts the masked ones, each normalised by its own mean and
// standard deviation. The decoder is thrown away after pre-training.
import type { ParameterSpec } from "../../nn/parameters.js";
import { add } from "../../ops/binary.js";
import { fuse } from "../../ops/fuse.js";
import { layerNorm } from "../../ops/layer-norm.js";
import { mse } from "../../ops/losses.js";
import { mean, variance } from "../../ops/reduce.js";
import { type RowTable, rowTable, selectRows } from "../../ops/select-rows.js";
import { affine } from "../../ops/unary.js";
import { reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import { block, blockSpecs, linearOf, linearSpecs, normOf, normSpecs, placed, tokenInit } from "../blocks.js";
import type { ModelConfig, PretrainConfig } from "../config.js";
import type { EncoderSizes, Patchifier, Trace } from "../encoder.js";
import { positionSpec } from "../positions.js";
import {
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  settingWords,
} from "./objective.js";

/** The decoder's sizes. */
export interface MaeSettings {
  /** Length of a token in the decoder. */
  width: number;
  /** Blocks of the decoder. */
  layers: number;
  /** Attention heads of the decoder. */
  heads: number;
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `mae`; absent: its defaults. */
    mae?: MaeSettings;
  }
}

/** Two decoder layers (MAE-AST), two thirds as wide as the encoder and with heads of 32 (He et al. 2022). */
export function maeSettings({ width }: ModelConfig, { mae }: Partial<PretrainConfig> = {}): MaeSettings {
  const heads = Math.max(1, Math.round(width / 48));
  return mae ?? { width: 32 * heads, layers: 2, heads };
}

/** Added to the variance of a patch (AudioMAE). */
const epsilon = 1e-6;

const restored = fuse((predicted, centre, variance) =>
  predicted.mul(variance.add(epsilon).sqrt()).add(centre),
);

export class MaskedAutoencoder implements Objective {
  constructor(
    private readonly gpu: Gpu,
    private readonly model: Patchifier,
    private readonly settings: MaeSettings,
  ) {}

  /** The table of the visible patches, clip by clip. */
  inputs(masked: readonly Int32Array[], tokens: number): Record<string, Tensor> {
    const rows: number[] = [];
    masked.forEach((clip, b) => {
      const unseen = new Set(clip);
      for (let t = 0; t < tokens; t++) if (!unseen.has(t)) rows.push(b * tokens + t);
    });
    const table = rowTable(this.gpu, Int32Array.from(rows), masked.length * tokens);
    return { visibleRows: table.rows, visibleInverse: table.inverse };
  }

  losses(batch: ObjectiveBatch): Losses {
    const pixelMse = this.errorOf(this.encodeVisible(batch), batch);
    return { loss: pixelMse, pixelMse };
  }

  /** Mean squared error of the masked patches, as predicted from the encoded visible ones. */
  errorOf(encoded: Tensor, batch: ObjectiveBatch): Tensor {
    return mse(this.predict(encoded, batch), normalisedPatches(this.targets(batch)));
  }

  /** The visible patches of each clip after the encoder, which sees no others: [B, visible, d]. */
  encodeVisible({ patches, extra }: ObjectiveBatch, trace?: Trace): Tensor {
    const { model } = this;
    const { width, tokens } = model.sizes;
    const [batch] = patches.shape;
    const placedAll = add(model.embedPatches(patches), model.weights("pos_embed"));
    const seen = selectRows(reshape(placedAll, [batch * tokens, width]), visibleTable(extra));
    return model.transform(reshape(seen, [batch, -1, width]), trace);
  }

  /** Values of the visible patches [B, visible, n] where they came from, zeros in the masked places: [B, T, n]. */
  inPlace(values: Tensor, { extra }: ObjectiveBatch): Tensor {
    const [batch, , n] = values.shape;
    const { rows, inverse } = visibleTable(extra);
    // The table read the other way round.
    return reshape(selectRows(reshape(values, [-1, n]), { rows: inverse, inverse: rows }), [batch, -1, n]);
  }

  reconstruct(batch: ObjectiveBatch): Tensor {
    const targets = this.targets(batch);
    const of = { dim: 1, keepDim: true } as const;
    return restored(this.predict(this.encodeVisible(batch), batch), mean(targets, of), variance(targets, of));
  }

  /** The masked patches, [B·masked, P]. */
  private targets({ patches, mask }: ObjectiveBatch): Tensor {
    return selectRows(reshape(patches, [-1, this.model.sizes.values]), mask.table);
  }

  /** Their normalised values as the decoder predicts them. */
  private predict(encoded: Tensor, batch: ObjectiveBatch): Tensor {
    const { mask } = batch;
    const { model, settings } = this;
    const { weights } = model;
    let x = placed(
      this.inPlace(linearOf(encoded, weights, "decoder.embed"), batch),
      mask.masked,
      weights("decoder.mask_token"),
      weights("decoder.pos_embed"),
    );
    for (let i = 0; i < settings.layers; i++) x = block(x, weights, `decoder.blocks.${i}`, settings.heads);
    const masked = selectRows(reshape(x, [-1, settings.width]), mask.table);
    return linearOf(normOf(masked, weights, "decoder.norm"), weights, "decoder.pred");
  }
}

/** The table that `inputs` uploaded. */
function visibleTable({ visibleRows, visibleInverse }: ObjectiveBatch["extra"]): RowTable {
  return { rows: visibleRows, inverse: visibleInverse };
}

/** (x − mean)/√(variance + ε) of every patch [n, P], with the unbiased variance (n − 1), as He et al.'s code has it. */
export function normalisedPatches(patches: Tensor): Tensor {
  const [, values] = patches.shape;
  // layerNorm divides by the population's variance, which is smaller by this factor.
  const share = (values - 1) / values;
  return affine(layerNorm(patches, undefined, undefined, { eps: epsilon * share }), Math.sqrt(share), 0);
}

export function decoderSpecs(
  { tokens, values, width: encoder, mlpRatio, rows }: EncoderSizes,
  { width, layers }: MaeSettings,
): ParameterSpec[] {
  return [
    positionSpec("decoder.pos_embed", tokens, width, rows),
    { name: "decoder.mask_token", shape: [width], init: tokenInit },
    ...linearSpecs("decoder.embed", encoder, width),
    ...Array.from({ length: layers }, (_, i) => blockSpecs(`decoder.blocks.${i}`, width, mlpRatio)).flat(),
    ...normSpecs("decoder.norm", width),
    ...linearSpecs("decoder.pred", width, values),
  ];
}

export const mae: ObjectiveKind = {
  name: "mae",
  parts: [
    {
      name: "pixelMse",
      title: "Reconstruction",
      words:
        "Mean squared error on the masked patches, each normalised by its own mean and standard deviation.",
      trained: true,
      chance: () => 1,
    },
  ],
  // 75 % at random (He et al. 2022, MAE-AST; AudioMAE has 80 %).
  defaults: (model) => ({ maskRatio: 0.75, maskShape: "uniform", mae: maeSettings(model) }),
  settings: ({ mae }) => settingWords("mae", mae),
  reconstructionNote:
    "The model predicts each patch normalised by its own mean and standard deviation: it is drawn with those of the original.",
  specs: (sizes, config, pretrain) => decoderSpecs(sizes, maeSettings(config, pretrain)),
  create: (gpu, { model, config, pretrain }) =>
    new MaskedAutoencoder(gpu, model, maeSettings(config, pretrain)),
};
