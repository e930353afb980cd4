// Ticks of time and of frequency, and where a frequency lies on a log-mel's height. No drawing.
import { hzToMel } from "../../src/audio/mel-filters.js";
import type { FrontEndConfig } from "../../src/patchifier/config.js";
import { clock } from "../dom.js";

/** Times between `from` and `to` at a step of 1, 2 or 5 that leaves `least` of them apart at least; seconds. */
export function timeTicks(
  from: number,
  to: number,
  width: number,
  least = 64,
): { at: number; text: string }[] {
  const span = to - from;
  if (!(span > 0) || !(width > 0)) return [];
  const steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((each) => (each / span) * width >= least) ?? steps[steps.length - 1];
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const ticks = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-9; i++) {
    const at = i * step;
    const text = to >= 60 && step >= 1 ? clock(at) : `${at.toFixed(digits)} s`;
    ticks.push({ at, text });
  }
  return ticks;
}

/** Where a frequency lies between the lowest band's lower border (0) and the highest band's upper one (1). */
export function heightOf(hz: number, { sampleRate, nMels }: FrontEndConfig): number {
  const top = hzToMel(sampleRate / 2, "slaney");
  // Filter i is centred at (i + 1)·top/(nMels + 1).
  return ((hzToMel(hz, "slaney") / top) * (nMels + 1) - 0.5) / nMels;
}

/** The frequency at a height, by bisection of `heightOf`. */
export function frequencyAt(height: number, frontEnd: FrontEndConfig): number {
  let [low, high] = [0, frontEnd.sampleRate / 2];
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (heightOf(middle, frontEnd) < height) low = middle;
    else high = middle;
  }
  return low;
}

export function hzText(hz: number): string {
  return hz < 1000 ? `${Math.round(hz / 10) * 10} Hz` : `${(hz / 1000).toFixed(1)} kHz`;
}

/** Frequencies worth naming, with their heights. */
export function frequencyTicks(frontEnd: FrontEndConfig): { hz: number; height: number; text: string }[] {
  return [250, 500, 1000, 2000, 4000, 8000, 16000]
    .filter((hz) => hz < frontEnd.sampleRate / 2)
    .map((hz) => ({
      hz,
      height: heightOf(hz, frontEnd),
      text: hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`,
    }));
}
