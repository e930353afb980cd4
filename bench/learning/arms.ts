// The arms of the study: what is pre-trained, each a change of one thing against another arm. Nothing is run here.
import type { CorpusName } from "../../src/data/corpora/index.js";
import {
  type ModelConfig,
  type ObjectiveName,
  type PatchShape,
  type PretrainConfig,
  preset,
  withObjective,
  withPatches,
} from "../../src/patchifier/config.js";

/** One way to pre-train. What is left out is as in the `demo` preset, with batches of 16 crops. */
export interface Arm {
  name: string;
  /** What it is there to find out. */
  asks: string;
  objective: ObjectiveName;
  patches: PatchShape;
  /** Names of corpora whose tracks are put together. */
  music: readonly CorpusName[];
  change?: Partial<Pick<PretrainConfig, "maskRatio" | "maskShape" | "lr" | "reconstructWeight">> &
    Partial<Pick<ModelConfig, "cropFrames" | "width">>;
}

const starter: CorpusName[] = ["starter"];
const more: CorpusName[] = ["starter", "composed", "generated"];

export const arms: readonly Arm[] = [
  arm("joint, grid", "the starting point", "joint", "grid", starter),
  arm("joint, frame", "patch shape: all bands of two frames", "joint", "frame", starter),
  arm("joint, frame, more music", "music: three corpora instead of one", "joint", "frame", more),
  arm("mae, frame", "objective: a masked autoencoder, targets normalised by patch", "mae", "frame", more),
  arm("data2vec, frame", "objective: the teacher's features", "data2vec", "frame", more),
  arm("bestrq, frame", "objective: codes of a random quantiser", "bestrq", "frame", more),
  arm("wav2vec2, frame", "objective: codes that are learnt", "wav2vec2", "frame", more),
  arm("mae, grid", "patch shape, with the masked autoencoder", "mae", "grid", more),
  arm("reconstruct, frame", "objective: without the contrast", "reconstruct", "frame", more),
  arm("joint, frame, lr 3e-4", "learning rate", "joint", "frame", more, { lr: 3e-4 }),
  arm("joint, frame, 40 % masked", "mask ratio", "joint", "frame", more, { maskRatio: 0.4 }),
  arm("joint, frame, 80 % masked", "mask ratio", "joint", "frame", more, { maskRatio: 0.8 }),
  arm("joint, frame, 8.2 s", "crop: twice as long", "joint", "frame", more, { cropFrames: 256 }),
];

function arm(
  name: string,
  asks: string,
  objective: ObjectiveName,
  patches: PatchShape,
  music: readonly CorpusName[],
  change?: Arm["change"],
): Arm {
  return { name, asks, objective, patches, music, change };
}

const batch = 16;
const warmup = 20;

/** Everything that an arm trains with. */
export function settingsOf(arm: Arm, steps: number): { model: ModelConfig; pretrain: PretrainConfig } {
  const demo = preset("demo");
  const { cropFrames, width, ...pretraining } = arm.change ?? {};
  const model = withPatches(demo.model, arm.patches);
  if (cropFrames) model.cropFrames = cropFrames;
  if (width) model.width = width;
  const base = { ...demo.pretrain, batch, steps, warmup };
  return { model, pretrain: { ...withObjective(model, base, arm.objective), ...pretraining } };
}
