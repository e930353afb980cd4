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
export { type PatchOptions, patchify, unpatchify } from "./audio/patches.js";
export { resample } from "./audio/resample.js";
export type { Waveform } from "./audio/types.js";
export {
  CropSampler,
  type CropSource,
  type MelSource,
  normalisation,
  randomAt,
  splitByPiece,
} from "./data/batches.js";
export {
  type ModelConfig,
  type PresetName,
  type PretrainConfig,
  preset,
  presetNames,
} from "./patchifier/config.js";
export { type EncoderSizes, encoderSizes, Patchifier } from "./patchifier/encoder.js";
export { type FrameMajorMel, FrontEnd } from "./patchifier/front-end.js";
export { clusteredMask, maskedCount, uniformMask, uploadMask } from "./patchifier/masks.js";
export {
  createModel,
  createObjective,
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  objectiveKind,
  objectiveNames,
  pretrainLosses,
  withObjective,
} from "./patchifier/objectives.js";
export { type Normalisation, type StepResult, Trainer, type TrainerOptions } from "./train/trainer.js";
