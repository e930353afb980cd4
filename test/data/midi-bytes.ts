// Hand-made MIDI files for tests: a tiny writer, independent of the reader under test.

/** An event: delta time in ticks, then its bytes. */
export type Event = [delta: number, ...bytes: number[]];

const chars = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

function variable(value: number): number[] {
  const bytes = [value & 127];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 127) | 128);
  return bytes;
}

/** A format 1 file. `division` is ticks in a quarter note. */
export function midiFile(tracks: Event[][], division = 480): Uint8Array {
  const chunks = tracks.map((events) => {
    const body = events.flatMap(([delta, ...bytes]) => [...variable(delta), ...bytes]);
    body.push(0, 0xff, 0x2f, 0);
    return [...chars("MTrk"), ...u32(body.length), ...body];
  });
  return Uint8Array.from([
    ...chars("MThd"),
    ...u32(6),
    0,
    1,
    0,
    tracks.length,
    division >> 8,
    division & 255,
    ...chunks.flat(),
  ]);
}

/** A set-tempo event. */
export function tempo(delta: number, bpm: number): Event {
  const micros = Math.round(60e6 / bpm);
  return [delta, 0xff, 0x51, 3, (micros >> 16) & 255, (micros >> 8) & 255, micros & 255];
}
