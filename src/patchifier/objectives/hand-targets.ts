// The hand-made descriptions of a crop that `targets` asks an encoder for, computed on the CPU: which pitch classes sound and which keys
// they fit, after which times its onsets repeat and which of these are likely beats, and the shape of its spectrum. They are what classical
// estimators of key, tempo and timbre start from and come to; a model trained on them has been told what people found useful, and says so
// by its objective's name.
import { keyCorrelations } from "../../audio/key-profiles.js";
import { lagCount, onsetCurves, rhythmSizes, tempogram, tempoStrengths } from "../../audio/rhythm.js";

const cepstra = 20;

/** Values of each family, in the order in which they are written. */
export const families = {
  chroma: 12,
  key: 24,
  rhythm: rhythmSizes.tempogram,
  tempo: lagCount,
  timbre: 2 * cepstra,
} as const;
export type Family = keyof typeof families;
export const familyNames = Object.keys(families) as Family[];
/** Values of all families together. */
export const targetCount = familyNames.reduce((sum, family) => sum + families[family], 0);

/**
 * How much likelier an estimate is than another whose evidence is weaker by 1 (a correlation) or by the strongest's own (a tempo's
 * strength), as a logarithm. Estimates are asked for as shares that add up to 1, so that the strongest stand out.
 */
const sharpness = 12;

/**
 * Writes the targets of one crop into `out` [targetCount], family after family. mel: [nMels, frames] as it is kept, before any
 * normalisation; chroma: [12, frames]; framesPerSecond: of both.
 */
export function handTargets(
  mel: Float32Array,
  chroma: Float32Array,
  frames: number,
  framesPerSecond: number,
  out: Float32Array,
): void {
  let at = 0;
  const write = (values: ArrayLike<number>) => {
    out.set(values, at);
    at += values.length;
  };
  const classes = Float64Array.from({ length: 12 }, (_, k) =>
    meanOf(chroma.subarray(k * frames, (k + 1) * frames)),
  );
  write(classes);
  write(shares(keyCorrelations(classes), sharpness));
  const lags = tempogram(onsetCurves(mel, mel.length / frames), framesPerSecond);
  write(lags);
  const strengths = tempoStrengths(lags);
  const strongest = strengths.reduce((most, value) => Math.max(most, value), 0);
  write(shares(strengths, strongest > 0 ? sharpness / strongest : 0));
  write(timbre(mel, frames));
}

/** Softmax of the evidence times `scale`. */
function shares(evidence: Float64Array, scale: number): Float64Array {
  const most = evidence.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = evidence.map((value) => Math.exp(scale * (value - most)));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** Means, then standard deviations over time of the first coefficients of an orthonormal DCT-II over the mels. */
function timbre(mel: Float32Array, frames: number): Float64Array {
  const nMels = mel.length / frames;
  const out = new Float64Array(2 * cepstra);
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
  return out;
}

function meanOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
