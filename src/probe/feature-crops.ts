// Which samples of a recording the crops of its log-mel are made from, and cutting them out, so that a crop is resampled and
// transformed on the GPU without the rest of the recording. The results are those of transforming the whole, bit for bit. Pure.
import { resampledLength, resampleKernel } from "../audio/resample.js";
import { DataError } from "../gpu/errors.js";
import type { ModelConfig } from "../patchifier/config.js";

/** The sizes of a crop of recordings at one rate. */
export interface CropLayout {
  sampleRate: number;
  modelRate: number;
  /** Samples that are cut from the recording, and what they become at the model's rate. */
  cut: number;
  piece: number;
  /** Samples that the crop's frames are made from, at the model's rate. */
  length: number;
  /** The rates without their common divisor; 1 and 1 where they are equal. */
  from: number;
  to: number;
  /** Blocks of `from` samples that are cut before the first one needed, because the resampling kernel reaches there. */
  margin: number;
}

/** The layout for a model and a rate in Hz. */
export function cropLayout({ frontEnd, cropFrames }: ModelConfig, sampleRate: number): CropLayout {
  const { sampleRate: modelRate, hopLength, nFft } = frontEnd;
  const length = (cropFrames - 1) * hopLength + nFft;
  const rates = { sampleRate, modelRate, length };
  if (sampleRate === modelRate) return { ...rates, cut: length, piece: length, from: 1, to: 1, margin: 0 };
  const kernel = resampleKernel(sampleRate, modelRate);
  const { from, to } = kernel;
  const margin = Math.ceil(kernel.length / from);
  // The first block needed may be needed from its last sample on.
  const blocks = 2 * margin + Math.ceil((length + to - 1) / to);
  return { ...rates, cut: blocks * from, piece: blocks * to, from, to, margin };
}

/** Samples of a recording at the model's rate. Throws DataError where they are too few for one frame. */
export function modelSamples(samples: number, layout: CropLayout, { frontEnd }: ModelConfig): number {
  const { sampleRate, modelRate } = layout;
  const count = sampleRate === modelRate ? samples : resampledLength(samples, sampleRate, modelRate);
  if (count <= frontEnd.nFft / 2) {
    throw new DataError(
      `${count} samples at ${modelRate} Hz are too few: at least ${frontEnd.nFft / 2 + 1} are needed.`,
    );
  }
  return count;
}

/**
 * Cuts what the crop from frame `start` needs into `out` (layout.cut samples, silence outside the recording) and writes its row of the
 * table that shaders/audio/crops reads.
 */
export function cutCrop(
  samples: Float32Array,
  start: number,
  layout: CropLayout,
  { frontEnd }: ModelConfig,
  out: Float32Array,
  row: Int32Array,
): void {
  const { cut, from, to, margin, sampleRate, modelRate } = layout;
  const first = start * frontEnd.hopLength - frontEnd.nFft / 2;
  const block = Math.floor(Math.max(0, first) / to) - margin;
  const begin = block * from;
  const end = Math.min(samples.length, begin + cut);
  const inside = Math.max(0, begin);
  out.fill(0, 0, Math.min(cut, inside - begin));
  if (end > inside) out.set(samples.subarray(inside, end), inside - begin);
  out.fill(0, Math.max(0, end - begin), cut);
  const length =
    sampleRate === modelRate ? samples.length : resampledLength(samples.length, sampleRate, modelRate);
  row[0] = first;
  row[1] = block * to;
  row[2] = length;
  row[3] = 0;
}
