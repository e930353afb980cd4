// `joint`, SSAST's objective: InfoNCE among the hidden patches of a clip plus 10 times the squared error of their
// reconstruction, both from one forward pass with mask tokens; `infonce` and `reconstruct` are its halves.
import { UsageError } from "../../gpu/errors.js";
import { add, mul } from "../../ops/binary.js";
import { infonce, mse } from "../../ops/losses.js";
import { selectRows } from "../../ops/select-rows.js";
import { reshape } from "../../ops/view.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ObjectiveName } from "../config.js";
import { headSpecs, type Patchifier, type Trace } from "../encoder.js";
import type { BatchMask } from "../masks.js";
import type { Losses, ObjectiveKind } from "./objective.js";

/**
 * Losses of a batch: patches [B, T, P]. InfoNCE is softmax cross-entropy of x_i·c_j/√P with target j = i among the clip's
 * hidden patches (targets x are the raw normalised patches, c the contrast head's predictions). Throws UsageError for an
 * objective that is neither `joint` nor one of its halves: those are made by `createObjective`.
 */
export function pretrainLosses(
  model: Patchifier,
  patches: Tensor,
  mask: BatchMask,
  options: { objective: ObjectiveName; reconstructWeight: number },
  trace?: Trace,
): Losses {
  const [batch, tokens, values] = patches.shape;
  const { width } = model.sizes;
  const { objective, reconstructWeight } = options;
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
  const predicted = model.head(hidden, "reconstruct");
  trace?.("r", predicted);
  const reconstruct = mse(predicted, targets);
  const weighted = mul(reconstruct, reconstructWeight);
  return { loss: contrast ? add(contrast, weighted) : weighted, infonce: contrast, reconstruct };
}

export const jointKind: ObjectiveKind = {
  specs: headSpecs,
  create: (_gpu, { model, pretrain }) => ({
    losses: ({ patches, mask }, _training, trace) => pretrainLosses(model, patches, mask, pretrain, trace),
    ...(pretrain.objective !== "infonce" && {
      reconstruct({ patches, mask }) {
        const encoded = model.encode(patches, mask.masked);
        const hidden = selectRows(reshape(encoded, [-1, model.sizes.width]), mask.table);
        return model.head(hidden, "reconstruct");
      },
    }),
  }),
};
