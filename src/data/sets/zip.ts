// A ZIP archive, whole or cut into parts (mp3.zip.001, .002, …), as files that are read where they lie: nothing is unpacked.
// The format is yauzl's business; here the parts are made to look like one file.
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import * as yauzl from "yauzl";
import { DataError } from "../../gpu/errors.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { SetFile } from "./set-files.js";

/** An archive's files, and what ends reading them. */
export interface Archive {
  members: SetFile[];
  close(): Promise<void>;
}

/** More than this is in no file of a data set, and an archive of a few bytes can say that it is. */
const largestMember = 2 ** 31;

/**
 * The files in an archive.
 * @param parts paths of its parts below `folder`, in order
 * @throws DataError where a part is missing its bytes or the archive's directory cannot be read
 */
export async function openZip(folder: string, parts: readonly string[]): Promise<Archive> {
  const reader = new PartsReader();
  opened.add(reader);
  try {
    for (const part of parts) await reader.add(join(folder, part));
    return { members: await listEntries(reader), close: () => reader.closeParts() };
  } catch (error) {
    await reader.closeParts();
    const said = error instanceof Error ? error.message : String(error);
    throw new DataError(
      `${parts.join(" + ")}: this is not a whole ZIP archive (${said}). All parts are needed, complete, side by side.`,
    );
  }
}

async function listEntries(reader: PartsReader): Promise<SetFile[]> {
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, reader.size, {
    autoClose: false,
    lazyEntries: true,
  });
  const files: SetFile[] = [];
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName;
    if (name.endsWith("/") || name.split("/").some((word) => word.startsWith(".") || word === "__MACOSX")) {
      continue;
    }
    files.push(memberFile(zip, entry));
  }
  return files;
}

function memberFile(zip: yauzl.ZipFile, entry: yauzl.Entry): SetFile {
  const path = entry.fileName;
  const read = async (most: number) => {
    if (most > entry.uncompressedSize && entry.uncompressedSize > largestMember) {
      throw new DataError(
        `${path}: it says that it is ${entry.uncompressedSize} bytes long, and 2 GB are read`,
      );
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      const stream = await zip.openReadStreamPromise(entry);
      for await (const chunk of stream) {
        chunks.push(chunk as Uint8Array);
        length += (chunk as Uint8Array).length;
        if (length >= most) break;
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new DataError(`${path}: it cannot be read from the archive (${said})`);
    }
    return new Uint8Array(Buffer.concat(chunks).subarray(0, most));
  };
  return {
    path,
    bytes: () => read(Number.POSITIVE_INFINITY),
    head: read,
    size: async () => entry.uncompressedSize,
    load: async () => sharedDecodePool().decodeFile(await read(Number.POSITIVE_INFINITY), { name: path }),
  };
}

/** Every archive's reader: Node complains of a file that is closed by being forgotten. */
const opened = new Set<PartsReader>();

/** How much of an archive's directory is read at once: its entries are asked for a few bytes at a time. */
const blockBytes = 2 ** 20;

/** Parts read as one file. */
class PartsReader extends yauzl.RandomAccessReader {
  size = 0;
  private readonly parts: { handle: FileHandle; from: number; to: number }[] = [];
  private block: { from: number; bytes: Uint8Array } = { from: 0, bytes: new Uint8Array(0) };

  async add(path: string): Promise<void> {
    const handle = await open(path);
    const { size } = await handle.stat();
    this.parts.push({ handle, from: this.size, to: this.size + size });
    this.size += size;
  }

  /** Closes the parts' files. Named so because `close` is yauzl's own, which calls back. */
  async closeParts(): Promise<void> {
    opened.delete(this);
    for (const { handle } of this.parts.splice(0)) await handle.close();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.copy(buffer, offset, length, position).then(() => callback(null), callback);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.chunks(start, end), { objectMode: false });
  }

  private async copy(buffer: Buffer, offset: number, length: number, position: number): Promise<void> {
    let { from, bytes } = this.block;
    if (position < from || position + length > from + bytes.length) {
      from = position;
      bytes = await this.slice(from, Math.min(this.size, Math.max(position + length, from + blockBytes)));
      this.block = { from, bytes };
    }
    buffer.set(bytes.subarray(position - from, position - from + length), offset);
  }

  private async slice(from: number, to: number): Promise<Uint8Array> {
    const out = new Uint8Array(to - from);
    let at = 0;
    for await (const chunk of this.chunks(from, to)) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  private async *chunks(start: number, end: number): AsyncGenerator<Uint8Array> {
    let at = start;
    while (at < end) {
      const part = this.parts.find(({ from, to }) => at >= from && at < to);
      if (!part) throw new Error("it ends too early");
      const count = Math.min(end, part.to, at + 2 ** 18) - at;
      const { bytesRead, buffer } = await part.handle.read(new Uint8Array(count), 0, count, at - part.from);
      if (bytesRead === 0) throw new Error("it ends too early");
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}
