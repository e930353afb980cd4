// The log-mel of every track of a corpus, kept in files of the cache folder and read crop by crop, so that memory stays
// flat however long the music is, and a second run starts at once. Not here: decoding (audio/), or which crop is drawn.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Waveform } from "../audio/types.js";
import { DataError, MelgradError } from "../gpu/errors.js";
import { cacheFolder, writeWhole } from "../host/cache.js";
import { alone, gather, type ProcessGroup } from "../host/group.js";
import { Chroma } from "../patchifier/chroma.js";
import type { FrontEndConfig } from "../patchifier/config.js";
import { copyCrop, FrontEnd } from "../patchifier/front-end.js";
import type { Gpu } from "../tensor/gpu.js";
import { sourceKey } from "./content.js";
import { sharedDecodePool } from "./decode-pool.js";
import { Known } from "./known.js";
import type { Corpus, FileRemark, OnProgress, SkippedFile, Track } from "./types.js";

export interface MelTrack {
  id: string;
  piece: string;
  title: string;
  frames: number;
  /** A key of its samples and of the front end's settings. */
  content: string;
  path: string;
  /** The file of its chroma, where that was asked for. */
  chromaPath?: string;
}

export interface MelStoreOptions {
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** Whether the tracks' chroma is kept as well. Default false. */
  chroma?: boolean;
  /** Each transforms its share of the tracks into the same folder; all get the whole store. */
  group?: ProcessGroup;
}

/** What became of a track. */
interface Outcome {
  track: number;
  stored?: MelTrack;
  remarks?: readonly string[];
  /** Why it cannot be used. */
  reason?: string;
}

export class MelStore {
  private readonly files = new Map<string, number>();

  private constructor(
    readonly tracks: readonly MelTrack[],
    readonly config: FrontEndConfig,
    /** Tracks that turned out not to be usable. */
    readonly skipped: readonly SkippedFile[],
    /** Tracks that were odd and are used all the same. */
    readonly remarks: readonly FileRemark[] = [],
  ) {}

  /**
   * Transforms what is not in the cache yet. Tracks that fail, and those of the same audio as one before, are named in `skipped`;
   * none left is a DataError.
   */
  static async build(
    gpu: Gpu,
    corpus: Corpus,
    config: FrontEndConfig,
    { cacheDir, onProgress, signal, chroma = false, group = alone }: MelStoreOptions = {},
  ): Promise<MelStore> {
    const folder = join(cacheFolder(cacheDir), "log-mel");
    await mkdir(folder, { recursive: true });
    const frontEnd = new FrontEnd(gpu, config);
    const pitches = chroma ? new Chroma(gpu, config) : undefined;
    const total = corpus.tracks.length;
    const known = new Known<KnownTrack>(
      `log-mel ${JSON.stringify(config)}`,
      sharedDecodePool().decoders,
      cacheDir,
    );
    /** A track whose samples are known by its file's bytes, and that is here; else the key to keep it by. */
    const isKnown = async ({ id, piece, title, source }: Track) => {
      if (!source || !known.keeps) return {};
      const key = await sourceKey(source);
      const found = await known.get(key);
      if (!found) return { key };
      const { content, frames, remarks } = found;
      const path = join(folder, `${content}.f32`);
      const chromaPath = chroma ? path.replace(/\.f32$/, chromaSuffix) : undefined;
      const stored: MelTrack = { id, piece, title, frames, content, path, ...(chromaPath && { chromaPath }) };
      return isHere(stored, folder, config) ? { stored, remarks } : { key };
    };
    const transform = async (numbers: readonly number[], step: number): Promise<Outcome[]> => {
      const outcomes: Outcome[] = [];
      // The next track is decoded by a worker while the GPU transforms this one.
      const begin = (number: number) => startLoading(corpus.tracks[number], isKnown);
      let next = numbers.length > 0 ? begin(numbers[0]) : undefined;
      for (const [k, number] of numbers.entries()) {
        signal?.throwIfAborted();
        onProgress?.({ what: "log-mel", done: Math.min(total, k * step), total, unit: "tracks" });
        const loading = next;
        next = k + 1 < numbers.length ? begin(numbers[k + 1]) : undefined;
        try {
          const loaded = await loading;
          if (!loaded) continue;
          if ("stored" in loaded) {
            outcomes.push({ track: number, ...loaded });
            continue;
          }
          const { waveform, key } = loaded;
          const { remarks } = waveform;
          const stored = await storeTrack(frontEnd, pitches, corpus.tracks[number], waveform, folder);
          outcomes.push({ track: number, stored, remarks });
          if (key !== undefined)
            await known.put(key, { content: stored.content, frames: stored.frames, remarks });
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
          outcomes.push({ track: number, reason: error.message });
        }
      }
      onProgress?.({ what: "log-mel", done: total, total, unit: "tracks" });
      return outcomes;
    };
    let outcomes: Outcome[];
    try {
      const { rank, size } = group;
      const own = Array.from({ length: total }, (_, i) => i).filter((i) => i % size === rank);
      outcomes = (await gather(group, await transform(own, size))).flat();
      // What others made lies here too where the cache is shared; where it is not, it is made here again.
      const elsewhere =
        size > 1 ? outcomes.filter(({ stored }) => stored && !isHere(stored, folder, config)) : [];
      const again = elsewhere.map(({ track }) => track);
      outcomes = [...outcomes.filter(({ track }) => !again.includes(track)), ...(await transform(again, 1))];
      outcomes.sort((a, b) => a.track - b.track);
    } finally {
      frontEnd.dispose();
      pitches?.dispose();
    }
    const tracks: MelTrack[] = [];
    const firsts = new Map<string, string>();
    const skipped: SkippedFile[] = [];
    const remarks: FileRemark[] = [];
    for (const outcome of outcomes) {
      const { id } = corpus.tracks[outcome.track];
      if (outcome.reason !== undefined) skipped.push({ path: id, reason: outcome.reason });
      if (!outcome.stored) continue;
      // The file is named by the samples. What came before is not taken twice, nor heard on both sides of a split.
      const twin = firsts.get(outcome.stored.content);
      if (twin !== undefined) {
        skipped.push({ path: id, reason: `the same audio as ${twin}` });
      } else {
        firsts.set(outcome.stored.content, id);
        tracks.push(placedIn(folder, outcome.stored));
      }
      for (const text of outcome.remarks ?? []) remarks.push({ path: id, text });
    }
    if (tracks.length === 0) {
      const reasons = skipped.slice(0, 3).map(({ path, reason }) => `${path}: ${reason}`);
      throw new DataError(`None of ${total} tracks can be used (${reasons.join("; ")}).`);
    }
    return new MelStore(tracks, config, skipped, remarks);
  }

  /**
   * Copies `frames` frames of a track from `start` into `out` at `offset`, as [nMels, frames]. Frames past the end of the
   * track are those of silence, log10(1 + 0) = 0.
   */
  crop(track: number, start: number, frames: number, out: Float32Array, offset: number): void {
    this.copy(this.tracks[track].path, this.config.nMels, track, start, frames, out, offset);
  }

  /** The same of chroma, as [12, frames]; absent where it was not asked for. */
  get chroma(): MelStore["crop"] | undefined {
    if (this.tracks.some(({ chromaPath }) => chromaPath === undefined)) return undefined;
    return (track, start, frames, out, offset) =>
      this.copy(this.tracks[track].chromaPath ?? "", 12, track, start, frames, out, offset);
  }

  /** Frames of a file of `width` values each, turned to [width, frames]. */
  private copy(
    path: string,
    width: number,
    track: number,
    start: number,
    frames: number,
    out: Float32Array,
    offset: number,
  ): void {
    const count = Math.max(0, Math.min(frames, this.tracks[track].frames - start));
    const rows = new Float32Array(count * width);
    if (count > 0) {
      const bytes = readSync(this.file(path), rows, 0, rows.byteLength, start * width * 4);
      if (bytes !== rows.byteLength) throw new MelgradError(`The cached ${path} is cut short: delete it.`);
    }
    copyCrop({ values: rows, frames: count }, width, 0, frames, out, offset);
  }

  close(): void {
    for (const file of this.files.values()) closeSync(file);
    this.files.clear();
  }

  private file(path: string): number {
    const open = this.files.get(path);
    if (open !== undefined) return open;
    if (this.files.size >= 256) this.close();
    const file = openSync(path, "r");
    this.files.set(path, file);
    return file;
  }
}

/** What is kept of a track by its file's bytes. */
interface KnownTrack {
  content: string;
  frames: number;
  remarks?: readonly string[];
}

type Loaded = { stored: MelTrack; remarks?: readonly string[] } | { waveform: Waveform; key?: string };

/** Starts decoding what is not known, without letting a failure go unhandled before it is awaited. */
function startLoading(
  track: Track,
  isKnown: (track: Track) => Promise<{ stored?: MelTrack; remarks?: readonly string[]; key?: string }>,
): Promise<Loaded> {
  const load = async (): Promise<Loaded> => {
    const { stored, remarks, key } = await isKnown(track);
    return stored ? { stored, remarks } : { waveform: await track.load(), key };
  };
  const loading = load();
  loading.catch(() => {});
  return loading;
}

/** The track's files below `folder`, wherever they were made. */
function placedIn(folder: string, track: MelTrack): MelTrack {
  const { path, chromaPath } = track;
  const placed = { ...track, path: join(folder, basename(path)) };
  return chromaPath ? { ...placed, chromaPath: join(folder, basename(chromaPath)) } : placed;
}

function isHere(track: MelTrack, folder: string, { nMels }: FrontEndConfig): boolean {
  const { path, chromaPath, frames } = placedIn(folder, track);
  return wholeRows(path, nMels * 4) === frames && (!chromaPath || wholeRows(chromaPath, 12 * 4) === frames);
}

async function storeTrack(
  frontEnd: FrontEnd,
  pitches: Chroma | undefined,
  track: Track,
  waveform: Waveform,
  folder: string,
): Promise<MelTrack> {
  const hash = createHash("sha256").update(JSON.stringify([frontEnd.config, waveform.sampleRate]));
  for (const channel of waveform.channels)
    hash.update(new Uint8Array(channel.buffer, channel.byteOffset, channel.byteLength));
  const content = hash.digest("hex").slice(0, 32);
  const path = join(folder, `${content}.f32`);
  const rowBytes = frontEnd.config.nMels * 4;
  const { id, piece, title } = track;
  let frames = wholeRows(path, rowBytes);
  let mono: Float32Array | undefined;
  if (frames === 0) {
    mono = await frontEnd.mono(waveform);
    const made = await frontEnd.transformMono(mono);
    frames = made.frames;
    await writeValues(path, made.values);
  }
  if (!pitches) return { id, piece, title, frames, content, path };
  const chromaPath = path.replace(/\.f32$/, chromaSuffix);
  if (wholeRows(chromaPath, 12 * 4) !== frames) {
    mono ??= await frontEnd.mono(waveform);
    await writeValues(chromaPath, await pitches.transform(mono, frames));
  }
  return { id, piece, title, frames, content, path, chromaPath };
}

/** Beside a log-mel of the same recording; another way to compute chroma needs another name. */
const chromaSuffix = ".chroma-1.f32";

/** How many rows a file holds; 0 where it is not there or was cut. */
function wholeRows(path: string, rowBytes: number): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size % rowBytes === 0 ? size / rowBytes : 0;
}

function writeValues(path: string, { buffer, byteOffset, byteLength }: Float32Array): Promise<void> {
  return writeWhole(path, new Uint8Array(buffer, byteOffset, byteLength));
}
