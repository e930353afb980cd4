// Where melgrad keeps what it fetched or rendered: one folder outside the repository, and the one way things get into it
// (written beside under another name, then renamed, so that a killed run never leaves half of anything).

import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { MelgradError } from "../gpu/errors.js";

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

/** Writes a file whole or not at all. Throws MelgradError with the system's `code` where it cannot be written. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  const part = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.part`;
  try {
    await makeFolder(dirname(path));
    await writeFile(part, data);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
}

/** Makes a folder and those above it. Rejects with the system's reason, which Node's own way hides on a read-only disk. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    let first = resolve(path);
    while (!(await exists(dirname(first)))) first = dirname(first);
    await mkdir(first);
    await mkdir(path, { recursive: true });
  }
}

/** The error for a file or folder that cannot be written: one line, with the system's code. */
export function unwritable(path: string, error: unknown): MelgradError {
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new MelgradError(`${path} cannot be written: ${reasonOf(error)}.`), { code });
}

/** A system error in a few words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const known: Record<string, string> = {
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOENT: "it does not exist",
    ENOTDIR: "a part of the path is not a folder",
    EISDIR: "it is a folder",
  };
  if (code && known[code]) return known[code];
  return error instanceof Error ? error.message : String(error);
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
