// Reads one audio file from disk, or from bytes at hand, and decodes it in whichever thread it is called. Not here: threads
// (decode-pool.ts).
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { decodeAudio, mixDown, type Waveform } from "../audio/decode.js";
import { DataError } from "../gpu/errors.js";
import { waveformKey } from "./content.js";

/** What a file decodes to. */
export interface DecodedFile extends Waveform {
  /** A key of the samples, where it was asked for: equal for two files of one recording, whatever they are called or tagged. */
  content?: string;
}

/**
 * Decode a file; with `mono`, mix it down to one channel at once, which halves what a stereo file keeps in memory.
 * @param source a path, or the file's bytes
 * @param name how messages call the file
 * @param content whether the samples' key is wanted too
 * @throws AudioError where its bytes cannot be used, DataError where it cannot be read
 */
export async function readWaveform(
  source: string | Uint8Array,
  mono: boolean,
  name: string,
  content = false,
): Promise<DecodedFile> {
  const bytes = await bytesOf(source, name);
  const decoded = await decodeAudio(bytes, { name });
  const waveform = mono ? mixDown(decoded) : decoded;
  return content ? { ...waveform, content: waveformKey(waveform) } : waveform;
}

/** The SHA-256 of a file, or of bytes at hand, in hexadecimal. Throws DataError where it cannot be read. */
export async function digestBytes(source: string | Uint8Array, name: string): Promise<string> {
  return createHash("sha256")
    .update(await bytesOf(source, name))
    .digest("hex");
}

async function bytesOf(source: string | Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return typeof source === "string" ? await readFile(source) : source;
  } catch (error) {
    throw new DataError(`${name}: ${whyUnreadable(error)}`);
  }
}

/** A file system error in a few words. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "it is not there",
    EACCES: "no permission to read it",
    EPERM: "no permission to read it",
    ENOTDIR: "it is not a folder",
    EISDIR: "it is a folder",
    ELOOP: "a symbolic link that leads to itself",
    EMFILE: "too many open files",
    EIO: "the disk reports a read error",
    ERR_FS_FILE_TOO_LARGE: "larger than 2 GB",
  };
  return known[code ?? ""] ?? `cannot be read (${code ?? message})`;
}
