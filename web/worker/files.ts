// What the browser keeps between visits: clips (log-mel, samples, description) and the last checkpoint. Writes happen one after
// the other; a clip counts once its description is there, a checkpoint once its state is, and the one before it stays until
// then. What is damaged is put aside and named. Not here: how OPFS is spoken to (private-files.ts).
import { decodeWav } from "../../src/audio/wav.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { DataError } from "../../src/gpu/errors.js";
import { typedElements } from "../../src/io/typed.js";
import type { NamedValues } from "../../src/nn/parameters.js";
import type { ModelConfig, PretrainConfig } from "../../src/patchifier/config.js";
import { deserialise, serialise } from "../../src/train/weights.js";
import type { ClipInfo } from "../protocol.js";
import type { Clip } from "./clip.js";
import { Folder, sha256 } from "./private-files.js";

const rootName = "melgrad-app";
const lockName = "melgrad-app-files";

/** A clip's description, clip.json. */
interface StoredClip {
  format: 1;
  info: ClipInfo;
  piece: string;
  nMels: number;
  melBytes: number;
  audioBytes: number;
}

/** What training needs to go on, beside weights and moments. */
export interface RunState {
  preset: string;
  seed: number;
  /** Updates done. */
  step: number;
  model: ModelConfig;
  pretrain: PretrainConfig;
  normalisation: { mean: number; std: number } | undefined;
  /** Pieces that are never trained on. */
  heldOut: string[];
  /** The released model that it began with. */
  released?: string;
}

export interface Checkpoint {
  state: RunState;
  weights: NamedValues;
  /** Absent with weights that were imported alone. */
  optimizer?: NamedValues;
  /** What the objective keeps beside its weights, such as a teacher. */
  objective?: NamedValues;
}

/** state.json of a checkpoint. */
interface StoredState {
  format: 1;
  /** Counts checkpoints; the highest that is whole is the last. */
  serial: number;
  state: RunState;
  /** SHA-256 of the other files. */
  files: Record<string, string>;
}

/** Two places for checkpoints: one is written while the other stands. */
const places = ["checkpoint-a", "checkpoint-b"] as const;

export class Files {
  /** What was damaged and has been put aside. */
  readonly damaged: { what: string; reason: string }[] = [];
  private queue: Promise<unknown> = Promise.resolve();
  private serial = 0;
  private place: (typeof places)[number] = "checkpoint-a";
  private readonly sizes = new Map<string, number>();

  private constructor(
    private root: Folder,
    private clips: Folder,
  ) {}

  /** Opens the page's files. Throws DataError with the reason where there are none, or where another tab has them. */
  static async open(): Promise<Files> {
    if (!(await lock())) {
      throw new DataError(
        "This app is open in another tab, which keeps the files: what is done here is kept in memory only.",
      );
    }
    try {
      const root = await new Folder(await navigator.storage.getDirectory()).folder(rootName);
      return new Files(root, await root.folder("clips"));
    } catch (error) {
      throw new DataError(
        `This browser keeps no files for the page (${(error as Error).message}): what is done here is lost when it is closed.`,
      );
    }
  }

  /** The step of the last checkpoint. */
  step: number | undefined;

  /** Bytes of clips and checkpoint. */
  get bytes(): number {
    let total = 0;
    for (const bytes of this.sizes.values()) total += bytes;
    return total;
  }

  saveClip(clip: Clip, samples: Float32Array, sampleRate: number): Promise<void> {
    return this.next(async () => {
      const folder = await this.clips.folder(clip.info.id);
      const audio = encodeWav16(samples, sampleRate) as Uint8Array<ArrayBuffer>;
      const { values } = clip.mel;
      const mel = new Uint8Array(values.slice().buffer);
      try {
        await folder.write("mel.f32", mel);
        await folder.write("audio.wav", audio);
        await this.writeDescription(folder, clip, mel.length, audio.length);
      } catch (error) {
        await this.clips.remove(clip.info.id).catch(() => {});
        throw error;
      }
      this.sizes.set(clip.info.id, mel.length + audio.length);
    });
  }

  /** Writes a changed name or label. */
  describeClip(clip: Clip): Promise<void> {
    return this.next(async () => {
      const folder = await this.clips.folder(clip.info.id);
      const audio = (await folder.read("audio.wav"))?.length ?? 0;
      await this.writeDescription(folder, clip, clip.mel.values.length * 4, audio);
    });
  }

  async samplesOf(id: string): Promise<Float32Array> {
    const bytes = await this.next(async () => (await this.clips.folder(id)).read("audio.wav"));
    if (!bytes) throw new DataError("The clip's samples are gone from the browser's files: add it again.");
    return decodeWav(bytes).channels[0];
  }

  removeClip(id: string): Promise<void> {
    return this.next(async () => {
      await this.clips.remove(id);
      this.sizes.delete(id);
    });
  }

  /** Every clip that is whole, in the order in which they were added. */
  readClips(): Promise<Clip[]> {
    return this.next(async () => {
      const found: Clip[] = [];
      for (const id of await this.clips.folders()) {
        try {
          found.push(await this.readClip(id));
        } catch (error) {
          await this.putAside(this.clips, id, `clip ${id}`, error);
        }
      }
      return found.sort((a, b) => Number.parseInt(a.info.id, 36) - Number.parseInt(b.info.id, 36));
    });
  }

  /** Replaces the checkpoint. On failure the one before it stays. */
  writeCheckpoint({ state, weights, optimizer, objective }: Checkpoint): Promise<void> {
    return this.next(async () => {
      const [other] = places.filter((place) => place !== this.place);
      const folder = await this.root.folder(other);
      await folder.remove("state.json");
      const files: Record<string, string> = {};
      let bytes = 0;
      for (const [name, values] of [
        ["model.safetensors", weights],
        ["optimizer.safetensors", optimizer],
        ["objective.safetensors", objective],
      ] as const) {
        if (!values) continue;
        const data = serialise(values);
        files[name] = await sha256(data);
        await folder.write(name, data);
        bytes += data.length;
      }
      const stored: StoredState = { format: 1, serial: this.serial + 1, state, files };
      await folder.write("state.json", `${JSON.stringify(stored, null, 1)}\n`);
      await this.root.remove(this.place);
      this.sizes.set("checkpoint", bytes);
      this.serial++;
      this.place = other;
      this.step = state.step;
    });
  }

  /** The last whole checkpoint; undefined where there is none. */
  readCheckpoint(): Promise<Checkpoint | undefined> {
    return this.next(async () => {
      const existing = await this.root.folders();
      let best: { checkpoint: Checkpoint; serial: number; place: (typeof places)[number] } | undefined;
      for (const place of places) {
        if (!existing.includes(place)) continue;
        const folder = await this.root.folder(place);
        // A visit that ended in the middle of writing leaves a place without a state.
        if (!(await folder.has("state.json"))) {
          await this.root.remove(place);
          continue;
        }
        try {
          const read = await readPlace(folder);
          if (!best || read.serial > best.serial) best = { ...read, place };
        } catch (error) {
          await this.putAside(this.root, place, "checkpoint", error);
        }
      }
      if (!best) return undefined;
      this.serial = best.serial;
      this.place = best.place;
      this.step = best.checkpoint.state.step;
      const { weights, optimizer, objective } = best.checkpoint;
      let bytes = 0;
      for (const values of [weights, optimizer, objective]) {
        for (const { data } of values?.values() ?? []) bytes += 4 * data.length;
      }
      this.sizes.set("checkpoint", bytes);
      return best.checkpoint;
    });
  }

  /** Deletes the checkpoint and, with `clips`, everything. */
  forget({ clips }: { clips: boolean }): Promise<void> {
    return this.next(async () => {
      for (const place of places) await this.root.remove(place);
      this.sizes.delete("checkpoint");
      this.serial = 0;
      this.step = undefined;
      if (!clips) return;
      await this.root.remove("clips");
      await this.root.remove("damaged");
      this.clips = await this.root.folder("clips");
      this.sizes.clear();
    });
  }

  private async readClip(id: string): Promise<Clip> {
    const folder = await this.clips.folder(id);
    const text = await folder.readText("clip.json");
    if (text === undefined) throw new DataError("it was not written to the end");
    const { format, info, piece, nMels, melBytes, audioBytes } = JSON.parse(text) as StoredClip;
    const bytes = await folder.read("mel.f32");
    const whole = format === 1 && info?.id === id && bytes?.length === melBytes;
    if (!whole || melBytes !== info.frames * nMels * 4) throw new DataError("its log-mel is damaged");
    if (!(await folder.has("audio.wav"))) throw new DataError("its samples are missing");
    this.sizes.set(id, melBytes + audioBytes);
    return {
      info,
      piece,
      mel: { frames: info.frames, values: typedElements(Float32Array, bytes, 0, melBytes) },
    };
  }

  private async writeDescription(
    folder: Folder,
    clip: Clip,
    melBytes: number,
    audioBytes: number,
  ): Promise<void> {
    const { info, piece, mel } = clip;
    const nMels = melBytes / 4 / mel.frames;
    const stored: StoredClip = { format: 1, info, piece, nMels, melBytes, audioBytes };
    await folder.write("clip.json", `${JSON.stringify(stored)}\n`);
  }

  private async putAside(from: Folder, name: string, what: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.damaged.push({ what, reason });
    await from.moveFolder(name, await this.root.folder("damaged"), `${name}-${Date.now()}`);
  }

  /** One after the other, whether or not those before succeeded. */
  private next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => {});
    return result;
  }
}

async function readPlace(folder: Folder): Promise<{ checkpoint: Checkpoint; serial: number }> {
  const { format, serial, state, files } = JSON.parse(
    (await folder.readText("state.json")) ?? "",
  ) as StoredState;
  if (format !== 1 || !state?.model || !state.pretrain || typeof state.step !== "number") {
    throw new DataError("its state.json is not one that this version wrote");
  }
  const load = async (name: string): Promise<NamedValues | undefined> => {
    if (!(name in files)) return undefined;
    const bytes = await folder.read(name);
    if (!bytes || (await sha256(bytes)) !== files[name]) {
      throw new DataError(`its ${name} is damaged: the checksum does not match`);
    }
    return deserialise(bytes, name);
  };
  const weights = await load("model.safetensors");
  if (!weights) throw new DataError("it has no weights");
  const optimizer = await load("optimizer.safetensors");
  const objective = await load("objective.safetensors");
  return { checkpoint: { state, weights, optimizer, objective }, serial };
}

/** Holds the files for this tab until it is closed. A page that was just left may need a moment to let go of them. */
async function lock(): Promise<boolean> {
  if (!navigator.locks) return true;
  return new Promise((resolve) => {
    navigator.locks
      .request(lockName, { signal: AbortSignal.timeout(3000) }, () => {
        resolve(true);
        return new Promise(() => {}); // until the worker ends
      })
      .catch(() => resolve(false));
  });
}
