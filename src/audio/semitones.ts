// Filters a semitone wide over a long FFT: what chroma is folded from. Pure numbers, no GPU.
import type { MelFilter } from "./mel-filters.js";

/** Triangles around `count` semitones from the MIDI note `lowest`, reaching to the neighbouring ones, of area one. */
export function semitoneFilters(
  { sampleRate, nFft }: { sampleRate: number; nFft: number },
  lowest: number,
  count: number,
): MelFilter[] {
  const bin = sampleRate / nFft;
  return Array.from({ length: count }, (_, i): MelFilter => {
    const centre = 440 * 2 ** ((lowest + i - 69) / 12);
    const [low, high] = [centre * 2 ** (-1 / 12), centre * 2 ** (1 / 12)];
    const first = Math.ceil(low / bin);
    const weights = Float64Array.from({ length: Math.floor(high / bin) - first + 1 }, (_, k) => {
      const hz = (first + k) * bin;
      return Math.max(0, hz < centre ? (hz - low) / (centre - low) : (high - hz) / (high - centre));
    });
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
