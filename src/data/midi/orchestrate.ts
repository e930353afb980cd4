// Gives the channels of a MIDI piece other instruments: the notes stay, the General MIDI programs are drawn anew, so that what is played
// says nothing of who plays it. The drum channel is kept or silenced as a whole. Nothing is rendered here.
import { MIDIMessage as Message, type MIDIMessage } from "spessasynth_core";
import type { Seeded } from "../seeded.js";
import { FAMILIES, type Family, familyOf } from "./families.js";
import { parseMidi } from "./notes.js";

const NOTE_ON = 0x90;
const CONTROL = 0xb0;
const PROGRAM = 0xc0;
const SYSTEM = 0xf0;
const DRUMS = 9;

/** The programs of each pitched family. */
const programs = new Map<Family, number[]>();
for (let program = 0; program < 128; program++) {
  const family = familyOf(program);
  if (family) programs.set(family, [...(programs.get(family) ?? []), program]);
}
const pitched = FAMILIES.filter((family) => programs.has(family));

/**
 * The piece with a family drawn for each pitched channel, evenly and none twice before all were drawn, and a program of it; drums play
 * in half of the draws. Bank changes and system messages, which could bring other sounds, are taken out.
 */
export function reorchestrated(bytes: Uint8Array, random: Seeded): Uint8Array {
  const midi = parseMidi(bytes);
  const withDrums = random.chance(0.5);
  const channelOf = (event: MIDIMessage, port: number) => (event.statusByte & 0x0f) + 16 * port;
  const sounding = new Set<number>();
  for (const { events, port } of midi.tracks) {
    for (const event of events) {
      if ((event.statusByte & 0xf0) === NOTE_ON) sounding.add(channelOf(event, port ?? 0));
    }
  }
  const players = [...sounding].filter((channel) => channel % 16 !== DRUMS).sort((a, b) => a - b);
  let left: Family[] = [];
  const drawn = new Map(
    players.map((channel) => {
      if (left.length === 0) left = random.shuffled(pitched);
      return [channel, random.pick(programs.get(left.pop() as Family) as number[])];
    }),
  );
  const set = new Set<number>();
  for (const track of midi.tracks) {
    const port = track.port ?? 0;
    const own = [...new Set(track.events.map((event) => channelOf(event, port)))].filter(
      (channel) => drawn.has(channel) && !set.has(channel),
    );
    for (let i = track.events.length - 1; i >= 0; i--) {
      if (isDropped(track.events[i], withDrums)) track.deleteEvent(i);
    }
    const programEvents = own
      .filter((channel) => sounding.has(channel))
      .map((channel) => {
        set.add(channel);
        const program = Uint8Array.of(drawn.get(channel) as number);
        return new Message(0, (PROGRAM | (channel % 16)) as MIDIMessage["statusByte"], program);
      });
    track.addEvents(0, ...programEvents);
  }
  midi.flush();
  return new Uint8Array(midi.writeMIDI());
}

function isDropped({ statusByte, data }: MIDIMessage, withDrums: boolean): boolean {
  if (statusByte === SYSTEM) return true;
  const kind = statusByte & 0xf0;
  if (statusByte < 0x80 || kind === SYSTEM) return false;
  if ((statusByte & 0x0f) === DRUMS) return kind === NOTE_ON && data[1] > 0 && !withDrums;
  return kind === PROGRAM || (kind === CONTROL && (data[0] === 0 || data[0] === 32));
}
