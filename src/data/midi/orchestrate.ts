// Gives channels of a MIDI piece other instruments: the notes stay, the General MIDI programs are drawn anew, so that what is played says
// nothing of who plays it. The drum channel is kept or silenced as a whole. Nothing is rendered here.
import { MIDIMessage as Message, type MIDIMessage } from "spessasynth_core";
import type { Seeded } from "../seeded.js";
import { FAMILIES, type Family, familyOf } from "./families.js";
import { midiNotes, parseMidi } from "./notes.js";

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
 * Some channels of a piece, with a family drawn for each, evenly and none twice before all were drawn, and a program of it; drums play in
 * half of the draws. All other channels are silent, and bank changes and system messages, which could bring other sounds, are taken out.
 * @param channels pitched channels, as notes.ts numbers them; by default all that have notes
 */
export function reorchestrated(
  bytes: Uint8Array,
  random: Seeded,
  channels: readonly number[] = pitchedChannels(bytes),
): Uint8Array {
  const midi = parseMidi(bytes);
  const withDrums = random.chance(0.5);
  const channelOf = (event: MIDIMessage, port: number) => (event.statusByte & 0x0f) + 16 * port;
  let left: Family[] = [];
  const drawn = new Map(
    channels.map((channel) => {
      if (left.length === 0) left = random.shuffled(pitched);
      return [channel, random.pick(programs.get(left.pop() as Family) as number[])];
    }),
  );
  const set = new Set<number>();
  for (const track of midi.tracks) {
    const port = track.port ?? 0;
    // Messages without a channel are below 0x80 (meta) or of the system.
    const voices = track.events.filter(({ statusByte }) => statusByte >= 0x80 && statusByte < SYSTEM);
    const own = [...new Set(voices.map((event) => channelOf(event, port)))].filter(
      (channel) => drawn.has(channel) && !set.has(channel),
    );
    for (let i = track.events.length - 1; i >= 0; i--) {
      const event = track.events[i];
      const plays = channelOf(event, port) % 16 === DRUMS ? withDrums : drawn.has(channelOf(event, port));
      if (isDropped(event, plays)) track.deleteEvent(i);
    }
    const programEvents = own.map((channel) => {
      set.add(channel);
      const program = Uint8Array.of(drawn.get(channel) as number);
      return new Message(0, (PROGRAM | (channel % 16)) as MIDIMessage["statusByte"], program);
    });
    track.addEvents(0, ...programEvents);
  }
  midi.flush();
  return new Uint8Array(midi.writeMIDI());
}

function pitchedChannels(bytes: Uint8Array): number[] {
  const sounding = midiNotes(parseMidi(bytes)).filter(({ drum }) => !drum);
  return [...new Set(sounding.map(({ channel }) => channel))].sort((a, b) => a - b);
}

/** `plays`: whether the event's channel is to be heard. */
function isDropped({ statusByte, data }: MIDIMessage, plays: boolean): boolean {
  if (statusByte >= SYSTEM) return true;
  if (statusByte < 0x80) return false;
  const kind = statusByte & 0xf0;
  if (kind === NOTE_ON && data[1] > 0 && !plays) return true;
  if ((statusByte & 0x0f) === DRUMS) return false;
  return kind === PROGRAM || (kind === CONTROL && (data[0] === 0 || data[0] === 32));
}
