// The page's private file system (OPFS) as this worker uses it: folders, whole files, and errors that say what to do. It knows
// nothing of clips and checkpoints.
import { DataError } from "../../src/gpu/errors.js";

/** A folder of the private file system. A file is written to a copy that takes its place when it is whole. */
export class Folder {
  constructor(private readonly handle: FileSystemDirectoryHandle) {}

  get name(): string {
    return this.handle.name;
  }

  /** A folder in this one, made where it is missing. */
  async folder(name: string): Promise<Folder> {
    try {
      return new Folder(await this.handle.getDirectoryHandle(name, { create: true }));
    } catch (error) {
      throw explained(error);
    }
  }

  async has(name: string): Promise<boolean> {
    return (await this.file(name)) !== undefined;
  }

  /** A file's bytes; undefined where there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await this.file(name);
    return file && new Uint8Array(await file.arrayBuffer());
  }

  async readText(name: string): Promise<string | undefined> {
    return (await this.file(name))?.text();
  }

  /** Writes a whole file. Throws DataError where there is no room. */
  async write(name: string, data: Uint8Array<ArrayBuffer> | string): Promise<void> {
    try {
      const handle = await this.handle.getFileHandle(name, { create: true });
      const stream = await handle.createWritable();
      try {
        await stream.write(data);
      } catch (error) {
        await stream.abort().catch(() => {});
        throw error;
      }
      await stream.close();
    } catch (error) {
      throw explained(error);
    }
  }

  async remove(name: string): Promise<void> {
    await this.handle.removeEntry(name, { recursive: true }).catch((error: unknown) => {
      if (!isNotFound(error)) throw explained(error);
    });
  }

  /** Names of the folders in it, in order. */
  async folders(): Promise<string[]> {
    return (await this.entries()).filter(([, kind]) => kind === "directory").map(([name]) => name);
  }

  async files(): Promise<string[]> {
    return (await this.entries()).filter(([, kind]) => kind === "file").map(([name]) => name);
  }

  /** Moves a folder of this one, with the files in it, below another. */
  async moveFolder(name: string, to: Folder, newName = name): Promise<void> {
    const from = await this.folder(name);
    const target = await to.folder(newName);
    for (const file of await from.files()) {
      const bytes = await from.read(file);
      if (bytes) await target.write(file, bytes);
    }
    await this.remove(name);
  }

  private async entries(): Promise<[string, FileSystemHandleKind][]> {
    const found: [string, FileSystemHandleKind][] = [];
    for await (const [name, { kind }] of this.handle as unknown as AsyncIterable<
      [string, FileSystemHandle]
    >) {
      found.push([name, kind]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  private async file(name: string): Promise<File | undefined> {
    try {
      return await (await this.handle.getFileHandle(name)).getFile();
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw explained(error);
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}

function explained(error: unknown): Error {
  const { name = "", message = "" } = error instanceof Error || error instanceof DOMException ? error : {};
  if (name === "QuotaExceededError" || /storage quota/i.test(message)) {
    return new DataError(
      "The browser gives this page no more room for files: remove clips, free space on the disk, or export the model and " +
        "forget what is saved.",
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
