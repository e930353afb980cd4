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
  change?: Partial<Pick<PretrainConfig, "maskRatio" | "maskShape" | "lr" | "detailWeight">> &
    Partial<Pick<ModelConfig, "cropFrames" | "width">>;
}

const starter: CorpusName[] = ["starter"];
const more: CorpusName[] = ["starter", "composed", "generated"];

export const arms: readonly Arm[] = [
  arm("joint, grid", "the starting point", "joint", "grid", more),
  arm("joint, frame", "patch shape: all bands of two frames", "joint", "frame", more),
  arm("detail 6, frame", "target: fine structure counts", "joint", "frame", more, { detailWeight: 6 }),
  arm("detail 6, grid", "patch shape, with fine structure", "joint", "grid", more, { detailWeight: 6 }),
  arm("detail 6, frame, starter", "music: one corpus", "joint", "frame", starter, { detailWeight: 6 }),
  arm("mae, frame", "objective: a masked autoencoder", "mae", "frame", more),
  arm("data2vec, frame", "objective: the teacher's features", "data2vec", "frame", more),
  arm("bestrq, frame", "objective: codes of a random quantiser", "bestrq", "frame", more),
  arm("wav2vec2, frame", "objective: codes that are learnt", "wav2vec2", "frame", more),
  arm("detail 6, frame, no contrast", "objective: reconstruction alone", "reconstruct", "frame", more, {
    detailWeight: 6,
  }),
  arm("detail 20, frame", "weight of fine structure", "joint", "frame", more, { detailWeight: 20 }),
  arm("detail 6, frame, 40 % masked", "mask ratio", "joint", "frame", more, {
    detailWeight: 6,
    maskRatio: 0.4,
  }),
  arm("detail 6, frame, 80 % masked", "mask ratio", "joint", "frame", more, {
    detailWeight: 6,
    maskRatio: 0.8,
  }),
  arm("detail 6, frame, lr 3e-4", "learning rate", "joint", "frame", more, { detailWeight: 6, lr: 3e-4 }),
  arm("detail 6, frame, 8.2 s", "crop: twice as long", "joint", "frame", more, {
    detailWeight: 6,
    cropFrames: 256,
  }),
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
  const base = { ...demo.pretrain, detailWeight: 0, batch, steps, warmup };
  return { model, pretrain: { ...withObjective(model, base, arm.objective), ...pretraining } };
}
