// Keys and chords: the 24 keys in label order, and four-bar progressions of our own written as Roman numerals, each of which
// rests on its tonic often enough to make its key plain.

/** The keys in label order: 12 major (C, Db … B), then 12 minor. */
export const KEYS: readonly string[] = ["major", "minor"].flatMap((mode) =>
  ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"].map((tonic) => `${tonic} ${mode}`),
);

/** Names of the roots, from C. */
export const ROOTS: readonly string[] = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];

export type Quality = "" | "m" | "7" | "m7" | "M7" | "dim";

/** A chord: its root's pitch class (0 = C) and its kind. */
export interface Chord {
  root: number;
  quality: Quality;
}

/** Semitones above the root. */
export const CHORD_TONES: Record<Quality, readonly number[]> = {
  "": [0, 4, 7],
  m: [0, 3, 7],
  "7": [0, 4, 7, 10],
  m7: [0, 3, 7, 10],
  M7: [0, 4, 7, 11],
  dim: [0, 3, 6],
};

const DEGREES: Record<string, number> = { i: 0, ii: 2, iii: 4, iv: 5, v: 7, vi: 9, vii: 11 };

/**
 * Reads a Roman numeral: degrees count on the major scale of the tonic in either mode (so bVI is 8 semitones up), lower case is
 * minor, then "7", "M7" or "dim". "V7" in C is G7.
 */
export function romanChord(numeral: string, tonic: number): Chord {
  const match = /^(b?)([IViv]+)(7|M7|dim)?$/.exec(numeral);
  const degree = match ? DEGREES[match[2].toLowerCase()] : undefined;
  if (!match || degree === undefined) throw new RangeError(`not a chord numeral: ${numeral}`);
  const minor = match[2] === match[2].toLowerCase();
  const suffix = match[3] ?? "";
  const quality = suffix === "dim" ? "dim" : minor ? (suffix === "7" ? "m7" : "m") : suffix;
  return { root: (tonic + degree - (match[1] ? 1 : 0) + 12) % 12, quality: quality as Quality };
}

/** A chord symbol such as Ebm7. */
export function chordName({ root, quality }: Chord): string {
  return ROOTS[root] + quality;
}

export interface Progression {
  id: string;
  mode: "major" | "minor";
  /** Four numerals, a bar each. */
  bars: readonly string[];
}

const MAJOR = `I IV V I, I vi IV V7, I V vi IV, I vi ii V7, IV V7 I I, I IV I V7, I iii IV V, ii7 V7 IM7 I, I ii V7 I,
  I V IV I, vi ii V7 I, I iii vi V7, IM7 IV IM7 V7, I bVII IV I, I IV ii V7, V7 I IV I, I V I V7, I IV vi V, I iii ii V7,
  IV I V7 I, I ii IV V7, I V7 V7 I, I vi V7 I, IV iv I I`;

const MINOR = `i iv V7 i, i bVI bVII i, i bVII bVI V7, i iv v i, i V7 i V7, i bVI iv V7, i iidim V7 i, iv V7 i i,
  i bIII bVII i, i v bVI V7, i bVII i V7, bVI bVII i i, i iv i V7, i bVI V7 i, i iv bVII i, i7 iv7 V7 i, i bIII iv V7,
  i iv bVI V, iv i V7 i, i V7 bVI V7, i V7 V7 i, i bVII iv i, bVI V7 i i, i v iv i`;

/** 24 progressions in major, then 24 in minor. */
export const PROGRESSIONS: readonly Progression[] = (["major", "minor"] as const).flatMap((mode) =>
  (mode === "major" ? MAJOR : MINOR).split(",").map((text) => {
    const bars = text.trim().split(/\s+/);
    return { id: bars.join("-"), mode, bars };
  }),
);
