// The fine structure of spectra: what is left of a patch when its moving average over mel bands is taken away, which is where the
// partials of tones stand. The plain squared error hardly sees it, because level and envelope are so much larger; trained on that
// alone, an encoder forgets pitch (NOTES.md). This is our own; what comes near it is the whitening that precedes key finders.
import { matmul } from "../../ops/matmul.js";
import { mean } from "../../ops/reduce.js";
import { unary } from "../../ops/unary.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ModelConfig } from "../config.js";

/** Bands on either side that are averaged: 7 in all, about three semitones at 1 kHz. */
const reach = 3;

/**
 * The filter as a matrix [P, P] to multiply rows of patches with, P values as [patchMels, patchFrames]: each value less the mean
 * over its own band and up to `reach` on either side within the patch, and over the patch's frames.
 */
export function detailMatrix({
  patchMels,
  patchFrames,
}: Pick<ModelConfig, "patchMels" | "patchFrames">): Float32Array {
  const size = patchMels * patchFrames;
  const matrix = new Float32Array(size * size);
  for (let m = 0; m < patchMels; m++) {
    const [from, to] = [Math.max(0, m - reach), Math.min(patchMels - 1, m + reach)];
    const share = 1 / ((to - from + 1) * patchFrames);
    for (let f = 0; f < patchFrames; f++) {
      const column = m * patchFrames + f;
      for (let row = from * patchFrames; row < (to + 1) * patchFrames; row++)
        matrix[row * size + column] -= share;
      matrix[column * size + column] += 1;
    }
  }
  return matrix;
}

/** The filter on the device. */
export class DetailFilter {
  private readonly matrix: Tensor;

  constructor(gpu: Gpu, config: ModelConfig) {
    const matrix = detailMatrix(config);
    const size = Math.sqrt(matrix.length);
    this.matrix = gpu.tensor(matrix, [size, size]).keep();
  }

  /** Mean square of the fine structure of errors [n, P]. */
  meanSquare(errors: Tensor): Tensor {
    return mean(unary.square([matmul(errors, this.matrix)], {}));
  }

  dispose(): void {
    this.matrix.dispose();
  }
}
