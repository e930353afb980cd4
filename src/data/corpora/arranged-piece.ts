// One piece of the corpus `arranged` as data: which style, grooves, chords, tempo, melody and instruments, drawn from a seed. Neither
// mma nor a soundfont is touched here.

import { ROOTS } from "../compose/harmony.js";
import { drawWalk, type WalkChord } from "../compose/walk.js";
import type { Seeded } from "../seeded.js";
import type { Arrangement, Section, Style } from "../tasks/mma.js";

/** Beats a minute, spread evenly by their logarithm. */
const SLOWEST = 66;
const FASTEST = 184;

/** What mma calls instruments that a melody may be played on where they are not drawn anew. */
const SOLOISTS = ["Flute", "TenorSax", "Trumpet", "Violin", "Clarinet", "JazzGuitar", "Vibraphone", "Piano1"];

/** A drawn piece. */
export interface DrawnPiece {
  arrangement: Arrangement;
  title: string;
  /** Whether its General MIDI programs are drawn anew; else the style's own play. */
  redrawn: boolean;
}

/** Draws a piece of at least `seconds` in a style: up to two progressions and grooves, one key and tempo. */
export function drawPiece(random: Seeded, style: Style, seconds: number): DrawnPiece {
  const mode = random.chance(0.6) ? "major" : "minor";
  const tonic = random.int(12);
  const tempo = Math.round(2 ** random.between(Math.log2(SLOWEST), Math.log2(FASTEST)));
  const parts = [0, 1].map(() => ({ walk: drawWalk(random, mode), groove: random.pick(style.grooves) }));
  const melody = random.chance(0.6) ? new Melody(random, mode, tonic) : undefined;
  const barSeconds = (60 * style.beats) / tempo;
  const wanted = Math.ceil(seconds / barSeconds) + 1;
  const sections: Section[] = [];
  for (let bars = 0, turn = 0; bars < wanted; turn++) {
    // A A B A
    const { walk, groove } = parts[turn % 4 === 2 ? 1 : 0];
    const chords = walk.slice(0, wanted - bars);
    sections.push({
      tempo,
      groove,
      bars: chords.map((chord, i) =>
        barText(random, chord, walk[(i + 1) % walk.length], tonic, style.beats, melody),
      ),
    });
    bars += chords.length;
  }
  const setup = melody ? [`Solo Voice ${random.pick(SOLOISTS)}`, "Solo Octave 5", "Solo Articulate 92"] : [];
  return {
    arrangement: { style, sections, seed: 1 + random.int(1e6), setup },
    title: `${ROOTS[tonic]} ${mode}, ${tempo} BPM, ${style.id} (${parts[0].groove})`,
    redrawn: random.chance(0.5),
  };
}

/** A bar in mma's words: its chord, now and then the next one already on the last beat, and the melody. */
function barText(
  random: Seeded,
  chord: WalkChord,
  next: WalkChord,
  tonic: number,
  beats: number,
  melody?: Melody,
): string {
  const name = ({ root, suffix }: WalkChord) => ROOTS[(root + tonic) % 12] + suffix;
  const early = beats >= 2 && random.chance(0.12);
  const slashes = " /".repeat(Math.max(0, beats - 2));
  const chords = early ? `${name(chord)}${slashes} ${name(next)}` : name(chord);
  return melody ? `${chords} {${melody.bar(chord, beats)}}` : chords;
}

const SCALES = { major: [0, 2, 4, 5, 7, 9, 11], minor: [0, 2, 3, 5, 7, 8, 10] };
const SHARPS = ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"];

/** A melody that walks along the scale and steps to a note of the chord on the first beat of a bar. */
class Melody {
  readonly #random: Seeded;
  readonly #scale: readonly number[];
  readonly #busy: number;
  #pitch: number;

  constructor(random: Seeded, mode: keyof typeof SCALES, tonic: number) {
    this.#random = random;
    this.#scale = SCALES[mode].map((step) => (step + tonic) % 12);
    this.#busy = random.between(0.15, 0.85);
    this.#pitch = random.int(12);
  }

  /** The notes of a bar, from the soloist's octave. */
  bar(chord: WalkChord, beats: number): string {
    const random = this.#random;
    const notes: string[] = [];
    for (let left = beats, first = true; left > 0; first = false) {
      const [beatsTaken, lengths] = this.#rhythm(left);
      left -= beatsTaken;
      for (const length of lengths) {
        if (random.chance(0.14)) notes.push(`${length}r`);
        else notes.push(`${length}${this.#next(first ? chord : undefined)}`);
        first = false;
      }
    }
    return `${notes.join(";")};`;
  }

  #rhythm(left: number): [number, string[]] {
    const random = this.#random;
    if (random.chance(this.#busy))
      return random.chance(0.25) && left >= 2 ? [2, ["4.", "8"]] : [1, ["8", "8"]];
    if (left >= 2 && random.chance(0.4)) return [2, ["2"]];
    return [1, ["4"]];
  }

  #next(chord?: WalkChord): string {
    const random = this.#random;
    const from = this.#pitch;
    const target = from + random.pick([-4, -2, -2, -1, 0, 1, 2, 2, 3, 5]);
    const allowed = chord ? chordTones(chord, this.#scale[0]) : this.#scale;
    // The nearest allowed note, kept within an octave and a half.
    let best = from;
    let least = Number.POSITIVE_INFINITY;
    for (let pitch = -6; pitch <= 14; pitch++) {
      if (!allowed.includes((pitch + 12) % 12)) continue;
      const distance = Math.abs(pitch - target) + (pitch === from ? 1.5 : 0);
      if (distance < least) [best, least] = [pitch, distance];
    }
    this.#pitch = best;
    const octave = Math.floor(best / 12);
    return SHARPS[(best + 12) % 12] + (octave > 0 ? "+" : octave < 0 ? "-" : "");
  }
}

/** Root, third and fifth of a chord, as pitch classes. */
function chordTones({ root, suffix }: WalkChord, tonic: number): number[] {
  const third = /^m|^dim/.test(suffix) ? 3 : suffix.includes("sus") ? 5 : 4;
  const fifth = /^dim|b5/.test(suffix) ? 6 : suffix === "+" ? 8 : 7;
  return [0, third, fifth].map((step) => (tonic + root + step) % 12);
}
