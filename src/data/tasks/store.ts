// Where a prepared task lies: one folder in the cache with its clips as WAV files and a task.json beside them, written last, so
// that a second run opens it without rendering, parsing or fetching anything.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../gpu/errors.js";
import { exists, writeWhole } from "../../host/cache.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { LabelledTask } from "../types.js";

/** A task as task.json holds it: clips name their files instead of loading them. */
export interface StoredTask extends Omit<LabelledTask, "clips"> {
  clips: StoredClip[];
}

export interface StoredClip {
  id: string;
  piece: string;
  title: string;
  groups: string[];
  label: number[];
  /** File name inside the task's folder. */
  file: string;
}

/** The folder of a task; `recipe` changes whenever the same seed would give other clips or labels. */
export function taskFolder(cacheDir: string, name: string, recipe: string, seed: number): string {
  return join(cacheDir, "tasks", `${name}-${recipe}-seed${seed}`);
}

/** A task that was prepared before, or undefined. Tasks that share a folder's clips have files of their own. */
export async function openStored(folder: string, file = "task.json"): Promise<LabelledTask | undefined> {
  const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
  return text === undefined ? undefined : asTask(folder, JSON.parse(text) as StoredTask);
}

/** Writes task.json, which says that every clip is there, and opens the task. */
export async function storeTask(folder: string, task: StoredTask, file = "task.json"): Promise<LabelledTask> {
  await writeWhole(join(folder, file), JSON.stringify(task));
  return asTask(folder, task);
}

function asTask(folder: string, task: StoredTask): LabelledTask {
  const pool = sharedDecodePool();
  return {
    ...task,
    clips: task.clips.map(({ file, ...clip }) => ({
      ...clip,
      source: { file, digest: () => present(folder, file, (path) => pool.digestFile(path, { name: file })) },
      load: () => present(folder, file, (path) => pool.decodeFile(path, { name: file })),
    })),
  };
}

/** Reads a clip's file, and says what to do where it is gone. */
async function present<T>(folder: string, file: string, read: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, file);
  return read(path).catch(async (error: unknown) => {
    if (await exists(path)) throw error;
    throw new DataError(`the clip ${file} is gone from the cache; delete ${folder} and it is made again`);
  });
}

/** A file name made of letters, digits, dots, dashes and underscores. */
export function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, "_");
}
