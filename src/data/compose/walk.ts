// Chord progressions by rule: eight bars that wander from chord to chord as songs do, drawn from a seed, with richer chords than
// the labelled tasks have. None holds a turn of the tasks' own list, in any key and from whichever bar on, so that what is trained on them has
// not met what is probed.

import type { Seeded } from "../seeded.js";
import { type Chord, PROGRESSIONS, romanChord } from "./harmony.js";

/** A chord by its root, in semitones above the tonic, and its symbol after the root's name. */
export interface WalkChord {
  root: number;
  suffix: string;
}

type Mode = "major" | "minor";

/** Where each degree goes, by how likely it is; degrees are semitones above the tonic with the kind of the triad. */
const STEPS: Record<Mode, Record<string, string>> = {
  major: {
    "0": "5 5 9m 9m 7 2m 4m 10 2 0",
    "2m": "7 7 7 5 4m 10 0",
    "2": "7 7 2m 5",
    "4m": "9m 9m 5 2m 5m",
    "5": "0 7 7 2m 5m 4m 9m 10",
    "5m": "0 0 7 10",
    "7": "0 0 9m 5 4m 2m",
    "9m": "2m 2m 5 4m 7 2 8",
    "10": "5 5 0 3",
    "3": "5 10 8",
    "8": "10 7 5m",
  },
  minor: {
    "0m": "5m 5m 8 10 3 7 7m 0m 1",
    "1": "7 0m 5m",
    "2d": "7 7 5m",
    "3": "8 10 5m 7 2d",
    "5m": "0m 7 7 10 2d 8 5",
    "5": "0m 10 5m",
    "7": "0m 0m 8 5m",
    "7m": "0m 8 5m 3",
    "8": "10 7 5m 3 2d 1",
    "10": "3 3 8 0m 5",
  },
};

/** Symbols of each kind of triad, plain ones more often; those of a chord a fifth above where it goes are dominants. */
const SUFFIXES: Record<string, readonly string[]> = {
  "": ["", "", "", "M7", "6", "add9", "sus4", "sus2", "M9"],
  m: ["m", "m", "m", "m7", "m7", "m6", "m9"],
  d: ["dim", "m7b5", "m7b5", "dim7"],
  dominant: ["", "7", "7", "9", "7sus4", "7b9", "13", "+"],
};

/** What two chords' difference is and of which kind both are: a turn of chords whatever its key. */
function turnKey(chords: readonly { root: number; kind: string }[]): string {
  const [first] = chords;
  return chords.map(({ root, kind }) => `${(root - first.root + 12) % 12}${kind}`).join(" ");
}

const kindOf = ({ quality }: Chord) => (quality === "dim" ? "d" : quality.startsWith("m") ? "m" : "");

/** The turns that the labelled tasks play, from each of their bars on. */
const TASK_TURNS: ReadonlySet<string> = new Set(
  PROGRESSIONS.flatMap(({ bars }) => {
    const chords = bars.map((bar) => {
      const chord = romanChord(bar, 0);
      return { root: chord.root, kind: kindOf(chord) };
    });
    return chords.map((_, from) => turnKey([...chords.slice(from), ...chords.slice(0, from)]));
  }),
);

/** The kind of triad that a symbol is an ornament of. */
function triadOf(suffix: string): string {
  if (/^(dim|m7b5)/.test(suffix)) return "d";
  return suffix.startsWith("m") ? "m" : "";
}

/** Whether chords, played over and over, come upon four bars that a labelled task plays. */
export function holdsTaskTurn(chords: readonly WalkChord[]): boolean {
  const plain = chords.map(({ root, suffix }) => ({ root, kind: triadOf(suffix) }));
  return plain.some((_, from) =>
    TASK_TURNS.has(turnKey(Array.from({ length: 4 }, (_, i) => plain[(from + i) % plain.length]))),
  );
}

/** Draws `bars` chords, a bar each, that begin on the tonic. */
export function drawWalk(random: Seeded, mode: Mode, bars = 8): WalkChord[] {
  for (;;) {
    const steps = STEPS[mode];
    const degrees = [mode === "major" ? "0" : "0m"];
    while (degrees.length < bars) degrees.push(random.pick(steps[degrees[degrees.length - 1]].split(" ")));
    const chords = degrees.map((degree, i): WalkChord => {
      const root = Number.parseInt(degree, 10);
      const kind = degree.replace(/^\d+/, "");
      const next = Number.parseInt(degrees[(i + 1) % bars], 10);
      const dominant = kind === "" && (root - next + 12) % 12 === 7;
      return { root, suffix: random.pick(SUFFIXES[dominant ? "dominant" : kind]) };
    });
    if (!holdsTaskTurn(chords)) return chords;
  }
}
