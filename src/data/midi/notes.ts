// The notes of a MIDI file in seconds, each with the General MIDI program that plays it: what exact labels are made from.
// Parsing is spessasynth_core's; sound is made in render.ts.

import { BasicMIDI } from "spessasynth_core";
import { DataError } from "../../gpu/errors.js";

/** One note. Times are in seconds from the beginning of the file. */
export interface Note {
  start: number;
  end: number;
  /** MIDI key, 60 = middle C. */
  key: number;
  /** 1–127. */
  velocity: number;
  /** 0-based MIDI channel; channel 9 plays drums. */
  channel: number;
  /** General MIDI program 0–127 that was set on the channel when the note began. */
  program: number;
  drum: boolean;
}

/** The shortest time in seconds that a drum hit counts for: its note-off says nothing about how long it rings. */
export const DRUM_SECONDS = 0.1;

const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;
const CONTROL = 0xb0;
const PROGRAM = 0xc0;
const META_TEMPO = 0x51;

/** Reads a standard MIDI file. Throws DataError where the bytes are not one, or one that is damaged. */
export function parseMidi(bytes: Uint8Array): BasicMIDI {
  checkSizes(bytes);
  try {
    return BasicMIDI.fromArrayBuffer(new Uint8Array(bytes).buffer);
  } catch (error) {
    throw new DataError(
      `not a MIDI file that can be read (${error instanceof Error ? error.message : error})`,
    );
  }
}

/**
 * Throws DataError where a track or an event says that it is longer than what is left: the parser makes room for whatever is said, and
 * reads it as events of zeros.
 */
function checkSizes(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isChunk = (at: number, name: string) =>
    at + 8 <= bytes.length && [...name].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
  const refuse = (what: string, said: number, left: number) => {
    throw new DataError(
      `not a MIDI file that can be read (${what} says ${said} bytes, and ${left} are left: truncated or damaged)`,
    );
  };
  if (!isChunk(0, "MThd")) return; // no standard MIDI file, or one in a container that has lengths of its own
  for (let at = 8 + view.getUint32(4); isChunk(at, "MTrk"); ) {
    const size = view.getUint32(at + 4);
    const end = at + 8 + size;
    if (end > bytes.length) refuse("a track", size, bytes.length - at - 8);
    at += 8;
    let running: number | undefined;
    const variable = () => {
      let value = 0;
      for (let more = true; more && at < end; at++) {
        value = value * 128 + (bytes[at] & 127);
        more = bytes[at] >= 128;
      }
      return value;
    };
    while (at < end) {
      variable();
      const status: number | undefined = bytes[at] >= 128 ? bytes[at++] : running;
      if (status === undefined) return; // the parser says so
      let length = 0;
      if (status < 0xf0) {
        running = status;
        length = status >= PROGRAM && status < 0xe0 ? 1 : 2;
      } else if (status === 0xf0) length = variable();
      else if (status === 0xff) {
        at++;
        length = variable();
      }
      if (length > end - at) refuse("an event", length, Math.max(0, end - at));
      at += length;
    }
  }
}

/** All notes in order of their start. Notes on a channel whose volume or expression is 0 make no sound and are left out. */
export function midiNotes(midi: BasicMIDI): Note[] {
  const notes: Note[] = [];
  const open = new Map<number, Note[]>(); // channel · 128 + key → notes that sound
  const program = new Map<number, number>();
  const silent = new Map<number, boolean[]>(); // channel → [volume is 0, expression is 0]
  let secondsPerTick = 0.5 / midi.timeDivision;
  let lastTick = 0;
  let time = 0;

  for (const { tr, ev } of midi.timeline) {
    const event = midi.tracks[tr].events[ev];
    time += (event.ticks - lastTick) * secondsPerTick;
    lastTick = event.ticks;
    if (event.statusByte === META_TEMPO) {
      const [a, b, c] = event.data;
      secondsPerTick = ((a << 16) | (b << 8) | c) / 1e6 / midi.timeDivision;
      continue;
    }
    const channel = (event.statusByte & 0x0f) + 16 * (midi.tracks[tr].port ?? 0);
    const [first, second] = event.data;
    const slot = channel * 128 + first;
    switch (event.statusByte & 0xf0) {
      case PROGRAM:
        program.set(channel, first);
        break;
      case CONTROL:
        if (first === 7 || first === 11) {
          const state = silent.get(channel) ?? [false, false];
          state[first === 7 ? 0 : 1] = second === 0;
          silent.set(channel, state);
        }
        break;
      case NOTE_ON:
      case NOTE_OFF: {
        const on = (event.statusByte & 0xf0) === NOTE_ON && second > 0;
        if (!on) {
          const note = open.get(slot)?.shift();
          if (note) note.end = time;
          break;
        }
        if (silent.get(channel)?.includes(true)) break;
        const drum = channel % 16 === 9;
        const note: Note = {
          start: time,
          end: Number.POSITIVE_INFINITY,
          key: first,
          velocity: second,
          channel,
          program: program.get(channel) ?? 0,
          drum,
        };
        notes.push(note);
        const waiting = open.get(slot);
        if (waiting) waiting.push(note);
        else open.set(slot, [note]);
        break;
      }
    }
  }
  for (const note of notes) {
    if (note.end === Number.POSITIVE_INFINITY) note.end = time;
    if (note.drum) note.end = Math.max(note.end, note.start + DRUM_SECONDS);
  }
  return notes;
}
