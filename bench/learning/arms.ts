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
    Pick<PretrainConfig, "maskRatio" | "maskShape" | "lr" | "detailWeight" | "reconstructWeight" | "contrast">
  > &
    Partial<Pick<ModelConfig, "cropFrames" | "width">>;
}

/** The presets' setting: the fine structure of all patches, beside which InfoNCE counts for a tenth of what SSAST gives it. */
const detail = { detailWeight: 6, reconstructWeight: 100 };
/** The presets' learning rate. */
const fast = { lr: 3e-3 };
/** Masked patches of the whole batch told apart by cosines. */
const cosines = { detailWeight: 6, reconstructWeight: 20, contrast: { temperature: 0.1 }, lr: 3e-3 };

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
  arm(
    "cosines, frame",
    "objective: a contrast over the batch, by cosines",
    "joint",
    "frame",
    "mixed",
    cosines,
  ),
  arm(
    "cosines, reconstruction 100, frame",
    "weight of the reconstruction beside that contrast",
    "joint",
    "frame",
    "mixed",
    { ...cosines, reconstructWeight: 100 },
  ),
  arm(
    "reconstruction and targets, frame",
    "objective: hand-made targets beside fine structure",
    "reconstruct+targets",
    "frame",
    "mixed",
    { ...fast, detailWeight: 6, reconstructWeight: 20, maskShape: "uniform" },
  ),
  arm(
    "targets, frame",
    "objective: hand-made targets beside the spectrogram",
    "targets",
    "frame",
    "mixed",
    fast,
  ),
  arm(
    "stretch, frame",
    "objective: the ratio of two views' speeds, beside the spectrogram",
    "mae+stretch",
    "frame",
    "mixed",
    fast,
  ),
  arm(
    "tracks, frame",
    "objective: crops of a track, beside the spectrogram",
    "mae+tracks",
    "frame",
    "mixed",
    fast,
  ),
  arm("targets and tracks, frame", "both together", "targets+tracks", "frame", "mixed", fast),
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
  // The arms were first measured at this rate and with SSAST's contrast.
  const before = { lr: 1e-3, contrast: undefined, reconstructWeight: 10, detailWeight: 0 };
  const base = { ...demo.pretrain, ...before, batch, steps, warmup };
  return { model, pretrain: { ...withObjective(model, base, arm.objective), ...pretraining } };
}
