// Models as files that people keep: out as model.safetensors and config.json, such as a run in Node leaves, and in again from
// either side. Not here: the browser's own files (files.ts).
import { DataError, UsageError } from "../../src/gpu/errors.js";
import type { NamedValues } from "../../src/nn/parameters.js";
import { type ModelConfig, patchGrid } from "../../src/patchifier/config.js";
import { intervals, parseConfig, type RunConfig } from "../../src/train/config.js";
import { deserialise, serialise } from "../../src/train/weights.js";
import { version } from "../../src/version.js";
import type { AdapterInfo, ExportedFile } from "../protocol.js";
import type { Checkpoint, RunState } from "./files.js";
import type { Library } from "./library.js";
import { stateOf } from "./model-state.js";
import { sha256 } from "./private-files.js";
import { withHeads } from "./released.js";

/** The files of a trained model. */
export async function exportFiles(
  { state, weights }: Checkpoint,
  normalisation: { mean: number; std: number },
  adapter: AdapterInfo,
  library: Library,
): Promise<ExportedFile[]> {
  const { model, pretrain, seed, preset } = state;
  const tracks = library.clips.map(({ info, mel }) => [info.name, mel.frames]);
  const fingerprint = await sha256(new TextEncoder().encode(JSON.stringify(tracks)));
  const demo = library.clips.some(({ info }) => info.source === "demo");
  const config: RunConfig = {
    format: 1,
    melgrad: version,
    created: new Date().toISOString(),
    command: "trained in a browser",
    preset,
    seed,
    data: { kind: "folder", path: "(clips of the browser)" },
    model,
    pretrain,
    ...intervals(pretrain.steps),
    adapter: { name: adapter.name, software: adapter.software },
    normalisation,
    ...(state.released === undefined ? {} : { init: state.released }),
    corpus: {
      name: "browser",
      why: "Clips that were opened, recorded or composed in a browser.",
      pieces: new Set(library.clips.map(({ piece }) => piece)).size,
      tracks: library.clips.length,
      hours: library.clips.reduce((sum, { info }) => sum + info.seconds, 0) / 3600,
      heldOutPieces: state.heldOut,
      licences: demo ? [{ source: "melgrad's own composer and synthesiser", licence: "MIT" }] : [],
      skipped: [],
      fingerprint: fingerprint.slice(0, 16),
    },
  };
  const text = `${JSON.stringify(config, null, 2)}\n`;
  return [
    { name: "model.safetensors", type: "application/octet-stream", bytes: serialise(weights) },
    { name: "config.json", type: "application/json", bytes: new TextEncoder().encode(text) },
  ];
}

/**
 * A model from files: weights (model.safetensors), and its configuration (config.json) where it is not the one in use. With a
 * checkpoint's optimizer.safetensors and state.json, moments and step too. Throws DataError where they do not go together.
 */
export async function readModelFiles(files: readonly File[], current: RunState): Promise<Checkpoint> {
  const named = (test: RegExp) => files.find(({ name }) => test.test(name));
  const configFile = named(/config.*\.json$/i) ?? named(/^(?!.*state).*\.json$/i);
  const stateFile = named(/state.*\.json$/i);
  const momentsFile = named(/optimizer.*\.safetensors$/i);
  const weightsFile = files.find(
    (file) => /\.safetensors$/i.test(file.name) && file !== momentsFile && !/objective/i.test(file.name),
  );
  if (!weightsFile) {
    throw new UsageError(
      "Choose model.safetensors and, beside it, the config.json of the run that it is from.",
    );
  }
  const weights = await readValues(weightsFile);
  let state: RunState = { ...structuredClone(current), step: 0, heldOut: [], released: undefined };
  if (configFile) {
    const config = parseConfig(await readJson(configFile), configFile.name);
    checkModel(config.model, configFile.name);
    const { preset, model, pretrain, seed, normalisation, corpus } = config;
    state = stateOf(preset, model, pretrain, seed);
    state.normalisation = normalisation;
    state.heldOut = corpus?.heldOutPieces ?? [];
  }
  const optimizer = momentsFile && stateFile ? await readValues(momentsFile) : undefined;
  if (optimizer && stateFile) {
    const { step } = (await readJson(stateFile)) as { step?: unknown };
    if (!Number.isInteger(step)) throw new DataError(`${stateFile.name} is not a checkpoint's state.`);
    state.step = step as number;
  }
  return { state, weights: withHeads(weights, state.model, state.pretrain, state.seed), optimizer };
}

async function readValues(file: File): Promise<NamedValues> {
  let values: NamedValues;
  try {
    values = deserialise(new Uint8Array(await file.arrayBuffer()), file.name);
  } catch (error) {
    throw new DataError(`${file.name}: ${(error as Error).message}`);
  }
  for (const [name, { data }] of values) {
    if (!data.every(Number.isFinite))
      throw new DataError(`${file.name}: '${name}' holds values that are not finite.`);
  }
  return values;
}

async function readJson(file: File): Promise<unknown> {
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new DataError(`${file.name} is not JSON.`);
  }
}

/** Refuses what would fail later with less to say. */
function checkModel(model: ModelConfig, name: string): void {
  const sizes = [
    model.width,
    model.layers,
    model.heads,
    model.cropFrames,
    model.mlpRatio,
    model.frontEnd?.nMels,
  ];
  if (!sizes.every((size) => typeof size === "number" && size > 0) || model.width % model.heads !== 0) {
    throw new DataError(`${name} describes no model that this version knows.`);
  }
  patchGrid(model);
}
