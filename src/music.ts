// What the engine was made for, as far as it runs anywhere: spectrograms, resampling and patches on the GPU, and the model.
// Decoding files, data sets and training are the command's.
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
export {
  type ModelConfig,
  type PresetName,
  type PretrainConfig,
  preset,
  presetNames,
} from "./patchifier/config.js";
export { type EncoderSizes, encoderSizes, Patchifier } from "./patchifier/encoder.js";
export { clusteredMask, maskedCount, uniformMask, uploadMask } from "./patchifier/masks.js";
export { type Losses, pretrainLosses } from "./patchifier/objectives.js";
