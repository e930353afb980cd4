// What may be given again, or otherwise, when a run goes on: the same settings always, so that a job that is requeued may use
// the script that started it; others only where the run stays one that can be told about. Not here: reading the command line.
import { resolve } from "node:path";
import { DataError, UsageError } from "../gpu/errors.js";
import { preset, withPatches } from "../patchifier/config.js";
import type { DataChoice, RunConfig, RunSettings } from "./config.js";

/** Settings that were given by name; the rest is the run's. */
export type GivenSettings = Partial<RunSettings>;

/** Why a setting cannot change. */
const reasons: Partial<Record<keyof RunSettings, string>> = {
  preset: "its weights are of the model that it began with",
  patches: "its weights are of the model that it began with",
  crop: "its weights are of the model that it began with",
  objective: "the heads and the optimiser's moments belong to the objective that it began with",
  batch: "the crops of each step would be others",
  seed: "crops, masks and held-out pieces are drawn from it",
  data: "what was held out would be others' music",
  init: "its weights have moved on from where they began",
};

/**
 * The run's settings with what was given put over them, and in words what changed. The learning rate, the number of steps, of
 * micro-batches and the place of the music may change. Throws UsageError that names everything else that differs, with the reason.
 */
export function goOnWith(config: RunConfig, given: GivenSettings): { config: RunConfig; changes: string[] } {
  const refused: string[] = [];
  const refuse = (name: keyof RunSettings, has: unknown) =>
    refused.push(`--${name} (the run's: ${String(has)}), because ${reasons[name]}`);
  const { pretrain, model } = config;
  if (given.preset !== undefined && given.preset !== config.preset) refuse("preset", config.preset);
  if (given.patches !== undefined && !samePatches(config, given.patches)) {
    refuse("patches", `${model.patchMels} × ${model.patchFrames}`);
  }
  if (given.crop !== undefined && given.crop !== model.cropFrames) refuse("crop", model.cropFrames);
  if (given.objective !== undefined && given.objective !== pretrain.objective) {
    refuse("objective", pretrain.objective);
  }
  if (given.batch !== undefined && given.batch !== pretrain.batch) refuse("batch", pretrain.batch);
  if (given.seed !== undefined && given.seed !== config.seed) refuse("seed", config.seed);
  if (given.init !== undefined && !isBelow(config.init, given.init)) refuse("init", config.init ?? "none");
  if (given.data !== undefined && !sameKind(config.data, given.data)) refuse("data", dataWords(config.data));
  if (refused.length > 0) {
    throw new UsageError(
      `--resume goes on with the run's own settings. Leave out ${refused.join("; ")}. ` +
        "(--lr, --steps, --accumulate and the place of --data may change; anything else is a new run with another --out.)",
    );
  }

  const changes: string[] = [];
  const next: RunConfig = { ...config, pretrain: { ...pretrain } };
  if (given.lr !== undefined && given.lr !== pretrain.lr) {
    changes.push(`learning rate ${given.lr} instead of ${pretrain.lr}`);
    next.pretrain.lr = given.lr;
  }
  if (given.steps !== undefined && given.steps !== pretrain.steps) {
    changes.push(`${given.steps} steps instead of ${pretrain.steps}`);
    next.pretrain.steps = given.steps;
    next.pretrain.warmup = Math.min(pretrain.warmup, given.steps);
  }
  const { accumulate = 1 } = config;
  if (given.accumulate !== undefined && given.accumulate !== accumulate) {
    changes.push(`batches in ${given.accumulate} micro-batches instead of ${accumulate}`);
    next.accumulate = given.accumulate;
  }
  if (given.data && "path" in given.data && "path" in config.data && given.data.path !== config.data.path) {
    changes.push(`music in ${given.data.path} instead of ${config.data.path}`);
    next.data = { ...config.data, path: given.data.path };
  }
  return { config: next, changes };
}

function samePatches(config: RunConfig, patches: NonNullable<RunSettings["patches"]>): boolean {
  const { patchMels, patchFrames } = withPatches(preset(config.preset).model, patches);
  return patchMels === config.model.patchMels && patchFrames === config.model.patchFrames;
}

/** Whether two choices are of the same music as far as can be said before looking into it. */
function sameKind(a: DataChoice, b: DataChoice): boolean {
  if (a.kind === "corpus") {
    return (
      b.kind === "corpus" && (b.name === "auto" || b.name === a.name) && (b.tracks ?? a.tracks) === a.tracks
    );
  }
  if (a.kind === "set") {
    return b.kind === "set" && b.set === a.set && (b.subset ?? a.subset) === a.subset;
  }
  return b.kind === "folder";
}

function dataWords(data: DataChoice): string {
  if (data.kind === "corpus") return data.tracks ? `${data.name} with --tracks ${data.tracks}` : data.name;
  if (data.kind === "set") return `${data.set}${data.subset ? ` ${data.subset}` : ""} in ${data.path}`;
  return data.path;
}

function isBelow(file: string | undefined, folder: string): boolean {
  return file !== undefined && resolve(file).startsWith(resolve(folder));
}

/** What the music of a run is, by track: a key of its samples. Kept beside config.json, so that a difference can be named. */
export type MusicContents = Record<string, string>;

/** Throws DataError that names the tracks which are not what the run was started with. */
export function checkMusic(began: MusicContents, now: MusicContents): void {
  const changed = Object.keys(now).filter((id) => id in began && began[id] !== now[id]);
  const added = Object.keys(now).filter((id) => !(id in began));
  const removed = Object.keys(began).filter((id) => !(id in now));
  const parts = [
    ["holds other music", "hold other music", changed],
    ["is new", "are new", added],
    ["is missing", "are missing", removed],
  ] as const;
  const words = parts
    .filter(([, , ids]) => ids.length > 0)
    .map(([one, many, ids]) => `${named(ids)} ${ids.length === 1 ? one : many}`);
  if (words.length === 0) return;
  throw new DataError(
    `The music is not what this run was started with: ${words.join("; ")}. Put it back as it was, or start a new run with another --out.`,
  );
}

function named(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).join(", ");
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}
