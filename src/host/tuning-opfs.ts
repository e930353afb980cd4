// The tuner's tables in a browser: one file for each adapter in the page's private file system. A page that has none (an
// insecure context, a private window) keeps them in memory.
import { MemoryTuningStore, type TuningStore } from "../gpu/tuner-store.js";

const folderName = "melgrad-tuning";

class PrivateFiles implements TuningStore {
  readonly place = "the page's private file system";

  constructor(private readonly folder: FileSystemDirectoryHandle) {}

  async load(key: string): Promise<string | undefined> {
    try {
      const handle = await this.folder.getFileHandle(`${key}.json`);
      return await (await handle.getFile()).text();
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
      throw error;
    }
  }

  async save(key: string, text: string): Promise<void> {
    const handle = await this.folder.getFileHandle(`${key}.json`, { create: true });
    // What is written goes to a copy, which takes the file's place when it is closed.
    const file = await handle.createWritable();
    await file.write(text);
    await file.close();
  }
}

/** The page's store. Never throws. */
export async function openPageStore(): Promise<TuningStore> {
  try {
    const root = await navigator.storage.getDirectory();
    return new PrivateFiles(await root.getDirectoryHandle(folderName, { create: true }));
  } catch {
    return new MemoryTuningStore();
  }
}
