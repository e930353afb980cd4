// A trainer of a tiny model on noise, two clips a step: for tests of what surrounds the numbers of a step.
import { type PretrainConfig, preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Random } from "../../src/tensor/random.js";
import { Trainer, type TrainerOptions } from "../../src/train/trainer.js";
import { tinyModel, tinyNormalisation } from "./run-folder.js";

/** `spoil` may change the crops of a draw [B, nMels, frames], of which it is told the number, from 0. */
export function tinyTrainer(
  gpu: Gpu,
  seed: number,
  spoil: (crops: Float32Array, draw: number) => void = () => {},
  options: Partial<TrainerOptions> = {},
  plan: Partial<PretrainConfig> = {},
): Trainer {
  let draws = 0;
  const sampler = {
    draw(random: Random, batch: number) {
      const size = batch * tinyModel.frontEnd.nMels * tinyModel.cropFrames;
      const crops = Float32Array.from({ length: size }, () => random.uniform());
      spoil(crops, draws++);
      return crops;
    },
  };
  const { pretrain } = preset("demo");
  return new Trainer(gpu, {
    model: tinyModel,
    pretrain: { ...pretrain, batch: 2, warmup: 2, steps: 100, ...plan },
    normalisation: tinyNormalisation,
    seed,
    sampler,
    ...options,
  });
}
