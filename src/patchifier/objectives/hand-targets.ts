// The hand-made descriptions of a crop that `targets` asks an encoder for, computed on the CPU: which pitch classes sound, after which
// times its onsets repeat, and the shape of its spectrum. They are what classical estimators of key, tempo and timbre start from;
// a model trained on them has been told what people found useful, and says so by its objective's name.

/** Values of each family. */
export const families = ["chroma", "rhythm", "timbre"] as const;
export type Family = (typeof families)[number];

const cepstra = 20;
const bands = 4;
/** Seconds between onsets that are looked for. */
const [shortest, longest] = [0.25, 1.5];

export interface TargetSizes extends Record<Family, number> {
  /** In frames, the first and the last. */
  lags: [number, number];
}

export function targetSizes({
  sampleRate,
  hopLength,
}: {
  sampleRate: number;
  hopLength: number;
}): TargetSizes {
  const perSecond = sampleRate / hopLength;
  const lags: [number, number] = [Math.round(shortest * perSecond), Math.round(longest * perSecond)];
  return { lags, chroma: 12, rhythm: bands * (lags[1] - lags[0] + 1), timbre: 2 * cepstra };
}

/**
 * Writes the targets of one crop into `out`, family after family. mel: [nMels, frames] as it is kept, before any normalisation;
 * chroma: [12, frames].
 */
export function handTargets(
  mel: Float32Array,
  chroma: Float32Array,
  frames: number,
  sizes: TargetSizes,
  out: Float32Array,
): void {
  for (let k = 0; k < 12; k++) out[k] = meanOf(chroma.subarray(k * frames, (k + 1) * frames));
  rhythm(mel, frames, sizes.lags, out.subarray(12));
  timbre(mel, frames, out.subarray(12 + sizes.rhythm));
}

/**
 * Onset strength o of four bands of mels, the mean rise of each mel from frame to frame, less its mean over time, at all lags l:
 * Σ o(t)·o(t + l) / Σ o(t)², or 0 where nothing rises.
 */
function rhythm(mel: Float32Array, frames: number, [first, last]: [number, number], out: Float32Array): void {
  const nMels = mel.length / frames;
  const count = frames - 1;
  for (let band = 0; band < bands; band++) {
    const [from, to] = [Math.floor((band * nMels) / bands), Math.floor(((band + 1) * nMels) / bands)];
    const onset = new Float64Array(count);
    for (let m = from; m < to; m++) {
      for (let t = 0; t < count; t++) onset[t] += Math.max(0, mel[m * frames + t + 1] - mel[m * frames + t]);
    }
    const centre = meanOf(onset);
    let energy = 0;
    for (let t = 0; t < count; t++) {
      onset[t] -= centre;
      energy += onset[t] ** 2;
    }
    for (let lag = first; lag <= last; lag++) {
      let sum = 0;
      for (let t = 0; t + lag < count; t++) sum += onset[t] * onset[t + lag];
      out[band * (last - first + 1) + lag - first] = energy > 1e-9 ? sum / energy : 0;
    }
  }
}

/** Mean and standard deviation over time of the first coefficients of an orthonormal DCT-II over the mels. */
function timbre(mel: Float32Array, frames: number, out: Float32Array): void {
  const nMels = mel.length / frames;
  const row = new Float64Array(frames);
  for (let k = 0; k < cepstra; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / nMels);
    row.fill(0);
    for (let m = 0; m < nMels; m++) {
      const factor = scale * Math.cos((Math.PI * k * (2 * m + 1)) / (2 * nMels));
      for (let t = 0; t < frames; t++) row[t] += factor * mel[m * frames + t];
    }
    const centre = meanOf(row);
    let squares = 0;
    for (let t = 0; t < frames; t++) squares += (row[t] - centre) ** 2;
    out[k] = centre;
    out[cepstra + k] = Math.sqrt(squares / frames);
  }
}

function meanOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
