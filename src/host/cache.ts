// Where melgrad keeps what it fetched or rendered: one folder outside the repository, and the one way things get into it
// (written beside under another name, then renamed, so that a killed run never leaves half of anything).

import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** The cache folder: `dir` if given, else $MELGRAD_CACHE, else $XDG_CACHE_HOME/melgrad, else ~/.cache/melgrad. Not created here. */
export function cacheFolder(dir?: string): string {
  if (dir) return resolve(dir);
  if (process.env.MELGRAD_CACHE) return resolve(process.env.MELGRAD_CACHE);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "melgrad");
}

/** Whether a path exists. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Writes a file whole or not at all. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.part`;
  try {
    await writeFile(part, data);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/**
 * Fills a folder under another name and renames it to `path`. Where another process got there first, its folder stays and ours
 * is dropped.
 */
export async function createFolderWhole(path: string, fill: (dir: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.part`;
  try {
    await mkdir(part);
    await fill(part);
    await rename(part, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}
