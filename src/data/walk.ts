// The one walk over folders: every file below a folder, with symbolic links followed and no folder entered twice, so that links to
// themselves and to each other come to an end. Hidden files and folders are counted and passed over. Not here: what a file is.
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { whyUnreadable } from "./decode-file.js";
import type { SkippedFile } from "./types.js";

/** A file by its name below the folder, with `/`. */
export interface WalkedFile {
  id: string;
  path: string;
  /** Where it really lies: the same for a file and for every link to it. */
  real: string;
  /** Whether a link led to it. */
  linked: boolean;
}

export interface Walk {
  /** Sorted by id, in code units. A file and the links to it are each there. */
  files: WalkedFile[];
  /** Hidden files that were passed over. */
  hidden: number;
  /** Pipes, sockets and devices, which may never end. */
  other: number;
  /** Links to nothing. */
  dangling: WalkedFile[];
  /** Folders that cannot be read, by id with a `/` behind it. */
  unreadable: SkippedFile[];
  /** Links to folders that were entered under another name, and that name ("" is the folder itself). */
  aliases: { id: string; target: string }[];
}

/**
 * Walks a folder. What is real goes first, so that a link never stands in for what lies below the folder itself.
 * @throws the file system's own error where the folder itself cannot be read, and the signal's reason
 */
export async function walkFolder(dir: string, signal?: AbortSignal): Promise<Walk> {
  const walk: Walk = { files: [], hidden: 0, other: 0, dangling: [], unreadable: [], aliases: [] };
  const entered = new Map<string, string>();
  let links: { id: string; path: string }[] = [];
  let linked = false;

  const take = async (id: string, path: string, real: string, entries: Dirent[]) => {
    entered.set(real, id);
    for (const entry of entries) {
      signal?.throwIfAborted();
      const child = { id: id ? `${id}/${entry.name}` : entry.name, path: join(path, entry.name) };
      if (entry.name.startsWith(".")) {
        if (entry.isFile()) walk.hidden++;
      } else if (entry.isSymbolicLink()) links.push(child);
      else if (entry.isDirectory()) await enter(child.id, child.path, join(real, entry.name));
      else if (entry.isFile()) walk.files.push({ ...child, real: join(real, entry.name), linked });
      else walk.other++;
    }
  };
  const enter = async (id: string, path: string, real: string) => {
    let entries: Dirent[];
    try {
      entries = await readdir(path, { withFileTypes: true });
    } catch (error) {
      walk.unreadable.push({ path: `${id}/`, reason: whyUnreadable(error) });
      return;
    }
    await take(id, path, real, entries);
  };

  await take("", resolve(dir), await realpath(dir), await readdir(dir, { withFileTypes: true }));
  linked = true;
  while (links.length > 0) {
    const round = links.sort(byId);
    links = [];
    for (const link of round) {
      signal?.throwIfAborted();
      const { id, path } = link;
      try {
        const [real, what] = [await realpath(path), await stat(path)];
        const target = entered.get(real);
        if (what.isFile()) walk.files.push({ ...link, real, linked });
        else if (!what.isDirectory()) walk.other++;
        else if (target !== undefined) walk.aliases.push({ id, target });
        else await enter(id, path, real);
      } catch (error) {
        if (signal?.aborted) throw error;
        walk.dangling.push({ ...link, real: path, linked });
      }
    }
  }
  walk.files.sort(byId);
  return walk;
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
