// `infonce`: the contrast half of `joint` alone.
import { headSpecs } from "../encoder.js";
import { contrastParts, maskedPrediction } from "./masked-prediction.js";
import type { ObjectiveKind } from "./objective.js";

export const infonceOnly: ObjectiveKind = {
  name: "infonce",
  parts: contrastParts,
  defaults: () => ({}),
  settings: ({ contrast }) => ({
    contrast: contrast ? `cosines over ${contrast.temperature}` : "products over √P",
  }),
  // Both heads, so that its weights are those of joint.
  specs: headSpecs,
  create: maskedPrediction,
};
