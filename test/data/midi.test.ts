// MIDI notes, instrument families and WAD lumps, on files made by hand here.

import { describe, expect, it } from "vitest";
import { FAMILIES, familyLabels, familyOf, familySeconds } from "../../src/data/midi/families.js";
import { DRUM_SECONDS, midiNotes, type Note, parseMidi } from "../../src/data/midi/notes.js";
import { reorchestrated } from "../../src/data/midi/orchestrate.js";
import { midiLumps } from "../../src/data/midi/wad.js";
import { Seeded } from "../../src/data/seeded.js";
import { clipStart } from "../../src/data/tasks/instruments.js";
import { DataError } from "../../src/gpu/errors.js";
import { type Event, midiFile, tempo } from "./midi-bytes.js";

describe("midiNotes", () => {
  it("times notes through tempo changes and takes the program set before them", () => {
    // 120 BPM for one beat (0.5 s), then 60 BPM (1 s a beat).
    const conductor: Event[] = [tempo(0, 120), tempo(480, 60)];
    const player: Event[] = [
      [0, 0xc0, 40],
      [0, 0x90, 60, 100],
      [960, 0x80, 60, 0], // after 0.5 + 1 s
      [0, 0xc0, 73],
      [240, 0x90, 72, 90],
      [240, 0x90, 72, 0], // note on with velocity 0 ends it
    ];
    const notes = midiNotes(parseMidi(midiFile([conductor, player])));
    expect(notes.map(({ key, program, velocity }) => [key, program, velocity])).toEqual([
      [60, 40, 100],
      [72, 73, 90],
    ]);
    expect(notes[0].start).toBeCloseTo(0, 9);
    expect(notes[0].end).toBeCloseTo(1.5, 6);
    expect(notes[1].start).toBeCloseTo(2, 6);
    expect(notes[1].end).toBeCloseTo(2.5, 6);
  });

  it("ends the older of two overlapping notes first, and hanging notes with the file", () => {
    const track: Event[] = [
      [0, 0x90, 60, 100],
      [240, 0x90, 60, 100],
      [240, 0x80, 60, 0],
      [480, 0x90, 62, 100],
      [480, 0xb0, 1, 0],
    ];
    const notes = midiNotes(parseMidi(midiFile([[tempo(0, 120), ...track]])));
    expect(notes.map(({ start, end }) => [start, end].map((x) => Number(x.toFixed(4))))).toEqual([
      [0, 0.5],
      [0.25, 1.5],
      [1, 1.5],
    ]);
  });

  it("keeps drums apart, gives them a least length, and leaves out silent channels", () => {
    const track: Event[] = [
      [0, 0x99, 36, 100],
      [1, 0x89, 36, 0],
      [0, 0xb1, 7, 0],
      [0, 0x91, 60, 100],
      [480, 0x81, 60, 0],
      [0, 0xb1, 7, 100],
      [0, 0x91, 61, 100],
      [480, 0x81, 61, 0],
    ];
    const notes = midiNotes(parseMidi(midiFile([[tempo(0, 120), ...track]])));
    expect(notes.map((note) => [note.key, note.drum])).toEqual([
      [36, true],
      [61, false],
    ]);
    expect(notes[0].end - notes[0].start).toBeCloseTo(DRUM_SECONDS, 9);
  });

  it("refuses what is not MIDI", () => {
    expect(() => parseMidi(Uint8Array.from([1, 2, 3, 4]))).toThrow(DataError);
    expect(() => parseMidi(new Uint8Array(0))).toThrow(DataError);
  });

  it("refuses tracks and events that say more than there is", () => {
    const song = midiFile([
      [tempo(0, 120)],
      [
        [0, 0x90, 60, 100],
        [480, 0x80, 60, 0],
      ],
    ]);
    expect(midiNotes(parseMidi(song))).toHaveLength(1);
    const long = song.slice();
    long[18] = 0xf1; // a track of 4 GB
    expect(() => parseMidi(long)).toThrow(/a track says 40\d+ bytes, and 32 are left/);
    const event = midiFile([[[0, 0xff, 0x01, 0xff, 0xff, 0xff, 0x7f]]]); // a text of 256 MB
    expect(() => parseMidi(event)).toThrow(/an event says 268435455 bytes, and 4 are left/);
    const short = midiFile([[[0, 0xf0, 3, 1, 2, 0xf7]]]); // a system exclusive message that is whole
    expect(parseMidi(short).tracks).toHaveLength(1);
  });
});

describe("families", () => {
  const note = (start: number, end: number, program: number, drum = false) => ({
    start,
    end,
    program,
    drum,
    key: 60,
    velocity: 100,
    channel: drum ? 9 : 0,
  });

  it("has fifteen, and places programs by General MIDI's groups", () => {
    expect(FAMILIES.length).toBe(15);
    expect([0, 11, 19, 24, 29, 30, 31, 33, 48, 57, 66, 73, 80, 89, 99].map((p) => familyOf(p))).toEqual([
      "piano",
      "chromatic percussion",
      "organ",
      "guitar",
      "distorted guitar",
      "distorted guitar",
      "guitar",
      "bass",
      "choir and ensemble",
      "brass",
      "reed",
      "pipe",
      "synth lead",
      "synth pad",
      "synth effects",
    ]);
    expect(familyOf(45)).toBe("strings");
    expect(familyOf(110)).toBeUndefined();
    expect(familyOf(0, true)).toBe("drums");
  });

  it("counts overlapping notes once and only what lies in the window", () => {
    const notes = [
      note(0, 4, 0),
      note(3, 5, 1),
      note(9, 30, 0),
      note(6, 6.5, 33),
      note(2, 2.6, 36),
      note(11, 13, 73),
    ];
    const seconds = familySeconds(notes, 2, 8);
    expect(seconds[FAMILIES.indexOf("piano")]).toBeCloseTo(4, 9); // 2–5 and 9–10
    expect(seconds[FAMILIES.indexOf("bass")]).toBeCloseTo(1.1, 9);
    expect(seconds[FAMILIES.indexOf("pipe")]).toBe(0);
    const labels = familyLabels(notes, 2, 8);
    expect(labels.reduce((sum, label) => sum + label, 0)).toBe(2);
  });

  it("agrees with sampling the window finely, on random notes", () => {
    const seed = Math.floor(Math.random() * 1e9);
    const random = new Seeded(seed);
    const notes = Array.from({ length: 60 }, () => {
      const start = random.between(0, 30);
      return note(start, start + random.between(0, 3), random.int(128), random.chance(0.2));
    });
    const begin = random.between(0, 20);
    const step = 1e-3;
    const counted = FAMILIES.map((family) => {
      const own = notes.filter((entry) => familyOf(entry.program, entry.drum) === family);
      let sum = 0;
      for (let t = begin + step / 2; t < begin + 10; t += step)
        if (own.some((entry) => entry.start <= t && t < entry.end)) sum += step;
      return sum;
    });
    familySeconds(notes, begin, 10).forEach((value, i) => {
      expect(
        Math.abs(value - counted[i]) < 0.05,
        `seed ${seed}, ${FAMILIES[i]}: ${value} vs ${counted[i]}`,
      ).toBe(true);
    });
  });

  it("places a clip inside the piece where something sounds, the same for the same seed", () => {
    const notes = Array.from({ length: 60 }, (_, i) => note(i < 30 ? i : i + 20, i < 30 ? i + 1 : i + 21, 0));
    for (let seed = 0; seed < 20; seed++) {
      const start = clipStart(notes, new Seeded(seed)) as number;
      expect(start).toBe(clipStart(notes, new Seeded(seed)));
      expect(start >= 0 && start + 10 <= 80).toBe(true);
      expect(start <= 27 || start >= 43).toBe(true); // three seconds of notes are heard
    }
    expect(clipStart(notes.slice(0, 8), new Seeded("a"))).toBe(undefined);
    expect(clipStart([], new Seeded("a"))).toBe(undefined);
  });
});

describe("reorchestrated", () => {
  it("keeps the notes of the chosen channels and gives each another program, with or without all drums", () => {
    const player = (channel: number, low: number): Event[] => [
      [0, 0xb0 | channel, 0, 8], // a bank
      [0, 0xc0 | channel, 40],
      [0, 0x90 | channel, low, 100],
      [240, 0xc0 | channel, 41],
      [240, 0x80 | channel, low, 0],
      [0, 0x90 | channel, low + 1, 90],
      [480, 0x80 | channel, low + 1, 0],
    ];
    const drums: Event[] = [
      [0, 0x99, 36, 100],
      [480, 0x89, 36, 0],
    ];
    const bytes = midiFile([
      [tempo(0, 60)],
      player(0, 40),
      player(3, 60),
      player(4, 80),
      player(5, 90),
      drums,
    ]);
    const chosen = [0, 3, 4];
    const pitched = (all: Note[]) =>
      all
        .filter(({ drum }) => !drum)
        .map(({ channel, key, start, end, velocity }) => ({ channel, key, start, end, velocity }));
    const before = midiNotes(parseMidi(bytes)).filter(({ channel }) => channel !== 5);
    const families = new Map<string, number>();
    let withDrums = 0;
    const seed = Math.floor(Math.random() * 1e9);
    for (let i = 0; i < 200; i++) {
      const made = reorchestrated(bytes, new Seeded(`${seed} ${i}`), chosen);
      const after = midiNotes(parseMidi(made));
      expect(pitched(after)).toEqual(pitched(before));
      const drawn = new Set(
        [0, 3, 4].map((channel) => {
          const programs = new Set(after.filter((n) => n.channel === channel).map(({ program }) => program));
          expect(programs.size).toBe(1);
          return familyOf([...programs][0]) ?? "none";
        }),
      );
      expect(drawn.size).toBe(3);
      expect(drawn.has("none")).toBe(false);
      for (const family of drawn) families.set(family, (families.get(family) ?? 0) + 1);
      if (after.some(({ drum }) => drum)) withDrums++;
    }
    // 600 draws of 14 families, 43 each; 200 tosses.
    expect(families.size).toBe(14);
    for (const [family, count] of families)
      expect(count > 12 && count < 85, `seed ${seed}: ${family} ${count}`).toBe(true);
    expect(withDrums > 60 && withDrums < 140, `seed ${seed}: ${withDrums}`).toBe(true);
    expect(reorchestrated(bytes, new Seeded("x"), chosen)).toEqual(
      reorchestrated(bytes, new Seeded("x"), chosen),
    );
  });
});

describe("midiLumps", () => {
  function wad(lumps: [string, Uint8Array][]): Uint8Array {
    const body = lumps.flatMap(([, bytes]) => [...bytes]);
    const bytes = new Uint8Array(12 + body.length + 16 * lumps.length);
    const view = new DataView(bytes.buffer);
    bytes.set([..."IWAD"].map((letter) => letter.charCodeAt(0)));
    view.setInt32(4, lumps.length, true);
    view.setInt32(8, 12 + body.length, true);
    bytes.set(body, 12);
    let offset = 12;
    lumps.forEach(([name, lump], i) => {
      const entry = 12 + body.length + 16 * i;
      view.setInt32(entry, offset, true);
      view.setInt32(entry + 4, lump.length, true);
      bytes.set(
        [...name].map((letter) => letter.charCodeAt(0)),
        entry + 8,
      );
      offset += lump.length;
    });
    return bytes;
  }
  const song = midiFile([[tempo(0, 100)]]);

  it("finds the MIDI lumps among others, also in a slice of a larger buffer", () => {
    const file = wad([
      ["E1M1", new Uint8Array(0)],
      ["D_E1M1", song],
      ["PLAYPAL", new Uint8Array(64)],
      ["D_INTERM", song],
    ]);
    const padded = new Uint8Array(file.length + 7);
    padded.set(file, 7);
    const lumps = midiLumps(padded.subarray(7));
    expect(lumps.map((lump) => lump.name)).toEqual(["D_E1M1", "D_INTERM"]);
    expect(lumps[1].bytes).toEqual(song);
    expect(midiLumps(Buffer.from(file))[0].bytes.buffer.byteLength).toBe(song.length);
  });

  it("refuses other files and cut directories, and passes over lumps that point outside", () => {
    expect(() => midiLumps(new Uint8Array(4))).toThrow(DataError);
    expect(() => midiLumps(song)).toThrow(DataError);
    const file = wad([["D_A", song]]);
    expect(() => midiLumps(file.subarray(0, file.length - 1))).toThrow(/cut off/);
    new DataView(file.buffer).setInt32(file.length - 16 + 4, 1e6, true);
    expect(midiLumps(file)).toEqual([]);
  });
});
