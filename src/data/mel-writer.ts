// From decoded recordings to log-mels, and their chroma, in files of the cache folder, named by the samples and the settings that made them; what is
// there already is not made again. Not here: which tracks, their order, and reading crops (mel-store.ts).
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Waveform } from "../audio/types.js";
import { DataError } from "../gpu/errors.js";
import { cacheFolder, writeWhole } from "../host/cache.js";
import { Chroma } from "../patchifier/chroma.js";
import type { FrontEndConfig } from "../patchifier/config.js";
import { FrontEnd } from "../patchifier/front-end.js";
import type { Gpu } from "../tensor/gpu.js";
import { sourceKey } from "./content.js";
import { type DecodePool, sharedDecodePool } from "./decode-pool.js";
import { Known } from "./known.js";
import type { Track } from "./types.js";

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

export interface MelWriterOptions {
  cacheDir?: string;
  /** Whether the tracks' chroma is kept as well. Default false. */
  chroma?: boolean;
  /** Whose decoding is told apart from other decoders'. Default: the shared pool. */
  pool?: DecodePool;
}

/** What is kept of a track by its file's bytes. */
interface KnownTrack {
  content: string;
  frames: number;
  remarks?: readonly string[];
}

/** A track without its samples. */
export type Named = Pick<Track, "id" | "piece" | "title" | "source">;

export class MelWriter {
  private readonly frontEnd: FrontEnd;
  private readonly pitches: Chroma | undefined;
  private readonly known: Known<KnownTrack>;

  private constructor(
    gpu: Gpu,
    private readonly config: FrontEndConfig,
    /** Where the files lie. */
    readonly folder: string,
    { cacheDir, chroma = false, pool = sharedDecodePool() }: MelWriterOptions,
  ) {
    this.frontEnd = new FrontEnd(gpu, config);
    this.pitches = chroma ? new Chroma(gpu, config) : undefined;
    this.known = new Known(`log-mel ${JSON.stringify(config)}`, pool.decoders, cacheDir);
  }

  static async open(gpu: Gpu, config: FrontEndConfig, options: MelWriterOptions = {}): Promise<MelWriter> {
    const folder = join(cacheFolder(options.cacheDir), "log-mel");
    await mkdir(folder, { recursive: true });
    return new MelWriter(gpu, config, folder, options);
  }

  /** Whether a track is found again by its file's bytes, without decoding. */
  get keeps(): boolean {
    return this.known.keeps;
  }

  /** A track whose samples are known by its file's bytes, and that is here; else the key to keep it by. */
  async find({ id, piece, title, source }: Named): Promise<{
    stored?: MelTrack;
    remarks?: readonly string[];
    key?: string;
  }> {
    if (!source || !this.keeps) return {};
    const key = await sourceKey(source);
    const found = await this.known.get(key);
    if (!found) return { key };
    const { content, frames, remarks } = found;
    const path = join(this.folder, `${content}.f32`);
    const chromaPath = this.pitches && path.replace(/\.f32$/, chromaSuffix);
    const stored: MelTrack = { id, piece, title, frames, content, path, ...(chromaPath && { chromaPath }) };
    return isHere(stored, this.folder, this.config) ? { stored, remarks } : { key };
  }

  /**
   * Writes what is not there yet. `key`: what it is found by again; see `find`.
   * @throws DataError where the recording is too short for one frame
   */
  async write({ id, piece, title }: Named, waveform: Waveform, key?: string): Promise<MelTrack> {
    const { folder, frontEnd, pitches, config } = this;
    const hash = createHash("sha256").update(JSON.stringify([config, waveform.sampleRate]));
    for (const channel of waveform.channels)
      hash.update(new Uint8Array(channel.buffer, channel.byteOffset, channel.byteLength));
    const content = hash.digest("hex").slice(0, 32);
    const path = join(folder, `${content}.f32`);
    let frames = wholeRows(path, config.nMels * 4);
    let mono: Float32Array | undefined;
    if (frames === 0) {
      mono = await frontEnd.mono(waveform);
      const made = await frontEnd.transformMono(mono);
      frames = made.frames;
      await writeValues(path, made.values);
    }
    const stored: MelTrack = { id, piece, title, frames, content, path };
    if (pitches) {
      stored.chromaPath = path.replace(/\.f32$/, chromaSuffix);
      if (wholeRows(stored.chromaPath, 12 * 4) !== frames) {
        mono ??= await frontEnd.mono(waveform);
        await writeValues(stored.chromaPath, await pitches.transform(mono, frames));
      }
    }
    const { remarks } = waveform;
    if (key !== undefined) await this.known.put(key, { content, frames, remarks });
    return stored;
  }

  /** Writes a recording while its samples are at hand, so that nobody has to decode it again. One that cannot be used is told when it is. */
  async take(track: Named, waveform: Waveform): Promise<void> {
    try {
      const { stored, key } = await this.find(track);
      if (!stored) await this.write(track, waveform, key);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }

  /** Gives the tables on the device back. */
  dispose(): void {
    this.frontEnd.dispose();
    this.pitches?.dispose();
  }
}

/** The track's files below `folder`, wherever they were made. */
export function placedIn(folder: string, track: MelTrack): MelTrack {
  const { path, chromaPath } = track;
  const placed = { ...track, path: join(folder, basename(path)) };
  return chromaPath ? { ...placed, chromaPath: join(folder, basename(chromaPath)) } : placed;
}

/** Whether the track's files are there, and whole. */
export function isHere(track: MelTrack, folder: string, { nMels }: FrontEndConfig): boolean {
  const { path, chromaPath, frames } = placedIn(folder, track);
  return wholeRows(path, nMels * 4) === frames && (!chromaPath || wholeRows(chromaPath, 12 * 4) === frames);
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
