// The instruments of the small synthesiser, as data: which partials they have, how they begin and end, and what they stand for.
// None is a recording, and none is meant to pass for the real thing.

/** The instruments in label order; drums are played by synth.ts from noise and swept sines. */
export const INSTRUMENTS = [
  "piano",
  "bells",
  "organ",
  "guitar",
  "bass",
  "strings",
  "brass",
  "flute",
  "synth lead",
  "synth pad",
  "drums",
] as const;

export type Instrument = (typeof INSTRUMENTS)[number];

/** How a pitched instrument sounds. */
export interface Timbre {
  /** Amplitudes of the harmonics 1, 2, … at the onset. */
  partials: readonly number[];
  /** How fast upper harmonics fade against the first, in 1/s for each harmonic; 0 keeps the colour. */
  fade: number;
  /** Seconds to full level. */
  attack: number;
  /** Time constant in seconds of the decay while the key is held; Infinity sustains. */
  decay: number;
  /** Time constant in seconds after the key is let go. */
  release: number;
  /** Depth of vibrato in semitones, at 5.5 Hz. */
  vibrato: number;
  /** Level against the others. */
  gain: number;
}

const odd = (count: number) => Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1 / (i + 1) : 0));
const saw = (count: number, power = 1) => Array.from({ length: count }, (_, i) => 1 / (i + 1) ** power);

/** Guitar is missing: it is a plucked string of its own kind (see synth.ts). */
export const TIMBRES: Record<Exclude<Instrument, "drums" | "guitar">, Timbre> = {
  piano: {
    partials: [1, 0.6, 0.35, 0.3, 0.2, 0.12, 0.05, 0.06, 0.04],
    fade: 0.8,
    attack: 0.004,
    decay: 1.2,
    release: 0.12,
    vibrato: 0,
    gain: 0.9,
  },
  bells: {
    partials: [1, 0, 0.05, 0.45, 0, 0, 0.02, 0, 0, 0.2],
    fade: 1.2,
    attack: 0.002,
    decay: 0.7,
    release: 0.5,
    vibrato: 0,
    gain: 0.7,
  },
  organ: {
    partials: [1, 0.8, 0.5, 0.6, 0, 0.3, 0, 0.4],
    fade: 0,
    attack: 0.01,
    decay: Number.POSITIVE_INFINITY,
    release: 0.03,
    vibrato: 0,
    gain: 0.35,
  },
  bass: {
    partials: saw(10, 1.3),
    fade: 1.5,
    attack: 0.006,
    decay: 1.5,
    release: 0.06,
    vibrato: 0,
    gain: 1.3,
  },
  strings: {
    partials: saw(16, 1.1),
    fade: 0,
    attack: 0.12,
    decay: Number.POSITIVE_INFINITY,
    release: 0.2,
    vibrato: 0.15,
    gain: 0.3,
  },
  brass: {
    partials: [0.7, 1, 0.9, 0.75, 0.6, 0.45, 0.35, 0.25, 0.2, 0.12],
    fade: 0,
    attack: 0.05,
    decay: Number.POSITIVE_INFINITY,
    release: 0.08,
    vibrato: 0.05,
    gain: 0.28,
  },
  flute: {
    partials: [1, 0.25, 0.08, 0.03],
    fade: 0,
    attack: 0.06,
    decay: Number.POSITIVE_INFINITY,
    release: 0.1,
    vibrato: 0.2,
    gain: 0.5,
  },
  "synth lead": {
    partials: odd(15),
    fade: 0.1,
    attack: 0.005,
    decay: Number.POSITIVE_INFINITY,
    release: 0.05,
    vibrato: 0.1,
    gain: 0.35,
  },
  "synth pad": {
    partials: saw(8, 1.8),
    fade: 0,
    attack: 0.4,
    decay: Number.POSITIVE_INFINITY,
    release: 0.6,
    vibrato: 0.03,
    gain: 0.35,
  },
};

/** The drums that the composer uses. Their numbers are General MIDI's keys. */
export const DRUMS = { kick: 36, snare: 38, hat: 42, openHat: 46, crash: 49, tom: 45 } as const;
