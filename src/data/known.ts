// What was found out about files by decoding them, kept in the cache folder by their bytes and by the decoders' own code, so that a
// preparation that was killed, or is done again, decodes only what is left. What cannot be used is not kept: it is looked at anew. Not
// here: what is found out.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, writeWhole } from "../host/cache.js";

export class Known<T extends object> {
  private readonly folder: string;

  /**
   * @param kind what is kept: a short name
   * @param decoders says which code decodes; undefined: nothing is kept
   */
  constructor(
    readonly kind: string,
    private readonly decoders: string | undefined,
    cacheDir?: string,
  ) {
    this.folder = join(cacheFolder(cacheDir), "known");
  }

  /** Whether anything is kept at all. */
  get keeps(): boolean {
    return this.decoders !== undefined;
  }

  async get(key: string): Promise<T | undefined> {
    if (!this.keeps) return undefined;
    try {
      return JSON.parse(await readFile(this.pathOf(key), "utf8")) as T;
    } catch {
      return undefined; // not there, or damaged: it is found out again
    }
  }

  /** Keeps what was found out; a disk that is full or may not be written is not this one's to complain of. */
  async put(key: string, facts: T): Promise<void> {
    if (this.keeps) await writeWhole(this.pathOf(key), JSON.stringify(facts)).catch(() => {});
  }

  private pathOf(key: string): string {
    const name = createHash("sha256")
      .update(JSON.stringify([this.kind, this.decoders, key]))
      .digest("hex");
    return join(this.folder, name.slice(0, 2), `${name.slice(2, 34)}.json`);
  }
}
