// The styles of the small composer, as patterns over sixteenths. "x" begins a note, "-" holds it, "." rests; in chord rhythms a
// digit plays one tone of the chord (from the third or fourth on an octave higher), in bass lines 5, 3 and 8 play fifth, third
// and octave.

import type { DRUMS, Instrument } from "./instruments.js";

export interface StyleRule {
  name: string;
  /** Beats in a bar. */
  beats: number;
  /** How late off-beat eighths come, in sixteenths: 0 is straight, 0.67 a triplet swing. */
  swing: number;
  /** Instruments of which one plays the chords in rhythm, one holds them, one plays the melody. */
  comp: readonly Instrument[];
  carpet: readonly Instrument[];
  lead: readonly Instrument[];
  compRhythm: string;
  bassRhythm: string;
  drums: readonly [keyof typeof DRUMS, string][];
  /** Rhythms of the melody, a bar each. */
  melody: readonly string[];
}

const FOUR = [
  "x---x-x-x---x---",
  "x-----x-x-x-x---",
  "x-x-x---..x-x-x-",
  "..x-x-x-x-------",
  "x---..x-x-..x-x-",
];
const THREE = ["x---x-x-x---", "x-------x-x-", "x-x-x-x-x---", "..x-x---x-x-"];

export const STYLES: readonly StyleRule[] = [
  {
    name: "ballad",
    beats: 4,
    swing: 0,
    comp: ["piano", "guitar"],
    carpet: ["strings", "synth pad"],
    lead: ["flute", "strings", "piano"],
    compRhythm: "0-1-2-1-3-2-1-2-",
    bassRhythm: "x-------5-------",
    drums: [],
    melody: ["x-------x---x---", "x---------x-x---", "..x---x-x-------", "x-----x-x-------"],
  },
  {
    name: "pop",
    beats: 4,
    swing: 0,
    comp: ["piano", "guitar", "organ"],
    carpet: ["synth pad", "strings"],
    lead: ["synth lead", "flute", "brass"],
    compRhythm: "x---x---x---x---",
    bassRhythm: "x-----x-x---x-x-",
    drums: [
      ["kick", "x.......x.x....."],
      ["snare", "....x.......x..."],
      ["hat", "x.x.x.x.x.x.x.x."],
    ],
    melody: FOUR,
  },
  {
    name: "rock",
    beats: 4,
    swing: 0,
    comp: ["guitar", "organ"],
    carpet: ["organ", "synth pad"],
    lead: ["synth lead", "guitar", "brass"],
    compRhythm: "x-x-x-x-x-x-x-x-",
    bassRhythm: "x-x-x-x-x-x-x-x-",
    drums: [
      ["kick", "x.....x.x......."],
      ["snare", "....x.......x..."],
      ["hat", "x.x.x.x.x.x.x.x."],
    ],
    melody: FOUR,
  },
  {
    name: "waltz",
    beats: 3,
    swing: 0,
    comp: ["piano", "strings", "guitar"],
    carpet: ["strings", "organ"],
    lead: ["flute", "strings", "bells"],
    compRhythm: "....x---x---",
    bassRhythm: "x---........",
    drums: [
      ["kick", "x..........."],
      ["hat", "....x...x..."],
    ],
    melody: THREE,
  },
  {
    name: "swing",
    beats: 4,
    swing: 0.67,
    comp: ["piano", "guitar"],
    carpet: ["organ", "brass"],
    lead: ["brass", "flute", "piano"],
    compRhythm: "..x-......x-....",
    bassRhythm: "x---3---5---8---",
    drums: [
      ["hat", "x...x.x.x...x.x."],
      ["snare", "......x........."],
      ["kick", "x...x...x...x..."],
    ],
    melody: FOUR,
  },
  {
    name: "march",
    beats: 4,
    swing: 0,
    comp: ["brass", "organ"],
    carpet: ["brass", "strings"],
    lead: ["flute", "brass", "bells"],
    compRhythm: "..x-..x-..x-..x-",
    bassRhythm: "x---5---x---5---",
    drums: [
      ["kick", "x.......x......."],
      ["snare", "..x...x...x.x.x."],
    ],
    melody: ["x---x---x-x-x---", "x-x-x---x---x---", "x---..x-x---x---"],
  },
  {
    name: "dance",
    beats: 4,
    swing: 0,
    comp: ["synth lead", "piano"],
    carpet: ["synth pad"],
    lead: ["synth lead", "bells"],
    compRhythm: "x--x--x-..x--x--",
    bassRhythm: "..x-..x-..x-..8-",
    drums: [
      ["kick", "x...x...x...x..."],
      ["snare", "....x.......x..."],
      ["openHat", "..x...x...x...x."],
    ],
    melody: FOUR,
  },
  {
    name: "music box",
    beats: 4,
    swing: 0,
    comp: ["bells", "guitar"],
    carpet: ["synth pad", "flute"],
    lead: ["bells", "flute"],
    compRhythm: "0-2-1-2-0-2-1-2-",
    bassRhythm: "x---------------",
    drums: [],
    melody: FOUR,
  },
  {
    name: "shuffle",
    beats: 4,
    swing: 0.67,
    comp: ["organ", "guitar", "piano"],
    carpet: ["brass", "organ"],
    lead: ["guitar", "synth lead", "brass"],
    compRhythm: "x-x-x-x-x-x-x-x-",
    bassRhythm: "x-x-5-5-8-8-5-5-",
    drums: [
      ["kick", "x.......x......."],
      ["snare", "....x.......x..."],
      ["hat", "x.x.x.x.x.x.x.x."],
    ],
    melody: FOUR,
  },
  {
    name: "six-eight",
    beats: 3,
    swing: 0,
    comp: ["guitar", "piano", "bells"],
    carpet: ["strings", "synth pad"],
    lead: ["strings", "flute", "synth lead"],
    compRhythm: "0-1-2-3-2-1-",
    bassRhythm: "x-----5-----",
    drums: [
      ["kick", "x..........."],
      ["snare", "......x....."],
      ["hat", "x.x.x.x.x.x."],
    ],
    melody: THREE,
  },
];
