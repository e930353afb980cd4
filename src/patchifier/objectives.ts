// The objectives of pre-training by name: what each adds to the encoder and how it is made. Every objective has one shape:
// (patches, mask) → losses (objectives/objective.ts); their formulas are in objectives/, one file each.
import type { ParameterSpec } from "../nn/parameters.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { ModelConfig, ObjectiveName, PretrainConfig } from "./config.js";
import { encoderSizes, Patchifier } from "./encoder.js";
import { bestrqKind } from "./objectives/bestrq.js";
import { data2vecKind } from "./objectives/data2vec.js";
import { jointKind } from "./objectives/joint.js";
import { maeKind } from "./objectives/mae.js";
import type { Objective, ObjectiveKind, ObjectiveOptions } from "./objectives/objective.js";
import { wav2vec2Kind } from "./objectives/wav2vec2.js";

export { pretrainLosses } from "./objectives/joint.js";
export type { Losses, Objective, ObjectiveBatch, ObjectiveOptions } from "./objectives/objective.js";

const kinds: Readonly<Record<ObjectiveName, ObjectiveKind>> = {
  joint: jointKind,
  infonce: jointKind,
  reconstruct: jointKind,
  mae: maeKind,
  data2vec: data2vecKind,
  bestrq: bestrqKind,
  wav2vec2: wav2vec2Kind,
};

/** The parameters that an objective trains beside the encoder's. */
export function objectiveSpecs(config: ModelConfig, pretrain: PretrainConfig): ParameterSpec[] {
  return kinds[pretrain.objective].specs(encoderSizes(config), config, pretrain);
}

/** An encoder with what its objective trains beside it, newly drawn. */
export function createModel(
  gpu: Gpu,
  config: ModelConfig,
  pretrain: PretrainConfig,
  random: Random,
): Patchifier {
  return new Patchifier(gpu, encoderSizes(config), random, objectiveSpecs(config, pretrain));
}

/** The objective that `pretrain` names, over a model of `createModel`. Dispose it before the model. */
export function createObjective(gpu: Gpu, options: ObjectiveOptions): Objective {
  return kinds[options.pretrain.objective].create(gpu, options);
}
