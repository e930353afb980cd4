// Vectors kept on disk by the content of the clips that they were made of, one folder for each way of making them. Files are appended
// to, one process each, in records of one size that carry their own checksum: a process may be killed at any point, several may
// share the folder, and what was cut off or damaged is passed over and made again. Not here: what the vectors are.
import { createHash, randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../gpu/errors.js";
import { writeWhole } from "../host/cache.js";
import { keyBytes } from "./content.js";

/** "MELGVEC1", then the length of a vector as u32, then the records: key, values as f32 (little-endian both), checksum. */
const magic = "MELGVEC1";
const headerBytes = 12;
const sumBytes = 8;
const ending = ".vectors";

/** Vectors by key, wherever they are kept. */
export interface KeptVectors {
  /** Values of a vector. */
  readonly size: number;
  has(key: string): boolean;
  get(key: string): Float32Array<ArrayBuffer> | undefined;
  put(key: string, vector: Float32Array): void;
}

/** Vectors in memory, gone with the process. */
export class VectorsInMemory implements KeptVectors {
  private readonly vectors = new Map<string, Float32Array<ArrayBuffer>>();

  constructor(readonly size: number) {}

  has(key: string): boolean {
    return this.vectors.has(key);
  }

  get(key: string): Float32Array<ArrayBuffer> | undefined {
    return this.vectors.get(key);
  }

  put(key: string, vector: Float32Array): void {
    this.vectors.set(key, Float32Array.from(vector));
  }
}

interface Place {
  file: string;
  offset: number;
}

export class VectorStore implements KeptVectors {
  private readonly places = new Map<string, Place>();
  private readonly readers = new Map<string, number>();
  private writer: { file: string; handle: number; end: number } | undefined;
  private readonly record: number;
  /** Records that were there in part or whose checksum is wrong. */
  damaged = 0;

  private constructor(
    readonly folder: string,
    /** Values of a vector. */
    readonly size: number,
  ) {
    this.record = keyBytes + 4 * size + sumBytes;
  }

  /**
   * Opens the store of what `settings` describe, below `root`: everything that a vector depends on besides the clip.
   * @throws DataError where the folder cannot be used
   */
  static async open(root: string, settings: object, size: number): Promise<VectorStore> {
    const text = JSON.stringify({ size, ...settings });
    const name = createHash("sha256").update(text).digest("hex").slice(0, 32);
    const store = new VectorStore(join(root, name), size);
    try {
      mkdirSync(store.folder, { recursive: true });
      await writeWhole(join(store.folder, "settings.json"), `${text}\n`); // for people who wonder what this is
      for (const file of readdirSync(store.folder)) if (file.endsWith(ending)) store.scan(file);
    } catch (error) {
      store.close();
      throw new DataError(`The cache ${store.folder} cannot be used: ${(error as Error).message}.`);
    }
    return store;
  }

  /** Vectors at hand. */
  get count(): number {
    return this.places.size;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  /** The vector of a key; undefined where there is none. */
  get(key: string): Float32Array<ArrayBuffer> | undefined {
    const place = this.places.get(key);
    if (!place) return undefined;
    const values = new Float32Array(this.size);
    const bytes = new Uint8Array(values.buffer);
    const read = readSync(this.reader(place.file), bytes, 0, bytes.length, place.offset + keyBytes);
    return read === bytes.length ? values : undefined;
  }

  /** Keeps a vector. Throws DataError where it cannot be written. */
  put(key: string, vector: Float32Array): void {
    if (vector.length !== this.size)
      throw new Error(`A vector of ${vector.length} values, not ${this.size}.`);
    if (this.places.has(key)) return;
    const record = new Uint8Array(this.record);
    record.set(Buffer.from(key, "hex"));
    record.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), keyBytes);
    record.set(checksum(record), this.record - sumBytes);
    try {
      this.writer ??= this.begin();
      const { writer } = this;
      writeAll(writer.handle, record);
      this.places.set(key, { file: writer.file, offset: writer.end });
      writer.end += record.length;
    } catch (error) {
      // What follows a record that was written in part would not be found.
      if (this.writer) closeSync(this.writer.handle);
      this.writer = undefined;
      throw new DataError(`The cache ${this.folder} cannot be written: ${(error as Error).message}.`);
    }
  }

  close(): void {
    for (const handle of this.readers.values()) closeSync(handle);
    this.readers.clear();
    if (this.writer) closeSync(this.writer.handle);
    this.writer = undefined;
  }

  private begin() {
    const file = `${process.pid}-${randomUUID().slice(0, 8)}${ending}`;
    const handle = openSync(join(this.folder, file), "ax");
    const header = Buffer.alloc(headerBytes);
    header.write(magic, "latin1");
    header.writeUInt32LE(this.size, magic.length);
    writeAll(handle, header);
    return { file, handle, end: headerBytes };
  }

  private reader(file: string): number {
    let handle = this.readers.get(file);
    if (handle === undefined) {
      if (this.readers.size >= 64) {
        for (const open of this.readers.values()) closeSync(open);
        this.readers.clear();
      }
      handle = openSync(join(this.folder, file), "r");
      this.readers.set(file, handle);
    }
    return handle;
  }

  /** Takes in every whole record of a file, some thousand at a time. */
  private scan(file: string): void {
    const handle = this.reader(file);
    const header = Buffer.alloc(headerBytes);
    const got = readSync(handle, header, 0, headerBytes, 0);
    const known = header.toString("latin1", 0, magic.length) === magic;
    if (got < headerBytes || !known || header.readUInt32LE(magic.length) !== this.size) {
      this.damaged++;
      return;
    }
    const chunk = new Uint8Array(this.record * Math.max(1, Math.floor(2 ** 22 / this.record)));
    for (let offset = headerBytes; ; ) {
      const bytes = readSync(handle, chunk, 0, chunk.length, offset);
      const whole = Math.floor(bytes / this.record);
      for (let i = 0; i < whole; i++) {
        const record = chunk.subarray(i * this.record, (i + 1) * this.record);
        const sum = record.subarray(this.record - sumBytes);
        if (Buffer.compare(checksum(record), sum) !== 0) this.damaged++;
        else {
          const key = Buffer.from(record.subarray(0, keyBytes)).toString("hex");
          this.places.set(key, { file, offset: offset + i * this.record });
        }
      }
      if (bytes < chunk.length) {
        if (bytes > whole * this.record) this.damaged++; // a tail that was cut off
        return;
      }
      offset += bytes;
    }
  }
}

/** Of a record without its last bytes, which it goes into. */
function checksum(record: Uint8Array): Uint8Array {
  return createHash("sha256")
    .update(record.subarray(0, record.length - sumBytes))
    .digest()
    .subarray(0, sumBytes);
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, bytes.length - at);
}
