// `joint`: contrast among the masked patches of a clip and their reconstruction, both from one forward pass (SSAST's idea).
import { headSpecs } from "../encoder.js";
import { contrastParts, maskedPrediction, reconstructParts } from "./masked-prediction.js";
import type { ObjectiveKind } from "./objective.js";

export const joint: ObjectiveKind = {
  name: "joint",
  parts: [...contrastParts, ...reconstructParts],
  // The presets are made for it.
  defaults: () => ({}),
  settings: ({ reconstructWeight, detailWeight = 0, contrast }) => ({
    "reconstruction weight": reconstructWeight,
    "weight of fine structure": detailWeight,
    contrast: contrast ? `cosines over ${contrast.temperature}` : "products over √P",
  }),
  specs: headSpecs,
  create: maskedPrediction,
};
