// Prediction of masked patches in place of which the encoder sees a mask token: telling each from the clip's others (contrast),
// reconstructing it, or both from one forward pass, as SSAST has it. `joint`, `infonce` and `reconstruct` are made from this; with a
// weight for fine structure the visible patches are reconstructed too, and the errors' detail (detail.ts) counts beside them.
import { UsageError } from "../../gpu/errors.js";
import { add, mul, sub } from "../../ops/binary.js";
import { fuse } from "../../ops/fuse.js";
import { crossEntropy, infonce, mse } from "../../ops/losses.js";
import { matmul } from "../../ops/matmul.js";
import { normalize } from "../../ops/normalize.js";
import { mean, sum } from "../../ops/reduce.js";
import { selectRows } from "../../ops/select-rows.js";
import { unary } from "../../ops/unary.js";
import { reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { PretrainConfig } from "../config.js";
import type { Patchifier, Trace } from "../encoder.js";
import type { BatchMask } from "../masks.js";
import { DetailFilter } from "./detail.js";
import type { Losses, Objective, ObjectiveBatch, ObjectiveOptions, ObjectivePart } from "./objective.js";

/** Which halves an objective asks for. */
export type Halves = "joint" | "infonce" | "reconstruct";

/** What is asked of the predictions. */
export interface MaskedPredictionOptions {
  /** joint, infonce or reconstruct. */
  objective: string;
  /** Weight of the reconstruction beside InfoNCE. */
  reconstructWeight: number;
  /** How patches are told apart; absent: by the product of raw patches and predictions over √P, as in SSAST. */
  contrast?: PretrainConfig["contrast"];
  /** The reconstruction covers all patches, and so many times the mean square of its errors' detail is added. */
  detail?: {
    /** How many times it counts. */
    weight: number;
    /** What it is found by. */
    filter: DetailFilter;
  };
}

const isHalf = (objective: string): objective is Halves =>
  ["joint", "infonce", "reconstruct"].includes(objective);

const whereSeen = fuse((patches, masked) => patches.mul(masked.neg().add(1)));

/**
 * Losses of a batch: patches [B, T, P]. InfoNCE is softmax cross-entropy among the clip's masked patches, over what `contrast`
 * says (`contrastOf`). Throws UsageError for an objective that is neither `joint` nor one of its halves: those are made by
 * `createObjective`.
 */
export function pretrainLosses(
  model: Patchifier,
  patches: Tensor,
  mask: BatchMask,
  options: MaskedPredictionOptions,
  trace?: Trace,
  rivals?: ObjectiveBatch["rivals"],
): Losses {
  const [batch, tokens, values] = patches.shape;
  const { width } = model.sizes;
  const { objective, reconstructWeight, detail } = options;
  if (!isHalf(objective)) {
    throw new UsageError(`pretrainLosses does not know '${objective}': use createObjective.`);
  }
  const encoded = reshape(model.encode(patches, mask.masked, trace), [batch * tokens, width]);
  const masked = selectRows(encoded, mask.table);
  const targets = selectRows(reshape(patches, [batch * tokens, values]), mask.table);
  const shape = [batch, mask.count, values];

  let contrast: Tensor | undefined;
  let parts: Losses | undefined;
  if (objective !== "reconstruct") {
    const predicted = reshape(model.head(masked, "contrast"), shape);
    trace?.("c", predicted);
    parts = contrastOf(reshape(targets, shape), predicted, options.contrast, rivals);
    contrast = parts.infonce;
    if (objective === "infonce") return parts;
  }
  const together = (pixels: Tensor) => {
    const weighted = mul(pixels, reconstructWeight);
    return contrast ? add(contrast, weighted) : weighted;
  };
  const clipMean = ownMeanError(patches, mask, reshape(targets, shape));
  if (!detail) {
    const predicted = model.head(masked, "reconstruct");
    trace?.("r", predicted);
    const reconstruct = mse(predicted, targets);
    return { ...parts, loss: together(reconstruct), reconstruct, clipMean };
  }
  const all = reshape(patches, [batch * tokens, values]);
  const predicted = model.head(encoded, "reconstruct");
  const fine = detail.filter.meanSquare(sub(predicted, all));
  return {
    ...parts,
    loss: together(add(mse(predicted, all), mul(fine, detail.weight))),
    reconstruct: mse(selectRows(predicted, mask.table), targets),
    clipMean,
    detail: fine,
  };
}

/**
 * InfoNCE of targets x and predictions c [B, n, P], the mean over masked patches. Without settings, SSAST's: −ln softmax_j(x_i·c_j/√P)[i]
 * over the clip's masked patches. With them −ln softmax_j(cos(c_i, x_j)/τ)[i] over those of the whole batch; `withinClip` is the same
 * over the clip's alone, which is not trained on by itself. Patches of one clip are nearly one vector: told from each other
 * alone, whether raw or less their mean, a constant prediction is nearly stationary, and the loss stays at chance for hundreds of
 * steps. Told from other clips' as well, the encoder first learns to gather what is seen of the clip, and then from where.
 */
function contrastOf(
  targets: Tensor,
  predicted: Tensor,
  settings: PretrainConfig["contrast"],
  rivals: ObjectiveBatch["rivals"],
): Losses {
  const [batch, count, values] = targets.shape;
  if (!settings) {
    const loss = infonce(targets, predicted, { tau: Math.sqrt(values) });
    return { loss, infonce: loss };
  }
  const { gpu } = targets;
  const options = { tau: settings.temperature };
  const own = gpu.noGrad(() => normalize(targets));
  const told = normalize(predicted);
  const all = [batch * count, values];
  const loss = rivals
    ? amongRivals(reshape(told, all), rivals, settings.temperature)
    : infonce(reshape(told, all), reshape(own, all), options);
  return { loss, infonce: loss, withinClip: gpu.noGrad(() => infonce(told, own, options)) };
}

/** InfoNCE of a part of a batch: its predictions [m, P] among the targets of the whole batch, which no gradient flows to. */
function amongRivals(told: Tensor, { patches, own }: { patches: Tensor; own: Tensor }, tau: number): Tensor {
  const targets = told.gpu.noGrad(() => normalize(patches));
  return crossEntropy(mul(matmul(told, targets, { transposeB: true }), 1 / tau), own);
}

/** What the mean of a clip's visible patches would score in place of its masked ones `targets` [B, n, P]: their mean squared difference. */
function ownMeanError(patches: Tensor, { masked, count }: BatchMask, targets: Tensor): Tensor {
  const { gpu } = patches;
  return gpu.noGrad(() =>
    gpu.scope(() => {
      const seen = sum(whereSeen(patches, masked), { dim: 1, keepDim: true });
      const centre = mul(seen, 1 / (patches.shape[1] - count));
      return mean(unary.square([sub(targets, centre)], {}));
    }),
  );
}

/** The objective of a plan that names one of the three. */
export function maskedPrediction(gpu: Gpu, { model, config, pretrain }: ObjectiveOptions): Objective {
  const { objective, reconstructWeight, contrast, detailWeight: weight } = pretrain;
  const filter = weight && objective !== "infonce" ? new DetailFilter(gpu, config) : undefined;
  const detail = weight && filter ? { weight, filter } : undefined;
  const options: MaskedPredictionOptions = { objective, reconstructWeight, contrast, detail };
  return {
    comparesBatch: objective !== "reconstruct" && contrast !== undefined,
    losses: ({ patches, mask, rivals }, _training, trace) =>
      pretrainLosses(model, patches, mask, options, trace, rivals),
    ...(objective !== "infonce" && {
      reconstruct({ patches, mask }) {
        const encoded = model.encode(patches, mask.masked);
        const masked = selectRows(reshape(encoded, [-1, model.sizes.width]), mask.table);
        return model.head(masked, "reconstruct");
      },
    }),
    dispose: () => filter?.dispose(),
  };
}

export const contrastParts: readonly ObjectivePart[] = [
  {
    name: "infonce",
    title: "InfoNCE",
    words: "The contrastive part: how well a prediction picks its own patch out of the others of the batch.",
    trained: true,
    chance: (_measured, { masked, batch, pretrain }) => Math.log(pretrain.contrast ? masked * batch : masked),
  },
  {
    name: "withinClip",
    title: "InfoNCE within a clip",
    words: "The same among the patches of its own clip alone, which are harder to tell apart.",
    trained: false,
    chance: (_measured, { masked }) => Math.log(masked),
  },
];

export const reconstructParts: readonly ObjectivePart[] = [
  {
    name: "reconstruct",
    title: "Reconstruction",
    words: "Mean squared error of the predicted spectrogram values on the masked patches.",
    trained: true,
    // The variance of normalised music: what the mean of all music scores.
    chance: () => 0.25,
    plain: { measure: "clipMean", words: "the mean of the clip's visible patches" },
  },
  {
    name: "clipMean",
    title: "Reconstruction by the mean",
    words: "What the mean of the clip's visible patches would score in place of the masked ones.",
    trained: false,
    fromZero: true,
  },
  {
    name: "detail",
    title: "Fine structure",
    words:
      "Mean square of what the errors hold beside their moving average over seven bands: where partials stand.",
    trained: true,
  },
];
