// Optimiser kernels and the audio front end. Whole training steps stand in step.ts.
import { LogMel, stftPower } from "../audio/log-mel.js";
import { patchify } from "../audio/patches.js";
import { resample, resampledLength, resampleKernel } from "../audio/resample.js";
import { zeros } from "../nn/init.js";
import { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "../nn/optim.js";
import { ParameterSet } from "../nn/parameters.js";
import type { Gpu } from "../tensor/gpu.js";
import { Random } from "../tensor/random.js";
import { forward, times } from "./case.js";
import { logMelFlops, stftFlops } from "./flops.js";
import { type BenchCase, noise } from "./types.js";

const M = 2 ** 20;

function parameters(gpu: Gpu): ParameterSet {
  return new ParameterSet(gpu, [{ name: "w", shape: [1024, 1024], init: zeros }], new Random(0));
}

function update(name: string, options: OptimizerOptions, bytes: number): BenchCase {
  return {
    name,
    shape: `${M}`,
    bytes,
    prepare(gpu) {
      const set = parameters(gpu);
      const optimizer = new Optimizer(set, options);
      const dispose = () => {
        optimizer.dispose();
        set.dispose();
      };
      return { tensors: [], run: () => optimizer.update(1e-3), dispose };
    },
  };
}

export function optimizerCases(): BenchCase[] {
  return [
    update("adamw", { rule: "adamw", weightDecay: 0.01 }, 28 * M),
    update("sgd_momentum", { rule: "sgd", momentum: 0.9 }, 20 * M),
    {
      name: "gradient_norm",
      shape: `${M}`,
      bytes: 4 * M,
      prepare(gpu) {
        const set = parameters(gpu);
        const clipper = new GradientClipper(set);
        const dispose = () => {
          clipper.dispose();
          set.dispose();
        };
        return { tensors: [], run: () => clipper.measure(1), dispose };
      },
    },
    {
      name: "moving_average",
      shape: `${M}`,
      bytes: 12 * M,
      prepare(gpu) {
        const set = parameters(gpu);
        const average = new MovingAverage(set);
        const dispose = () => {
          average.dispose();
          set.dispose();
        };
        return { tensors: [], run: () => average.update(0.99), dispose };
      },
    },
  ];
}

const rate = 16000;
const nFft = 1024;
const nMels = 128;

/** Log-mel of `batch` clips: 16 kHz, 1024-point FFT, hop 256, 128 Slaney bands, the peers' setting. */
function logMel(batch: number, seconds: number, hopLength = 256): BenchCase {
  const samples = rate * seconds;
  const frames = batch * (1 + Math.floor(samples / hopLength));
  return {
    name: `logmel_hop${hopLength}`,
    shape: `${batch} × ${seconds} s`,
    flops: logMelFlops(frames, nFft, nMels),
    bytes: 4 * (batch * samples + frames * nMels),
    work: { amount: batch * seconds, unit: "s audio" },
    prepare(gpu) {
      const waveforms = noise(gpu, [batch, samples]);
      const logMel = new LogMel(gpu, { hopLength });
      return {
        tensors: [waveforms],
        run: () => void logMel.forward(waveforms),
        dispose: () => logMel.dispose(),
      };
    },
  };
}

function patches(): BenchCase {
  const [batch, nMels, frames] = [64, 128, 256];
  return forward({
    name: "patchify",
    shape: times(batch, nMels, frames),
    bytes: 8 * batch * nMels * frames,
    inputs: (gpu) => [noise(gpu, [batch, nMels, frames])],
    forward: ([mel]) => patchify(mel, { patchMels: 16, patchFrames: 16, mean: 1, std: 0.7 }),
  });
}

export function audioCases(): BenchCase[] {
  const frames = 1 + (10 * rate) / 256;
  const resampled = 4 * resampledLength(441_000, 44_100, rate);
  return [
    forward({
      name: "stft_power",
      shape: "10 s",
      flops: stftFlops(frames, nFft),
      bytes: 4 * (10 * rate + frames * (nFft / 2 + 1)),
      work: { amount: 10, unit: "s audio" },
      inputs: (gpu) => [noise(gpu, [1, 10 * rate])],
      forward: ([x]) => stftPower(x, { nFft, hopLength: 256 }),
    }),
    logMel(1, 10),
    logMel(16, 10),
    forward({
      name: "resample_44k1_16k",
      shape: "4 × 10 s",
      flops: 2 * resampled * resampleKernel(44_100, rate).length,
      bytes: 4 * (4 * 441_000 + resampled),
      work: { amount: 40, unit: "s audio" },
      inputs: (gpu) => [noise(gpu, [4, 441_000])],
      forward: ([x]) => resample(x, 44_100, rate),
    }),
    patches(),
  ];
}

/** More lengths, batches and hops of the front end. */
export function melCases(): BenchCase[] {
  return [
    logMel(1, 10),
    logMel(1, 30),
    logMel(16, 10),
    logMel(16, 30),
    logMel(1, 30, 512),
    logMel(16, 30, 512),
  ];
}
