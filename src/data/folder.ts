// A folder of audio as a corpus: found recursively, each file decoded once to know that it is whole, and what cannot be
// used named with its reason. Not here: labels, splits and crops, or any opinion on what is music.
import { basename, extname } from "node:path";
import { AudioError, type Waveform } from "../audio/decode.js";
import { hasAudioEnding, readableFormats } from "../audio/formats.js";
import { isSilent } from "../audio/levels.js";
import { DataError } from "../gpu/errors.js";
import { whyUnreadable } from "./decode-file.js";
import { type DecodePool, sharedDecodePool } from "./decode-pool.js";
import { Known } from "./known.js";
import type { Corpus, OnProgress, SkippedFile, Track, TrackSource } from "./types.js";
import { type Walk, type WalkedFile, walkFolder } from "./walk.js";

export interface FolderOptions {
  /** Shorter files are skipped. Default 0.5. */
  minSeconds?: number;
  /** Called as files are checked, in files. */
  onProgress?: OnProgress;
  /** Stops the scan; openFolder then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * How many bytes of decoded samples the check may keep for the first `load()` of each track, so that a file is not
   * decoded twice. Default 256 MB, 25 minutes at 44.1 kHz.
   */
  keepBytes?: number;
  /** Where files are decoded. Default: the shared pool. */
  pool?: DecodePool;
  /** Takes each recording that can be used while its samples are at hand; nothing is kept then for a first `load()`. */
  take?(track: Omit<Track, "load">, waveform: Waveform): Promise<void>;
}

/** A folder's tracks, sorted by id (the path below the folder, with `/`); each track loads as one channel. */
export interface FolderCorpus extends Corpus {
  /** Length of all tracks together. */
  seconds: number;
  /** Files without an audio ending (texts, pictures, …), which are passed over without being named. */
  ignored: number;
}

/**
 * Scan a folder and check every audio file in it.
 *
 * Looked at is what has an audio ending, hidden files and folders (and macOS's `._*`) excepted; symbolic links are
 * followed, and no file, folder or recording is taken twice. Broken, cut, empty, silent, too short and unreadable files are in
 * `skipped`.
 * @param dir the folder
 * @throws DataError in one line, where the folder is missing, unreadable or a file, or holds nothing that can be used
 */
export async function openFolder(dir: string, options: FolderOptions = {}): Promise<FolderCorpus> {
  const {
    minSeconds = 0.5,
    onProgress,
    signal,
    keepBytes = 256 * 2 ** 20,
    pool = sharedDecodePool(),
    take,
  } = options;
  const found = await scan(dir, signal);
  if (found.files.length === 0) throw new DataError(nothingFound(dir, found));

  const { files } = found;
  const lengths: (number | undefined)[] = files.map(() => undefined);
  const contents: (string | undefined)[] = files.map(() => undefined);
  const kept = new Map<string, Waveform>();
  const known = new Known<{ seconds: number; content: string }>("whole file", pool.decoders);
  const skipped = [...found.skipped];
  let keptBytes = 0;
  let done = 0;
  const report = () => onProgress?.({ what: "checking audio", done, total: files.length, unit: "files" });
  report();
  const check = async (index: number) => {
    const { id, path } = files[index];
    try {
      const digest = known.keeps ? await pool.digestFile(path, { name: id, signal }) : "";
      const facts = await known.get(digest);
      if (facts && facts.seconds >= minSeconds) {
        lengths[index] = facts.seconds;
        contents[index] = facts.content;
        return;
      }
      const waveform = await pool.decodeFile(path, { name: id, signal, content: true });
      const samples = waveform.channels[0];
      const seconds = samples.length / waveform.sampleRate;
      if (seconds < minSeconds) {
        skipped.push({
          path: id,
          reason: `${roundTo(seconds)} s long, less than the ${minSeconds} s needed`,
        });
        return;
      }
      if (isSilent(samples)) {
        skipped.push({ path: id, reason: "silent: nothing in it is louder than the last of 16 bits" });
        return;
      }
      lengths[index] = seconds;
      contents[index] = waveform.content;
      // Before it is known: where this is cut off, the file is looked at again.
      const track = trackOf(files[index], pool);
      const source = known.keeps ? { file: id, digest: async () => digest } : track.source;
      await take?.({ ...track, source, seconds }, waveform);
      await known.put(digest, { seconds, content: waveform.content ?? "" });
      if (!take && keptBytes + samples.buffer.byteLength <= keepBytes) {
        keptBytes += samples.buffer.byteLength;
        kept.set(id, waveform);
      }
    } catch (error) {
      if (signal?.aborted || !(error instanceof DataError)) throw error;
      const reason = error instanceof AudioError ? error.reason : error.message.replace(`${id}: `, "");
      skipped.push({ path: id, reason });
    }
  };
  let next = 0;
  const lane = async () => {
    while (next < files.length) {
      signal?.throwIfAborted();
      await check(next++);
      done++;
      report();
    }
  };
  await Promise.all(Array.from({ length: pool.size + 1 }, lane)); // one more than threads, so that none waits

  const tracks: Track[] = [];
  const firsts = new Map<string | undefined, string>();
  for (const [index, { id, path }] of files.entries()) {
    const seconds = lengths[index];
    if (seconds === undefined) continue;
    const first = firsts.get(contents[index]);
    if (first !== undefined) {
      kept.delete(id);
      skipped.push({ path: id, reason: `the same recording as ${first}, which is taken` });
      continue;
    }
    firsts.set(contents[index], id);
    const load = async () => {
      const waveform = kept.get(id);
      kept.delete(id);
      return waveform ?? (await pool.decodeFile(path, { name: id }));
    };
    tracks.push({ ...trackOf(files[index], pool), seconds, load });
  }
  skipped.sort((a, b) => byCodeUnits(a.path, b.path));
  if (tracks.length === 0) throw new DataError(nothingUsable(dir, files.length, skipped));
  const seconds = tracks.reduce((sum, track) => sum + (track.seconds ?? 0), 0);
  const audio = `${tracks.length} ${plural(tracks.length, "file")}, ${duration(seconds)}`;
  const out = skipped.length > 0 ? `; ${skipped.length} skipped` : "";
  return {
    name: "folder",
    why: `the folder ${dir} was asked for (${audio}${out})`,
    tracks,
    skipped,
    licences: [{ source: dir, licence: "your own files" }],
    seconds,
    ignored: found.ignored,
  };
}

/**
 * The audio files below a folder as tracks, without looking into any: what cannot be used is found when it is loaded.
 * @throws DataError where the folder is missing, unreadable or a file, or holds no audio
 */
export async function listFolder(
  dir: string,
  { signal, pool = sharedDecodePool() }: Pick<FolderOptions, "signal" | "pool"> = {},
): Promise<{ tracks: Track[]; skipped: SkippedFile[] }> {
  const found = await scan(dir, signal);
  if (found.files.length === 0) throw new DataError(nothingFound(dir, found));
  const tracks = found.files.map(
    (file): Track => ({
      ...trackOf(file, pool),
      load: () => pool.decodeFile(file.path, { name: file.id }),
    }),
  );
  return { tracks, skipped: found.skipped };
}

/** A file as a track: a piece of its own, by its path below the folder. */
function trackOf({ id, path }: Found["files"][number], pool: DecodePool): Omit<Track, "load" | "seconds"> {
  return { id, piece: id, title: basename(id, extname(id)), source: sourceOf(id, path, pool) };
}

/** A file of its own as a track's source. */
export function sourceOf(file: string, path: string, pool: DecodePool): TrackSource {
  return { file, digest: () => pool.digestFile(path, { name: file }) };
}

interface Found {
  files: { id: string; path: string }[];
  skipped: SkippedFile[];
  ignored: number;
}

/** Find the audio files below a folder. Where there are links to a file, the file counts and the links are doubles. */
async function scan(dir: string, signal?: AbortSignal): Promise<Found> {
  let walk: Walk;
  try {
    walk = await walkFolder(dir, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new DataError(unreadableFolder(dir, error));
  }
  const isAudio = ({ id }: WalkedFile) => hasAudioEnding(basename(id));
  const audio = walk.files.filter(isAudio);
  const dangling = walk.dangling.filter(isAudio);
  const taken = new Map<string, WalkedFile>();
  for (const file of [...audio.filter(({ linked }) => !linked), ...audio.filter(({ linked }) => linked)]) {
    if (!taken.has(file.real)) taken.set(file.real, file);
  }
  return {
    files: [...taken.values()].sort((a, b) => byCodeUnits(a.id, b.id)),
    skipped: [
      ...walk.unreadable,
      ...dangling.map(({ id }) => ({ path: id, reason: "a symbolic link to nothing" })),
    ],
    ignored: walk.files.length - audio.length + walk.dangling.length - dangling.length + walk.other,
  };
}

function unreadableFolder(dir: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return `There is no folder ${dir}: give one that holds audio files.`;
  if (code === "ENOTDIR") return `${dir} is not a folder: give the folder that the audio files are in.`;
  return `The folder ${dir} cannot be used: ${whyUnreadable(error)}.`;
}

function nothingFound(dir: string, { ignored, skipped }: Found): string {
  if (skipped.length > 0) return nothingUsable(dir, skipped.length, skipped);
  if (ignored === 0) return `The folder ${dir} is empty: put audio files there (${readableFormats}).`;
  return `The folder ${dir} holds no audio among its ${ignored} ${plural(ignored, "file")}: ${readableFormats} are read.`;
}

/** One line: how many files there are, and each reason with how often it occurs and the first file it holds for. */
function nothingUsable(dir: string, count: number, skipped: SkippedFile[]): string {
  const reasons = new Map<string, string[]>();
  for (const { path, reason } of skipped) {
    // Truncated files differ in their numbers only: the words before the colon are the reason.
    const key = /^(truncated|damaged|not audio|empty)/.exec(reason)?.[0] ?? reason;
    reasons.set(key, [...(reasons.get(key) ?? []), path]);
  }
  const list = [...reasons]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, 6)
    .map(([reason, paths]) => `${paths.length} ${reason} (${paths[0]}${paths.length > 1 ? ", …" : ""})`);
  if (reasons.size > 6) list.push(`${reasons.size - 6} more reasons`);
  return `None of the ${count} audio ${plural(count, "file")} in ${dir} can be used: ${list.join("; ")}.`;
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function roundTo(seconds: number): string {
  return String(Number(seconds.toPrecision(2)));
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
