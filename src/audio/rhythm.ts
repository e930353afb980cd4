// What a clip's rhythm looks like, from a log-mel of about a hundred frames a second: a tempogram (the autocorrelation of onsets), a tempo
// read off it without training, and a modulation spectrum (how strongly bands vary how fast). Numbers in, numbers out; no GPU.

/** Bands of the onset curves beside their sum. */
const onsetBands = 4;
/** Lags in seconds, spaced evenly by their logarithm. */
export const lagCount = 96;
export const lagRange = [0.2, 2] as const;
/** Rates in cycles a second, and into how many bands, evenly by their logarithm; and how many groups of mel bands are looked at. */
const rateRange = [0.5, 8] as const;
const rateCount = 16;
const rateGroups = 8;

export const rhythmSizes = {
  tempogram: (1 + onsetBands) * lagCount,
  modulation: rateGroups * rateCount,
} as const;

/** Lag number i in seconds. */
export function lagOf(i: number): number {
  return lagRange[0] * (lagRange[1] / lagRange[0]) ** (i / (lagCount - 1));
}

/**
 * Onset curves of a log-mel [bands, frames]: how much bands grow from frame to frame, summed over all, then over each quarter of them
 * from low to high. [5, frames − 1]
 */
export function onsetCurves(mel: ArrayLike<number>, bands: number): Float64Array[] {
  const frames = mel.length / bands;
  const steps = Math.max(0, frames - 1);
  const curves = Array.from({ length: 1 + onsetBands }, () => new Float64Array(steps));
  for (let b = 0; b < bands; b++) {
    const own = curves[1 + Math.floor((b * onsetBands) / bands)];
    for (let t = 0; t < steps; t++) {
      const growth = mel[b * frames + t + 1] - mel[b * frames + t];
      if (growth <= 0) continue;
      curves[0][t] += growth;
      own[t] += growth;
    }
  }
  return curves;
}

/** Autocorrelations of the onset curves at the lags of lagOf, each divided by its value at lag 0 (0 where nothing changes): [5 · 96]. */
export function tempogram(curves: readonly Float64Array[], framesPerSecond: number): Float32Array {
  const out = new Float32Array(curves.length * lagCount);
  for (const [c, curve] of curves.entries()) {
    const own = autocorrelation(curve, Math.ceil(lagRange[1] * framesPerSecond) + 1);
    for (let i = 0; i < lagCount; i++) {
      const at = lagOf(i) * framesPerSecond;
      const left = Math.floor(at);
      const value = own[left] + (at - left) * (own[left + 1] - own[left]);
      out[c * lagCount + i] = own[0] > 0 ? value / own[0] : 0;
    }
  }
  return out;
}

/** Mean products of a centred curve with itself, by lag up to `most`; 0 beyond its length. */
export function autocorrelation(curve: Float64Array, most: number): Float64Array {
  const n = curve.length;
  const mean = n > 0 ? curve.reduce((a, b) => a + b, 0) / n : 0;
  const centred = curve.map((value) => value - mean);
  return Float64Array.from({ length: most + 1 }, (_, lag) => {
    if (lag >= n) return 0;
    let sum = 0;
    for (let t = lag; t < n; t++) sum += centred[t] * centred[t - lag];
    return sum / (n - lag);
  });
}

/** The beat that listeners prefer, in seconds, and how far they stray from it, in octaves (Ellis, 2007). */
const preferred = 0.5;
const spread = 0.9;

/**
 * How likely each lag of a tempogram is the beat, as Ellis (Beat Tracking by Dynamic Programming, 2007) weighs it: the sum's
 * autocorrelation there and, for a half, at twice the lag, weighted towards 120 BPM. [96]
 */
export function tempoStrengths(values: ArrayLike<number>): Float64Array {
  const step = Math.log2(lagRange[1] / lagRange[0]) / (lagCount - 1);
  const octave = 1 / step;
  const at = (i: number) => {
    const left = Math.floor(i);
    if (left < 0 || left + 1 >= lagCount) return 0;
    return values[left] + (i - left) * (values[left + 1] - values[left]);
  };
  return Float64Array.from({ length: lagCount }, (_, i) => {
    const weight = Math.exp(-0.5 * (Math.log2(lagOf(i) / preferred) / spread) ** 2);
    return weight * (values[i] + 0.5 * at(i + octave));
  });
}

/** Beats a minute read off a tempogram without training: where the beat's likelihood has its largest peak. */
export function tempoOf(values: ArrayLike<number>): number {
  const strength = tempoStrengths(values);
  let best = 1;
  for (let i = 1; i < lagCount - 1; i++) if (strength[i] > strength[best]) best = i;
  // The top of the parabola through the three values around.
  const [a, b, c] = [strength[best - 1], strength[best], strength[best + 1]];
  const bend = a - 2 * b + c;
  const shift = bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (a - c)) / bend)) : 0;
  return 60 / lagOf(best + shift);
}

/**
 * The modulation spectrum of a log-mel [bands, frames]: for eight groups of bands, the logarithm of the power of their mean's course
 * over time (Hann window) in sixteen ranges of rates from 0.5 to 8 Hz. [8 · 16]
 */
export function modulationSpectrum(
  mel: ArrayLike<number>,
  bands: number,
  framesPerSecond: number,
): Float32Array {
  const frames = mel.length / bands;
  const out = new Float32Array(rateGroups * rateCount);
  const edge = (i: number) => rateRange[0] * (rateRange[1] / rateRange[0]) ** (i / rateCount);
  for (let group = 0; group < rateGroups; group++) {
    const course = new Float64Array(frames);
    const members = Array.from({ length: bands }, (_, b) => b).filter(
      (b) => Math.floor((b * rateGroups) / bands) === group,
    );
    for (const b of members)
      for (let t = 0; t < frames; t++) course[t] += mel[b * frames + t] / members.length;
    const mean = course.reduce((a, b) => a + b, 0) / frames;
    for (let t = 0; t < frames; t++)
      course[t] = (course[t] - mean) * Math.sin((Math.PI * (t + 0.5)) / frames) ** 2;
    for (let i = 0; i < rateCount; i++) {
      // As many rates as the clip's length tells apart, one at least.
      const [low, high] = [edge(i), edge(i + 1)];
      const count = Math.max(1, Math.round(((high - low) * frames) / framesPerSecond));
      let power = 0;
      for (let k = 0; k < count; k++) {
        const rate = low + ((k + 0.5) / count) * (high - low);
        const turn = (2 * Math.PI * rate) / framesPerSecond;
        let [re, im] = [0, 0];
        for (let t = 0; t < frames; t++) {
          re += course[t] * Math.cos(turn * t);
          im += course[t] * Math.sin(turn * t);
        }
        power += (re * re + im * im) / count;
      }
      out[group * rateCount + i] = Math.log(power / frames + 1e-6);
    }
  }
  return out;
}
