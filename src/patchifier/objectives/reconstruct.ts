// `reconstruct`: the reconstruction half of `joint` alone.
import { headSpecs } from "../encoder.js";
import { maskedPrediction, reconstructParts } from "./masked-prediction.js";
import type { ObjectiveKind } from "./objective.js";

export const reconstruct: ObjectiveKind = {
  name: "reconstruct",
  parts: reconstructParts,
  defaults: () => ({}),
  settings: ({ detailWeight = 0 }) => ({ "weight of fine structure": detailWeight }),
  // Both heads, so that its weights are those of joint.
  specs: headSpecs,
  create: maskedPrediction,
};
