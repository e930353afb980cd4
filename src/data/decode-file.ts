// Reads one audio file from disk, or from bytes at hand, and decodes it in whichever thread it is called. Not here: threads
// (decode-pool.ts).
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { AudioError, decodeAudio, mixDown, type Waveform } from "../audio/decode.js";
import { recognise } from "../audio/formats.js";
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
  if (typeof source === "string") await glance(source, name);
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

/** Files from this size on, in bytes, are looked at before they are read: a film is refused by its first bytes. */
const largeBytes = 2 ** 25;

/** Throws AudioError where a large file begins as a format that is not read. */
async function glance(path: string, name: string): Promise<void> {
  const head = Buffer.alloc(4096);
  try {
    const file = await open(path);
    try {
      if ((await file.stat()).size < largeBytes) return;
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      recognise(head.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AudioError && error.kind === "unsupported") throw error.named(name);
  }
}

async function bytesOf(source: string | Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return typeof source === "string" ? await readFile(source) : source;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const advice = code === "EISDIR" ? `: name the files in it, as in ${name}/*.flac` : "";
    throw new DataError(`${name}: ${whyUnreadable(error)}${advice}`);
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
