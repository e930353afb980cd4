// What the page and its worker say to each other: calls that the worker answers, and events that it sends by itself. Types
// only. The worker owns the engine, the clips, the training and the files; the page draws, plays and asks.
import type { ModelConfig, PretrainConfig } from "../src/patchifier/config.js";

/** A piece of audio in the library. Its samples (mono, 16 kHz) and its log-mel stay in the worker. */
export interface ClipInfo {
  id: string;
  /** What is shown: a file's name or a piece's title. */
  name: string;
  source: "file" | "demo" | "microphone";
  seconds: number;
  /** Frames of its log-mel, `hopSeconds` each. */
  frames: number;
  /** The class that a person gave it, for the fine-tune. */
  label?: string;
}

/** The released model that lies beside the page. */
export interface OfferedModel {
  name: string;
  /** The preset that it is of. */
  preset: string;
}

export interface AdapterInfo {
  name: string;
  software: boolean;
  features: string[];
}

/** What the page needs to know about the model in use. */
export interface ModelInfo {
  model: ModelConfig;
  pretrain: PretrainConfig;
  /** Rows (bands), columns (times) and number of patches of a crop. */
  grid: { rows: number; columns: number; tokens: number };
  normalisation: { mean: number; std: number } | undefined;
  /** The parts that the objective brings down: names in the log, and what they are called. */
  parts: { name: string; title: string }[];
  step: number;
  seed: number;
  preset: string;
  /** The released model whose encoder it began with; absent where it began with random weights. */
  released?: string;
}

/** [nMels, frames], row-major, lowest band first; values are log10(1 + gain·power). */
export interface MelImage {
  values: Float32Array;
  nMels: number;
  frames: number;
  hopSeconds: number;
}

export interface TrainingState {
  status: "idle" | "preparing" | "running" | "paused" | "done" | "failed";
  step: number;
  steps: number;
  clipsPerSecond?: number;
}

export interface StepEvent {
  step: number;
  loss: number;
  /** Parts and measures of the objective by name. */
  parts: Record<string, number>;
  lr: number;
  gradNorm: number;
  stepMs: number;
  clipsPerSecond: number;
}

export interface HeldOutEvent {
  step: number;
  loss: number;
  /** Titles of the parts that are at chance on held-out crops after warm-up. */
  stuck: string[];
}

/** One crop as the model sees it: which patches are masked, and what it predicts for them. */
export interface Reconstruction {
  clip: string;
  /** First frame of the crop. */
  start: number;
  /** The crop itself, [nMels, cropFrames]. */
  image: MelImage;
  /** Patch numbers, time-major: number = column·rows + row. */
  masked: Int32Array;
  /** The crop with masked patches replaced by their predictions. */
  filled: Float32Array;
  mse: number;
  step: number;
}

/** Attention of one patch of a crop to all others. */
export interface AttentionAnswer {
  layer: number;
  layers: number;
  heads: number;
  query: number;
  /** [heads, tokens]; each head sums to 1. */
  weights: Float32Array;
}

/** Vectors of clips (or of windows of them) and where they lie in the map. */
export interface MapPoint {
  clip: string;
  /** Seconds from the start of the clip that the point stands for. */
  from: number;
  to: number;
}

export interface EmbeddingMap {
  points: MapPoint[];
  /** [points, 3], centred, within the unit ball. */
  positions: Float32Array;
  /** Share of variance that the three axes hold. */
  explained: number;
  /** Training step of the model that made them. */
  step: number;
}

export interface Neighbour {
  clip: string;
  from: number;
  to: number;
  /** Cosine similarity of centred vectors. */
  similarity: number;
}

export interface FineTuneResult {
  classes: string[];
  /** Windows trained on and held out; held-out windows are of other clips wherever a class has two clips. */
  trainWindows: number;
  heldOutWindows: number;
  /** How the windows were divided, in a sentence. */
  split: string;
  /** undefined where nothing could be held out. */
  accuracy: number | undefined;
  /** 95 % interval of the accuracy. */
  interval: [number, number] | undefined;
  /** Held-out confusion, [true, predicted]. */
  confusion: number[][];
  seconds: number;
}

export interface Classification {
  classes: string[];
  /** Softmax over the classes. */
  probabilities: number[];
}

export interface SavedState {
  /** Whether a checkpoint of an earlier visit is in the browser's files. */
  step: number | undefined;
  clips: number;
  bytes: number;
}

export interface Usage {
  /** Bytes on the GPU that the engine holds, and most that it held. */
  gpuBytes: number;
  peakBytes: number;
  /** Buffers on the device. */
  buffers: number;
  /** Worker's JavaScript heap where the browser tells. */
  heapBytes?: number;
}

/** A file for the person to keep. */
export interface ExportedFile {
  name: string;
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface TrainOptions {
  /** Steps in all; a run that has had them goes on to the new number. */
  steps: number;
  batch?: number;
  seed?: number;
  lr?: number;
}

/** What a model begins with: the encoder of the released model, or newly drawn weights. */
export type Begin = "released" | "random";

/** Calls of the page; each is answered once, or refused with an error that says what to do. */
export interface Calls {
  /** Opens the adapter, and what an earlier visit left, else the released model where it is of the preset. Must be the first call. */
  open(options: { preset?: string; adapter?: string; begin?: Begin }): {
    adapter: AdapterInfo;
    model: ModelInfo;
    /** What a model can begin with beside random weights. */
    offered?: OfferedModel;
    clips: ClipInfo[];
    saved: SavedState;
  };
  /** Decodes files, computes their log-mels and keeps them. What cannot be used is named with its reason; the rest goes on. */
  addFiles(files: File[]): { added: ClipInfo[]; refused: { name: string; reason: string }[] };
  /** Adds the demo music, which the worker composes itself. */
  addDemo(options?: { pieces?: number; seconds?: number }): { added: ClipInfo[] };
  /** Adds a recording of the microphone: mono samples at a rate in Hz. */
  addRecording(samples: Float32Array, sampleRate: number, name: string): { added: ClipInfo[] };
  removeClip(id: string): void;
  clips(): ClipInfo[];
  /** Mono samples at 16 kHz, for playing and for the waveform. */
  samples(id: string): { samples: Float32Array; sampleRate: number };
  logMel(id: string): MelImage;
  /** Log-mel of the last seconds of a live signal; nothing is kept. */
  liveMel(samples: Float32Array, sampleRate: number): MelImage;

  /** Begins to train, or goes on to more steps; events tell the rest. Another seed needs a reset first. */
  train(options: TrainOptions): void;
  /** Answered when the step under way has ended and is saved. */
  pause(): void;
  resume(): void;
  /** Forgets weights and moments, and begins anew, by default with random weights; clips stay. */
  reset(options?: { preset?: string; seed?: number; begin?: Begin }): ModelInfo;
  model(): ModelInfo;

  /** Masks patches of a crop as training does and predicts them. `draw` picks the mask; the same draw, the same mask. */
  reconstruct(clip: string, startFrame: number, draw?: number): Reconstruction;
  /** Layer −1 is the last. */
  attention(clip: string, startFrame: number, patch: number, layer?: number): AttentionAnswer;

  /** Embeds every clip in windows of a crop's length. */
  map(): EmbeddingMap;
  /** Nearest windows of other clips to a window of the library… */
  neighbours(clip: string, from: number, count?: number): Neighbour[];
  /** …or to any audio file, which is not kept. */
  similarTo(file: File, count?: number): Neighbour[];
  /** The embedding [width] of the whole clip: the mean of its windows. */
  embed(clip: string): Float32Array;

  label(clip: string, label: string | undefined): void;
  fineTune(): FineTuneResult;
  classify(samples: Float32Array, sampleRate: number): Classification;
  exportProbe(): ExportedFile;

  /** Saves now what training saves now and then. */
  save(): SavedState;
  /** model.safetensors and config.json, the files that a run in Node leaves. */
  exportModel(): ExportedFile[];
  /** Takes such files back in: weights, and the configuration where it is given. */
  importModel(files: File[]): ModelInfo;
  /** Deletes clips and checkpoints that the browser keeps. */
  forget(): void;
  usage(): Usage;
  /** A text on the adapter, to copy into a bug report. */
  adapterReport(): string;
  /** Destroys the device, as a driver's reset would; for tests. */
  loseDevice(): void;
}

/** What the worker says unasked. */
export interface Events {
  /** A clip that a call which is still going on (addFiles, addDemo) has added. */
  clip: ClipInfo;
  training: TrainingState;
  step: StepEvent;
  heldOut: HeldOutEvent;
  /** Long work: `total` 0 where it is not known. */
  progress: { what: string; done: number; total: number };
  saved: SavedState;
  /** Kernels were checked on this adapter for the first time: what was found, in a line. */
  checked: { line: string };
  /** The device is gone; the worker opens another and goes on from what it has. */
  lost: { reason: string };
  recovered: { adapter: AdapterInfo; step: number };
  /** Something went wrong outside a call. `advice` says what to do. */
  problem: { message: string; advice: string };
}

export type CallName = keyof Calls;
export type EventName = keyof Events;

export type ToWorker = { id: number; call: CallName; args: unknown[] };
export type FromWorker =
  | { id: number; result: unknown }
  | { id: number; error: { name: string; message: string } }
  | { event: EventName; value: unknown };
