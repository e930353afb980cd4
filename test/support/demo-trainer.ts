// A trainer of the demo model on noise, two clips a step: the real step, for tests that need no music.
import { preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Random } from "../../src/tensor/random.js";
import { Trainer } from "../../src/train/trainer.js";

export function demoTrainer(gpu: Gpu, seed: number, captured: boolean): Trainer {
  const { model, pretrain } = preset("demo");
  const sampler = {
    draw: (random: Random, batch: number) =>
      Float32Array.from({ length: batch * model.frontEnd.nMels * model.cropFrames }, () => random.uniform()),
  };
  return new Trainer(gpu, {
    model,
    pretrain: { ...pretrain, batch: 2, warmup: 2 },
    normalisation: { mean: 0.5, std: 0.3 },
    seed,
    sampler,
    heldOut: sampler,
    captured,
  });
}
