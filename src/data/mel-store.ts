// The log-mel of every track of a corpus, kept in files of the cache folder and read crop by crop, so that memory stays
// flat however long the music is, and a second run starts at once. Not here: decoding (audio/), or which crop is drawn.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Waveform } from "../audio/types.js";
import { DataError, MelgradError } from "../gpu/errors.js";
import { cacheFolder, writeWhole } from "../host/cache.js";
import type { FrontEndConfig } from "../patchifier/config.js";
import { FrontEnd } from "../patchifier/front-end.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Corpus, FileRemark, OnProgress, SkippedFile, Track } from "./types.js";

export interface MelTrack {
  id: string;
  piece: string;
  title: string;
  frames: number;
  path: string;
}

export interface MelStoreOptions {
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
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
    { cacheDir, onProgress, signal }: MelStoreOptions = {},
  ): Promise<MelStore> {
    const folder = join(cacheFolder(cacheDir), "log-mel");
    await mkdir(folder, { recursive: true });
    const frontEnd = new FrontEnd(gpu, config);
    const tracks: MelTrack[] = [];
    const skipped: SkippedFile[] = [];
    const remarks: FileRemark[] = [];
    const total = corpus.tracks.length;
    try {
      // The next track is decoded by a worker while the GPU transforms this one.
      let next = total > 0 ? startLoading(corpus.tracks[0]) : undefined;
      for (let i = 0; i < total; i++) {
        signal?.throwIfAborted();
        onProgress?.({ what: "log-mel", done: i, total, unit: "tracks" });
        const track = corpus.tracks[i];
        const loading = next;
        next = i + 1 < total ? startLoading(corpus.tracks[i + 1]) : undefined;
        try {
          const waveform = await loading;
          if (!waveform) continue;
          const stored = await storeTrack(frontEnd, track, waveform, folder);
          // The file is named by the samples. What came before is not taken twice, nor heard on both sides of a split.
          const twin = tracks.find(({ path }) => path === stored.path);
          if (twin) skipped.push({ path: track.id, reason: `the same audio as ${twin.id}` });
          else tracks.push(stored);
          for (const text of waveform.remarks ?? []) remarks.push({ path: track.id, text });
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
          skipped.push({ path: track.id, reason: error.message });
        }
      }
      onProgress?.({ what: "log-mel", done: total, total, unit: "tracks" });
    } finally {
      frontEnd.dispose();
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
    const { nMels } = this.config;
    const { path, frames: available } = this.tracks[track];
    const count = Math.max(0, Math.min(frames, available - start));
    const rows = new Float32Array(count * nMels);
    if (count > 0) {
      const bytes = readSync(this.file(path), rows, 0, rows.byteLength, start * nMels * 4);
      if (bytes !== rows.byteLength)
        throw new MelgradError(`The cached log-mel ${path} is cut short: delete it.`);
    }
    for (let m = 0; m < nMels; m++) {
      const row = offset + m * frames;
      for (let f = 0; f < count; f++) out[row + f] = rows[f * nMels + m];
      out.fill(0, row + count, row + frames);
    }
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

/** Starts decoding without letting a failure go unhandled before it is awaited. */
function startLoading(track: Track): Promise<Waveform> {
  const loading = track.load();
  loading.catch(() => {});
  return loading;
}

async function storeTrack(
  frontEnd: FrontEnd,
  track: Track,
  waveform: Waveform,
  folder: string,
): Promise<MelTrack> {
  const hash = createHash("sha256").update(JSON.stringify([frontEnd.config, waveform.sampleRate]));
  for (const channel of waveform.channels)
    hash.update(new Uint8Array(channel.buffer, channel.byteOffset, channel.byteLength));
  const path = join(folder, `${hash.digest("hex").slice(0, 32)}.f32`);
  const rowBytes = frontEnd.config.nMels * 4;
  const { id, piece, title } = track;
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== undefined && size > 0 && size % rowBytes === 0)
    return { id, piece, title, frames: size / rowBytes, path };
  const { frames, values } = await frontEnd.transform(waveform);
  await writeWhole(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return { id, piece, title, frames, path };
}
