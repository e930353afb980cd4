// The composer and its synthesiser: the same seed gives the same piece and samples, and what the labels say is what sounds.

import { describe, expect, it } from "vitest";
import { compose } from "../../src/data/compose/composer.js";
import { CHORD_TONES, chordName, KEYS, PROGRESSIONS, romanChord } from "../../src/data/compose/harmony.js";
import { INSTRUMENTS } from "../../src/data/compose/instruments.js";
import { STYLES } from "../../src/data/compose/styles.js";
import { type PlayedNote, synthesise } from "../../src/data/compose/synth.js";
import { encodeWav16 } from "../../src/data/pcm16.js";

const seed = Math.floor(Math.random() * 1e9);

describe("harmony", () => {
  it("has 24 keys and 24 different progressions of four bars in each mode", () => {
    expect(KEYS.length).toBe(24);
    expect(KEYS[0]).toBe("C major");
    expect(KEYS[21]).toBe("A minor");
    for (const mode of ["major", "minor"]) {
      const own = PROGRESSIONS.filter((entry) => entry.mode === mode);
      expect(new Set(own.map((entry) => entry.id)).size).toBe(24);
      for (const entry of own) {
        expect(entry.bars.length).toBe(4);
        expect(entry.bars.map((numeral) => romanChord(numeral, 0)).some((chord) => chord.root === 0)).toBe(
          true,
        );
      }
    }
  });

  it("reads numerals in any key", () => {
    const names = (numerals: string[], tonic: number) => numerals.map((n) => chordName(romanChord(n, tonic)));
    expect(names(["I", "vi", "ii7", "V7", "IM7", "bVII"], 0)).toEqual(["C", "Am", "Dm7", "G7", "CM7", "Bb"]);
    expect(names(["i", "iidim", "bVI", "V7", "bIII"], 9)).toEqual(["Am", "Bdim", "F", "E7", "C"]);
    expect(() => romanChord("H", 0)).toThrow(RangeError);
  });
});

describe("compose", () => {
  it(`is the same for the same seed and another for another (seed ${seed})`, () => {
    expect(compose({ seed })).toEqual(compose({ seed }));
    expect(compose({ seed }).notes).not.toEqual(compose({ seed: seed + 1 }).notes);
  });

  it(`keeps to the key, tempo, style and progression it states (seed ${seed})`, () => {
    for (let i = 0; i < 40; i++) {
      const key = i % 24;
      const style = STYLES[i % STYLES.length];
      const piece = compose({ seed: seed + i, key, style, seconds: 30 });
      expect(piece.key).toBe(key);
      expect(piece.progression.mode).toBe(key < 12 ? "major" : "minor");
      expect(piece.style).toBe(style.name);
      expect(piece.seconds).toBeGreaterThanOrEqual(30);
      // Every note lies on a sixteenth of the stated tempo (swing moves off-beats by less than one).
      const step = 60 / piece.tempo / 4;
      for (const note of piece.notes) {
        const at = note.start / step;
        const off = Math.abs(at - Math.round(at)) * step;
        expect(style.swing > 0 || off < 1e-6).toBe(true);
        expect(note.end > note.start && note.end <= piece.seconds + step).toBe(true);
      }
      // Bass notes that begin a bar are the roots of the progression.
      const bar = (60 * style.beats) / piece.tempo;
      const chords = piece.progression.bars.map((numeral) => romanChord(numeral, key % 12));
      for (const note of piece.notes.filter((entry) => entry.instrument === "bass")) {
        const index = Math.floor(note.start / bar + 1e-6);
        const chord = chords[index % 4];
        const tones = CHORD_TONES[chord.quality].map((tone) => (tone + chord.root) % 12);
        expect(tones).toContain(note.key % 12);
      }
    }
  });
});

describe("synthesise", () => {
  const rate = 22_050;
  const note = (over: Partial<PlayedNote>): PlayedNote => ({
    start: 0.1,
    end: 1.1,
    key: 69,
    velocity: 0.8,
    instrument: "flute",
    ...over,
  });

  /** Power of one frequency in a part of the samples. */
  function power(samples: Float32Array, frequency: number): number {
    let re = 0;
    let im = 0;
    const from = Math.round(0.3 * rate);
    const count = Math.round(0.5 * rate);
    for (let i = 0; i < count; i++) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / count);
      re += window * samples[from + i] * Math.cos((2 * Math.PI * frequency * i) / rate);
      im += window * samples[from + i] * Math.sin((2 * Math.PI * frequency * i) / rate);
    }
    return re * re + im * im;
  }

  it("plays every pitched instrument in tune", () => {
    for (const instrument of INSTRUMENTS.filter((name) => name !== "drums")) {
      for (const key of [45, 57, 69, 76]) {
        const samples = synthesise([note({ instrument, key })], 0, 1.5, rate);
        const frequency = 440 * 2 ** ((key - 69) / 12);
        const at = (semitones: number) => power(samples, frequency * 2 ** (semitones / 12));
        const where = `${instrument} at ${key}`;
        expect(at(0) > 4 * at(1.6) && at(0) > 4 * at(-1.6), where).toBe(true);
        expect(at(0) > at(0.6) && at(0) > at(-0.6), where).toBe(true);
      }
    }
  });

  it("is silent before a note, stays within full scale and leaves no NaN", () => {
    for (const instrument of INSTRUMENTS) {
      const loud = Array.from({ length: 30 }, (_, i) => note({ instrument, key: 36 + i, velocity: 1 }));
      const samples = synthesise(loud, 0, 1.5, rate);
      const early = Math.round(0.099 * rate);
      const inside = samples.every((sample) => Math.abs(sample) <= 1);
      expect(inside, instrument).toBe(true);
      expect(samples.subarray(0, early).every((sample) => sample === 0)).toBe(true);
      const sum = samples.reduce((total, sample) => total + sample * sample, 0);
      expect(sum > 1, instrument).toBe(true);
    }
  });

  it("gives the same samples twice, and about the same wherever the window begins", () => {
    const piece = compose({ seed, seconds: 20 });
    const whole = synthesise(piece.notes, 0, 12, rate, piece.colour);
    expect(
      Buffer.from(encodeWav16(whole, rate)).equals(
        encodeWav16(synthesise(piece.notes, 0, 12, rate, piece.colour), rate),
      ),
    ).toBe(true);
    const part = synthesise(piece.notes, 5, 5, rate, piece.colour);
    let difference = 0;
    let energy = 0;
    for (let i = 0; i < part.length; i++) {
      difference += (part[i] - whole[i + 5 * rate]) ** 2;
      energy += part[i] ** 2;
    }
    expect(difference < 0.02 * energy, `seed ${seed}: ${difference / energy}`).toBe(true);
  });
});
