// A trainer of the demo model on noise, two clips a step or as many as are asked for: the real step, for tests that need no music.
import { preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Random } from "../../src/tensor/random.js";
import { Trainer, type TrainerOptions } from "../../src/train/trainer.js";

export function demoTrainer(
  gpu: Gpu,
  seed: number,
  { batch = 2, ...more }: { batch?: number } & Pick<TrainerOptions, "captured" | "group"> = {},
): Trainer {
  const { model, pretrain } = preset("demo");
  const sampler = {
    draw: (random: Random, count: number) =>
      Float32Array.from({ length: count * model.frontEnd.nMels * model.cropFrames }, () => random.uniform()),
  };
  return new Trainer(gpu, {
    model,
    pretrain: { ...pretrain, batch, warmup: 2 },
    normalisation: { mean: 0.5, std: 0.3 },
    seed,
    sampler,
    heldOut: sampler,
    ...more,
  });
}
