// A run's folder as training leaves it, with a tiny model of random weights: for commands that start from a checkpoint.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomAt } from "../../src/data/batches.js";
import { type ModelConfig, preset } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { serialise } from "../../src/train/checkpoint.js";

export const tinyModel: ModelConfig = {
  frontEnd: { sampleRate: 16000, nFft: 512, hopLength: 512, nMels: 32, gain: 1e4 },
  patchMels: 16,
  patchFrames: 16,
  cropFrames: 32,
  width: 16,
  layers: 2,
  heads: 2,
  mlpRatio: 2,
};
export const tinyNormalisation = { mean: 1, std: 0.8 };

/** Writes the folder; runs of different seeds have different weights. `alone`: those of the encoder and no others. */
export async function writeRun(
  gpu: Gpu,
  folder: string,
  seed: number,
  { alone = false, config: shape = tinyModel }: { alone?: boolean; config?: ModelConfig } = {},
): Promise<void> {
  const { pretrain } = preset("demo");
  const sizes = encoderSizes(shape);
  const model = new Patchifier(gpu, sizes, randomAt(seed, "initialise"), alone ? [] : undefined);
  const weights = await model.parameters.read();
  model.dispose();
  mkdirSync(folder, { recursive: true });
  const config = {
    format: 1,
    preset: "demo",
    model: shape,
    pretrain,
    data: {},
    normalisation: tinyNormalisation,
    seed,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "model.safetensors"), serialise(weights));
}

/** Writes a folder of released models that holds one of them, the default: the encoder of `writeRun`'s run of the same seed. */
export async function writeReleased(gpu: Gpu, models: string, name: string, seed: number): Promise<void> {
  await writeRun(gpu, join(models, name), seed, { alone: true });
  writeFileSync(join(models, "index.json"), JSON.stringify({ default: name }));
}
