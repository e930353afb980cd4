// One piece of rendering work as plain data, and the function that does it: shared by the worker thread and by the fallback
// that renders in the calling thread. The last soundfonts and pieces are kept parsed.

import { readFile } from "node:fs/promises";
import type { BasicMIDI, BasicSoundBank } from "spessasynth_core";
import { encodeWav16 } from "../pcm16.js";
import { parseMidi } from "./notes.js";
import { parseSoundfont, RENDER_RATE, renderWindow } from "./render.js";

/** Render `seconds` of `midi` from `start` on with the soundfont file at `soundfont`. */
export interface RenderJob {
  midi: Uint8Array;
  soundfont: string;
  start: number;
  seconds: number;
}

let bank: { path: string; parsed: BasicSoundBank } | undefined;
let piece: { bytes: Uint8Array; parsed: BasicMIDI } | undefined;

/** Does a job; the result is a 16-bit mono WAV file at RENDER_RATE. */
export async function renderJob(job: RenderJob): Promise<Uint8Array> {
  if (bank?.path !== job.soundfont)
    bank = { path: job.soundfont, parsed: parseSoundfont(await readFile(job.soundfont)) };
  if (piece?.bytes !== job.midi) piece = { bytes: job.midi, parsed: parseMidi(job.midi) };
  const samples = await renderWindow(piece.parsed, bank.parsed, job.start, job.seconds);
  return encodeWav16(samples, RENDER_RATE);
}
