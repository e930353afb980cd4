// What a probe reads of each clip: the encoder's tokens averaged over the clip, or the plain mean and spread of the log-mel
// that the encoder would have to beat. Log-mels are handed in, so this runs in pages too; nothing is fitted here.
import { tune } from "../ops/tuning-families.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { copyCrop, type FrameMajorMel, patchesOf } from "../patchifier/front-end.js";
import { bucketOf, type Captured, capture } from "../tensor/capture.js";
import type { Tensor } from "../tensor/tensor.js";
import { ClipPool, type PoolName, pooledTokens, poolLayout, poolSize } from "./feature-pools.js";
import type { FeatureTable } from "./standardise.js";

/** Log-mels of clips, from wherever they are kept. A MelStore is one. */
export interface ClipMels {
  readonly tracks: readonly { frames: number }[];
  /** Copies `frames` frames of a clip from `start` into `out` at `offset`, as [nMels, frames], silence after its end. */
  crop(clip: number, start: number, frames: number, out: Float32Array, offset: number): void;
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

export interface EncoderFeatureOptions {
  model: ModelConfig;
  normalisation: { mean: number; std: number };
  /** How tokens become a vector. Default `mean`. */
  pool?: PoolName;
  /** Most crops of a clip. Default: all that fit. */
  crops?: number;
  /** Frames from crop to crop, where crops are to cover the clip; see cropStarts. */
  hop?: number;
  /** Crops that go through the encoder together. Default 32. */
  batch?: number;
  /** Told as crops are done. */
  onProgress?(done: number, total: number): void;
  signal?: AbortSignal;
}

/** The frozen encoder's pooled tokens, joined over the crops of each clip: [clips, width], or a multiple of it (feature-pools.ts). */
export async function encoderFeatures(
  encoder: Patchifier,
  mels: ClipMels,
  options: EncoderFeatureOptions,
): Promise<FeatureTable> {
  const { model, pool = "mean", crops: most, hop, batch = 32, onProgress, signal } = options;
  const { cropFrames, frontEnd } = model;
  const layout = poolLayout(pool, model);
  const width = poolSize(pool, model);
  const clips: ClipPool[] = [];
  const places = mels.tracks.flatMap(({ frames }, clip) => {
    const starts = cropStarts(frames, cropFrames, most, hop);
    clips.push(new ClipPool(layout, starts.length));
    return starts.map((start) => ({ clip, start }));
  });
  const values = new Float32Array(mels.tracks.length * width);
  const size = frontEnd.nMels * cropFrames;
  const add = (from: number, vectors: Float32Array) => {
    const count = vectors.length / width;
    for (let i = 0; i < count; i++) {
      const { clip } = places[from + i];
      const last = clips[clip].take(vectors.subarray(i * width, (i + 1) * width));
      if (last) values.set(clips[clip].vector, clip * width);
    }
    onProgress?.(from + count, places.length);
  };
  const { gpu } = encoder;
  const embedding = embeddingOf(encoder, options);
  await tune(gpu, () => embedding({ crops: gpu.empty([batch, frontEnd.nMels, cropFrames]) }), { signal });
  const embed = capture(gpu, embedding, { label: "features" });
  // One batch is always on the device while the one before it is read back.
  let pending: { from: number; reading: Promise<Float32Array> } | undefined;
  const settle = async () => {
    if (pending) add(pending.from, await pending.reading);
    pending = undefined;
  };
  try {
    for (let from = 0; from < places.length; from += batch) {
      signal?.throwIfAborted();
      const part = places.slice(from, from + batch);
      // The last batch is padded with silence to one of few sizes.
      const crops = new Float32Array(Math.min(batch, bucketOf(part.length)) * size);
      for (const [i, { clip, start }] of part.entries()) mels.crop(clip, start, cropFrames, crops, i * size);
      const reading = embedCrops(embed, encoder, crops, options).then((vectors) =>
        vectors.subarray(0, part.length * width),
      );
      reading.catch(() => {}); // reported when it is awaited
      await settle();
      pending = { from, reading };
    }
    await settle();
  } finally {
    await pending?.reading.catch(() => {});
    embed.dispose();
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

type Embedding = Captured<{ crops: Tensor }, Tensor>;

/** From crops [B, nMels, cropFrames] to pooled tokens. */
function embeddingOf(encoder: Patchifier, { model, normalisation, pool = "mean" }: EncoderFeatureOptions) {
  return ({ crops }: { crops: Tensor }) =>
    encoder.gpu.scope(() => pooledTokens(encoder, patchesOf(crops, model, normalisation), pool, model));
}

/** Pooled tokens of crops [B, nMels, cropFrames] on the CPU. */
async function embedCrops(
  embed: Embedding,
  { gpu }: Patchifier,
  crops: Float32Array,
  { model: { frontEnd, cropFrames } }: EncoderFeatureOptions,
): Promise<Float32Array> {
  const batch = crops.length / (frontEnd.nMels * cropFrames);
  // The copy is recorded at once, so the memory may be reused at once.
  return gpu.scope(() => embed({ crops: gpu.tensor(crops, [batch, frontEnd.nMels, cropFrames]) })).data();
}
