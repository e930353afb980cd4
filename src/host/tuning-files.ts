// The tuner's tables in Node: one file for each adapter and driver, in the cache folder.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TuningStore } from "../gpu/tuner-store.js";
import { cacheFolder, writeWhole } from "./cache.js";

export class TuningFiles implements TuningStore {
  readonly place: string;

  /** In `dir`; in the cache folder by default. */
  constructor(dir: string = join(cacheFolder(), "tuning")) {
    this.place = dir;
  }

  async load(key: string): Promise<string | undefined> {
    try {
      return await readFile(this.pathOf(key), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  save(key: string, text: string): Promise<void> {
    return writeWhole(this.pathOf(key), text);
  }

  private pathOf(key: string): string {
    return join(this.place, `${key}.json`);
  }
}
