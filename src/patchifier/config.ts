// Settings of the model and of its pre-training, with the presets. Where a value comes from is said beside it: the paper's
// abstract fixes the approach (patches of a spectrogram, self-supervision from NLP and CV) but no number.
import { patchGrid as cutPatches } from "../audio/patches.js";
import { UsageError } from "../gpu/errors.js";

/** The log-mel front end. */
export interface FrontEndConfig {
  /** Hz. 16 kHz is MagnaTagATune's own rate. */
  sampleRate: number;
  nFft: number;
  hopLength: number;
  nMels: number;
  /** log10(1 + gain·S): MusiCNN's compression. */
  gain: number;
}

/** The encoder and its patches. */
export interface ModelConfig {
  frontEnd: FrontEndConfig;
  /** grid: patchMels × patchFrames; frame: all mels × patchFrames. */
  patchMels: number;
  patchFrames: number;
  /** Frames of a crop. */
  cropFrames: number;
  width: number;
  layers: number;
  heads: number;
  mlpRatio: number;
}

/** Pre-training. */
export interface PretrainConfig {
  objective: ObjectiveName;
  /** Share of the tokens that is masked. */
  maskRatio: number;
  /** clustered masks C×C blocks of patches, C = 3…5 (SSAST); uniform draws patches independently. */
  maskShape: "clustered" | "uniform";
  /** Weight of the reconstruction beside InfoNCE. */
  reconstructWeight: number;
  /**
   * joint and reconstruct: how many times the fine structure of spectra counts beside the plain error, over visible patches as
   * well as hidden ones. Absent or 0: the plain error of hidden patches alone, as in SSAST.
   */
  detailWeight?: number;
  batch: number;
  steps: number;
  lr: number;
  warmup: number;
  betas: [number, number];
  weightDecay: number;
  clipNorm: number;
  /** What only one objective has; without it, `objectiveSettings` gives its defaults. */
  mae?: MaeSettings;
  data2vec?: Data2vecSettings;
  bestrq?: BestRqSettings;
  wav2vec2?: Wav2vec2Settings;
}

export const objectiveNames = [
  "joint",
  "infonce",
  "reconstruct",
  "mae",
  "data2vec",
  "bestrq",
  "wav2vec2",
] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

/** mae: the decoder's sizes. */
export interface MaeSettings {
  width: number;
  layers: number;
  heads: number;
}

/** data2vec: the teacher and what it is asked for. */
export interface Data2vecSettings {
  /** The last so many blocks are averaged. */
  blocks: number;
  /** Each block's output is normalised by channel over the tokens of a clip (instance) or by token (layer). */
  targetNorm: "instance" | "layer";
  /** The share of itself that the teacher keeps at a step: from, to, and over how many steps it rises. */
  decay: { from: number; to: number; steps: number };
}

/** bestrq: the frozen quantiser. */
export interface BestRqSettings {
  /** Vectors in the codebook. */
  codes: number;
  /** Values of each. */
  codeWidth: number;
}

/** wav2vec2: the quantiser and the two projections that are compared. */
export interface Wav2vec2Settings {
  /** Codebooks, and codes in each. */
  groups: number;
  codes: number;
  /** Values of the chosen codes together. */
  codeWidth: number;
  /** Values of what is compared. */
  projected: number;
  /** Cosines are divided by it. */
  temperature: number;
  /** Temperature of the choice of codes: from, to, and over how many steps it falls, by a constant factor. */
  gumbel: { from: number; to: number; steps: number };
  diversityWeight: number;
}

export const presetNames = ["demo", "small", "base"] as const;
export type PresetName = (typeof presetNames)[number];

const frontEnd: FrontEndConfig = { sampleRate: 16000, nFft: 1024, hopLength: 512, nMels: 128, gain: 1e4 };
// Patches of all bands of two frames see chords, which those of 16 bands do not: bench/learning.
const frames = { frontEnd, patchMels: 128, patchFrames: 2, mlpRatio: 4 };

const models: Record<PresetName, ModelConfig> = {
  demo: { ...frames, cropFrames: 128, width: 96, layers: 4, heads: 4 },
  small: { ...frames, cropFrames: 256, width: 384, layers: 12, heads: 6 },
  base: { ...frames, cropFrames: 256, width: 768, layers: 12, heads: 12 },
};

const pretraining: Record<PresetName, PretrainConfig> = {
  // In a crop this short, clusters of 3 to 5 patches hide too much at once; single patches leave a context to learn from.
  demo: { ...common(), maskShape: "uniform", batch: 8, steps: 200, lr: 1e-3, warmup: 20 },
  small: { ...common(), batch: 16, steps: 20_000, lr: 5e-4, warmup: 1000 },
  base: { ...common(), batch: 32, steps: 100_000, lr: 2e-4, warmup: 4000 },
};

function common() {
  return {
    objective: "joint" as const,
    maskRatio: 0.6,
    maskShape: "clustered" as const,
    // SSAST's 10 with the plain error of hidden patches. With the fine structure of all patches, without which an encoder forgets
    // pitch, InfoNCE takes away what that brings unless it counts for less: bench/learning.
    reconstructWeight: 100,
    detailWeight: 6,
    betas: [0.9, 0.95] as [number, number],
    weightDecay: 0.05,
    clipNorm: 1,
  };
}

/** Model and pre-training settings of a preset. Throws UsageError for an unknown name. */
export function preset(name: string): { model: ModelConfig; pretrain: PretrainConfig } {
  const known = presetNames.find((each) => each === name);
  if (!known) throw new UsageError(`There is no preset '${name}': use ${presetNames.join(", ")}.`);
  return structuredClone({ model: models[known], pretrain: pretraining[known] });
}

/**
 * What is masked, and settings of their own, of the objectives that are not `joint` and its halves. Where a source trains for
 * hundreds of thousands of steps, what it states in steps is scaled to the length of the run.
 */
const objectives = {
  // 75 % at random (He et al. 2022, MAE-AST; AudioMAE has 80 %); two decoder layers (MAE-AST), two thirds as wide as the
  // encoder and with heads of 32 (He et al. 2022).
  mae: {
    mask: { maskRatio: 0.75, maskShape: "uniform" },
    settings: ({ width }: ModelConfig): MaeSettings => {
      const heads = Math.max(1, Math.round(width / 48));
      return { width: 32 * heads, layers: 2, heads };
    },
  },
  // Of images data2vec masks 60 % in blocks, of audio half in spans. The teacher is its audio model's: two thirds of the blocks
  // (8 of 12), each normalised by channel; 0.999 → 0.9999 over 30 000 of 400 000 steps, and in shorter runs a memory
  // that goes back a tenth of the run at the beginning and a quarter of it at the end.
  data2vec: {
    mask: { maskRatio: 0.6 },
    settings: ({ layers }: ModelConfig, { steps }: PretrainConfig): Data2vecSettings => ({
      blocks: Math.max(1, Math.round((2 * layers) / 3)),
      targetNorm: "instance",
      decay: {
        from: Math.min(0.999, Math.max(0, 1 - 10 / steps)),
        to: Math.min(0.9999, Math.max(0, 1 - 4 / steps)),
        steps: Math.min(30_000, steps),
      },
    }),
  },
  // 75 % at random (BEATs, whose first iteration this is). Codes of 16 values (Chiu et al. 2022, who have 8192 for speech), 1024
  // of them (BEATs); fewer for an encoder that is trained for minutes.
  bestrq: {
    mask: { maskRatio: 0.75, maskShape: "uniform" },
    settings: ({ width }: ModelConfig): BestRqSettings => ({
      codes: width <= 128 ? 256 : 1024,
      codeWidth: 16,
    }),
  },
  // wav2vec 2.0 Base: about half is masked; 2 × 320 codes of 256 values together, compared in 256; a temperature of 2·0.999995ⁿ
  // that reaches 0.5 at 69 % of the run; diversity weighs 0.1. Fewer and smaller codes for an encoder that is trained for minutes,
  // and diversity weighs 1: with 0.1, 15 of 32 codes in use at the beginning of the demo are 4 after 120 steps, and hidden patches
  // of the same codes are not told apart; with 1 they are 28.
  wav2vec2: {
    mask: { maskRatio: 0.5 },
    settings: ({ width }: ModelConfig, { steps }: PretrainConfig): Wav2vec2Settings => ({
      ...(width <= 128
        ? { groups: 2, codes: 32, codeWidth: 64, projected: 64, diversityWeight: 1 }
        : { groups: 2, codes: 320, codeWidth: 256, projected: 256, diversityWeight: 0.1 }),
      temperature: 0.1,
      gumbel: { from: 2, to: 0.5, steps: Math.max(1, Math.round(0.69 * steps)) },
    }),
  },
} as const;

type Tuned = keyof typeof objectives;

/** The settings of an objective that has some: those in `pretrain` or, where there are none, its defaults. */
export function objectiveSettings<Name extends Tuned>(
  name: Name,
  model: ModelConfig,
  pretrain: PretrainConfig,
): NonNullable<PretrainConfig[Name]> {
  return pretrain[name] ?? (objectives[name].settings(model, pretrain) as NonNullable<PretrainConfig[Name]>);
}

/** `pretrain` with another objective, what that masks, and its settings. Give the steps before: some settings follow from them. */
export function withObjective(
  model: ModelConfig,
  pretrain: PretrainConfig,
  objective: ObjectiveName,
): PretrainConfig {
  if (!(objective in objectives)) return { ...pretrain, objective };
  const name = objective as Tuned;
  const settings = objectiveSettings(name, model, { ...pretrain, [name]: undefined });
  return { ...pretrain, objective, ...objectives[name].mask, [name]: settings };
}

export const patchShapes = ["grid", "frame"] as const;
export type PatchShape = (typeof patchShapes)[number];

/** The model with patches of 16 mels × 16 frames (`grid`) or of the full height × 2 frames (`frame`): as many values each. */
export function withPatches(model: ModelConfig, shape: PatchShape): ModelConfig {
  const { nMels } = model.frontEnd;
  return shape === "grid"
    ? { ...model, patchMels: 16, patchFrames: 16 }
    : { ...model, patchMels: nMels, patchFrames: Math.max(1, Math.round(256 / nMels)) };
}

/** Patches of a crop: their grid, their number T and the values P in each. */
export function patchGrid(model: ModelConfig): {
  rows: number;
  columns: number;
  tokens: number;
  values: number;
} {
  const { bands, columns, tokens, patchSize } = cutPatches(model.frontEnd.nMels, model.cropFrames, model);
  return { rows: bands, columns, tokens, values: patchSize };
}

/** Samples of a crop, so that a centred STFT gives exactly `cropFrames` frames. */
export function cropSamples(model: ModelConfig): number {
  return (model.cropFrames - 1) * model.frontEnd.hopLength;
}
