// Checkpoints: model.safetensors, optimizer.safetensors, where the objective keeps something objective.safetensors, and
// state.json in one folder, written beside the old one, synced, and put in its place by renaming, so that at every moment
// there is one whole checkpoint on the disk.
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";
import type { NamedValues } from "../nn/parameters.js";
import type { ModelConfig } from "../patchifier/config.js";
import { reasonOf } from "./run-folder.js";
import { deserialise, serialise } from "./weights.js";

export { deserialise, serialise } from "./weights.js";

/** What state.json holds. */
export interface TrainingState {
  format: 1;
  /** Updates done. */
  step: number;
  /** Generators are functions of (seed, stream, step), so the seed is all of the random state. */
  seed: number;
  /** Says which model the weights belong to. */
  model: string;
  /** Says which tracks the batches come from. */
  data: string;
  normalisation: { mean: number; std: number };
  /** SHA-256 of the other files. */
  files: Record<string, string>;
}

/** All that a run goes on from. */
export interface Checkpoint {
  weights: NamedValues;
  optimizer: NamedValues;
  /** What the objective keeps beside its weights, such as a teacher. */
  objective?: NamedValues;
  state: Omit<TrainingState, "format" | "files">;
}

const weightsName = "model.safetensors";
const optimizerName = "optimizer.safetensors";
const objectiveName = "objective.safetensors";
const stateName = "state.json";

/** Replaces the checkpoint at `path`. On failure the old one stays and a DataError says why. */
export async function writeCheckpoint(
  path: string,
  { weights, optimizer, objective, state }: Checkpoint,
): Promise<void> {
  const fresh = `${path}.new`;
  const old = `${path}.old`;
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true });
    const files: Record<string, string> = {};
    for (const [name, values] of [
      [weightsName, weights],
      [optimizerName, optimizer],
      [objectiveName, objective],
    ] as const) {
      if (!values) continue;
      const bytes = serialise(values);
      files[name] = sha256(bytes);
      await writeSynced(join(fresh, name), bytes);
    }
    const text = JSON.stringify({ format: 1, ...state, files } satisfies TrainingState, null, 2);
    await writeSynced(join(fresh, stateName), new TextEncoder().encode(`${text}\n`));
    await rm(old, { recursive: true, force: true });
    if (await exists(path)) await rename(path, old);
    await rename(fresh, path);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }).catch(() => {});
    throw new DataError(
      `The checkpoint could not be written to ${path}: ${reasonOf(error)}. The one before it is untouched.`,
    );
  }
}

/** Reads the checkpoint at `path`; undefined where there is none. Throws DataError for a damaged one. */
export async function readCheckpoint(
  path: string,
): Promise<(Checkpoint & { state: TrainingState }) | undefined> {
  // A run killed between the two renames left the old checkpoint under its other name.
  const candidates = [path, `${path}.old`];
  for (const folder of candidates) {
    if (!(await exists(join(folder, stateName)))) {
      if (folder === path && (await exists(path))) {
        throw new DataError(`The checkpoint ${path} is damaged: it has no ${stateName}.`);
      }
      continue;
    }
    const state = parseState(folder, await readFile(join(folder, stateName), "utf8"));
    return {
      state,
      weights: await readChecked(folder, weightsName, state),
      optimizer: await readChecked(folder, optimizerName, state),
      objective: objectiveName in state.files ? await readChecked(folder, objectiveName, state) : undefined,
    };
  }
  return undefined;
}

/** A short text that two models share only if their weights fit each other. */
export function fingerprint(value: unknown): string {
  return sha256(new TextEncoder().encode(JSON.stringify(value))).slice(0, 16);
}

/** Names the model that weights fit. */
export function modelFingerprint(model: ModelConfig): string {
  return fingerprint(model);
}

async function readChecked(folder: string, name: string, state: TrainingState): Promise<NamedValues> {
  const path = join(folder, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`The checkpoint's ${path} cannot be read: ${reasonOf(error)}.`);
  }
  if (sha256(bytes) !== state.files[name]) {
    throw new DataError(
      `The checkpoint's ${path} is damaged (truncated or changed): its checksum does not match.`,
    );
  }
  return deserialise(bytes, path);
}

function parseState(folder: string, text: string): TrainingState {
  const path = join(folder, stateName);
  let state: Partial<TrainingState> | null;
  try {
    state = JSON.parse(text) as Partial<TrainingState> | null;
  } catch {
    throw new DataError(`The checkpoint's ${path} is damaged: it is not JSON.`);
  }
  const { normalisation } = state ?? {};
  const fits =
    state?.format === 1 &&
    Number.isSafeInteger(state.step) &&
    (state.step as number) >= 0 &&
    Number.isSafeInteger(state.seed) &&
    typeof state.model === "string" &&
    typeof state.data === "string" &&
    Number.isFinite(normalisation?.mean) &&
    (normalisation?.std ?? 0) > 0 &&
    typeof state.files === "object" &&
    state.files !== null;
  if (!fits) {
    throw new DataError(`The checkpoint's ${path} is not one that this version of melgrad wrote.`);
  }
  return state as TrainingState;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
