// A trained model from a run's folder or a released one: its final weights, or its last checkpoint where it has not ended yet. Everything
// is checked before a weight is used. Going on with training is pretrain.ts's, which folder is meant released.ts's.
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { randomAt } from "../data/batches.js";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";
import type { NamedValues } from "../nn/parameters.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { objectiveSpecs } from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import { deserialise, modelFingerprint, readCheckpoint } from "./checkpoint.js";
import { parseConfig, type RunConfig } from "./config.js";
import { chooseModel } from "./released.js";
import { RunFolder, reasonOf } from "./run-folder.js";

/** A trained model with its settings. */
export interface LoadedModel {
  /** The encoder, with the heads of its objective where they were saved. */
  model: Patchifier;
  /** The run's config.json. */
  config: RunConfig;
  /** Which file the weights came from. */
  path: string;
}

/**
 * Loads the model of a run's folder (config.json with model.safetensors or checkpoint/), of its checkpoint folder, or a released model by
 * its name; without a name, the released model that is the default. Weights of an encoder alone give an encoder alone. Throws UsageError
 * where the folder is none of these, DataError where what is there is damaged or of another model.
 */
export async function loadModel(gpu: Gpu, named?: string): Promise<LoadedModel> {
  const { folder: dir } = await chooseModel(named);
  if (!(await exists(dir))) {
    throw new UsageError(`There is no '${dir}': write the folder of a run, such as runs/NAME.`);
  }
  const isCheckpoint = !(await exists(join(dir, "config.json"))) && (await exists(join(dir, "state.json")));
  const run = new RunFolder(isCheckpoint ? dirname(resolve(dir)) : dir);
  if (!(await exists(run.configPath))) {
    throw new UsageError(
      isCheckpoint
        ? `The checkpoint ${dir} has no config.json beside it in ${run.path}: write the run's folder.`
        : `'${dir}' is not a run's folder (no config.json): write one that melgrad train made.`,
    );
  }
  const config = parseConfig(await run.readJson("config.json"), run.configPath);
  const final = run.file("model.safetensors");
  const checkpoint = isCheckpoint ? join(run.path, basename(resolve(dir))) : run.checkpointPath;
  const useFinal = !isCheckpoint && (await exists(final));
  const path = useFinal ? final : join(checkpoint, "model.safetensors");
  const weights = useFinal ? await readWeights(final) : await checkpointWeights(checkpoint, config);

  const heads = objectiveSpecs(config.model, config.pretrain);
  const added = heads.some(({ name }) => weights.has(name)) ? heads : [];
  const model = new Patchifier(gpu, encoderSizes(config.model), randomAt(0, "initialise"), added);
  try {
    const known = new Set(model.parameters.names);
    const unknown = [...weights.keys()].find((name) => !known.has(name));
    if (unknown !== undefined) {
      throw new DataError(`The model of config.json has no '${unknown}': the weights are of another model.`);
    }
    for (const [name, { data }] of weights) {
      if (!data.every(Number.isFinite)) throw new DataError(`'${name}' holds values that are not finite.`);
    }
    model.parameters.write(weights);
  } catch (error) {
    model.dispose();
    if (error instanceof DataError) throw new DataError(`${path}: ${error.message}`);
    throw error;
  }
  return { model, config, path };
}

async function readWeights(path: string): Promise<NamedValues> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${reasonOf(error)}.`);
  }
  try {
    return deserialise(bytes, path);
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${path}: ${error.message}`);
    throw error;
  }
}

async function checkpointWeights(path: string, config: RunConfig): Promise<NamedValues> {
  const checkpoint = await readCheckpoint(path);
  if (!checkpoint) {
    throw new DataError(
      `${dirname(path)} holds no weights yet (neither model.safetensors nor checkpoint/): train it first.`,
    );
  }
  if (checkpoint.state.model !== modelFingerprint(config.model)) {
    throw new DataError(`The checkpoint ${path} is of another model than the config.json beside it.`);
  }
  return checkpoint.weights;
}
