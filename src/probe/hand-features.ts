// The hand-made features that music encoders are measured against, one vector a clip: 20 MFCCs and 12 chroma, each as mean and standard
// deviation over time of the feature and of its first and second differences, as in JukeMIR's baselines (Castellon, Donahue and
// Liang, 2021): 22 050 Hz, frames of 2048 every 512, 128 Slaney mels in decibels to 80 below the clip's maximum, an orthonormal
// DCT-II. Their chroma comes from a constant-Q transform; ours from triangles a semitone wide over a long FFT, which is not the same.
// And what they have not: a tempogram and a modulation spectrum (audio/rhythm.ts).
import { toMono } from "../audio/decode.js";
import { LogMel, Spectrogram } from "../audio/log-mel.js";
import { resampleSignal } from "../audio/resample.js";
import { modulationSpectrum, onsetCurves, rhythmSizes, tempogram } from "../audio/rhythm.js";
import { semitoneFilters } from "../audio/semitones.js";
import { type SpectrogramPlan, stftPlan } from "../audio/spectrogram-plan.js";
import type { Waveform } from "../audio/types.js";
import type { Gpu } from "../tensor/gpu.js";

const melRate = 22050;
const cepstra = 20;
const mels = 128;
/** A low rate, so that 4096 points resolve a semitone from the second octave on. */
const pitchRate = 11025;
const pitchFft = 4096;
/** MIDI notes C2 to B7. */
const lowestNote = 36;
const notes = 72;
const hop = 512;

/** Lengths of the vectors: mean and deviation of a feature and of two differences. */
export const handSizes = { mfcc: 6 * cepstra, chroma: 6 * 12, ...rhythmSizes } as const;
/** A kind of hand-made features. */
export type HandName = keyof typeof handSizes;
/** All kinds, in the order of their vectors. */
export const handNames = Object.keys(handSizes) as HandName[];

/** A vector of handSizes' length for each name. */
export type HandVectors = Record<HandName, Float32Array>;

/** Frames a second of what onsets are found in, and its mel bands. */
const onsetHop = 220;
const onsetRate = melRate / onsetHop;
const onsetMels = 40;

/** Computes hand-made features of clips on the device. */
export class HandFeatures {
  private readonly mel: LogMel;
  private readonly pitch: Spectrogram;
  private readonly onsets: LogMel;

  constructor(readonly gpu: Gpu) {
    this.mel = new LogMel(gpu, {
      sampleRate: melRate,
      nFft: 2048,
      hopLength: hop,
      nMels: mels,
      log: { kind: "db", topDb: 80 },
    });
    this.pitch = new Spectrogram(gpu, pitchPlan());
    const log = { kind: "log10", gain: 1e4 } as const;
    const sizes = { nFft: 1024, hopLength: onsetHop, nMels: onsetMels };
    this.onsets = new LogMel(gpu, { sampleRate: melRate, ...sizes, log });
  }

  /** Vectors of one clip of any rate and length. */
  async transform(waveform: Waveform): Promise<HandVectors> {
    const mono = toMono(waveform);
    const decibels = await this.rows(this.mel, mono, waveform.sampleRate, melRate);
    const pitches = await this.rows(this.pitch, mono, waveform.sampleRate, pitchRate);
    const fine = await this.rows(this.onsets, mono, waveform.sampleRate, melRate);
    return {
      mfcc: pooled(cepstrum(decibels, mels), cepstra),
      chroma: pooled(foldOctaves(pitches), 12),
      tempogram: tempogram(onsetCurves(fine, onsetMels), onsetRate),
      modulation: modulationSpectrum(fine, onsetMels, onsetRate),
    };
  }

  dispose(): void {
    this.mel.dispose();
    this.pitch.dispose();
    this.onsets.dispose();
  }

  /** [rows, frames] */
  private async rows(
    front: Spectrogram,
    mono: Float32Array,
    from: number,
    to: number,
  ): Promise<Float32Array> {
    const samples = from === to ? mono : await resampleSignal(this.gpu, mono, from, to);
    const result = this.gpu.scope(() => front.forward(this.gpu.tensor(samples, [1, samples.length])));
    const values = await result.data();
    result.dispose();
    return values;
  }
}

/** Magnitudes around each semitone; triangles reach to the neighbouring semitones and have area one. */
function pitchPlan(): SpectrogramPlan {
  const filters = semitoneFilters({ sampleRate: pitchRate, nFft: pitchFft }, lowestNote, notes);
  return { ...stftPlan({ nFft: pitchFft, hopLength: hop, power: 1 }), filters };
}

/** The first 20 coefficients of an orthonormal DCT-II over the bands of each frame: [bands, frames] → [20, frames]. */
export function cepstrum(values: Float32Array, bands: number, count = cepstra): Float64Array {
  const frames = values.length / bands;
  const out = new Float64Array(count * frames);
  for (let k = 0; k < count; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / bands);
    for (let b = 0; b < bands; b++) {
      const factor = scale * Math.cos((Math.PI * k * (2 * b + 1)) / (2 * bands));
      for (let t = 0; t < frames; t++) out[k * frames + t] += factor * values[b * frames + t];
    }
  }
  return out;
}

/** Sums the octaves of [72 notes, frames] and divides every frame by its largest class: [12, frames]. */
export function foldOctaves(values: Float32Array): Float64Array {
  const frames = values.length / notes;
  const out = new Float64Array(12 * frames);
  for (let note = 0; note < notes; note++) {
    for (let t = 0; t < frames; t++) out[(note % 12) * frames + t] += values[note * frames + t];
  }
  for (let t = 0; t < frames; t++) {
    let most = 0;
    for (let k = 0; k < 12; k++) most = Math.max(most, out[k * frames + t]);
    if (most > 1e-9) for (let k = 0; k < 12; k++) out[k * frames + t] /= most;
  }
  return out;
}

/** For the rows [rows, frames], their first and second differences: the means, then the standard deviations (0 of no frames). */
export function pooled(values: Float64Array, rows: number): Float32Array {
  const out: number[] = [];
  let now = values;
  let frames = values.length / rows;
  for (let order = 0; order < 3; order++) {
    const means: number[] = [];
    const deviations: number[] = [];
    for (let row = 0; row < rows; row++) {
      const own = now.subarray(row * frames, (row + 1) * frames);
      const mean = frames > 0 ? own.reduce((sum, value) => sum + value, 0) / frames : 0;
      const variance = frames > 0 ? own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / frames : 0;
      means.push(mean);
      deviations.push(Math.sqrt(variance));
    }
    out.push(...means, ...deviations);
    const left = Math.max(0, frames - 1);
    const next = new Float64Array(rows * left);
    for (let row = 0; row < rows; row++) {
      for (let t = 0; t < left; t++) next[row * left + t] = now[row * frames + t + 1] - now[row * frames + t];
    }
    now = next;
    frames = left;
  }
  return Float32Array.from(out);
}
