// Rendering MIDI with a soundfont: notes sound when the file says, windows fall where they are asked for, twice the same.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BasicSoundBank } from "spessasynth_core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeAudio } from "../../src/audio/decode.js";
import { parseMidi } from "../../src/data/midi/notes.js";
import { parseSoundfont, RENDER_RATE, renderWindow } from "../../src/data/midi/render.js";
import { renderAll } from "../../src/data/midi/render-pool.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { DataError } from "../../src/gpu/errors.js";
import { midiFile, tempo } from "./midi-bytes.js";

// Silence, then one note from 4 to 5 s, at 60 BPM.
const song = midiFile([
  [tempo(0, 60), [0, 0xc0, 0], [1920, 0x90, 69, 110], [480, 0x80, 69, 0], [1920, 0xb0, 1, 0]],
]);

let soundfont: Uint8Array;
let dir: string;
beforeAll(async () => {
  soundfont = new Uint8Array(await BasicSoundBank.getSampleSoundBankFile());
  dir = await mkdtemp(join(tmpdir(), "melgrad-render-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Seconds of the first sample that is clearly not silent. */
const onset = (samples: Float32Array) => samples.findIndex((sample) => Math.abs(sample) > 1e-3) / RENDER_RATE;

describe("renderWindow", () => {
  it("sounds a note at its time, in the whole piece and in a window of it", async () => {
    const bank = parseSoundfont(soundfont);
    const whole = await renderWindow(parseMidi(song), bank, 0, 6);
    expect(whole.length).toBe(6 * RENDER_RATE);
    expect(Math.abs(onset(whole) - 4) < 0.03, `onset ${onset(whole)}`).toBe(true);
    const part = await renderWindow(parseMidi(song), bank, 2.5, 3);
    expect(part.length).toBe(3 * RENDER_RATE);
    expect(Math.abs(onset(part) - 1.5) < 0.03, `onset ${onset(part)}`).toBe(true);
  });

  it("lets a note that began before the window sound in it", async () => {
    const bank = parseSoundfont(soundfont);
    const part = await renderWindow(parseMidi(song), bank, 4.5, 1);
    expect(onset(part)).toBeGreaterThanOrEqual(0);
    expect(onset(part)).toBeLessThan(0.1);
  });

  it("gives the same bytes twice", async () => {
    const render = async () => renderWindow(parseMidi(song), parseSoundfont(soundfont), 3.7, 1.5);
    expect(Buffer.from((await render()).buffer).equals(Buffer.from((await render()).buffer))).toBe(true);
  });

  it("refuses what is not a soundfont", () => {
    expect(() => parseSoundfont(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))).toThrow(DataError);
  });
});

describe("renderAll", () => {
  it("does every job once, and stops when told to", async () => {
    const path = join(dir, "bank.sf2");
    await writeFile(path, soundfont);
    const jobs = [3, 3.5, 4].map((start) => ({ midi: song, soundfont: path, start, seconds: 1 }));
    const lengths: number[] = [];
    await renderAll(jobs, async (index, wav) => {
      lengths[index] = (await decodeAudio(wav)).channels[0].length;
    });
    expect(lengths).toEqual([RENDER_RATE, RENDER_RATE, RENDER_RATE]);

    const abort = new AbortController();
    const stopped = new Error("stopped");
    const seen: number[] = [];
    const run = renderAll(
      jobs,
      async (index) => {
        seen.push(index);
        abort.abort(stopped);
      },
      abort.signal,
    );
    await expect(run).rejects.toBe(stopped);
    expect(seen.length).toBe(1);
  });
});

describe("encodeWav16", () => {
  it("is read back by the decoder to within half a step, clipped at full scale", async () => {
    const samples = Float32Array.from({ length: 1000 }, () => Math.random() * 2.4 - 1.2);
    const { sampleRate, channels } = await decodeAudio(encodeWav16(samples, 16_000));
    expect(sampleRate).toBe(16_000);
    expect(channels.length).toBe(1);
    channels[0].forEach((value, i) => {
      const wanted = Math.max(-1, Math.min(32767 / 32768, samples[i]));
      expect(Math.abs(value - wanted) <= 0.5001 / 32768).toBe(true);
    });
  });
});
