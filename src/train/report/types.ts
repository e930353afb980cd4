// What a run's report is made from: plain numbers, strings and typed arrays, as the training loop and the probe leave
// them. Every part but the run itself may be absent. Not here: any drawing, and no type of the GPU.

import type { MelScale } from "../../audio/mel-filters.js";
import type { HandName } from "../../probe/hand-features.js";

/** One step of training, as log.jsonl holds it. A value that was not finite arrives as NaN or null. */
export interface LogPoint {
  step: number;
  loss: number | null;
  lr?: number | null;
  gradNorm?: number | null;
  stepMs?: number | null;
  clipsPerSecond?: number | null;
  /** Further parts of the objective by name. */
  [part: string]: number | null | undefined;
}

/** How a part or a measure of the objective is drawn. */
export interface PartCurve {
  /** Its name in the log. */
  name: string;
  title: string;
  words: string;
  fromZero?: boolean;
  /** What an answer scores that knows nothing of the clip. */
  chance?: number;
}

/** The objective measured on held-out clips, at the step given. */
export interface HeldOutPoint {
  step: number;
  loss: number | null;
  [part: string]: number | null | undefined;
}

/** The run: always there. */
export interface RunSummary {
  name: string;
  /** When it ended (or was cut short), ISO 8601. */
  date: string;
  /** `interrupted`: saved and ended early; the report then covers the steps that were made. */
  status: "finished" | "interrupted";
  adapter: { name: string; software: boolean; detail?: string };
  preset: string;
  objective: string;
  seed: number;
  /** Optimiser steps made, over all resumptions. */
  steps: number;
  /** Steps that were asked for. */
  stepsPlanned?: number;
  batch?: number;
  parameters?: number;
  wallSeconds: number;
  clipsPerSecond?: number;
  /** The command line that makes this run again. */
  command: string;
  /** Component → version, such as { melgrad: "0.1.0", node: "20.20.0" }. */
  versions: Record<string, string>;
  /** Further settings worth showing, label → value. */
  settings?: Record<string, string | number>;
}

/** The music. */
export interface CorpusSummary {
  name: string;
  /** Why this one: asked for by name, or what was and was not to be had. */
  why: string;
  /** One line for each licence, such as "CC BY 4.0 (freepats)". */
  licences: string[];
  pieces: number;
  clips: number;
  hours: number;
  heldOutPieces?: number;
  heldOutClips?: number;
  skipped: { file: string; reason: string }[];
}

/** An image in spectrogram layout: row-major [nMels, frames], row 0 the lowest band. */
export interface MelImage {
  values: Float32Array;
  nMels: number;
  frames: number;
}

/** What rows and columns of a MelImage mean. */
export interface MelAxes {
  sampleRate: number;
  hopLength: number;
  fMin: number;
  fMax: number;
  melScale: MelScale;
}

/** Patches in time-major order: token = column · rows + row, row 0 holding the lowest bands. */
export interface PatchGrid {
  patchMels: number;
  patchFrames: number;
  rows: number;
  columns: number;
}

/** A held-out clip as the model sees it. */
export interface ClipPicture {
  title: string;
  image: MelImage;
}

/** A clip with some patches masked, and what the model predicted there. */
export interface MaskedClip extends ClipPicture {
  /** Token numbers that were masked. */
  masked: ArrayLike<number>;
  /**
   * [masked.length, patchMels · patchFrames], each patch flattened row-major [mel, frame], in the units of `image`.
   * Absent where the objective predicts no spectrogram.
   */
  predictions?: Float32Array;
  /** Mean squared error on the masked patches, in the units of `image`. */
  mse?: number;
}

/** What one layer attends to. */
export interface AttentionPicture extends ClipPicture {
  /** Counted from 0. */
  layer: number;
  layers?: number;
  heads: number;
  /** Whose view is shown. */
  query: number;
  /** [heads, tokens]: the softmax row of `query` in each head. */
  weights: Float32Array;
  /** [tokens, tokens], rows are queries, mean over the heads. */
  matrix?: Float32Array;
}

/** A point of the embedding map. */
export interface MapPoint {
  x: number;
  y: number;
  label: string;
  /** Shown on hover. */
  title: string;
}

/** The embeddings on paper. */
export interface EmbeddingMap {
  points: MapPoint[];
  /** What the colours mean, such as "instrument". */
  labelName: string;
  /** Share of the total variance along x and y, 0..1. */
  explained?: readonly [number, number];
  note?: string;
}

/** The features that a probe reads. */
export type FeatureName =
  | "pretrained"
  | "random"
  | "log-mel mean+std"
  | HandName
  | "all hand-made"
  | "turned chroma"
  | "Krumhansl"
  | "tempo estimate"
  | "labelled"
  | "majority";

/** One feature's score on one task, over several seeds. */
export interface ProbeRow {
  features: FeatureName;
  mean: number;
  std: number;
  ci95?: [number, number];
  values: number[];
  /** The means of all the task's metrics, in their order. */
  scores?: number[];
  /** The head that was chosen, where a grid was searched. */
  chosen?: string;
}

/** One task. */
export interface ProbeTask {
  task: string;
  metric: string;
  note: string;
  higherIsBetter: boolean;
  /** What guessing scores. */
  chance?: number;
  classes: number;
  trainClips: number;
  testClips: number;
  testPieces: number;
  seeds: number;
  rows: ProbeRow[];
  /** The names of all metrics; the first is `metric`. */
  metrics?: string[];
  /**
   * Of the intervals: splits and seeds, resampled tracks of the one test part, or resampled families of clips that were each tested
   * once; then a row's values are those of its seeds.
   */
  interval?: "splits" | "tracks" | "families";
  /** How the first row stands to the others, where families were resampled. */
  contrasts?: {
    against: string;
    difference: number;
    ci95: [number, number];
    halfWidth: number;
    /** The difference that would be seen in four of five such measurements. */
    detectable: number;
    p: number;
  }[];
  /** What others report, in percent by metric, where the task is a public one. */
  published?: {
    name: string;
    metrics: string[];
    rows: { model: string; protocol: string; values: number[] }[];
    guesses: { how: string; value: number }[];
  };
}

/** The probes, with what they say in words. */
export interface ProbeTable {
  tasks: ProbeTask[];
  verdict: string;
  /** Of what, with what and on which clips, in files; `weights` is encoderDigest's. */
  made?: {
    date: string;
    melgrad: string;
    adapter: string;
    weights: string;
    pool?: string;
    size: string;
    taskSeed: number;
  };
}

/** The parts that may be missing. */
export type ReportPart =
  | "corpus"
  | "curves"
  | "spectrogram"
  | "reconstructions"
  | "attention"
  | "map"
  | "probe";

/** All that a report shows. */
export interface ReportData {
  run: RunSummary;
  corpus?: CorpusSummary;
  log?: LogPoint[];
  heldOut?: HeldOutPoint[];
  /** Parts and measures of the objective, in the order in which they are shown. */
  parts?: PartCurve[];
  /** Sentences on parts of the objective that teach nothing. */
  warnings?: string[];
  /** Steps worth a vertical line, such as { step: 200, label: "resumed" }. */
  marks?: { step: number; label: string }[];
  /** Needed by every picture of a spectrogram. */
  axes?: MelAxes;
  grid?: PatchGrid;
  spectrogram?: ClipPicture;
  reconstructions?: MaskedClip[];
  /** What the reader must know of the reconstructions, such as how targets were normalised. */
  reconstructionNote?: string;
  attention?: AttentionPicture;
  map?: EmbeddingMap;
  probe?: ProbeTable;
  /** Why a part is missing, in a few words: { probe: "--no-probe was given" }. */
  absent?: Partial<Record<ReportPart, string>>;
}
