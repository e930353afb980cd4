// Optimiser kernels, the audio front end, and whole training steps: the step of the demo preset as train.js takes it, and
// its parts. The batch is noise, which takes as long as music.
import { LogMel, stftPower } from "../src/audio/log-mel.js";
import { patchify } from "../src/audio/patches.js";
import { resample } from "../src/audio/resample.js";
import { zeros } from "../src/nn/init.js";
import { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "../src/nn/optim.js";
import { ParameterSet } from "../src/nn/parameters.js";
import { backward } from "../src/ops/autograd.js";
import { patchGrid, preset } from "../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../src/patchifier/encoder.js";
import { clusteredMask, maskedCount, uploadMask } from "../src/patchifier/masks.js";
import { pretrainLosses } from "../src/patchifier/objectives.js";
import type { Gpu } from "../src/tensor/gpu.js";
import { Random } from "../src/tensor/random.js";
import { forward, times } from "./case.js";
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

/** Log-mel of `batch` clips: 16 kHz, 1024-point FFT, hop 256, 128 Slaney bands, the peers' setting. */
function logMel(batch: number, seconds: number, hopLength = 256): BenchCase {
  const samples = rate * seconds;
  return {
    name: `logmel_hop${hopLength}`,
    shape: `${batch} × ${seconds} s`,
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
  return [
    forward({
      name: "stft_power",
      shape: "10 s",
      work: { amount: 10, unit: "s audio" },
      inputs: (gpu) => [noise(gpu, [1, 10 * rate])],
      forward: ([x]) => stftPower(x, { nFft: 1024, hopLength: 256 }),
    }),
    logMel(1, 10),
    logMel(16, 10),
    forward({
      name: "resample_44k1_16k",
      shape: "4 × 10 s",
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

type Part = "forward" | "forward+backward" | "whole";

/** One training step of a preset, or the first parts of it. */
function step(name: string, part: Part, batch?: number): BenchCase {
  const { model, pretrain } = preset(name);
  const clips = batch ?? pretrain.batch;
  const grid = patchGrid(model);
  return {
    name: part === "whole" ? `train_step_${name}` : `train_step_${name}_${part}`,
    shape: `${clips} clips × ${grid.tokens} tokens, ${model.width}/${model.layers}/${model.heads}`,
    work: { amount: clips, unit: "clips" },
    prepare(gpu) {
      const random = new Random(1);
      const patchifier = new Patchifier(gpu, encoderSizes(model), random);
      const clipper = new GradientClipper(patchifier.parameters);
      const { betas, weightDecay, clipNorm } = pretrain;
      const optimizer = new Optimizer(patchifier.parameters, { rule: "adamw", betas, weightDecay });
      const crops = Float32Array.from({ length: clips * model.frontEnd.nMels * model.cropFrames }, () =>
        random.uniform(),
      );
      const { patchMels, patchFrames } = model;
      const count = maskedCount(grid.tokens, pretrain.maskRatio);
      const run = () => {
        const mel = gpu.tensor(crops, [clips, model.frontEnd.nMels, model.cropFrames]);
        const tokens = patchify(mel, { patchMels, patchFrames, mean: 0.5, std: 0.3 });
        const masks = Array.from({ length: clips }, () => clusteredMask(random, grid, count));
        const { loss } = pretrainLosses(patchifier, tokens, uploadMask(gpu, masks, grid.tokens), pretrain);
        if (part === "forward") return;
        patchifier.parameters.zeroGrad();
        backward(loss);
        if (part === "forward+backward") return;
        clipper.measure(clipNorm);
        optimizer.update(1e-4, clipper);
      };
      const dispose = () => {
        optimizer.dispose();
        clipper.dispose();
        patchifier.dispose();
      };
      return { tensors: [], run, dispose };
    },
  };
}

/** The step that `node train.js` takes. */
export function demoStep(): BenchCase {
  return step("demo", "whole");
}

/** Steps and their parts; the larger presets only where a GPU is there, since a software adapter takes minutes a step. */
export function stepCases(software: boolean): BenchCase[] {
  const demo = [step("demo", "forward"), step("demo", "forward+backward"), step("demo", "whole")];
  return software ? demo : [...demo, step("small", "whole"), step("base", "whole")];
}
