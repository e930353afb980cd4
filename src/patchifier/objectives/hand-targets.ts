// The hand-made descriptions of a crop that `targets` asks an encoder for, computed on the CPU: which pitch classes sound and which keys
// they fit, after which times its onsets repeat and which of these are likely beats, how loud and how restless each band is, and the shape of its spectrum. They are
// what classical estimators of key, tempo and timbre start from and come to; a model trained on them has been told what people found useful, and says so
// by its objective's name.
import { keyCorrelations } from "../../audio/key-profiles.js";
import { lagCount, onsetCurves, rhythmSizes, tempogram, tempoStrengths } from "../../audio/rhythm.js";

const cepstra = 20;

export const familyNames = ["chroma", "key", "rhythm", "tempo", "spectrum", "timbre"] as const;
export type Family = (typeof familyNames)[number];

/** Values of each family, in the order in which they are written, and of all together. */
export function targetSizes({ nMels }: { nMels: number }): Record<Family | "all", number> {
  const sizes = {
    ...{ chroma: 12, key: 24, rhythm: rhythmSizes.tempogram, tempo: lagCount },
    ...{ spectrum: 2 * nMels, timbre: 2 * cepstra },
  };
  return { ...sizes, all: familyNames.reduce((sum, family) => sum + sizes[family], 0) };
}

/**
 * How much likelier an estimate is than another whose evidence is weaker by 1 (a correlation) or by the strongest's own (a tempo's
 * strength), as a logarithm. Estimates are asked for as shares that add up to 1, so that the strongest stand out.
 */
const sharpness = 12;

/**
 * Writes the targets of one crop into `out` [targetSizes.all], family after family. mel: [nMels, frames] as it is kept, before any
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
  write(
    moments(mel.length / frames, frames, (m, row) => row.set(mel.subarray(m * frames, (m + 1) * frames))),
  );
  write(timbre(mel, frames));
}

/** Softmax of the evidence times `scale`. */
function shares(evidence: Float64Array, scale: number): Float64Array {
  const most = evidence.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = evidence.map((value) => Math.exp(scale * (value - most)));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** The first coefficients of an orthonormal DCT-II over the mels, as their moments over time. */
function timbre(mel: Float32Array, frames: number): Float64Array {
  const nMels = mel.length / frames;
  return moments(cepstra, frames, (k, row) => {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / nMels);
    row.fill(0);
    for (let m = 0; m < nMels; m++) {
      const factor = scale * Math.cos((Math.PI * k * (2 * m + 1)) / (2 * nMels));
      for (let t = 0; t < frames; t++) row[t] += factor * mel[m * frames + t];
    }
  });
}

/** Means, then standard deviations over time of `count` rows, each put into its argument by `fill`. */
function moments(count: number, frames: number, fill: (i: number, row: Float64Array) => void): Float64Array {
  const out = new Float64Array(2 * count);
  const row = new Float64Array(frames);
  for (let i = 0; i < count; i++) {
    fill(i, row);
    const centre = meanOf(row);
    let squares = 0;
    for (let t = 0; t < frames; t++) squares += (row[t] - centre) ** 2;
    out[i] = centre;
    out[count + i] = Math.sqrt(squares / frames);
  }
  return out;
}

function meanOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
