// `joint`, SSAST's objective: InfoNCE among the hidden patches of a clip plus 10 times the squared error of their
// reconstruction, both from one forward pass with mask tokens; `infonce` and `reconstruct` are its halves. With a weight for fine
// structure the visible patches are reconstructed too, and the errors' detail (detail.ts) counts beside them.
import { UsageError } from "../../gpu/errors.js";
import { add, mul, sub } from "../../ops/binary.js";
import { infonce, mse } from "../../ops/losses.js";
import { selectRows } from "../../ops/select-rows.js";
import { reshape } from "../../ops/view.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ObjectiveName } from "../config.js";
import { headSpecs, type Patchifier, type Trace } from "../encoder.js";
import type { BatchMask } from "../masks.js";
import { DetailFilter } from "./detail.js";
import type { Losses, ObjectiveKind } from "./objective.js";

export interface JointOptions {
  objective: ObjectiveName;
  reconstructWeight: number;
  /** The reconstruction covers all patches, and so many times the mean square of its errors' detail is added. */
  detail?: { weight: number; filter: DetailFilter };
}

/**
 * Losses of a batch: patches [B, T, P]. InfoNCE is softmax cross-entropy of x_i·c_j/√P with target j = i among the clip's
 * hidden patches (targets x are the raw normalised patches, c the contrast head's predictions). Throws UsageError for an
 * objective that is neither `joint` nor one of its halves: those are made by `createObjective`.
 */
export function pretrainLosses(
  model: Patchifier,
  patches: Tensor,
  mask: BatchMask,
  options: JointOptions,
  trace?: Trace,
): Losses {
  const [batch, tokens, values] = patches.shape;
  const { width } = model.sizes;
  const { objective, reconstructWeight, detail } = options;
  if (!["joint", "infonce", "reconstruct"].includes(objective)) {
    throw new UsageError(`pretrainLosses does not know '${objective}': use createObjective.`);
  }
  const encoded = reshape(model.encode(patches, mask.masked, trace), [batch * tokens, width]);
  const hidden = selectRows(encoded, mask.table);
  const targets = selectRows(reshape(patches, [batch * tokens, values]), mask.table);
  const shape = [batch, mask.count, values];

  let contrast: Tensor | undefined;
  if (objective !== "reconstruct") {
    const predicted = reshape(model.head(hidden, "contrast"), shape);
    trace?.("c", predicted);
    contrast = infonce(reshape(targets, shape), predicted, { tau: Math.sqrt(values) });
    if (objective === "infonce") return { loss: contrast, infonce: contrast };
  }
  const together = (pixels: Tensor) => {
    const weighted = mul(pixels, reconstructWeight);
    return contrast ? add(contrast, weighted) : weighted;
  };
  if (!detail) {
    const predicted = model.head(hidden, "reconstruct");
    trace?.("r", predicted);
    const reconstruct = mse(predicted, targets);
    return { loss: together(reconstruct), infonce: contrast, reconstruct };
  }
  const all = reshape(patches, [batch * tokens, values]);
  const predicted = model.head(encoded, "reconstruct");
  const fine = detail.filter.meanSquare(sub(predicted, all));
  return {
    loss: together(add(mse(predicted, all), mul(fine, detail.weight))),
    infonce: contrast,
    reconstruct: mse(selectRows(predicted, mask.table), targets),
    detail: fine,
  };
}

export const jointKind: ObjectiveKind = {
  specs: headSpecs,
  create: (gpu, { model, config, pretrain }) => {
    const { objective, reconstructWeight, detailWeight: weight } = pretrain;
    const filter = weight && objective !== "infonce" ? new DetailFilter(gpu, config) : undefined;
    const detail = weight && filter ? { weight, filter } : undefined;
    const options: JointOptions = { objective, reconstructWeight, detail };
    return {
      losses: ({ patches, mask }, _training, trace) => pretrainLosses(model, patches, mask, options, trace),
      ...(objective !== "infonce" && {
        reconstruct({ patches, mask }) {
          const encoded = model.encode(patches, mask.masked);
          const hidden = selectRows(reshape(encoded, [-1, model.sizes.width]), mask.table);
          return model.head(hidden, "reconstruct");
        },
      }),
      dispose: () => filter?.dispose(),
    };
  },
};
