// The arms of the study: what is pre-trained, each a change of one thing against another arm. Nothing is run here.
import type { CorpusName } from "../../src/data/corpora/index.js";
import {
  type ModelConfig,
  type PatchShape,
  type PretrainConfig,
  preset,
  withPatches,
} from "../../src/patchifier/config.js";
import { withObjective } from "../../src/patchifier/objectives.js";

/** One way to pre-train. What is left out is as in the `demo` preset, with batches of 16 crops. */
export interface Arm {
  name: string;
  /** What it is there to find out. */
  asks: string;
  objective: string;
  patches: PatchShape;
  music: CorpusName;
  change?: Partial<
    Pick<PretrainConfig, "maskRatio" | "maskShape" | "lr" | "detailWeight" | "reconstructWeight">
  > &
    Partial<Pick<ModelConfig, "cropFrames" | "width">>;
}

/** The presets' setting: the fine structure of all patches, beside which InfoNCE counts for a tenth of what SSAST gives it. */
const detail = { detailWeight: 6, reconstructWeight: 100 };

export const arms: readonly Arm[] = [
  arm("joint, grid", "SSAST's objective, the starting point", "joint", "grid", "mixed"),
  arm("joint, frame", "patch shape: all bands of two frames", "joint", "frame", "mixed"),
  arm("detail, frame", "target: fine structure, InfoNCE a tenth", "joint", "frame", "mixed", detail),
  arm("detail, grid", "patch shape, with fine structure", "joint", "grid", "mixed", detail),
  arm(
    "detail, frame, no contrast",
    "objective: reconstruction alone",
    "reconstruct",
    "frame",
    "mixed",
    detail,
  ),
  arm("detail, frame, full contrast", "objective: InfoNCE at SSAST's weight", "joint", "frame", "mixed", {
    ...detail,
    reconstructWeight: 10,
  }),
  arm("mae, frame", "objective: a masked autoencoder", "mae", "frame", "mixed"),
  arm("data2vec, frame", "objective: the teacher's features", "data2vec", "frame", "mixed"),
  arm("bestrq, frame", "objective: codes of a random quantiser", "bestrq", "frame", "mixed"),
  arm("wav2vec2, frame", "objective: codes that are learnt", "wav2vec2", "frame", "mixed"),
  arm("detail, frame, starter", "music: the default corpus alone", "joint", "frame", "starter", detail),
  arm("detail, frame, 80 % masked", "mask ratio", "joint", "frame", "mixed", { ...detail, maskRatio: 0.8 }),
  arm("detail, frame, 40 % masked", "mask ratio", "joint", "frame", "mixed", { ...detail, maskRatio: 0.4 }),
  arm("detail, frame, lr 3e-4", "learning rate", "joint", "frame", "mixed", { ...detail, lr: 3e-4 }),
  arm("detail 20, frame", "weight of fine structure", "joint", "frame", "mixed", {
    ...detail,
    detailWeight: 20,
  }),
  arm("detail, frame, 8.2 s", "crop: twice as long", "joint", "frame", "mixed", {
    ...detail,
    cropFrames: 256,
  }),
];

function arm(
  name: string,
  asks: string,
  objective: string,
  patches: PatchShape,
  music: CorpusName,
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
  const base = { ...demo.pretrain, reconstructWeight: 10, detailWeight: 0, batch, steps, warmup };
  return { model, pretrain: { ...withObjective(model, base, arm.objective), ...pretraining } };
}
