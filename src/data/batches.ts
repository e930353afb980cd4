// Which crops a training step sees: tracks split by piece into training and held-out, crops drawn by a generator that is a
// pure function of (seed, step), so that a resumed run sees the very batches that an uninterrupted one would.
import type { FrontEndConfig } from "../patchifier/config.js";
import type { Music, Place } from "../patchifier/objectives/objective.js";
import { Random } from "../tensor/random.js";

/** How long a track is. */
export interface TrackLength {
  /** Frames of its log-mel. */
  frames: number;
}

/** Log-mels of tracks, wherever they are kept: a MelStore in Node, a page's library. */
export interface MelSource {
  /** What there is. */
  readonly tracks: readonly TrackLength[];
  /** How the log-mels were made. */
  readonly config: FrontEndConfig;
  /** Copies `frames` frames of a track from `start` into `out` at `offset`, as [nMels, frames], silence after its end. */
  crop(track: number, start: number, frames: number, out: Float32Array, offset: number): void;
  /** The same of chroma, [12, frames]; absent where it was not computed. */
  readonly chroma?: MelSource["crop"];
}

/** Random streams of a run; each step of each stream has a generator of its own. */
export const streams = { initialise: 1, crops: 2, masks: 3, split: 4, heldOut: 5 } as const;

/** The generator of one stream at one step. */
export function randomAt(seed: number, stream: keyof typeof streams, step = 0): Random {
  return new Random(seed, streams[stream] + 16 * step);
}

/** Indices of tracks. */
export interface Split {
  /** To train on. */
  train: number[];
  /** Of pieces that are never trained on. */
  heldOut: number[];
}

/** Holds out a tenth of the pieces, at least one; none where there are fewer than three. Numbers are indices of tracks. */
export function splitByPiece(tracks: readonly { piece: string }[], seed: number): Split {
  const pieces = [...new Set(tracks.map(({ piece }) => piece))];
  const count = pieces.length < 3 ? 0 : Math.max(1, Math.round(pieces.length / 10));
  const order = randomAt(seed, "split").permutation(pieces.length);
  const heldOutPieces = new Set(Array.from(order.subarray(0, count), (i) => pieces[i]));
  const split: Split = { train: [], heldOut: [] };
  tracks.forEach(({ piece }, i) => {
    split[heldOutPieces.has(piece) ? "heldOut" : "train"].push(i);
  });
  return split;
}

/** Where a step's crops come from. */
export interface CropSource {
  /** `batch` crops as [batch, nMels, frames]. */
  draw(random: Random, batch: number): Float32Array<ArrayBuffer>;
  /** The recordings themselves, for objectives that ask for more. Drawing a place of each crop in turn draws what `draw` does. */
  readonly music?: Music;
}

/** Draws crops of a fixed length: every second of the tracks is as likely as any other. */
export class CropSampler implements CropSource, Music {
  private readonly cumulative: number[] = [];
  private readonly total: number;

  constructor(
    /** The log-mels. */
    readonly store: MelSource,
    /** The tracks that are drawn from, by index. */
    readonly members: readonly number[],
    /** Frames of a crop. */
    readonly frames: number,
  ) {
    let total = 0;
    for (const i of members) {
      total += Math.max(1, store.tracks[i].frames - frames + 1);
      this.cumulative.push(total);
    }
    this.total = total;
  }

  /** `batch` crops as [batch, nMels, frames]. */
  draw(random: Random, batch: number): Float32Array<ArrayBuffer> {
    const size = this.store.config.nMels * this.frames;
    const out = new Float32Array(batch * size);
    for (let b = 0; b < batch; b++) {
      const { track, start } = this.place(random);
      this.store.crop(track, start, this.frames, out, b * size);
    }
    return out;
  }

  /** Itself, for objectives that ask for more than crops. */
  get music(): Music {
    return this;
  }

  /** All tracks of the store. */
  get tracks(): readonly TrackLength[] {
    return this.store.tracks;
  }

  /** As Music.read. */
  read({ track, start }: Place, frames: number, out: Float32Array, offset: number): void {
    this.store.crop(track, start, frames, out, offset);
  }

  /** As Music.chroma. */
  get chroma(): Music["chroma"] {
    const { store } = this;
    if (!store.chroma) return undefined;
    return ({ track, start }, frames, out, offset) => store.chroma?.(track, start, frames, out, offset);
  }

  /** One uniformly drawn crop. */
  place(random: Random): Place {
    const position = random.integer(this.total);
    let k = 0;
    while (this.cumulative[k] <= position) k++;
    const before = k === 0 ? 0 : this.cumulative[k - 1];
    return { track: this.members[k], start: position - before };
  }
}

/** Mean and standard deviation of all values of `crops` crops drawn from the sampler: the data set's normalisation. */
export function normalisation(
  sampler: CropSampler,
  random: Random,
  crops = 256,
): {
  /** Of the log-mel's values. */
  mean: number;
  /** At least 1e-3. */
  std: number;
} {
  let [sum, squares, count] = [0, 0, 0];
  for (let i = 0; i < crops; i++) {
    for (const value of sampler.draw(random, 1)) {
      sum += value;
      squares += value * value;
      count++;
    }
  }
  const mean = sum / count;
  const std = Math.sqrt(Math.max(squares / count - mean * mean, 1e-12));
  return { mean, std: Math.max(std, 1e-3) };
}
