// Float64 references for the audio front end: the definitions written out, with a naive DFT and dense filterbanks of their own. Slow
// on purpose; nothing here is shared with src/.

export interface ReferenceStft {
  nFft: number;
  winLength: number;
  hopLength: number;
  center: boolean;
  padMode: "constant" | "reflect";
}

/** |Σ frame·exp(−2πi·ik/n)|² for k = 0…n/2. */
export function dftPower(frame: Float64Array): Float64Array {
  const n = frame.length;
  const cosine = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n));
  const sine = Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * i) / n));
  return Float64Array.from({ length: Math.floor(n / 2) + 1 }, (_, k) => {
    let re = 0;
    let im = 0;
    for (let i = 0, at = 0; i < n; i++, at = (at + k) % n) {
      re += frame[i] * cosine[at];
      im -= frame[i] * sine[at];
    }
    return re * re + im * im;
  });
}

/** Power spectra under a periodic Hann window, frame by frame. */
export function referenceStft(signal: Float32Array, s: ReferenceStft): Float64Array[] {
  const pad = s.center ? Math.floor(s.nFft / 2) : 0;
  const n = signal.length;
  const at = (i: number) => {
    if (i >= 0 && i < n) return signal[i];
    if (s.padMode === "constant") return 0;
    return signal[i < 0 ? -i : 2 * (n - 1) - i];
  };
  const left = Math.floor((s.nFft - s.winLength) / 2);
  const frames = 1 + Math.floor((n + 2 * pad - s.nFft) / s.hopLength);
  return Array.from({ length: frames }, (_, t) => {
    const frame = new Float64Array(s.nFft);
    for (let i = 0; i < s.winLength; i++) {
      const window = Math.sin((Math.PI * i) / s.winLength) ** 2;
      frame[left + i] = window * at(t * s.hopLength - pad + left + i);
    }
    return dftPower(frame);
  });
}

/** Slaney's scale and area norm, as librosa defines them: [nMels][bins]. */
export function referenceSlaneyBank(sampleRate: number, nFft: number, nMels: number): Float64Array[] {
  const step = Math.log(6.4) / 27;
  const toMel = (f: number) => (f < 1000 ? (f * 3) / 200 : 15 + Math.log(f / 1000) / step);
  const toHz = (m: number) => (m < 15 ? (m * 200) / 3 : 1000 * Math.exp(step * (m - 15)));
  const top = toMel(sampleRate / 2);
  const edge = Array.from({ length: nMels + 2 }, (_, i) => toHz((top * i) / (nMels + 1)));
  return Array.from({ length: nMels }, (_, m) =>
    Float64Array.from({ length: Math.floor(nFft / 2) + 1 }, (_, k) => {
      const f = (sampleRate * k) / nFft;
      const rise = (f - edge[m]) / (edge[m + 1] - edge[m]);
      const fall = (edge[m + 2] - f) / (edge[m + 2] - edge[m + 1]);
      return (Math.max(0, Math.min(rise, fall)) * 2) / (edge[m + 2] - edge[m]);
    }),
  );
}

/** Filterbank · spectrum: [mel][frame]. */
export function referenceMel(
  spectra: readonly Float64Array[],
  bank: readonly Float64Array[],
): Float64Array[] {
  return bank.map((filter) =>
    Float64Array.from(spectra, (spectrum) =>
      filter.reduce((sum, weight, k) => sum + weight * spectrum[k], 0),
    ),
  );
}

/**
 * Kaldi's log filterbank under a povey window: frames of `win` samples (whole inside the signal, or mirrored with the edge
 * repeated), mean removed, pre-emphasis 0.97, zeros up to `nFft`. Triangles in mel from 20 Hz to Nyquist. [mel][frame]
 */
export function referenceKaldi(
  signal: Float32Array,
  o: { sampleRate: number; win: number; hop: number; nFft: number; nMels: number; snipEdges: boolean },
): Float64Array[] {
  const n = signal.length;
  const frames = o.snipEdges
    ? 1 + Math.floor((n - o.win) / o.hop)
    : Math.floor((n + Math.floor(o.hop / 2)) / o.hop);
  const start = o.snipEdges ? 0 : Math.floor(o.hop / 2) - Math.floor(o.win / 2);
  const spectra = Array.from({ length: frames }, (_, t) => {
    const raw = Float64Array.from({ length: o.win }, (_, i) => {
      const k = start + t * o.hop + i;
      return signal[k < 0 ? -1 - k : k >= n ? 2 * n - 1 - k : k];
    });
    const mean = raw.reduce((sum, x) => sum + x, 0) / o.win;
    const frame = new Float64Array(o.nFft);
    for (let i = 0; i < o.win; i++) {
      const window = (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (o.win - 1))) ** 0.85;
      frame[i] = window * (raw[i] - mean - 0.97 * (raw[Math.max(0, i - 1)] - mean));
    }
    return dftPower(frame);
  });
  const mel = (f: number) => 1127 * Math.log(1 + f / 700);
  const [low, high] = [mel(20), mel(o.sampleRate / 2)];
  const delta = (high - low) / (o.nMels + 1);
  const bank = Array.from({ length: o.nMels }, (_, m) =>
    Float64Array.from({ length: o.nFft / 2 + 1 }, (_, k) => {
      if (k === o.nFft / 2) return 0;
      const at = (mel((k * o.sampleRate) / o.nFft) - low) / delta - m;
      return Math.max(0, Math.min(at, 2 - at));
    }),
  );
  return referenceMel(spectra, bank).map((row) => row.map((x) => Math.log(Math.max(x, 2 ** -23))));
}

/** Windowed-sinc resampling, summed over the whole signal for each output. */
export function referenceResample(signal: Float32Array, fromRate: number, toRate: number): Float64Array {
  const cutoff = (0.99 * Math.min(fromRate, toRate)) / fromRate; // zero crossings for each input sample
  const length = Math.ceil((signal.length * toRate) / fromRate);
  return Float64Array.from({ length }, (_, m) => {
    let sum = 0;
    for (let i = 0; i < signal.length; i++) {
      const t = cutoff * (i - (m * fromRate) / toRate);
      if (Math.abs(t) >= 6) continue;
      const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
      sum += signal[i] * sinc * Math.cos((Math.PI * t) / 12) ** 2 * cutoff;
    }
    return sum;
  });
}
