// How long audio files are, where clips are cut from them: read from the frames of an MP3, else by decoding, and kept in the cache
// so that a second run asks no file again.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { recognise } from "../../audio/formats.js";
import { findMp3Frames } from "../../audio/mp3.js";
import { DataError } from "../../gpu/errors.js";
import { writeWhole } from "../../host/cache.js";
import type { Problems } from "./problems.js";
import type { SetFile } from "./set-files.js";
import type { ReadOptions } from "./types.js";

/**
 * Seconds of each file, in the files' order; undefined where one cannot be used, which is reported.
 * @param folder names the list in the cache
 */
export async function measureSeconds(
  folder: string,
  files: readonly SetFile[],
  problems: Problems,
  { cacheDir, onProgress, signal }: ReadOptions,
): Promise<(number | undefined)[]> {
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const path = join(cacheDir, "seconds", `${name}.json`);
  const known = await readKnown(path);
  const before = Object.keys(known).length;
  const lengths: (number | undefined)[] = [];
  for (const [done, file] of files.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ what: "measuring audio", done, total: files.length, unit: "files" });
    try {
      const key = `${file.path}:${await file.size()}`;
      known[key] ??= await secondsOf(file);
      lengths.push(known[key]);
    } catch (error) {
      if (signal?.aborted || !(error instanceof DataError)) throw error;
      problems.add("broken", { file: file.path }, `${error.message.replace(`${file.path}: `, "")}; left out`);
      lengths.push(undefined);
    }
  }
  onProgress?.({ what: "measuring audio", done: files.length, total: files.length, unit: "files" });
  if (Object.keys(known).length > before) await writeWhole(path, JSON.stringify(known));
  return lengths;
}

async function readKnown(path: string): Promise<Record<string, number>> {
  try {
    const known: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof known !== "object" || known === null) return {};
    return Object.fromEntries(Object.entries(known).filter(([, seconds]) => Number.isFinite(seconds)));
  } catch {
    return {}; // not there yet, or cut: measured anew
  }
}

async function secondsOf(file: SetFile): Promise<number> {
  const bytes = await file.bytes();
  const { container, start, lostTag } = recognise(bytes);
  if (container === "mpeg?") return findMp3Frames(bytes, start, lostTag).seconds;
  const { channels, sampleRate } = await file.load();
  return channels[0].length / sampleRate;
}
