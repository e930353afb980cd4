// A small synthesiser: wavetables of a few partials, a plucked string (a delay line that averages itself, after Karplus and
// Strong) and drums from noise and swept sines. It makes generated music sound everywhere, with no soundfont and no network. The
// same notes give the same samples.

import { Seeded } from "../seeded.js";
import { DRUMS, type Instrument, TIMBRES, type Timbre } from "./instruments.js";

/** One note to play. Times in seconds, `key` as in MIDI (60 = middle C, or a drum's number), velocity in (0, 1]. */
export interface PlayedNote {
  start: number;
  end: number;
  key: number;
  velocity: number;
  instrument: Instrument;
}

/** How a piece's instruments differ from the usual ones, so that no two pieces have quite the same timbres. */
export interface Colour {
  /** Exponent added to the fall of the partials: positive is darker. About -0.3 to 0.5. */
  tilt: number;
  /** Factor on attack times. */
  attack: number;
  /** Detuning of the second oscillator in semitones. */
  detune: number;
}

const PLAIN: Colour = { tilt: 0, attack: 1, detune: 0.04 };

/** Points in a wavetable: more than twice the highest partial, plenty for linear interpolation. */
const TABLE = 2048;

/** How long after its key is let go a note may still sound, in seconds. */
const TAIL = 1.5;

/** Overall gain before the soft limit. */
const GAIN = 0.2;

/** Samples between two updates of envelopes and pitch. */
const STEP = 64;

/**
 * Plays the notes that touch [start, start + seconds) into mono samples at `sampleRate`, softly limited to (-1, 1). What a
 * window sounds like does not depend on where it is cut, save for rounding.
 */
export function synthesise(
  notes: readonly PlayedNote[],
  start: number,
  seconds: number,
  sampleRate: number,
  colour: Colour = PLAIN,
): Float32Array {
  const out = new Float32Array(Math.round(seconds * sampleRate));
  const tables = new Map<string, Float32Array>();
  for (const note of notes) {
    if (note.end + TAIL <= start || note.start >= start + seconds) continue;
    const from = Math.round((note.start - start) * sampleRate);
    if (note.instrument === "drums") drum(out, from, note, sampleRate);
    else if (note.instrument === "guitar") pluck(out, from, note, sampleRate, colour);
    else wave(out, from, note, sampleRate, TIMBRES[note.instrument], colour, tables);
  }
  for (let i = 0; i < out.length; i++) out[i] = Math.tanh(out[i] * GAIN);
  return out;
}

const frequencyOf = (key: number) => 440 * 2 ** ((key - 69) / 12);

/** One period of a sum of sines, up to half the sample rate. */
function tableOf(
  timbre: Timbre,
  tilt: number,
  highest: number,
  cache: Map<string, Float32Array>,
  instrument: string,
): Float32Array {
  const count = Math.max(1, Math.min(timbre.partials.length, highest));
  const id = `${instrument} ${count}`;
  let table = cache.get(id);
  if (table) return table;
  table = new Float32Array(TABLE + 1);
  for (let h = 1; h <= count; h++) {
    const amplitude = timbre.partials[h - 1] / h ** tilt;
    if (amplitude === 0) continue;
    for (let i = 0; i <= TABLE; i++) table[i] += amplitude * Math.sin((2 * Math.PI * h * i) / TABLE + h * h);
  }
  cache.set(id, table);
  return table;
}

function wave(
  out: Float32Array,
  from: number,
  note: PlayedNote,
  rate: number,
  timbre: Timbre,
  colour: Colour,
  tables: Map<string, Float32Array>,
): void {
  const frequency = frequencyOf(note.key);
  const highest = Math.floor((0.45 * rate) / frequency);
  const bright = tableOf(timbre, colour.tilt, highest, tables, note.instrument);
  const dull = tableOf(timbre, colour.tilt, Math.min(2, highest), tables, note.instrument);
  const held = Math.round((note.end - note.start) * rate);
  const attack = Math.max(1, timbre.attack * colour.attack * rate);
  const total = held + Math.round(Math.min(TAIL, timbre.release * 6) * rate);
  const fade = Math.exp((-timbre.fade * STEP) / rate);
  const decay = Number.isFinite(timbre.decay) ? Math.exp(-STEP / (timbre.decay * rate)) : 1;
  const release = Math.exp(-STEP / (timbre.release * rate));
  const second = 2 ** (colour.detune / 12);
  // Wide sounds have two oscillators; the rest one.
  const two = timbre.attack >= 0.1 || note.instrument === "synth lead";

  let phase = 0;
  let phase2 = 0.37 * TABLE;
  let level = 1;
  let colourLeft = 1;
  let last = 0;
  for (let at = 0; at < total; at += STEP) {
    const size = Math.min(STEP, total - at);
    const bend = timbre.vibrato
      ? 2 **
        ((timbre.vibrato * Math.sin((2 * Math.PI * 5.5 * at) / rate) * Math.min(1, at / (0.4 * rate))) / 12)
      : 1;
    const stride = (frequency * bend * TABLE) / rate;
    const ramp = Math.min(1, (at + size) / attack);
    const target = level * ramp * note.velocity * timbre.gain * (two ? 0.6 : 1);
    if (from + at + size > 0 && from + at < out.length) {
      const slope = (target - last) / size;
      let amplitude = last;
      for (let i = 0; i < size; i++) {
        amplitude += slope;
        let sample = blend(bright, dull, phase, colourLeft);
        if (two) {
          sample += blend(bright, dull, phase2, colourLeft);
          phase2 += stride * second;
          if (phase2 >= TABLE) phase2 -= TABLE;
        }
        const index = from + at + i;
        if (index >= 0 && index < out.length) out[index] += amplitude * sample;
        phase += stride;
        if (phase >= TABLE) phase -= TABLE;
      }
    } else {
      phase = (phase + stride * size) % TABLE;
      phase2 = (phase2 + stride * second * size) % TABLE;
    }
    last = target;
    level *= at < held ? decay : release;
    colourLeft *= fade;
  }
}

function blend(bright: Float32Array, dull: Float32Array, phase: number, share: number): number {
  const i = phase | 0;
  const f = phase - i;
  const b = bright[i] + f * (bright[i + 1] - bright[i]);
  if (share > 0.999) return b;
  const d = dull[i] + f * (dull[i + 1] - dull[i]);
  return d + share * (b - d);
}

/**
 * A plucked string: a burst of noise goes round a delay line one period long and loses its upper partials on the way. The mean of
 * two neighbours delays by half a sample, hence the 0.5.
 */
function pluck(out: Float32Array, from: number, note: PlayedNote, rate: number, colour: Colour): void {
  const period = rate / frequencyOf(note.key) - 0.5;
  const length = Math.max(2, Math.floor(period));
  const fraction = period - length;
  const line = new Float32Array(length + 1);
  const random = new Seeded(note.key * 1009 + Math.round(note.start * 1000));
  const soft = 0.35 + 0.3 * Math.min(1, Math.max(0, colour.tilt + 0.3));
  let previous = 0;
  for (let i = 0; i <= length; i++) {
    const noise = random.between(-1, 1);
    previous = soft * previous + (1 - soft) * noise;
    line[i] = previous * 2.2;
  }
  const held = Math.round((note.end - note.start) * rate);
  const total = Math.min(held + Math.round(0.3 * rate), out.length - from);
  const damp = Math.exp(-1 / (0.05 * rate));
  let gain = note.velocity * 0.9;
  let at = 0;
  let last = 0;
  for (let i = 0; i < total; i++) {
    const next = at === length ? 0 : at + 1;
    const value = line[at] + (1 - fraction) * (line[next] - line[at]); // delay: length + fraction
    if (i >= held) gain *= damp;
    if (from + i >= 0) out[from + i] += gain * value;
    line[at] = 0.996 * 0.5 * (value + last);
    last = value;
    at = next;
  }
}

function drum(out: Float32Array, from: number, note: PlayedNote, rate: number): void {
  const random = new Seeded(note.key * 7919 + Math.round(note.start * 1000));
  const sounds: Record<
    number,
    [seconds: number, noise: number, low: number, high: number, brightness: number]
  > = {
    [DRUMS.kick]: [0.25, 0.02, 48, 140, 0],
    [DRUMS.snare]: [0.18, 0.7, 170, 210, 0.3],
    [DRUMS.hat]: [0.05, 0.5, 0, 0, 1],
    [DRUMS.openHat]: [0.3, 0.45, 0, 0, 1],
    [DRUMS.crash]: [1.2, 0.5, 0, 0, 0.9],
    [DRUMS.tom]: [0.3, 0.05, 90, 160, 0],
  };
  const [seconds, noise, low, high, brightness] = sounds[note.key] ?? sounds[DRUMS.tom];
  const total = Math.round(seconds * 3 * rate);
  let phase = 0;
  let previous = 0;
  for (let i = 0; i < total; i++) {
    const white = random.between(-1, 1);
    const index = from + i;
    if (index >= out.length) return;
    const t = i / rate;
    const envelope = Math.exp(-t / (seconds * 0.4));
    phase += (2 * Math.PI * (low + (high - low) * Math.exp(-t / 0.03))) / rate;
    const bright = white - brightness * previous;
    previous = white;
    const tone = high > 0 ? 1.6 * Math.sin(phase) : 0;
    if (index >= 0) out[index] += note.velocity * envelope * (tone + noise * bright);
  }
}
