// The objectives of pre-training by name. Every objective has one shape, (patches, mask) → losses, and one file beside
// objectives/objective.ts that says all of it: its name, parts, defaults, parameters and how it is made. The command, the report, the
// log and the page read that; a new one is added to the list below and nowhere else.
import { UsageError } from "../gpu/errors.js";
import type { ParameterSpec } from "../nn/parameters.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "./config.js";
import { encoderSizes, Patchifier } from "./encoder.js";
import { maskedCount } from "./masks.js";
import { bestrq } from "./objectives/bestrq.js";
import { combined } from "./objectives/combined.js";
import { data2vec } from "./objectives/data2vec.js";
import { infonceOnly } from "./objectives/infonce.js";
import { joint } from "./objectives/joint.js";
import { mae } from "./objectives/mae.js";
import type { Objective, ObjectiveKind, ObjectiveOptions } from "./objectives/objective.js";
import { reconstruct } from "./objectives/reconstruct.js";
import { stretch } from "./objectives/stretch.js";
import { targets } from "./objectives/targets.js";
import { tracks } from "./objectives/tracks.js";
import { wav2vec2 } from "./objectives/wav2vec2.js";

export { pretrainLosses } from "./objectives/masked-prediction.js";
export type {
  ChanceSizes,
  Course,
  Drawn,
  Losses,
  Music,
  Objective,
  ObjectiveBatch,
  ObjectiveKind,
  ObjectiveOptions,
  ObjectivePart,
  Place,
} from "./objectives/objective.js";

const kinds: readonly ObjectiveKind[] = [
  ...[joint, infonceOnly, reconstruct, mae, data2vec, bestrq, wav2vec2],
  ...[targets, stretch, tracks],
];

/** The names that `--objective` takes. */
export const objectiveNames: readonly string[] = kinds.map(({ name }) => name);

/** The objective of a name, or of several joined by +. Throws UsageError for an unknown one. */
export function objectiveKind(name: string): ObjectiveKind {
  const members = name.split("+").map((part) => {
    const kind = kinds.find((each) => each.name === part);
    if (!kind) throw new UsageError(`There is no objective '${part}': use ${objectiveNames.join(", ")}.`);
    return kind;
  });
  return members.length > 1 ? combined(members) : members[0];
}

/** `pretrain` with another objective, what that masks, and its settings. Give the steps before: some settings follow from them. */
export function withObjective(
  model: ModelConfig,
  pretrain: PretrainConfig,
  objective: string,
): PretrainConfig {
  const kind = objectiveKind(objective);
  return { ...pretrain, objective, ...kind.defaults(model, pretrain) };
}

/** The parameters that an objective trains beside the encoder's. */
export function objectiveSpecs(config: ModelConfig, pretrain: PretrainConfig): ParameterSpec[] {
  return objectiveKind(pretrain.objective).specs(encoderSizes(config), config, pretrain);
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
  return objectiveKind(options.pretrain.objective).create(gpu, options);
}

/** A part of a loss that is brought down, beside what an answer would score that knows nothing of the crop. */
export interface Standing {
  name: string;
  title: string;
  value: number;
  chance: number;
  /** Within 2 % of chance, or above it. */
  stuck: boolean;
  /** What plain answer it is no better than, where there is one to be better than. */
  noBetter?: { value: number; words: string };
}

/** How near to chance a part is that has taught nothing. */
const nearChance = 0.02;

/** How the parts that have a chance level stand in one measurement. */
export function standings(
  model: ModelConfig,
  pretrain: PretrainConfig,
  measured: Readonly<Record<string, number | undefined>>,
): Standing[] {
  const sizes = {
    masked: maskedCount(patchGrid(model).tokens, pretrain.maskRatio),
    batch: pretrain.batch,
    pretrain,
  };
  return objectiveKind(pretrain.objective).parts.flatMap(({ name, title, trained, chance, plain }) => {
    const [value, guess] = [measured[name], chance?.(measured, sizes)];
    if (!trained || value === undefined || guess === undefined) return [];
    const beyond = (level: number) => value < (1 - nearChance) * level;
    const simple = plain && measured[plain.measure];
    const noBetter = simple === undefined || beyond(simple) ? undefined : { ...plain, value: simple };
    return [{ name, title, value, chance: guess, stuck: !beyond(guess), noBetter } as Standing];
  });
}
