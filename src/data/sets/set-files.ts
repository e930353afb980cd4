// All files below a data set's folder, listed once, so that audio is found by path, by name or by stem whatever folder it was
// unpacked to and whatever it was converted to. Archives appear as the files that they hold (zip.ts). Hidden files, macOS's
// `._*` among them, are counted and passed over.
import { open, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { hasAudioEnding, hasReadableEnding } from "../../audio/formats.js";
import { DataError } from "../../gpu/errors.js";
import { whyUnreadable } from "../decode-file.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { SkippedFile, Waveform } from "../types.js";
import { type Walk, walkFolder } from "../walk.js";

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
    private readonly walk: Pick<Walk, "hidden" | "unreadable" | "aliases">,
  ) {
    for (const file of files) this.index(file);
  }

  /** Hidden files that were passed over. */
  get hidden(): number {
    return this.walk.hidden;
  }

  /** Folders that cannot be read, with the reason. */
  get unreadable(): readonly SkippedFile[] {
    return this.walk.unreadable;
  }

  /** @throws DataError where the folder is missing or unreadable */
  static async list(folder: string, signal?: AbortSignal): Promise<SetFiles> {
    let walk: Walk;
    try {
      walk = await walkFolder(folder, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT")
        throw new DataError(`There is no folder ${folder}: give the one that the data set is in.`);
      throw new DataError(`The folder ${folder} cannot be used: ${whyUnreadable(error)}.`);
    }
    const files = walk.files.map(({ id }) => diskFile(folder, id));
    return new SetFiles(folder, files, walk);
  }

  /** Files that are listed already: an archive's, or a test's. */
  static of(folder: string, files: readonly SetFile[]): SetFiles {
    return new SetFiles(folder, files, { hidden: 0, unreadable: [], aliases: [] });
  }

  /** The same files and some more, which stand in an archive. */
  with(more: readonly SetFile[]): SetFiles {
    return new SetFiles(this.folder, [...this.files, ...more], this.walk);
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

  /**
   * A file by its path below the folder, also through a link to a folder that is listed under another name. What does not lie below the
   * folder, as `../x` or `/x` do not, is not there.
   */
  at(path: string): SetFile | undefined {
    let known = path;
    for (let links = 0; links < 40; links++) {
      const file = this.byPath.get(known);
      if (file) return file;
      const alias = this.walk.aliases.find(({ id }) => known.startsWith(`${id}/`));
      if (!alias) return undefined;
      const rest = known.slice(alias.id.length + 1);
      known = alias.target === "" ? rest : `${alias.target}/${rest}`;
    }
    return undefined;
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
    const nearest = found.filter(({ path }) => near === "" || path.startsWith(`${near}/`));
    return nearest.find(({ path }) => hasReadableEnding(path)) ?? nearest[0] ?? found[0];
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
