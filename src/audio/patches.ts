// Cutting spectrograms into the patches that the model reads as tokens, and putting them together again. Not differentiable:
// spectrograms are data.
import { ShapeError } from "../gpu/errors.js";
import { runElementwise } from "../ops/elementwise.js";
import { pad } from "../ops/move.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** The size of patches, and the normalisation of their values. */
export interface PatchOptions {
  /** Mel bands of a patch; must divide nMels. */
  patchMels: number;
  /** Frames of a patch. */
  patchFrames: number;
  /** Values become (x − mean) / (2·std). Default 0. */
  mean?: number;
  /** See `mean`; positive. Default 0.5: unchanged. */
  std?: number;
}

/** How a spectrogram is cut. */
export interface PatchLayout {
  /** Patches above each other, and beside each other. */
  bands: number;
  columns: number;
  /** bands · columns. */
  tokens: number;
  /** Values of a patch. */
  patchSize: number;
}

/** The grid for a spectrogram of nMels × frames. Throws ShapeError where patches do not fit. */
export function patchLayout(nMels: number, frames: number, options: PatchOptions): PatchLayout {
  const { patchMels, patchFrames } = options;
  if (!(patchMels >= 1) || !(patchFrames >= 1) || nMels % patchMels !== 0) {
    throw new ShapeError(
      `Patches of ${patchMels} × ${patchFrames} do not divide ${nMels} mel bands: choose patchMels that does.`,
    );
  }
  const columns = Math.floor(frames / patchFrames);
  if (columns < 1)
    throw new ShapeError(`${frames} frames do not fill a patch of ${patchFrames}: use longer audio.`);
  const bands = nMels / patchMels;
  return { bands, columns, tokens: bands * columns, patchSize: patchMels * patchFrames };
}

/**
 * Spectrograms [B, nMels, frames] (or [nMels, frames]) → patches [B, T, P] (or [T, P]), P = patchMels·patchFrames, normalised. Tokens are in
 * time-major order: all bands of the first patchFrames frames from low to high, then the next; each patch is flattened
 * row-major [mel, frame]. Frames that do not fill a patch are dropped. One dispatch.
 */
export function patchify(spectrogram: Tensor, options: PatchOptions): Tensor {
  const { shape } = spectrogram;
  if (shape.length !== 2 && shape.length !== 3) {
    throw new ShapeError(
      `Spectrograms are [B, nMels, frames] or [nMels, frames]; got ${formatShape(shape)}.`,
    );
  }
  const [nMels, frames] = shape.slice(-2);
  const clips = shape.length === 3 ? shape[0] : 1;
  const { patchMels, patchFrames, mean = 0, std = 0.5 } = options;
  const { bands, columns, tokens, patchSize } = patchLayout(nMels, frames, options);
  const over = [clips, columns, bands, patchMels, patchFrames];
  const strides = [[nMels * frames, patchFrames, patchMels * frames, frames, 1]];
  const [patches] = runElementwise({ results: ["(x0 - c0) * c1"] }, [spectrogram], {
    numbers: [mean, 1 / width(std)],
    shape: [...shape.slice(0, -2), tokens, patchSize],
    walk: { over, strides },
  });
  return patches;
}

/** Undoes `patchify`: [B, T, P] (or [T, P]) → [B, nMels, frames]. Frames that patches do not cover are filled with the mean. */
export function unpatchify(patches: Tensor, nMels: number, frames: number, options: PatchOptions): Tensor {
  const { shape } = patches;
  const { patchMels, patchFrames, mean = 0, std = 0.5 } = options;
  const { bands, columns, tokens, patchSize } = patchLayout(nMels, frames, options);
  const [givenTokens, givenSize] = shape.slice(-2);
  if (shape.length < 2 || shape.length > 3 || givenTokens !== tokens || givenSize !== patchSize) {
    throw new ShapeError(
      `Patches of ${nMels} × ${frames} values are [${tokens}, ${patchSize}]; got ${formatShape(shape)}.`,
    );
  }
  const clips = shape.length === 3 ? shape[0] : 1;
  const covered = columns * patchFrames;
  const over = [clips, bands, patchMels, columns, patchFrames];
  const strides = [[tokens * patchSize, patchSize, patchFrames, bands * patchSize, 1]];
  const [spectrogram] = runElementwise({ results: ["x0 * c0 + c1"] }, [patches], {
    numbers: [width(std), mean],
    shape: [...shape.slice(0, -2), nMels, covered],
    walk: { over, strides },
  });
  if (covered === frames) return spectrogram;
  return pad(
    spectrogram,
    [...shape.slice(0, -1).map((): [number, number] => [0, 0]), [0, frames - covered]],
    mean,
  );
}

/** What centred values are divided by. */
function width(std: number): number {
  if (!(std > 0)) throw new ShapeError(`Patches are divided by 2·std, which must be positive; got ${std}.`);
  return 2 * std;
}
