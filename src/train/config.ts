// config.json of a run: every setting, resolved, so that the run can be repeated and resumed.
import type { CorpusName } from "../data/corpora/index.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { AdapterKind } from "../host/types.js";
import {
  type ModelConfig,
  type PatchShape,
  type PretrainConfig,
  preset,
  withPatches,
} from "../patchifier/config.js";
import { withObjective } from "../patchifier/objectives.js";
import { checkConfig, highestRate } from "./config-check.js";

/** Where the music comes from. */
export type DataChoice =
  | { kind: "corpus"; name: CorpusName; tracks?: number }
  | { kind: "folder"; path: string }
  /** A data set by name, and which of its clips; without a subset, the set's first. */
  | { kind: "set"; set: string; path: string; subset?: string };

/** What a person may set; the rest is the preset's. */
export interface RunSettings {
  preset: string;
  data: DataChoice;
  seed: number;
  objective?: string;
  patches?: PatchShape;
  /** Frames of a crop. */
  crop?: number;
  steps?: number;
  batch?: number;
  lr?: number;
  /** A run's folder whose encoder is begun with. */
  init?: string;
  /** Micro-batches that a batch is computed in. */
  accumulate?: number;
}

/** The contents of config.json. */
export interface RunConfig {
  format: 1;
  melgrad: string;
  created: string;
  command: string;
  preset: string;
  seed: number;
  data: DataChoice;
  model: ModelConfig;
  pretrain: PretrainConfig;
  checkpointEvery: number;
  evaluateEvery: number;
  /** Micro-batches that each process computes its share of a batch in; absent: 1. Another number gives the same to rounding. */
  accumulate?: number;
  adapter: { name: string; software: boolean };
  normalisation: { mean: number; std: number };
  /** The file that the encoder's first weights came from; absent where they were drawn. */
  init?: string;
  /** What was changed when the run went on: in words, after which step. */
  changes?: { step: number; what: string[] }[];
  corpus: {
    name: string;
    why: string;
    pieces: number;
    tracks: number;
    hours: number;
    heldOutPieces: string[];
    licences: { source: string; licence: string }[];
    skipped: { path: string; reason: string }[];
    /** Files that were odd and were used all the same, and the rule that was followed; absent in older runs. */
    remarks?: { path: string; text: string }[];
    /** Says which tracks, of which length. */
    fingerprint: string;
    /** Says which tracks, of which samples; absent in older runs. */
    contents?: string;
  };
}

/** Model and pre-training settings with what was set put over the preset. Throws UsageError for impossible values. */
export function resolveSettings(settings: RunSettings): { model: ModelConfig; pretrain: PretrainConfig } {
  const { model: presetModel, pretrain } = preset(settings.preset);
  const shaped = settings.patches ? withPatches(presetModel, settings.patches) : presetModel;
  const model = { ...shaped, cropFrames: settings.crop ?? shaped.cropFrames };
  if (model.cropFrames % model.patchFrames !== 0) {
    throw new UsageError(
      `A crop of ${model.cropFrames} frames does not hold whole patches of ${model.patchFrames}: write a multiple of ${model.patchFrames}.`,
    );
  }
  if (settings.batch !== undefined) pretrain.batch = settings.batch;
  if ((settings.lr ?? 0) > highestRate) {
    throw new UsageError(`A learning rate of ${settings.lr} is too large: presets take 2e-4 to 3e-3.`);
  }
  if (settings.lr !== undefined) pretrain.lr = settings.lr;
  if (settings.steps !== undefined) {
    pretrain.warmup = Math.min(pretrain.warmup, Math.max(1, Math.round(settings.steps / 10)));
    pretrain.steps = settings.steps;
  }
  return { model, pretrain: withObjective(model, pretrain, settings.objective ?? pretrain.objective) };
}

/** What is asked of demo by default: `joint` ends behind random weights in so few steps (docs/protocols.md). */
const usualObjective = "targets";
/** And on an adapter that is faster than the embedded one, about as many minutes of it as the preset takes there; crops of 8.2 s of our own music. */
const fasterDemo = { steps: 400, batch: 16, crop: 256 };

/** The settings with what `melgrad train` adds to those of demo where nothing is given, by adapter. */
export function withUsual(settings: RunSettings, adapter: AdapterKind): RunSettings {
  if (settings.preset !== "demo") return settings;
  const usual = { ...settings, objective: settings.objective ?? usualObjective };
  if (adapter === "embedded") return usual;
  const { steps, batch, crop } = fasterDemo;
  return {
    ...usual,
    steps: settings.steps ?? steps,
    batch: settings.batch ?? batch,
    // A folder may hold clips that are shorter.
    crop: settings.crop ?? (settings.data.kind === "corpus" ? crop : undefined),
  };
}

/** Steps between checkpoints and between held-out measurements. */
export function intervals(steps: number): { checkpointEvery: number; evaluateEvery: number } {
  return {
    checkpointEvery: Math.min(500, Math.max(1, Math.ceil(steps / 10))),
    evaluateEvery: Math.min(1000, Math.max(1, Math.ceil(steps / 6))),
  };
}

/** Checks what was read from config.json. */
export function parseConfig(value: unknown, path: string): RunConfig {
  const config = value as Partial<RunConfig> | null;
  if (config?.format !== 1 || !config.model || !config.pretrain || !config.data || !config.normalisation) {
    throw new DataError(`${path} is not a config.json that this version of melgrad wrote.`);
  }
  checkConfig(config as RunConfig, path);
  return config as RunConfig;
}
