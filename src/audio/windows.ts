// Analysis windows in float64. Not here: how a window sits in an FFT frame (spectrogram-plan.ts).
import { UsageError } from "../gpu/errors.js";

/**
 * `*_periodic` windows divide by n and suit spectrograms (torch.hann_window, librosa); the others are symmetric, dividing by
 * n − 1 (Kaldi). `povey` is the symmetric Hann window to the power 0.85.
 */
export type WindowName =
  | "hann_periodic"
  | "hann"
  | "hanning"
  | "povey"
  | "hamming_periodic"
  | "hamming"
  | "blackman_periodic"
  | "blackman"
  | "rectangular";

/** The `n` samples of a window. Throws UsageError for an unknown name. */
export function makeWindow(name: WindowName, n: number): Float64Array {
  const periodic = name.endsWith("_periodic");
  const step = (2 * Math.PI) / Math.max(1, periodic ? n : n - 1);
  const shape = shapes[name.replace("_periodic", "")];
  if (!shape) throw new UsageError(`Unknown window "${name}": use one of ${Object.keys(shapes).join(", ")}.`);
  if (n === 1) return Float64Array.of(1);
  return Float64Array.from({ length: n }, (_, i) => shape(i * step));
}

const shapes: Readonly<Record<string, ((angle: number) => number) | undefined>> = {
  hann: (a) => 0.5 - 0.5 * Math.cos(a),
  hanning: (a) => 0.5 - 0.5 * Math.cos(a),
  povey: (a) => Math.max(0, 0.5 - 0.5 * Math.cos(a)) ** 0.85,
  hamming: (a) => 0.54 - 0.46 * Math.cos(a),
  blackman: (a) => 0.42 - 0.5 * Math.cos(a) + 0.08 * Math.cos(2 * a),
  rectangular: () => 1,
};
