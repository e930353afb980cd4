// Float64 references for the audio front end: the definitions written out, with a naive DFT. Slow on purpose.
import { melFilterbank } from "../../src/audio/mel-filters.js";
import { makeWindow, type WindowName } from "../../src/audio/windows.js";

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

export interface ReferenceStft {
  nFft: number;
  winLength: number;
  hopLength: number;
  window: WindowName;
  center: boolean;
  padMode: "constant" | "reflect";
}

/** Power spectra by frame. */
export function referenceStft(signal: Float32Array, s: ReferenceStft): Float64Array[] {
  const pad = s.center ? Math.floor(s.nFft / 2) : 0;
  const n = signal.length;
  const at = (i: number) => {
    if (i >= 0 && i < n) return signal[i];
    if (s.padMode === "constant") return 0;
    return signal[i < 0 ? -i : 2 * (n - 1) - i];
  };
  const window = makeWindow(s.window, s.winLength);
  const left = Math.floor((s.nFft - s.winLength) / 2);
  const frames = 1 + Math.floor((n + 2 * pad - s.nFft) / s.hopLength);
  return Array.from({ length: frames }, (_, t) => {
    const frame = new Float64Array(s.nFft);
    for (let i = 0; i < s.winLength; i++) frame[left + i] = window[i] * at(t * s.hopLength - pad + left + i);
    return dftPower(frame);
  });
}

/** Filterbank · spectrum for each frame, [mel][frame]. */
export function referenceMel(spectra: Float64Array[], bank: Float32Array | Float64Array, nMels: number) {
  const bins = spectra[0].length;
  return Array.from({ length: nMels }, (_, m) =>
    Float64Array.from(spectra, (spectrum) => {
      let sum = 0;
      for (let k = 0; k < bins; k++) sum += bank[m * bins + k] * spectrum[k];
      return sum;
    }),
  );
}

export { melFilterbank };
