// Mel filterbanks in float64: triangles in hertz on the HTK or Slaney scale (torchaudio, librosa) or in mel (Kaldi), kept
// sparse. Not here: their layout on the GPU (spectrogram-plan.ts).
import { UsageError } from "../gpu/errors.js";

export type MelScale = "htk" | "slaney" | "kaldi";
/** `slaney` divides each triangle by half its width in hertz, so that all have the same area. */
export type MelNorm = "slaney" | null;

export interface MelOptions {
  sampleRate: number;
  nFft: number;
  nMels: number;
  /** Lower edge of the first filter, in Hz. Default 0. */
  fMin?: number;
  /** Upper edge of the last filter, in Hz. Default ⌊sampleRate / 2⌋ (Kaldi: sampleRate / 2). */
  fMax?: number;
  norm?: MelNorm;
  melScale?: MelScale;
}

/** One filter: `weights[i]` belongs to frequency bin `first + i`. Empty where no bin lies under the triangle. */
export interface MelFilter {
  first: number;
  weights: Float64Array;
}

// Slaney's auditory toolbox: linear below 1 kHz, then 27 steps for each factor of 6.4.
const breakHz = 1000;
const breakMel = 15;
const logStep = Math.log(6.4) / 27;

/** Hertz to mel. Kaldi's 1127·ln(1 + f/700) is HTK's scale up to a constant. */
export function hzToMel(hz: number, scale: MelScale): number {
  if (scale === "kaldi") return 1127 * Math.log(1 + hz / 700);
  if (scale === "htk") return 2595 * Math.log10(1 + hz / 700);
  return hz < breakHz ? (3 * hz) / 200 : breakMel + Math.log(hz / breakHz) / logStep;
}

/** Mel to hertz. */
export function melToHz(mel: number, scale: MelScale): number {
  if (scale === "kaldi") return 700 * Math.expm1(mel / 1127);
  if (scale === "htk") return 700 * (10 ** (mel / 2595) - 1);
  return mel < breakMel ? (200 * mel) / 3 : breakHz * Math.exp(logStep * (mel - breakMel));
}

/**
 * The filters of a mel filterbank, low to high.
 *
 * Edges are equally spaced on the mel scale from fMin to fMax. For `htk` and `slaney` the triangles are straight in hertz,
 * and bins lie evenly on 0…⌊sampleRate/2⌋; for `kaldi` they are straight in mel, bins lie at k·sampleRate/nFft, and the
 * Nyquist bin has weight 0. Formulas: torchaudio `melscale_fbanks` and `compliance.kaldi.get_mel_banks`, librosa `filters.mel`.
 */
export function melFilters(options: MelOptions): MelFilter[] {
  const { sampleRate, nFft, nMels, fMin = 0, norm = null, melScale = "htk" } = options;
  const kaldi = melScale === "kaldi";
  const fMax = options.fMax ?? (kaldi ? sampleRate / 2 : Math.floor(sampleRate / 2));
  if (!(nMels >= 1) || !(fMin >= 0) || !(fMax > fMin)) {
    throw new UsageError(
      `A mel filterbank needs nMels ≥ 1 and 0 ≤ fMin < fMax; got nMels ${nMels}, fMin ${fMin}, fMax ${fMax}.`,
    );
  }
  const bins = Math.floor(nFft / 2) + 1;
  const low = hzToMel(fMin, melScale);
  const high = hzToMel(fMax, melScale);
  const edges = Float64Array.from({ length: nMels + 2 }, (_, i) => low + ((high - low) * i) / (nMels + 1));
  const axis = new Float64Array(bins);
  for (let k = 0; k < bins; k++) {
    const hz = kaldi ? (k * sampleRate) / nFft : (Math.floor(sampleRate / 2) * k) / (bins - 1);
    axis[k] = kaldi ? hzToMel(hz, melScale) : hz;
  }
  const points = kaldi ? edges : edges.map((mel) => melToHz(mel, melScale));
  const usable = kaldi ? nFft / 2 : bins;
  return Array.from({ length: nMels }, (_, m) => {
    const [left, centre, right] = points.subarray(m, m + 3);
    const scale = norm === "slaney" ? 2 / (right - left) : 1;
    let first = 0;
    const weights: number[] = [];
    for (let k = 0; k < usable; k++) {
      const rise = (axis[k] - left) / (centre - left);
      const fall = (right - axis[k]) / (right - centre);
      const weight = Math.max(0, Math.min(rise, fall)) * scale;
      if (weight === 0) continue;
      if (weights.length === 0) first = k;
      weights.push(weight);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}

/** The filterbank as a dense [nMels, nFft/2 + 1] matrix. */
export function melFilterbank(options: MelOptions): Float32Array {
  const bins = Math.floor(options.nFft / 2) + 1;
  const dense = new Float32Array(options.nMels * bins);
  melFilters(options).forEach(({ first, weights }, m) => {
    dense.set(Float32Array.from(weights), m * bins + first);
  });
  return dense;
}
