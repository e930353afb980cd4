// What a probe reads of each clip: the encoder's tokens averaged over the clip, or the plain mean and spread of the log-mel
// that the encoder would have to beat. Log-mels are handed in, so this runs in pages too; nothing is fitted here.
import type { Patchifier } from "../patchifier/encoder.js";
import { copyCrop, type FrameMajorMel } from "../patchifier/front-end.js";
import { CropEncoder, type CropEncoderOptions, type EncodeOptions, type MelCrops } from "./crop-encoder.js";
import { ClipPool, poolLayout, poolSize } from "./feature-pools.js";
import type { FeatureTable } from "./standardise.js";

/** Log-mels of clips, from wherever they are kept. A MelStore is one. */
export interface ClipMels extends MelCrops {
  readonly tracks: readonly { frames: number }[];
}

/** Log-mels held in memory, such as those of a few files or of a page. */
export function melsInMemory(clips: readonly FrameMajorMel[], nMels: number): ClipMels {
  return {
    tracks: clips,
    crop: (clip, start, frames, out, offset) => copyCrop(clips[clip], nMels, start, frames, out, offset),
  };
}

/**
 * Where crops of `cropFrames` lie in a clip. With `hop` they cover it from its first frame to its last, at most so many frames apart;
 * without, as many as fit beside each other are spread evenly. One at least; more than `most` are replaced by so many, spread evenly.
 */
export function cropStarts(
  frames: number,
  cropFrames: number,
  most = Number.POSITIVE_INFINITY,
  hop?: number,
): number[] {
  const room = Math.max(0, frames - cropFrames);
  const covering = hop === undefined ? 0 : 1 + Math.ceil(room / hop);
  if (covering > 1 && covering <= most) {
    return Array.from({ length: covering }, (_, i) => Math.round((i * room) / (covering - 1)));
  }
  const count = Math.max(1, Math.min(most, Math.floor(frames / cropFrames)));
  return Array.from({ length: count }, (_, i) =>
    Math.max(0, Math.floor(((i + 0.5) * frames) / count - cropFrames / 2)),
  );
}

/** Half of a crop: what probes take, so that every moment of a clip is heard, most of them twice. */
export function hearingHop(cropFrames: number): number {
  return Math.max(1, Math.floor(cropFrames / 2));
}

/** Which crops of a clip are heard, and by what. */
export interface EncoderFeatureOptions
  extends Omit<CropEncoderOptions, "whole">,
    Pick<EncodeOptions, "onProgress" | "signal"> {
  /** Most crops of a clip. Default: all that fit. */
  crops?: number;
  /** Frames from crop to crop, where crops are to cover the clip; see cropStarts. */
  hop?: number;
}

/** The frozen encoder's pooled tokens, joined over the crops of each clip: [clips, width], or a multiple of it (feature-pools.ts). */
export async function encoderFeatures(
  encoder: Patchifier,
  mels: ClipMels,
  options: EncoderFeatureOptions,
): Promise<FeatureTable> {
  const { model, normalisation, pool = "mean", crops: most, hop, batch, onProgress, signal } = options;
  const { cropFrames } = model;
  const layout = poolLayout(pool, model);
  const width = poolSize(pool, model);
  const clips: ClipPool[] = [];
  const places = mels.tracks.flatMap(({ frames }, clip) => {
    const starts = cropStarts(frames, cropFrames, most, hop);
    clips.push(new ClipPool(layout, starts.length));
    return starts.map((start) => ({ clip, start }));
  });
  const values = new Float32Array(mels.tracks.length * width);
  const crops = new CropEncoder(encoder, { model, normalisation, pool, batch });
  try {
    await crops.prepare(signal);
    const take = (vector: Float32Array, place: number) => {
      const { clip } = places[place];
      if (clips[clip].take(vector)) values.set(clips[clip].vector, clip * width);
    };
    await crops.encode(mels, places, take, { onProgress, signal });
  } finally {
    crops.dispose();
  }
  return { n: mels.tracks.length, d: width, values };
}

/** Mean and standard deviation over time of each band of each clip's log-mel: [clips, 2·nMels]. */
export function melStatistics(mels: ClipMels, nMels: number): FeatureTable {
  const d = 2 * nMels;
  const values = new Float32Array(mels.tracks.length * d);
  mels.tracks.forEach(({ frames }, clip) => {
    const mel = new Float32Array(nMels * frames);
    mels.crop(clip, 0, frames, mel, 0);
    for (let m = 0; m < nMels; m++) {
      const band = mel.subarray(m * frames, (m + 1) * frames);
      const mean = band.reduce((sum, value) => sum + value, 0) / frames;
      const variance = band.reduce((sum, value) => sum + (value - mean) ** 2, 0) / frames;
      values[clip * d + m] = mean;
      values[clip * d + nMels + m] = Math.sqrt(variance);
    }
  });
  return { n: mels.tracks.length, d, values };
}
