// The settings of a spectrogram, resolved and checked, and the tables that shaders/audio/spectrum.wgsl reads. Pure
// numbers, no GPU: log-mel.ts uploads and runs them.
import { ShapeError, UsageError } from "../gpu/errors.js";
import { type FftPlan, planFft, root } from "./fft-plan.js";
import { type MelFilter, type MelNorm, melFilters } from "./mel-filters.js";
import { makeWindow, type WindowName } from "./windows.js";

/** Frames, window and padding of a short-time Fourier transform. */
export interface StftOptions {
  /** Points of the FFT; prime factors 2, 3 and 5. Default 1024. */
  nFft?: number;
  /** Samples of a window, centred in nFft if shorter. Default nFft. */
  winLength?: number;
  /** Samples between frames. Default winLength / 2. */
  hopLength?: number;
  /** Default `hann_periodic`. */
  window?: WindowName;
  /** Pad nFft/2 samples on both sides, so that frame t is centred on sample t·hopLength. Default true. */
  center?: boolean;
  /** What to pad with: zeros (librosa, the default) or the mirrored signal (torchaudio). */
  padMode?: "constant" | "reflect";
  /** 2: |X|²; 1: |X|. Default 2. */
  power?: 1 | 2;
}

/** The same with mel bands. */
export interface MelSpectrogramOptions extends StftOptions {
  /** Hz. Default 16000. */
  sampleRate?: number;
  /** Default 128. */
  nMels?: number;
  /** Hz. Default 0. */
  fMin?: number;
  /** Hz. Default ⌊sampleRate / 2⌋. */
  fMax?: number;
  /** Default `slaney`. */
  norm?: MelNorm;
  /** Default `slaney`. */
  melScale?: "htk" | "slaney";
}

/** How power becomes the output. */
export type LogScale = NoLog | Log10 | Decibels | NaturalLog;

/** As it is. */
export interface NoLog {
  /** Names the scale. */
  kind: "none";
}

/** log10(1 + gain·x). */
export interface Log10 {
  /** Names the scale. */
  kind: "log10";
  /** Default 1e4. */
  gain?: number;
}

/** 10·log10(max(x, amin) / max(ref, amin)), then not below the clip's maximum − topDb. */
export interface Decibels {
  /** Names the scale. */
  kind: "db";
  /** Default 1e-10. */
  amin?: number;
  /** Default 1. */
  ref?: number;
  /** Default 80; null: no limit. */
  topDb?: number | null;
}

/** ln(max(x, floor)). */
export interface NaturalLog {
  /** Names the scale. */
  kind: "ln";
  /** Default 2⁻²³. */
  floor?: number;
}

/** Settings of Kaldi's filterbanks, by its names. */
export interface KaldiOptions {
  /** Hz. Default 16000. */
  sampleRate?: number;
  /** Default 128 (Kaldi's own default is 23). */
  nMels?: number;
  /** Milliseconds. Default 25. */
  frameLength?: number;
  /** Milliseconds. Default 10. */
  frameShift?: number;
  /** Default `povey`. */
  window?: WindowName;
  /** Hz. Default 20. */
  fMin?: number;
  /** Hz; 0 or less counts from sampleRate / 2. Default sampleRate / 2. */
  fMax?: number;
  /** Default 0.97. */
  preemphasis?: number;
  /** Subtract the mean of each frame. Default true. */
  removeDcOffset?: boolean;
  /** Only frames that lie inside the signal; otherwise ⌊n / shift + ½⌋ frames over the mirrored signal. Default true. */
  snipEdges?: boolean;
  /** FFT length: the next power of two, or the window's own length. Default true. */
  roundToPowerOfTwo?: boolean;
  /** Least power that is not raised before the logarithm. Default 1.1920929e-7. */
  logFloor?: number;
  /** 2: power; 1: magnitude. Default 2. */
  power?: 1 | 2;
}

/** Everything that determines a spectrogram's kernel and tables. */
export interface SpectrogramPlan {
  nFft: number;
  winLength: number;
  hopLength: number;
  /** Samples of padding before the first frame; 0 where frames lie inside the signal. */
  left: number;
  /** `reflect` mirrors without repeating the edge sample, `symmetric` repeats it (Kaldi). */
  pad: "constant" | "reflect" | "symmetric";
  /** Frames of a signal, by its length. */
  count(samples: number): number;
  power: 1 | 2;
  log: LogScale;
  /** Pre-emphasise each frame by this much, after removing its mean where asked; undefined: neither. */
  preemphasis?: number;
  removeMean?: boolean;
  /** nFft values. */
  window: Float64Array;
  /** Undefined: the rows of the result are frequencies. */
  filters?: MelFilter[];
}

/** log10(1 + 10⁴·x), the scale of the model's spectrograms. */
export const defaultLog: LogScale = { kind: "log10", gain: 1e4 };

/** The plan of a spectrogram. Throws UsageError or ShapeError for settings that cannot be. */
export function stftPlan(options: StftOptions, log: LogScale = { kind: "none" }): SpectrogramPlan {
  const { nFft = 1024, window = "hann_periodic", center = true, padMode = "constant", power = 2 } = options;
  const winLength = options.winLength ?? nFft;
  const hopLength = options.hopLength ?? Math.floor(winLength / 2);
  checkFrame(nFft, winLength, hopLength);
  if (power !== 1 && power !== 2) throw new UsageError(`power must be 1 or 2, not ${String(power)}.`);
  const padded = new Float64Array(nFft);
  padded.set(makeWindow(window, winLength), Math.floor((nFft - winLength) / 2));
  if (padMode !== "constant" && padMode !== "reflect")
    throw new UsageError(`padMode must be "constant" or "reflect", not "${String(padMode)}".`);
  const left = center ? Math.floor(nFft / 2) : 0;
  const count = (samples: number) => 1 + Math.floor((samples + 2 * left - nFft) / hopLength);
  return { nFft, winLength, hopLength, left, pad: padMode, count, power, log, window: padded };
}

/** The plan of a mel spectrogram. */
export function melPlan(options: MelSpectrogramOptions, log: LogScale = { kind: "none" }): SpectrogramPlan {
  const { sampleRate = 16000, nMels = 128, fMin, fMax, norm = "slaney", melScale = "slaney" } = options;
  const plan = stftPlan(options, log);
  const filters = melFilters({ sampleRate, nFft: plan.nFft, nMels, fMin, fMax, norm, melScale });
  return { ...plan, filters };
}

/**
 * The plan of Kaldi's filterbank features (compute-fbank-feats, `torchaudio.compliance.kaldi.fbank`) without dither and
 * energy: no centring, only frames that lie inside the signal, mean of each frame removed, pre-emphasis, symmetric window, zeros
 * on the right up to a power of two.
 */
export function kaldiPlan(options: KaldiOptions): SpectrogramPlan {
  const { sampleRate = 16000, nMels = 128, frameLength = 25, frameShift = 10, window = "povey" } = options;
  const { fMin = 20, preemphasis = 0.97, removeDcOffset = true, logFloor = 2 ** -23, power = 2 } = options;
  const { snipEdges = true, roundToPowerOfTwo = true } = options;
  const nyquist = sampleRate / 2;
  const fMax =
    options.fMax === undefined ? nyquist : options.fMax > 0 ? options.fMax : nyquist + options.fMax;
  const winLength = Math.floor(sampleRate * frameLength * 0.001);
  const hopLength = Math.floor(sampleRate * frameShift * 0.001);
  const nFft = roundToPowerOfTwo ? 2 ** Math.ceil(Math.log2(Math.max(2, winLength))) : winLength;
  checkFrame(nFft, winLength, hopLength);
  const padded = new Float64Array(nFft);
  padded.set(makeWindow(window, winLength));
  return {
    nFft,
    winLength,
    hopLength,
    left: snipEdges ? 0 : Math.floor(winLength / 2) - Math.floor(hopLength / 2),
    pad: snipEdges ? "constant" : "symmetric",
    count: (samples) =>
      snipEdges
        ? 1 + Math.floor((samples - winLength) / hopLength)
        : Math.floor((samples + Math.floor(hopLength / 2)) / hopLength),
    power,
    log: { kind: "ln", floor: logFloor },
    preemphasis,
    removeMean: removeDcOffset,
    window: padded,
    filters: melFilters({ sampleRate, nFft, nMels, fMin, fMax, melScale: "kaldi" }),
  };
}

function checkFrame(nFft: number, winLength: number, hopLength: number): void {
  for (const [name, value] of Object.entries({ nFft, winLength, hopLength })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`${name} must be a positive whole number, not ${value}.`);
  }
  if (nFft < 2) throw new UsageError("nFft must be at least 2.");
  if (winLength > nFft) throw new UsageError(`winLength ${winLength} does not fit in nFft ${nFft}.`);
}

/** Rows of the result: mel bands, or frequencies. */
export function rowsOf(plan: SpectrogramPlan): number {
  return plan.filters?.length ?? Math.floor(plan.nFft / 2) + 1;
}

/** Frames that `samples` give. Throws ShapeError for a signal too short to have one. */
export function framesOf(plan: SpectrogramPlan, samples: number): number {
  const { nFft, winLength, left, pad } = plan;
  if (left > 0 && pad === "reflect" && samples <= left) {
    throw new ShapeError(
      `${samples} samples cannot be mirrored by ${left}: use a longer signal, a smaller nFft, or padMode "constant".`,
    );
  }
  const frames = plan.count(samples);
  if (samples < 1 || frames < 1 || (pad === "symmetric" && samples < winLength)) {
    throw new ShapeError(
      `${samples} samples do not fill one frame of ${plan.preemphasis === undefined ? nFft : winLength}: use a longer signal or a shorter frame.`,
    );
  }
  return frames;
}

/** The tables of spectrum.wgsl and where their parts start. */
export interface Tables {
  fft: FftPlan;
  /** Complex numbers: the FFT's twiddles, the factors that take a real transform apart, the window by pairs. */
  roots: Float32Array;
  untangleAt: number;
  windowAt: number;
  /** Input positions, then (radix, span, twiddle) of each pass, then (first bin, number of bins) of each filter. */
  indices: Int32Array;
  melAt: number;
  /** [bins of the longest filter, filters]. */
  weights: Float32Array;
}

/** Works the tables of a plan out in float64: what its kernels read beside the samples. */
export function makeTables(plan: SpectrogramPlan): Tables {
  const { nFft, window, filters = [] } = plan;
  const odd = nFft % 2 === 1;
  const size = odd ? nFft : nFft / 2;
  const fft = planFft(size);
  const untangle: number[] = [];
  if (!odd) for (let k = 0; k <= size / 2; k++) untangle.push(...root(k, nFft));
  const pairs: number[] = [];
  for (let i = 0; i < size; i++) {
    if (odd) pairs.push(window[i], 0);
    else pairs.push(window[2 * i], window[2 * i + 1]);
  }
  const longest = filters.reduce((most, { weights }) => Math.max(most, weights.length), 1);
  const weights = new Float32Array(longest * Math.max(1, filters.length));
  filters.forEach((filter, m) => {
    filter.weights.forEach((weight, i) => {
      weights[i * filters.length + m] = weight;
    });
  });
  return {
    fft,
    roots: Float32Array.from([...fft.twiddles, ...untangle, ...pairs]),
    untangleAt: fft.twiddles.length / 2,
    windowAt: (fft.twiddles.length + untangle.length) / 2,
    indices: Int32Array.from([
      ...fft.position,
      ...fft.passes.flatMap((pass) => [pass.radix, pass.span, pass.twiddle]),
      ...filters.flatMap((filter) => [filter.first, filter.weights.length]),
    ]),
    melAt: size + 3 * fft.passes.length,
    weights,
  };
}
