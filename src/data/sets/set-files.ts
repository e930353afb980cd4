// All files below a data set's folder, listed once, so that audio is found by path, by name or by stem whatever folder it was
// unpacked to and whatever it was converted to. Archives appear as the files that they hold (zip.ts). Hidden files, macOS's
// `._*` among them, are counted and passed over.
import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { hasAudioEnding } from "../../audio/formats.js";
import { DataError } from "../../gpu/errors.js";
import { whyUnreadable } from "../decode-file.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { Waveform } from "../types.js";

/** A file of the set. */
export interface SetFile {
  /** Below the set's folder, with `/`. */
  path: string;
  /** Its full path, where it is a file of its own. */
  onDisk?: string;
  bytes(): Promise<Uint8Array>;
  /** The first bytes, at most so many. */
  head(count: number): Promise<Uint8Array>;
  size(): Promise<number>;
  /** Decodes it to one channel. */
  load(): Promise<Waveform>;
}

export class SetFiles {
  private readonly byStem = new Map<string, SetFile[]>();
  private readonly byPath = new Map<string, SetFile>();

  private constructor(
    readonly folder: string,
    readonly files: readonly SetFile[],
    /** Hidden files that were passed over. */
    readonly hidden: number,
  ) {
    for (const file of files) this.index(file);
  }

  /** @throws DataError where the folder is missing or unreadable */
  static async list(folder: string, signal?: AbortSignal): Promise<SetFiles> {
    const files: SetFile[] = [];
    let hidden = 0;
    const walk = async (at: string): Promise<void> => {
      signal?.throwIfAborted();
      const entries = await readdir(join(folder, at), { withFileTypes: true });
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = at ? `${at}/${entry.name}` : entry.name;
        if (entry.name.startsWith(".")) {
          if (entry.isFile()) hidden++;
        } else if (entry.isDirectory()) await walk(path);
        else if (entry.isFile()) files.push(diskFile(folder, path));
        else if (entry.isSymbolicLink()) {
          const target = await stat(join(folder, path)).catch(() => undefined);
          if (target?.isFile()) files.push(diskFile(folder, path));
          else if (target?.isDirectory()) await walk(path);
        }
      }
    };
    try {
      await walk("");
    } catch (error) {
      signal?.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT")
        throw new DataError(`There is no folder ${folder}: give the one that the data set is in.`);
      throw new DataError(`The folder ${folder} cannot be used: ${whyUnreadable(error)}.`);
    }
    return new SetFiles(folder, files, hidden);
  }

  /** Files that are listed already: an archive's, or a test's. */
  static of(folder: string, files: readonly SetFile[]): SetFiles {
    return new SetFiles(folder, files, 0);
  }

  /** The same files and some more, which stand in an archive. */
  with(more: readonly SetFile[]): SetFiles {
    return new SetFiles(this.folder, [...this.files, ...more], this.hidden);
  }

  /** The file with this name that lies least deep, if there is one. */
  named(...names: string[]): SetFile | undefined {
    for (const name of names) {
      const found = this.matching((path) => basename(path) === name);
      if (found.length > 0) return found[0];
    }
    return undefined;
  }

  /** Files whose path fulfils a condition, the least deep first. */
  matching(test: (path: string) => boolean): SetFile[] {
    const depth = ({ path }: SetFile) => path.split("/").length;
    return this.files.filter(({ path }) => test(path)).sort((a, b) => depth(a) - depth(b));
  }

  /** A file by its path below the folder. */
  at(path: string): SetFile | undefined {
    return this.byPath.get(path);
  }

  /**
   * The audio file whose path without ending ends in `stem` (one or more names with `/`), preferring one below `near`. So
   * `a/x.mp3` is found as `mp3/a/x.mp3`, and converted as `wav/a/x.wav`.
   */
  audio(stem: string, near = ""): SetFile | undefined {
    const tail = `/${stem}`;
    const found = (this.byStem.get(basename(stem)) ?? []).filter(({ path }) =>
      `/${withoutEnding(path)}`.endsWith(tail),
    );
    return found.find(({ path }) => near === "" || path.startsWith(`${near}/`)) ?? found[0];
  }

  private index(file: SetFile): void {
    this.byPath.set(file.path, file);
    if (!hasAudioEnding(basename(file.path))) return;
    const stem = basename(withoutEnding(file.path));
    const same = this.byStem.get(stem);
    if (same) same.push(file);
    else this.byStem.set(stem, [file]);
  }
}

/** A path without the ending of its file name. */
export function withoutEnding(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

/** The folder that a file of the set is in, below the set's folder; "" at its top. */
export function folderOf({ path }: SetFile): string {
  const folder = dirname(path);
  return folder === "." ? "" : folder;
}

/** A text file. Throws DataError where it cannot be read. */
export async function readText(file: SetFile): Promise<string> {
  return new TextDecoder("utf-8").decode(await file.bytes());
}

function diskFile(folder: string, path: string): SetFile {
  const full = join(folder, path);
  const reading = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      throw new DataError(`${path}: ${whyUnreadable(error)}`);
    }
  };
  return {
    path,
    onDisk: full,
    bytes: () => reading(() => readFile(full)),
    size: () => reading(async () => (await stat(full)).size),
    head: (count) =>
      reading(async () => {
        const handle = await open(full);
        try {
          const { buffer, bytesRead } = await handle.read(new Uint8Array(count), 0, count, 0);
          return buffer.subarray(0, bytesRead);
        } finally {
          await handle.close();
        }
      }),
    load: () => sharedDecodePool().decodeFile(full, { name: path }),
  };
}
