// What the engine was made for, as far as it runs anywhere: spectrograms, resampling and patches on the GPU, the model, and
// its training on log-mels from wherever they are. Decoding files, data sets, checkpoints and probes are the command's.
export {
  kaldiFbank,
  LogMel,
  type LogMelOptions,
  melSpectrogram,
  Spectrogram,
  stftPower,
} from "./audio/log-mel.js";
export type { MelNorm } from "./audio/mel-filters.js";
export { type PatchOptions, patchify, unpatchify } from "./audio/patches.js";
export { type ResampleOptions, resample } from "./audio/resample.js";
export type {
  Decibels,
  KaldiOptions,
  Log10,
  LogScale,
  MelSpectrogramOptions,
  NaturalLog,
  NoLog,
  StftOptions,
} from "./audio/spectrogram-plan.js";
export type { Waveform } from "./audio/types.js";
export type { WindowName } from "./audio/windows.js";
export type { CheckedWork, WrongKernel } from "./checks/run.js";
export {
  CropSampler,
  type CropSource,
  type MelSource,
  normalisation,
  randomAt,
  type Split,
  splitByPiece,
  type TrackLength,
} from "./data/batches.js";
export type { Weights } from "./patchifier/blocks.js";
export {
  type FrontEndConfig,
  type ModelConfig,
  type Preset,
  type PresetName,
  type PretrainConfig,
  preset,
  presetNames,
} from "./patchifier/config.js";
export { type EncoderSizes, encoderSizes, Patchifier, type Trace } from "./patchifier/encoder.js";
export { type FrameMajorMel, FrontEnd } from "./patchifier/front-end.js";
export {
  type BatchMask,
  clusteredMask,
  type Grid,
  maskedCount,
  uniformMask,
  uploadMask,
} from "./patchifier/masks.js";
export type { BestRqSettings } from "./patchifier/objectives/bestrq.js";
export type { Data2vecSettings } from "./patchifier/objectives/data2vec.js";
export type { MaeSettings } from "./patchifier/objectives/mae.js";
export type { MaskedPredictionOptions } from "./patchifier/objectives/masked-prediction.js";
export type { StretchSettings } from "./patchifier/objectives/stretch.js";
export type { TargetSettings } from "./patchifier/objectives/targets.js";
export type { TrackSettings } from "./patchifier/objectives/tracks.js";
export type { Wav2vec2Settings } from "./patchifier/objectives/wav2vec2.js";
export {
  type ChanceSizes,
  type Course,
  createModel,
  createObjective,
  type Drawn,
  type Losses,
  type Music,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  type ObjectiveOptions,
  type ObjectivePart,
  objectiveKind,
  objectiveNames,
  type Place,
  pretrainLosses,
  withObjective,
} from "./patchifier/objectives.js";
export {
  type MeasuredLosses,
  type Normalisation,
  type StepResult,
  type SubmittedStep,
  Trainer,
  type TrainerOptions,
  type TrainingMemory,
} from "./train/trainer.js";
