// Plays a window of a MIDI file with a soundfont: spessasynth_core, dry (no reverb or chorus: they take more than half of the
// time), both channels averaged. The same input gives the same samples.

import {
  type BasicMIDI,
  type BasicSoundBank,
  SoundBankLoader,
  SpessaLog,
  SpessaSynthProcessor,
  SpessaSynthSequencer,
} from "spessasynth_core";
import { DataError } from "../../gpu/errors.js";

/** The rate in Hz that melgrad renders at. */
export const RENDER_RATE = 22_050;

/** Seconds played before a window and thrown away, so that notes that began earlier still sound in it. */
const LEAD_IN = 1;

/** Samples between two looks at the score: 5.8 ms. */
const BLOCK = 128;

SpessaLog.setLogLevel(false, false, false);

/** Reads a soundfont (SF2, SF3 or DLS). */
export function parseSoundfont(bytes: Uint8Array): BasicSoundBank {
  try {
    return SoundBankLoader.fromArrayBuffer(new Uint8Array(bytes).buffer);
  } catch (error) {
    throw new DataError(
      `not a soundfont that can be read (${error instanceof Error ? error.message : error})`,
    );
  }
}

/**
 * Renders `seconds` of a piece from `start` on (seconds from the beginning of the file) to mono samples at `sampleRate`, with
 * at most full-scale peaks: a window that would clip is made quieter as a whole.
 */
export async function renderWindow(
  midi: BasicMIDI,
  soundfont: BasicSoundBank,
  start: number,
  seconds: number,
  sampleRate = RENDER_RATE,
): Promise<Float32Array> {
  const synth = new SpessaSynthProcessor(sampleRate, { effectsEnabled: false, eventsEnabled: false });
  synth.soundBankManager.addSoundBank(soundfont, "main");
  await synth.processorInitialized;
  const sequencer = new SpessaSynthSequencer(synth);
  sequencer.preload = false;
  sequencer.skipToFirstNoteOn = false;
  sequencer.loopCount = 0;
  sequencer.loadNewSongList([midi]);
  sequencer.play();
  const leadIn = Math.min(LEAD_IN, start);
  if (start > leadIn) sequencer.currentTime = start - leadIn;

  const skipped = Math.round(leadIn * sampleRate);
  const length = skipped + Math.round(seconds * sampleRate);
  const left = new Float32Array(length);
  const right = new Float32Array(length);
  for (let at = 0; at < length; at += BLOCK) {
    sequencer.processTick();
    synth.process(left, right, at, Math.min(BLOCK, length - at));
  }
  const mono = new Float32Array(length - skipped);
  let peak = 0;
  for (let i = 0; i < mono.length; i++) {
    mono[i] = 0.5 * (left[i + skipped] + right[i + skipped]);
    peak = Math.max(peak, Math.abs(mono[i]));
  }
  if (peak > 0.999) for (let i = 0; i < mono.length; i++) mono[i] *= 0.999 / peak;
  return mono;
}
