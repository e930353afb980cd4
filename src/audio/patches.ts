// Cutting spectrograms into the patches that the model reads as tokens, and putting them together again. Not differentiable:
// spectrograms are data.
import { ShapeError } from "../gpu/errors.js";
import { foldGroups } from "../ops/launch.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

export interface PatchOptions {
  /** Mel bands of a patch; must divide nMels. */
  patchMels: number;
  patchFrames: number;
  /** Values become (x − mean) / (2·std). Defaults 0 and 0.5: unchanged. */
  mean?: number;
  std?: number;
}

/** How a spectrogram is cut. */
export interface PatchGrid {
  /** Patches above each other, and beside each other. */
  bands: number;
  columns: number;
  /** bands · columns. */
  tokens: number;
  /** Values of a patch. */
  patchSize: number;
}

/** The grid for a spectrogram of nMels × frames. Throws ShapeError where patches do not fit. */
export function patchGrid(nMels: number, frames: number, options: PatchOptions): PatchGrid {
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
  const { gpu, shape } = spectrogram;
  if (shape.length !== 2 && shape.length !== 3) {
    throw new ShapeError(
      `Spectrograms are [B, nMels, frames] or [nMels, frames]; got ${formatShape(shape)}.`,
    );
  }
  const [nMels, frames] = shape.slice(-2);
  const clips = shape.length === 3 ? shape[0] : 1;
  const grid = patchGrid(nMels, frames, options);
  const result = gpu.empty([...shape.slice(0, -2), grid.tokens, grid.patchSize]);
  run(spectrogram, result, false, nMels, frames, grid.columns, options, clips * grid.tokens * grid.patchSize);
  return result;
}

/** Undoes `patchify`: [B, T, P] (or [T, P]) → [B, nMels, frames]. Frames that patches do not cover are filled with the mean. */
export function unpatchify(patches: Tensor, nMels: number, frames: number, options: PatchOptions): Tensor {
  const { gpu, shape } = patches;
  const grid = patchGrid(nMels, frames, options);
  const [tokens, patchSize] = shape.slice(-2);
  if (shape.length < 2 || shape.length > 3 || tokens !== grid.tokens || patchSize !== grid.patchSize) {
    throw new ShapeError(
      `Patches of ${nMels} × ${frames} values are [${grid.tokens}, ${grid.patchSize}]; got ${formatShape(shape)}.`,
    );
  }
  const result = gpu.empty([...shape.slice(0, -2), nMels, frames]);
  run(patches, result, true, nMels, frames, grid.columns, options, result.size);
  return result;
}

function run(
  source: Tensor,
  result: Tensor,
  inverse: boolean,
  mels: number,
  frames: number,
  columns: number,
  options: PatchOptions,
  total: number,
): void {
  const { device } = source.gpu;
  const { patchMels: patch_mels, patchFrames: patch_frames, mean = 0, std = 0.5 } = options;
  if (!(std > 0)) throw new ShapeError(`Patches are divided by 2·std, which must be positive; got ${std}.`);
  device.run(
    device.kernel("audio/patches", { INVERSE: inverse }),
    [source.block, result.block],
    { total, mels, frames, patch_mels, patch_frames, columns, mean, scale: 1 / (2 * std) },
    foldGroups(Math.ceil(total / 256)),
  );
}
