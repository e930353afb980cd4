// From a recording to the log-mel that the model sees, and from that to its patches: mono, resampled and transformed on the GPU in pieces of bounded
// size, so that an hour of audio takes no more memory than a minute. The pieces together equal one centred transform of
// the whole signal, reflected at its ends.

import { LogMel } from "../audio/log-mel.js";
import { toMono } from "../audio/mono.js";
import { patchify } from "../audio/patches.js";
import { resample, resampledLength, resamplePart, resampleSignal } from "../audio/resample.js";
import type { Waveform } from "../audio/types.js";
import { checkFirst } from "../checks/use.js";
import { DataError } from "../gpu/errors.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import type { FrontEndConfig, ModelConfig } from "./config.js";

/** Row-major [frames, nMels]: a crop in time is one contiguous range. */
export interface FrameMajorMel {
  /** Number of frames. */
  frames: number;
  /** frames·nMels values. */
  values: Float32Array;
}

/** Copies `frames` frames of a log-mel from `start` into `out` at `offset`, turned to [width, frames], silence after its end. */
export function copyCrop(
  { values, frames: available }: FrameMajorMel,
  width: number,
  start: number,
  frames: number,
  out: Float32Array,
  offset: number,
): void {
  const count = Math.max(0, Math.min(frames, available - start));
  for (let m = 0; m < width; m++) {
    const row = offset + m * frames;
    for (let f = 0; f < count; f++) out[row + f] = values[(start + f) * width + m];
    out.fill(0, row + count, row + frames);
  }
}

/** Frames transformed at a time, 65 s at 16 kHz with hop 512, of at most so many samples. */
const framesAtOnce = 2048;
const samplesAtOnce = 2 ** 22;

/** Checks the kernels of a front end where that was turned on for the device. */
export async function checkFrontEnd(gpu: Gpu, config: FrontEndConfig): Promise<void> {
  const { sampleRate, nFft } = config;
  const usual = sampleRate === 44100 ? 48000 : 44100;
  // Makes the resampler's tables, which outlive what is recorded.
  gpu.scope(() => resample(gpu.zeros([1, 1]), usual, sampleRate));
  await checkFirst(gpu, () => {
    const frontEnd = new FrontEnd(gpu, config);
    frontEnd.logMel.forward(resample(gpu.empty([1, 4 * nFft]), usual, sampleRate));
    frontEnd.dispose();
  });
}

/** A front end of the kernels that were found to be right here, where looking was turned on for the device. */
export async function openFrontEnd(gpu: Gpu, config: FrontEndConfig): Promise<FrontEnd> {
  await checkFrontEnd(gpu, config);
  return new FrontEnd(gpu, config);
}

/** From recordings of any rate and length to log-mels on the CPU, in pieces of bounded size. */
export class FrontEnd {
  /** The transform on the GPU. */
  readonly logMel: LogMel;

  constructor(
    /** Where it runs. */
    readonly gpu: Gpu,
    /** Its settings. */
    readonly config: FrontEndConfig,
  ) {
    const { sampleRate, nFft, hopLength, nMels, gain } = config;
    this.logMel = new LogMel(gpu, {
      sampleRate,
      nFft,
      hopLength,
      nMels,
      padMode: "reflect",
      log: { kind: "log10", gain },
    });
  }

  /** Frames of a recording of `samples` samples at the front end's rate. */
  frames(samples: number): number {
    return 1 + Math.floor(samples / this.config.hopLength);
  }

  /** The same of a recording of any rate. Throws DataError where it is too short for one. */
  framesOf({ sampleRate: given, channels }: Waveform): number {
    const { sampleRate, nFft } = this.config;
    const samples = resampledLength(channels[0].length, given, sampleRate);
    if (samples > nFft / 2) return this.frames(samples);
    throw new DataError(
      `${samples} samples at ${sampleRate} Hz are too few: at least ${nFft / 2 + 1} are needed.`,
    );
  }

  /** The log-mel of a recording of any rate and length (at least nFft/2 + 1 samples at the front end's rate). */
  async transform(waveform: Waveform): Promise<FrameMajorMel> {
    const frames = this.framesOf(waveform);
    const samples = toMono(waveform);
    const { nMels, hopLength, sampleRate } = this.config;
    const values = new Float32Array(frames * nMels);
    const fitting = Math.floor((samplesAtOnce * sampleRate) / waveform.sampleRate / hopLength);
    const step = Math.max(1, Math.min(framesAtOnce, fitting));
    for (let first = 0; first < frames; first += step) {
      const count = Math.min(step, frames - first);
      // The ends of a piece are mirrored as those of a recording are, so it begins and ends beyond what is wanted of it.
      const before = Math.min(first, this.margin);
      const mel = this.gpu.scope(() =>
        this.pieceOf(samples, waveform.sampleRate, first - before, first + count),
      );
      const made = mel.shape[2];
      const data = await mel.data();
      mel.dispose();
      for (let m = 0; m < nMels; m++) {
        const row = m * made + before;
        for (let f = 0; f < count; f++) values[(first + f) * nMels + m] = data[row + f];
      }
    }
    return { frames, values };
  }

  /** The log-mel of mono samples at the front end's rate. */
  transformMono(samples: Float32Array): Promise<FrameMajorMel> {
    return this.transform({ sampleRate: this.config.sampleRate, channels: [samples] });
  }

  /** Gives the tables back. */
  dispose(): void {
    this.logMel.dispose();
  }

  /** Log-mel [1, nMels, n] of a recording from one frame on: those before `end` and some that are not right. */
  private pieceOf(samples: Float32Array, rate: number, first: number, end: number): Tensor {
    const { sampleRate, hopLength } = this.config;
    const length = resampledLength(samples.length, rate, sampleRate);
    const last = Math.min(length, (end + this.margin) * hopLength);
    return this.logMel.forward(resamplePart(this.gpu, samples, rate, sampleRate, first * hopLength, last));
  }

  /** Frames that reach beyond the end of a piece, and one. */
  private get margin(): number {
    const { nFft, hopLength } = this.config;
    return 1 + Math.ceil(nFft / 2 / hopLength);
  }

  /** Mono samples at the front end's rate. */
  async mono(waveform: Waveform): Promise<Float32Array> {
    const mono = toMono(waveform);
    const { sampleRate } = this.config;
    if (waveform.sampleRate === sampleRate) return mono;
    return resampleSignal(this.gpu, mono, waveform.sampleRate, sampleRate);
  }
}

/** Normalised patches [B, T, P] of crops [B, nMels, frames] of log-mels. */
export function patchesOf(
  crops: Tensor,
  { patchMels, patchFrames }: ModelConfig,
  { mean, std }: { mean: number; std: number },
): Tensor {
  return patchify(crops, { patchMels, patchFrames, mean, std });
}
