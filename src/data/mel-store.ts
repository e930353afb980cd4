// The log-mel of every track of a corpus, kept in files of the cache folder and read crop by crop, so that memory stays
// flat however long the music is, and a second run starts at once. Not here: how a log-mel is written (mel-writer.ts), or which crop is drawn.
import { closeSync, openSync, readSync } from "node:fs";
import type { Waveform } from "../audio/types.js";
import { DataError, MelgradError } from "../gpu/errors.js";
import { alone, gather, type ProcessGroup } from "../host/group.js";
import type { FrontEndConfig } from "../patchifier/config.js";
import { copyCrop } from "../patchifier/front-end.js";
import type { Gpu } from "../tensor/gpu.js";
import type { DecodePool } from "./decode-pool.js";
import { isHere, type MelTrack, MelWriter, placedIn } from "./mel-writer.js";
import type { Corpus, FileRemark, OnProgress, SkippedFile, Track } from "./types.js";

export interface MelStoreOptions {
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** Whether the tracks' chroma is kept as well. Default false. */
  chroma?: boolean;
  /** Each transforms its share of the tracks into the same folder; all get the whole store. */
  group?: ProcessGroup;
  /** Whose decoding of files is known again. Default: the shared pool. */
  pool?: DecodePool;
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
    { cacheDir, onProgress, signal, chroma = false, group = alone, pool }: MelStoreOptions = {},
  ): Promise<MelStore> {
    const writer = await MelWriter.open(gpu, config, { cacheDir, chroma, pool });
    const { folder } = writer;
    const total = corpus.tracks.length;
    const transform = async (numbers: readonly number[], step: number): Promise<Outcome[]> => {
      const outcomes: Outcome[] = [];
      // The next track is decoded by a worker while the GPU transforms this one.
      const begin = (number: number) => startLoading(corpus.tracks[number], writer);
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
          const stored = await writer.write(corpus.tracks[number], waveform, key);
          outcomes.push({ track: number, stored, remarks: waveform.remarks });
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
      writer.dispose();
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

type Loaded = { stored: MelTrack; remarks?: readonly string[] } | { waveform: Waveform; key?: string };

/** Starts decoding what is not known, without letting a failure go unhandled before it is awaited. */
function startLoading(track: Track, writer: MelWriter): Promise<Loaded> {
  const load = async (): Promise<Loaded> => {
    const { stored, remarks, key } = await writer.find(track);
    return stored ? { stored, remarks } : { waveform: await track.load(), key };
  };
  const loading = load();
  loading.catch(() => {});
  return loading;
}
