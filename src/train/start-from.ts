// Beginning a run with the encoder of another: its weights, and what values are normalised by, which they were learnt with. The heads of
// the new run's objective are newly drawn, and so are the optimiser's moments.
import { UsageError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";
import type { ModelConfig } from "../patchifier/config.js";
import { encoderSizes, encoderSpecs, type Patchifier } from "../patchifier/encoder.js";
import type { Gpu } from "../tensor/gpu.js";
import { parseConfig } from "./config.js";
import { loadModel } from "./load-model.js";
import { RunFolder } from "./run-folder.js";

/** An encoder to begin with. */
export interface Beginning {
  path: string;
  normalisation: { mean: number; std: number };
  /** Overwrites the encoder's part of a model of the same settings. */
  put(model: Patchifier): Promise<void>;
}

/** Reads the encoder of a run's folder. Throws UsageError where it is of another model than the new run's. */
export async function beginFrom(gpu: Gpu, folder: string, model: ModelConfig): Promise<Beginning> {
  const { model: loaded, config, path } = await loadModel(gpu, folder);
  try {
    const other = differences(config.model, model);
    if (other.length > 0) {
      throw new UsageError(
        `${folder} is of another model (${other.join("; ")}): begin from one of the same --preset, --patches and --crop (it is of '${config.preset}').`,
      );
    }
    const weights = await loaded.parameters.read();
    return {
      path,
      normalisation: config.normalisation,
      async put(target) {
        const own = await target.parameters.read();
        for (const { name } of encoderSpecs(encoderSizes(model))) {
          const value = weights.get(name);
          if (value) own.set(name, value);
        }
        target.parameters.write(own);
      },
    };
  } finally {
    loaded.dispose();
  }
}

/** Frames of the crops that a run's folder was trained with, where it says so: what a run that begins with its encoder takes by default. */
export async function cropOf(folder: string): Promise<number | undefined> {
  const run = new RunFolder(folder);
  if (!(await exists(run.configPath))) return undefined; // beginFrom says what is missing
  return parseConfig(await run.readJson("config.json"), run.configPath).model.cropFrames;
}

/** What a model is made of where it is not what a run asks for, as "width 384, this run's 96"; the front end's settings, by which music is heard, with it. */
function differences(from: ModelConfig, to: ModelConfig): string[] {
  const { frontEnd: hears, ...sizes } = from;
  const { frontEnd, ...wanted } = to;
  const list = (a: object, b: object, words = "") =>
    Object.entries({ ...b, ...a }).flatMap(([name]) => {
      const [found, asked] = [(a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]];
      return found === asked ? [] : [`${words}${name} ${found}, this run's ${asked}`];
    });
  return [...list(hears, frontEnd, "the front end's "), ...list(sizes, wanted)];
}
