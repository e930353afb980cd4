// Small music for tests: seeded chords with a decaying envelope and a noise beat, written as WAV files.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { Random } from "../../src/tensor/random.js";

/** `seconds` of chords at `sampleRate`. */
export function chords(seed: number, seconds: number, sampleRate = 16000): Float32Array {
  const random = new Random(seed);
  const samples = new Float32Array(Math.round(seconds * sampleRate));
  const beat = Math.round(sampleRate / 2);
  let notes: number[] = [];
  for (let i = 0; i < samples.length; i++) {
    const within = i % beat;
    if (within === 0) notes = [0, 4, 7].map((step) => 110 * 2 ** ((random.integer(24) + step) / 12));
    const t = within / sampleRate;
    let value = 0;
    for (const f of notes) value += Math.sin(2 * Math.PI * f * t) * Math.exp(-3 * t);
    const noise = within < sampleRate / 50 ? random.normal() * 0.3 : 0;
    samples[i] = 0.2 * value + 0.2 * noise;
  }
  return samples;
}

/** Writes `files` WAVs of `seconds` each below `folder`, some in a subfolder. */
export function writeMusic(folder: string, files = 4, seconds = 8, seed = 1): void {
  for (let i = 0; i < files; i++) {
    const path = join(folder, i % 2 === 0 ? `piece-${i}.wav` : `more/piece-${i}.wav`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeWav16(chords(seed + i, seconds), 16000));
  }
}
