// A small composer: from a seed to a piece with a known key, tempo, style and instruments. Rules and dice, no recordings and no
// model; wherever its music is shown it is called generated.

import { Seeded } from "../seeded.js";
import { CHORD_TONES, type Chord, PROGRESSIONS, type Progression, romanChord } from "./harmony.js";
import { DRUMS, type Instrument } from "./instruments.js";
import { STYLES, type StyleRule } from "./styles.js";
import type { Colour, PlayedNote } from "./synth.js";

/** A piece with exact labels. */
export interface Piece {
  seed: number;
  /** Index into KEYS (harmony.ts). */
  key: number;
  /** Beats a minute. */
  tempo: number;
  style: string;
  progression: Progression;
  /** Length in seconds up to the end of the last bar. */
  seconds: number;
  colour: Colour;
  notes: PlayedNote[];
}

export interface ComposeOptions {
  seed: number;
  /** Index into KEYS; drawn where missing. */
  key?: number;
  /** Its mode decides the key's where no key is given. */
  progression?: Progression;
  style?: StyleRule;
  /** At least so long, in seconds (default 60). */
  seconds?: number;
}

/** Steps in a beat: sixteenths. */
const STEPS = 4;
/** Bars in a section, two turns of a progression; layers come and go between sections. */
const SECTION = 8;

/** Composes a piece. The same options give the same piece. */
export function compose(options: ComposeOptions): Piece {
  const random = new Seeded(options.seed);
  const mode = options.key === undefined ? undefined : options.key < 12 ? "major" : "minor";
  const progression =
    options.progression ?? random.pick(PROGRESSIONS.filter((entry) => !mode || entry.mode === mode));
  const key = options.key ?? random.int(12) + (progression.mode === "minor" ? 12 : 0);
  const style = options.style ?? random.pick(STYLES);
  const tempo = Math.round(random.between(70, 165));
  const barSeconds = (style.beats * 60) / tempo;
  const bars = Math.ceil((options.seconds ?? 60) / barSeconds / 4) * 4;
  const chords = progression.bars.map((numeral) => romanChord(numeral, key % 12));
  const band = new Band(random, style, key, tempo);
  for (let bar = 0; bar < bars; bar++)
    band.play(bar, chords[bar % chords.length], bar % SECTION === SECTION - 1);
  const colour: Colour = {
    tilt: random.between(-0.3, 0.5),
    attack: random.between(0.6, 1.8),
    detune: random.between(0.02, 0.15),
  };
  const notes = band.notes.sort((a, b) => a.start - b.start || a.key - b.key);
  return {
    seed: options.seed,
    key,
    tempo,
    style: style.name,
    progression,
    seconds: bars * barSeconds,
    colour,
    notes,
  };
}

/** The players of one piece: each turns a bar's chord into notes by its style's patterns. */
class Band {
  readonly notes: PlayedNote[] = [];
  readonly #scale: number[];
  readonly #comp: Instrument;
  readonly #carpet: Instrument | undefined;
  readonly #lead: Instrument;
  readonly #drums: boolean;
  readonly #rhythms: string[];
  #melody = 72;
  #layers = { comp: true, carpet: true, bass: true, lead: false, drums: true };

  constructor(
    private readonly random: Seeded,
    private readonly style: StyleRule,
    key: number,
    private readonly tempo: number,
  ) {
    // Natural minor: a raised seventh comes with the dominant chord, whose tones the melody prefers.
    const steps = key < 12 ? [0, 2, 4, 5, 7, 9, 11] : [0, 2, 3, 5, 7, 8, 10];
    this.#scale = steps.map((step) => (step + key) % 12);
    this.#comp = random.pick(style.comp);
    this.#carpet = random.chance(0.6) ? random.pick(style.carpet) : undefined;
    this.#lead = random.pick(style.lead);
    this.#drums = style.drums.length > 0 && random.chance(0.85);
    this.#rhythms = random.shuffled(style.melody).slice(0, 2);
  }

  play(bar: number, chord: Chord, fill: boolean): void {
    if (bar % SECTION === 0) this.#arrangeSection(bar);
    const { style } = this;
    if (this.#layers.comp) this.#chords(bar, chord, this.#comp, style.compRhythm, 0.55);
    if (this.#layers.carpet && this.#carpet)
      this.#chords(bar, chord, this.#carpet, `x${"-".repeat(style.beats * STEPS - 1)}`, 0.4);
    if (this.#layers.bass) this.#bass(bar, chord);
    if (this.#layers.lead) this.#leadLine(bar, chord);
    if (this.#layers.drums) this.#beat(bar, fill);
  }

  /** Which layers play in the next section: always at least one that carries the chords. */
  #arrangeSection(bar: number): void {
    const { random } = this;
    const intro = bar === 0;
    this.#layers = {
      comp: random.chance(0.85),
      carpet: random.chance(0.7),
      bass: random.chance(intro ? 0.5 : 0.9),
      lead: random.chance(intro ? 0.3 : 0.75),
      drums: this.#drums && random.chance(intro ? 0.4 : 0.9),
    };
    if (!this.#layers.comp && !(this.#layers.carpet && this.#carpet)) this.#layers.comp = true;
  }

  /** Steps of a pattern as [step, length in steps, character]: "x" and digits begin a note, "-" holds it, "." rests. */
  #hits(pattern: string): [number, number, string][] {
    const hits: [number, number, string][] = [];
    for (let i = 0; i < pattern.length; i++) {
      if (pattern[i] === "." || pattern[i] === "-") continue;
      let length = 1;
      while (pattern[i + length] === "-") length++;
      hits.push([i, length, pattern[i]]);
    }
    return hits;
  }

  /** Adds a note at a step of a bar, with swing and a little human unevenness in loudness. */
  #add(
    bar: number,
    step: number,
    length: number,
    key: number,
    velocity: number,
    instrument: Instrument,
  ): void {
    const stepSeconds = 60 / this.tempo / STEPS;
    const swung = step % STEPS === 2 ? step + this.style.swing : step;
    const start = (bar * this.style.beats * STEPS + swung) * stepSeconds;
    this.notes.push({
      start,
      end: start + length * stepSeconds * 0.95,
      key,
      velocity: velocity * this.random.between(0.85, 1),
      instrument,
    });
  }

  #chords(bar: number, chord: Chord, instrument: Instrument, rhythm: string, velocity: number): void {
    const tones = CHORD_TONES[chord.quality].map((tone) => nearest(chord.root + tone, 62));
    const arpeggio = /\d/.test(rhythm);
    for (const [step, length, symbol] of this.#hits(rhythm)) {
      if (arpeggio) {
        const n = Number(symbol);
        this.#add(
          bar,
          step,
          length,
          tones[n % tones.length] + 12 * Math.floor(n / tones.length),
          velocity,
          instrument,
        );
      } else for (const tone of tones) this.#add(bar, step, length, tone, velocity, instrument);
    }
  }

  #bass(bar: number, chord: Chord): void {
    const tones = CHORD_TONES[chord.quality];
    const root = nearest(chord.root, 40);
    for (const [step, length, symbol] of this.#hits(this.style.bassRhythm)) {
      const tone = symbol === "5" ? tones[2] : symbol === "3" ? tones[1] : symbol === "8" ? 12 : 0;
      this.#add(bar, step, length, root + tone, 0.75, "bass");
    }
  }

  #leadLine(bar: number, chord: Chord): void {
    const { random } = this;
    if (random.chance(0.12)) return; // a bar to breathe
    const inChord = CHORD_TONES[chord.quality].map((tone) => (tone + chord.root) % 12);
    for (const [step, length] of this.#hits(this.#rhythms[bar % 2])) {
      const strong = step % (STEPS * 2) === 0;
      const allowed = strong
        ? inChord
        : [...this.#scale.filter((pitch) => !clashes(pitch, inChord)), ...inChord];
      const wish = this.#melody + Math.round(random.between(-4.5, 4.5)) + (this.#melody > 79 ? -2 : 0);
      this.#melody = closest(allowed, Math.max(62, Math.min(86, wish)));
      this.#add(bar, step, length, this.#melody, strong ? 0.75 : 0.65, this.#lead);
    }
  }

  #beat(bar: number, fill: boolean): void {
    for (const [name, pattern] of this.style.drums) {
      for (const [step] of this.#hits(pattern)) {
        if (fill && step >= (this.style.beats - 1) * STEPS && name !== "kick") continue;
        this.#add(bar, step, 1, DRUMS[name], name === "hat" ? 0.45 : 0.8, "drums");
      }
    }
    if (fill) {
      for (let i = 0; i < STEPS; i++)
        this.#add(bar, (this.style.beats - 1) * STEPS + i, 1, i < 2 ? DRUMS.snare : DRUMS.tom, 0.7, "drums");
    }
    if (bar % SECTION === 0 && bar > 0) this.#add(bar, 0, 4, DRUMS.crash, 0.5, "drums");
  }
}

/** The key with this pitch class that lies nearest to `around`. */
function nearest(pitch: number, around: number): number {
  const up = (((pitch - around) % 12) + 12) % 12;
  return up > 6 ? around + up - 12 : around + up;
}

function closest(pitches: readonly number[], wish: number): number {
  return pitches
    .map((pitch) => nearest(pitch, wish))
    .reduce((best, key) => (Math.abs(key - wish) < Math.abs(best - wish) ? key : best));
}

/** A semitone away from a chord tone that it is not itself. */
function clashes(pitch: number, chord: readonly number[]): boolean {
  return !chord.includes(pitch) && chord.some((tone) => (pitch - tone + 12) % 12 === 1);
}
