// Fifteen instrument families over the General MIDI programs, and which of them sound in a window of a piece.

import type { Note } from "./notes.js";

/** The families, in label order. */
export const FAMILIES = [
  "piano",
  "chromatic percussion",
  "organ",
  "guitar",
  "distorted guitar",
  "bass",
  "strings",
  "choir and ensemble",
  "brass",
  "reed",
  "pipe",
  "synth lead",
  "synth pad",
  "synth effects",
  "drums",
] as const;

export type Family = (typeof FAMILIES)[number];

/** The families of General MIDI's first 13 groups of eight programs. */
const GROUPS: Family[] = [
  "piano",
  "chromatic percussion",
  "organ",
  "guitar",
  "bass",
  "strings",
  "choir and ensemble",
  "brass",
  "reed",
  "pipe",
  "synth lead",
  "synth pad",
  "synth effects",
];

/** The family of a General MIDI program (0–127); undefined for the ethnic, percussive and noise groups (104–127). */
export function familyOf(program: number, drum = false): Family | undefined {
  if (drum) return "drums";
  if (program === 29 || program === 30) return "distorted guitar";
  return GROUPS[program >> 3];
}

/**
 * For each family, how many seconds of [start, start + seconds) at least one of its notes sounds (overlapping notes count
 * once). Decay after the note's end is not counted.
 */
export function familySeconds(notes: readonly Note[], start: number, seconds: number): number[] {
  const end = start + seconds;
  const spans: [number, number][][] = FAMILIES.map(() => []);
  for (const note of notes) {
    if (note.end <= start || note.start >= end) continue;
    const family = familyOf(note.program, note.drum);
    if (family) spans[FAMILIES.indexOf(family)].push([Math.max(note.start, start), Math.min(note.end, end)]);
  }
  return spans.map((list) => {
    list.sort((a, b) => a[0] - b[0]);
    let total = 0;
    let reached = start;
    for (const [from, to] of list) {
      if (to <= reached) continue;
      total += to - Math.max(from, reached);
      reached = to;
    }
    return total;
  });
}

/** The multi-label target of a window: 1 where a family sounds for more than `threshold` seconds of it (default 1). */
export function familyLabels(
  notes: readonly Note[],
  start: number,
  seconds: number,
  threshold = 1,
): number[] {
  return familySeconds(notes, start, seconds).map((sounding) => (sounding > threshold ? 1 : 0));
}
