// Chroma of a recording, frame by frame beside its log-mel: what the objective `targets` asks for, from an FFT four times as long as
// the log-mel's, which tells semitones apart from about 130 Hz on. The hand-made features of the probes have their own.
import { Spectrogram } from "../audio/log-mel.js";
import { semitoneFilters } from "../audio/semitones.js";
import { type SpectrogramPlan, stftPlan } from "../audio/spectrogram-plan.js";
import type { Gpu } from "../tensor/gpu.js";
import type { FrontEndConfig } from "./config.js";

export const chromaSettings = { nFft: 4096, lowestNote: 36, notes: 60 } as const;

/** Frames transformed at a time. */
const framesAtOnce = 2048;

/** Magnitudes of the five octaves from C2 at the front end's rate and hop. */
function notePlan({ sampleRate, hopLength }: FrontEndConfig): SpectrogramPlan {
  const { nFft, lowestNote, notes } = chromaSettings;
  const filters = semitoneFilters({ sampleRate, nFft }, lowestNote, notes);
  return { ...stftPlan({ nFft, hopLength, power: 1, center: false }), filters };
}

export class Chroma {
  private readonly spectrogram: Spectrogram;

  constructor(
    readonly gpu: Gpu,
    readonly config: FrontEndConfig,
  ) {
    this.spectrogram = new Spectrogram(gpu, notePlan(config));
  }

  /** Of mono samples at the front end's rate: row-major [frames, 12], each frame's largest class 1, silence 0. */
  async transform(samples: Float32Array, frames: number): Promise<Float32Array> {
    const { nFft } = chromaSettings;
    const { hopLength } = this.config;
    const padded = new Float32Array(nFft / 2 + frames * hopLength + nFft);
    padded.set(samples.subarray(0, padded.length - nFft / 2), nFft / 2);
    const out = new Float32Array(frames * 12);
    for (let first = 0; first < frames; first += framesAtOnce) {
      const count = Math.min(framesAtOnce, frames - first);
      const start = first * hopLength;
      const piece = padded.slice(start, start + (count - 1) * hopLength + nFft);
      const notes = this.gpu.scope(() => this.spectrogram.forward(this.gpu.tensor(piece, [1, piece.length])));
      foldOctaves(await notes.data(), count, out.subarray(first * 12));
      notes.dispose();
    }
    return out;
  }

  dispose(): void {
    this.spectrogram.dispose();
  }
}

/** [notes, frames] summed over octaves and divided by each frame's largest, as [frames, 12]. */
function foldOctaves(values: Float32Array, frames: number, out: Float32Array): void {
  const notes = values.length / frames;
  for (let t = 0; t < frames; t++) {
    let most = 0;
    for (let k = 0; k < 12; k++) {
      let sum = 0;
      for (let note = k; note < notes; note += 12) sum += values[note * frames + t];
      out[t * 12 + k] = sum;
      most = Math.max(most, sum);
    }
    if (most > 1e-6) for (let k = 0; k < 12; k++) out[t * 12 + k] /= most;
    else out.fill(0, t * 12, t * 12 + 12);
  }
}
