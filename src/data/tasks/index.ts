// The labelled tasks by name, and which are taken where none is named: `instruments` and `key`, or their generated kin where
// Debian's packages cannot be had. Tasks of data sets in a folder are opened by data/sets.

import { UsageError } from "../../gpu/errors.js";
import { cacheFolder } from "../../host/cache.js";
import { machinePackages, PackagesUnavailableError } from "../../host/packages.js";
import { openSetTask, SET_TASKS } from "../sets/index.js";
import type { LabelledTask } from "../types.js";
import { openArranged } from "./arranged.js";
import { artistOffline, openArtist } from "./artist.js";
import { openGenInstruments, openGenKey, openGenTempo } from "./generated.js";
import { openInstruments } from "./instruments.js";
import { openKey } from "./key.js";
import type { ResolvedTaskOptions, TaskOptions } from "./options.js";

export type { TaskOptions } from "./options.js";

const OPENERS = {
  instruments: openInstruments,
  key: openKey,
  style: (options: ResolvedTaskOptions) => openArranged("style", options),
  tempo: (options: ResolvedTaskOptions) => openArranged("tempo", options),
  artist: openArtist,
  "gen-instruments": async ({ seed }: ResolvedTaskOptions) => openGenInstruments(seed),
  "gen-key": async ({ seed }: ResolvedTaskOptions) => openGenKey(seed),
  "gen-tempo": async ({ seed }: ResolvedTaskOptions) => openGenTempo(seed),
} satisfies Record<string, (options: ResolvedTaskOptions) => Promise<LabelledTask>>;

export type TaskName = keyof typeof OPENERS;

/** The names of tasks that bring their own music. openTask takes those of SET_TASKS too, with the folder of their data set. */
export const TASKS = Object.keys(OPENERS) as TaskName[];

/** The name that openTasks takes for every task of TASKS that can be had; `artist` only where its large packages lie in the cache. */
export const ALL_TASKS = "all";

/**
 * Opens a labelled task, preparing it in the cache on first use. Throws UsageError for an unknown name,
 * PackagesUnavailableError where what it needs cannot be had, and the signal's reason when it aborts.
 */
export async function openTask(name: string, options: TaskOptions = {}): Promise<LabelledTask> {
  if (SET_TASKS.includes(name)) {
    if (options.folder === undefined) {
      throw new UsageError(`The task ${name} needs the folder of its data set: write --data FOLDER.`);
    }
    return openSetTask(name, options.folder, options);
  }
  if (!isTaskName(name)) {
    throw new UsageError(
      `there is no task "${name}"; write one or more of ${[...TASKS, ...SET_TASKS].join(", ")}`,
    );
  }
  try {
    return await open(name, options);
  } catch (error) {
    if (!(error instanceof PackagesUnavailableError)) throw error;
    throw new PackagesUnavailableError(
      `the task "${name}" cannot be had: ${error.message}; take ${withoutPackages.join(", ")}, which need nothing, or all, which takes what there is`,
      error.lasting,
    );
  }
}

/**
 * Opens tasks by name, `all` standing for every task of TASKS that can be had; for each of those that cannot, `note` is told why.
 * Otherwise as openTask.
 */
export async function openTasks(
  names: readonly string[],
  options: TaskOptions = {},
): Promise<LabelledTask[]> {
  const tasks: LabelledTask[] = [];
  const wanted = names.flatMap((name) => (name === ALL_TASKS ? TASKS : [name]));
  for (const name of new Set(wanted)) {
    if (names.includes(name) || !isTaskName(name)) {
      tasks.push(await openTask(name, options));
      continue;
    }
    try {
      tasks.push(await open(name, name === "artist" ? { offline: artistOffline, ...options } : options));
    } catch (error) {
      if (!(error instanceof PackagesUnavailableError)) throw error;
      options.note?.(`without the task ${name}: ${error.message}`);
    }
  }
  return tasks;
}

/** Tasks made by melgrad alone. */
const withoutPackages = TASKS.filter((name) => name.startsWith("gen-"));

function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(OPENERS, name);
}

function open(name: TaskName, options: TaskOptions): Promise<LabelledTask> {
  options.signal?.throwIfAborted();
  return OPENERS[name]({
    ...options,
    cacheDir: cacheFolder(options.cacheDir),
    seed: options.seed ?? 0,
    size: options.size ?? "quick",
    packages: options.packages ?? machinePackages,
  });
}

/**
 * The tasks that are probed where none is named: `instruments` and `key`, each replaced by its generated kin where it cannot be
 * had. `why` says which and why in one sentence.
 */
export async function defaultTasks(
  options: TaskOptions = {},
): Promise<{ tasks: LabelledTask[]; why: string }> {
  const tasks: LabelledTask[] = [];
  const reasons = new Set<string>();
  for (const name of ["instruments", "key"] as const) {
    try {
      tasks.push(await open(name, options));
    } catch (error) {
      if (!(error instanceof PackagesUnavailableError)) throw error;
      reasons.add(error.message);
      tasks.push(await open(`gen-${name}`, options));
    }
  }
  const names = tasks.map((task) => task.name).join(" and ");
  const why =
    reasons.size === 0
      ? `probing ${names}, the default.`
      : `probing ${names}, because what the default tasks need could not be had (${[...reasons].join("; ")}).`;
  return { tasks, why };
}
