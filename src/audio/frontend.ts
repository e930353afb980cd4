// The settings of a spectrogram front end, resolved and checked, and the tables that shaders/audio/spectrum.wgsl reads. Pure
// numbers, no GPU: log-mel.ts uploads and runs them.
import { ShapeError, UsageError } from "../gpu/errors.js";
import { type FftPlan, planFft, root } from "./fft-plan.js";
import { type MelFilter, type MelNorm, melFilters } from "./mel-filters.js";
import { makeWindow, type WindowName } from "./windows.js";

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
export type LogScale =
  /** As it is. */
  | { kind: "none" }
  /** log10(1 + gain·x). */
  | { kind: "log10"; gain?: number }
  /** 10·log10(max(x, amin) / max(ref, amin)), then not below the clip's maximum − topDb (null: no limit). */
  | { kind: "db"; amin?: number; ref?: number; topDb?: number | null }
  /** ln(max(x, floor)). */
  | { kind: "ln"; floor?: number };

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
  /** Hz. Default sampleRate / 2. */
  fMax?: number;
  /** Default 0.97. */
  preemphasis?: number;
  /** Least power that is not raised before the logarithm. Default 1.1920929e-7. */
  logFloor?: number;
  /** 2: power; 1: magnitude. Default 2. */
  power?: 1 | 2;
}

/** Everything that determines a front end's kernel and tables. */
export interface FrontEnd {
  nFft: number;
  winLength: number;
  hopLength: number;
  center: boolean;
  reflect: boolean;
  power: 1 | 2;
  log: LogScale;
  /** Remove each frame's mean and pre-emphasise it by this much; undefined: neither. */
  preemphasis?: number;
  /** nFft values. */
  window: Float64Array;
  /** Undefined: the rows of the result are frequencies. */
  filters?: MelFilter[];
}

/** log10(1 + 10⁴·x), the scale of the model's spectrograms. */
export const defaultLog: LogScale = { kind: "log10", gain: 1e4 };

/** The front end of a spectrogram. Throws UsageError or ShapeError for settings that cannot be. */
export function stftFrontEnd(options: StftOptions, log: LogScale = { kind: "none" }): FrontEnd {
  const { nFft = 1024, window = "hann_periodic", center = true, padMode = "constant", power = 2 } = options;
  const winLength = options.winLength ?? nFft;
  const hopLength = options.hopLength ?? Math.floor(winLength / 2);
  checkFrame(nFft, winLength, hopLength);
  if (power !== 1 && power !== 2) throw new UsageError(`power must be 1 or 2, not ${String(power)}.`);
  const padded = new Float64Array(nFft);
  padded.set(makeWindow(window, winLength), Math.floor((nFft - winLength) / 2));
  return { nFft, winLength, hopLength, center, reflect: padMode === "reflect", power, log, window: padded };
}

/** The front end of a mel spectrogram. */
export function melFrontEnd(options: MelSpectrogramOptions, log: LogScale = { kind: "none" }): FrontEnd {
  const { sampleRate = 16000, nMels = 128, fMin, fMax, norm = "slaney", melScale = "slaney" } = options;
  const frontEnd = stftFrontEnd(options, log);
  const filters = melFilters({ sampleRate, nFft: frontEnd.nFft, nMels, fMin, fMax, norm, melScale });
  return { ...frontEnd, filters };
}

/**
 * The front end of Kaldi's filterbank features (compute-fbank-feats, `torchaudio.compliance.kaldi.fbank`) without dither and
 * energy: no centring, only frames that lie inside the signal, mean of each frame removed, pre-emphasis, symmetric window, zeros
 * on the right up to a power of two.
 */
export function kaldiFrontEnd(options: KaldiOptions): FrontEnd {
  const { sampleRate = 16000, nMels = 128, frameLength = 25, frameShift = 10, window = "povey" } = options;
  const { fMin = 20, fMax, preemphasis = 0.97, logFloor = 2 ** -23, power = 2 } = options;
  const winLength = Math.floor((sampleRate * frameLength) / 1000);
  const hopLength = Math.floor((sampleRate * frameShift) / 1000);
  const nFft = 2 ** Math.ceil(Math.log2(Math.max(2, winLength)));
  checkFrame(nFft, winLength, hopLength);
  const padded = new Float64Array(nFft);
  padded.set(makeWindow(window, winLength));
  const filters = melFilters({ sampleRate, nFft, nMels, fMin, fMax, melScale: "kaldi" });
  const log: LogScale = { kind: "ln", floor: logFloor };
  return {
    nFft,
    winLength,
    hopLength,
    center: false,
    reflect: false,
    power,
    log,
    preemphasis,
    window: padded,
    filters,
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
export function rowsOf(frontEnd: FrontEnd): number {
  return frontEnd.filters?.length ?? Math.floor(frontEnd.nFft / 2) + 1;
}

/** Frames that `samples` give. Throws ShapeError for a signal too short to have one. */
export function framesOf(frontEnd: FrontEnd, samples: number): number {
  const { nFft, winLength, hopLength, center, reflect } = frontEnd;
  const pad = center ? Math.floor(nFft / 2) : 0;
  const needed = frontEnd.preemphasis === undefined ? nFft : winLength;
  const frames = 1 + Math.floor((samples + 2 * pad - needed) / hopLength);
  if (center && reflect && samples <= pad) {
    throw new ShapeError(
      `${samples} samples cannot be mirrored by ${pad}: use a longer signal, a smaller nFft, or padMode "constant".`,
    );
  }
  if (samples < 1 || frames < 1) {
    throw new ShapeError(
      `${samples} samples do not fill one frame of ${needed}: use a longer signal or a shorter frame.`,
    );
  }
  return frames;
}

/** The tables of spectrum.wgsl and where their parts start. */
export interface Tables {
  plan: FftPlan;
  /** Complex numbers: the plan's twiddles, the factors that take a real transform apart, the window by pairs. */
  roots: Float32Array;
  untangleAt: number;
  windowAt: number;
  /** Input positions, then (radix, span, twiddle) of each pass, then (first bin, number of bins) of each filter. */
  indices: Int32Array;
  melAt: number;
  /** [bins of the longest filter, filters]. */
  weights: Float32Array;
}

export function makeTables(frontEnd: FrontEnd): Tables {
  const { nFft, window, filters = [] } = frontEnd;
  const odd = nFft % 2 === 1;
  const size = odd ? nFft : nFft / 2;
  const plan = planFft(size);
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
    plan,
    roots: Float32Array.from([...plan.twiddles, ...untangle, ...pairs]),
    untangleAt: plan.twiddles.length / 2,
    windowAt: (plan.twiddles.length + untangle.length) / 2,
    indices: Int32Array.from([
      ...plan.position,
      ...plan.passes.flatMap((pass) => [pass.radix, pass.span, pass.twiddle]),
      ...filters.flatMap((filter) => [filter.first, filter.weights.length]),
    ]),
    melAt: size + 3 * plan.passes.length,
    weights,
  };
}
