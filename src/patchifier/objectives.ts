// What pre-training asks of the hidden patches. Every objective has one shape: (patches, mask) → losses. `joint` is
// SSAST's: InfoNCE among the hidden patches of a clip plus 10 times the squared error of their reconstruction, both from
// one forward pass; `infonce` and `reconstruct` are its halves.
import { add, mul } from "../ops/binary.js";
import { infonce, mse } from "../ops/losses.js";
import { selectRows } from "../ops/select-rows.js";
import { reshape } from "../ops/view.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ObjectiveName } from "./config.js";
import type { Patchifier, Trace } from "./encoder.js";
import type { BatchMask } from "./masks.js";

/** Single numbers; parts that an objective does not have are absent. */
export interface Losses {
  loss: Tensor;
  infonce?: Tensor;
  reconstruct?: Tensor;
}

/**
 * Losses of a batch: patches [B, T, P]. InfoNCE is softmax cross-entropy of x_i·c_j/√P with target j = i among the clip's
 * hidden patches (targets x are the raw normalised patches, c the contrast head's predictions).
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
