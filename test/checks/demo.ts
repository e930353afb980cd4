// The training step of `demo` as work to be checked: a trainer on noise, and its step with its held-out losses.
import { preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Random } from "../../src/tensor/random.js";
import { Trainer } from "../../src/train/trainer.js";

export function demoTrainer(gpu: Gpu, { batch = 8, captured = true } = {}): Trainer {
  const { model, pretrain } = preset("demo");
  const sampler = {
    draw: (random: Random, count: number) =>
      Float32Array.from({ length: count * 128 * model.cropFrames }, () => random.uniform()),
  };
  return new Trainer(gpu, {
    ...{ model, pretrain: { ...pretrain, batch }, normalisation: { mean: 0.5, std: 0.3 }, seed: 1 },
    ...{ sampler, heldOut: sampler, captured },
  });
}
