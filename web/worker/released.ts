// The released model that lies beside the page: its files fetched with progress, and the state in which the page begins with it. The page's
// build says which it is (web/build.mjs); a page that was built without one begins with random weights. Not here: what is done with it.
import { randomAt } from "../../src/data/batches.js";
import { DataError } from "../../src/gpu/errors.js";
import type { NamedValues } from "../../src/nn/parameters.js";
import { type ModelConfig, type PretrainConfig, preset, presetNames } from "../../src/patchifier/config.js";
import { encoderSizes, encoderSpecs } from "../../src/patchifier/encoder.js";
import { objectiveSpecs } from "../../src/patchifier/objectives.js";
import { sameShape, sizeOf } from "../../src/tensor/shape.js";
import { parseConfig, type RunConfig } from "../../src/train/config.js";
import { deserialise } from "../../src/train/weights.js";
import type { OfferedModel } from "../protocol.js";
import type { Checkpoint } from "./files.js";
import { stateOf } from "./model-state.js";

/** What web/build.mjs puts here. */
declare const RELEASED_MODEL: (OfferedModel & { bytes: number }) | undefined;

const released = typeof RELEASED_MODEL === "undefined" ? undefined : RELEASED_MODEL;

/** The model that the page can begin with; undefined where it was built without one. */
export const offered: OfferedModel | undefined = released && { name: released.name, preset: released.preset };

/** So long nothing may come before the fetch is given up. */
const patienceMs = 20_000;

/**
 * Fetches the released model from beside the page, as a checkpoint that has had no step here: its encoder, and newly drawn heads for the
 * training of its preset. Throws DataError with what went wrong.
 */
export async function fetchReleased(
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Checkpoint> {
  if (!released) throw new DataError("This page was built without a released model.");
  const { name, bytes: total } = released;
  try {
    onProgress(0, total);
    const text = new TextDecoder().decode(await fetchBytes("config.json", () => {}));
    const bytes = await fetchBytes("model.safetensors", (done) =>
      onProgress(Math.min(done, total - 1), total),
    );
    if (bytes.length !== total) throw new DataError(`${bytes.length} of its ${total} bytes came`);
    return begin(
      name,
      parseConfig(JSON.parse(text), "config.json"),
      deserialise(bytes, "model.safetensors"),
      seed,
    );
  } catch (error) {
    throw new DataError(`The released model ${name} could not be loaded: ${(error as Error).message}`);
  } finally {
    onProgress(total, total);
  }
}

function begin(name: string, config: RunConfig, weights: NamedValues, seed: number): Checkpoint {
  const { model, normalisation } = config;
  for (const spec of encoderSpecs(encoderSizes(model))) {
    const found = weights.get(spec.name);
    const whole = found && sameShape(found.shape, spec.shape) && found.data.every(Number.isFinite);
    if (!whole) throw new DataError(`'${spec.name}' is not what its config.json says`);
  }
  // Training goes on as the preset trains, as train --init does.
  const known = presetNames.some((each) => each === config.preset);
  const pretrain = known ? preset(config.preset).pretrain : config.pretrain;
  const state = { ...stateOf(config.preset, model, pretrain, seed), normalisation, released: name };
  return { state, weights: withHeads(weights, model, pretrain, seed) };
}

/** Weights of an encoder alone with newly drawn ones for what the objective trains beside it; other weights as they are. */
export function withHeads(
  weights: NamedValues,
  model: ModelConfig,
  pretrain: PretrainConfig,
  seed: number,
): NamedValues {
  const own = new Set(encoderSpecs(encoderSizes(model)).map(({ name }) => name));
  if ([...weights.keys()].some((name) => !own.has(name))) return weights;
  const random = randomAt(seed, "initialise");
  const drawn = objectiveSpecs(model, pretrain).map(({ name, shape, init }) => {
    return [name, { shape, data: init(sizeOf(shape), random) }] as const;
  });
  return new Map([...weights, ...drawn]);
}

/** A file of the model, from beside the page. `onBytes` is told how many have come. */
async function fetchBytes(file: string, onBytes: (done: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const giveUp = new AbortController();
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => giveUp.abort(new DataError(`${file} did not come for ${patienceMs / 1000} seconds`)),
      patienceMs,
    ) as unknown as number;
  };
  wait();
  try {
    const response = await fetch(new URL(`../model/${file}`, self.location.href), { signal: giveUp.signal });
    if (!response.ok || !response.body)
      throw new DataError(`the server answers ${response.status} for ${file}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parts.push(read.value);
      size += read.value.length;
      onBytes(size);
      wait();
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  } finally {
    clearTimeout(timer);
  }
}
