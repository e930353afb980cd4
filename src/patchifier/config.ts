// Settings of the model and of its pre-training, with the presets. Where a value comes from is said beside it: the paper's
// abstract fixes the approach (patches of a spectrogram, self-supervision from NLP and CV) but no number.
import { patchLayout } from "../audio/patches.js";
import { UsageError } from "../gpu/errors.js";

/** The log-mel front end. */
export interface FrontEndConfig {
  /** Hz. 16 kHz is MagnaTagATune's own rate. */
  sampleRate: number;
  /** Points of the FFT. */
  nFft: number;
  /** Samples between frames. */
  hopLength: number;
  /** Mel bands. */
  nMels: number;
  /** log10(1 + gain·S): MusiCNN's compression. */
  gain: number;
}

/** The encoder and its patches. */
export interface ModelConfig {
  /** How audio becomes log-mels. */
  frontEnd: FrontEndConfig;
  /** grid: patchMels × patchFrames; frame: all mels × patchFrames. */
  patchMels: number;
  /** Frames of a patch. */
  patchFrames: number;
  /** Frames of a crop. */
  cropFrames: number;
  /** Length of a token. */
  width: number;
  /** Transformer blocks. */
  layers: number;
  /** Attention heads; they divide the width. */
  heads: number;
  /** Hidden units of a block's MLP, in widths. */
  mlpRatio: number;
}

/** Pre-training. Each objective's file adds the settings that are its own, under its name. */
export interface PretrainConfig {
  /** One of objectives.ts. */
  objective: string;
  /** Share of the tokens that is masked. */
  maskRatio: number;
  /**
   * clustered masks C×C blocks of patches, C = 3…5 (SSAST); uniform draws patches independently; spans masks runs of 4 to 8 columns
   * over their full height.
   */
  maskShape: "clustered" | "uniform" | "spans";
  /** Weight of the reconstruction beside InfoNCE. */
  reconstructWeight: number;
  /**
   * joint and reconstruct: how many times the fine structure of spectra counts beside the plain error, over visible patches as
   * well as masked ones. Absent or 0: the plain error of masked patches alone, as in SSAST.
   */
  detailWeight?: number;
  /** joint and infonce: masked patches of the batch are told apart by cosines over this temperature. Absent: SSAST's way. */
  contrast?: {
    /** What cosines are divided by. */
    temperature: number;
  };
  /** Crops of a step. */
  batch: number;
  /** Steps in all. */
  steps: number;
  /** The highest learning rate. */
  lr: number;
  /** Steps of linear warm-up. */
  warmup: number;
  /** Decay rates of AdamW's moments. */
  betas: [number, number];
  /** AdamW's ε. Absent: 1e-8. */
  eps?: number;
  /** Of AdamW, decoupled. */
  weightDecay: number;
  /** The norm that all gradients together are limited to. */
  clipNorm: number;
}

/** The presets, smallest first. */
export const presetNames = ["demo", "small", "base"] as const;
/** One of presetNames. */
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
  // In a crop this short, clusters of 3 to 5 patches mask too much at once; single patches leave a context to learn from.
  demo: { ...common(), maskShape: "uniform", batch: 8, steps: 200, lr: 3e-3, warmup: 20 },
  small: { ...common(), batch: 16, steps: 20_000, lr: 5e-4, warmup: 1000 },
  base: { ...common(), batch: 32, steps: 100_000, lr: 2e-4, warmup: 4000 },
};

function common() {
  return {
    objective: "joint",
    maskRatio: 0.6,
    maskShape: "clustered" as const,
    // The fine structure of all patches counts beside the plain error, without which an encoder forgets pitch: bench/learning.
    reconstructWeight: 20,
    detailWeight: 6,
    contrast: { temperature: 0.1 },
    betas: [0.9, 0.95] as [number, number],
    // Some gradients are nothing but rounding: a bias of the keys moves all scores of a row alike, and softmax does not see it. With
    // an ε of their size Adam makes whole steps of them, in which no two adapters agree; those that count are a thousand times as large.
    eps: 1e-6,
    weightDecay: 0.05,
    clipNorm: 1,
  };
}

/** Settings that belong together. */
export interface Preset {
  /** The encoder. */
  model: ModelConfig;
  /** Its pre-training. */
  pretrain: PretrainConfig;
}

/** Model and pre-training settings of a preset. Throws UsageError for an unknown name. */
export function preset(name: string): Preset {
  const known = presetNames.find((each) => each === name);
  if (!known) throw new UsageError(`There is no preset '${name}': use ${presetNames.join(", ")}.`);
  return structuredClone({ model: models[known], pretrain: pretraining[known] });
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
  const { bands, columns, tokens, patchSize } = patchLayout(model.frontEnd.nMels, model.cropFrames, model);
  return { rows: bands, columns, tokens, values: patchSize };
}

/** Samples of a crop, so that a centred STFT gives exactly `cropFrames` frames. */
export function cropSamples(model: ModelConfig): number {
  return (model.cropFrames - 1) * model.frontEnd.hopLength;
}
