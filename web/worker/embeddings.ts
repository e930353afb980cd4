// Vectors of the library's windows: where they lie in the map, which are alike, and the vector of a whole clip. They are kept
// until the model has changed. Not here: how they are computed (snapshot.ts), or what labels do with them (finetune.ts).
import { UsageError } from "../../src/gpu/errors.js";
import type { FrameMajorMel } from "../../src/patchifier/front-end.js";
import { cropStarts } from "../../src/probe/features.js";
import { principalAxes } from "../../src/train/report/map.js";
import type { EmbeddingMap, MapPoint, Neighbour } from "../protocol.js";
import type { Clip } from "./clip.js";
import type { Library } from "./library.js";
import { Snapshot } from "./snapshot.js";
import type { Training } from "./training.js";
import type { Turns } from "./turns.js";

export interface EmbeddingsHost {
  library: Library;
  training: Training;
  turns: Turns;
  /** Whether the adapter is a program that runs on the processor. */
  software(): boolean;
  progress(what: string, done: number, total: number): void;
}

/** Most windows of the whole library. */
const mostWindows = 4096;
/** While training goes on, vectors of a model that was so many steps behind still do for neighbours. */
const staleSteps = 50;

/** A window's place, in frames, and its vector. */
interface Row {
  start: number;
  vector: Float32Array;
}

export class Embeddings {
  /** By clip. */
  private readonly table = new Map<string, Row[]>();
  private snapshot: Snapshot | undefined;
  /** Snapshots that somebody computes with, and how many do. */
  private readonly held = new Map<Snapshot, number>();
  private madeFrom: unknown;
  private busy: Promise<unknown> = Promise.resolve();

  constructor(private readonly host: EmbeddingsHost) {}

  /** The model as it is now; the caller gives it back with `release`. */
  hold(): Snapshot {
    return this.keep(this.bringModel(0));
  }

  release(snapshot: Snapshot | undefined): void {
    if (!snapshot) return;
    const count = (this.held.get(snapshot) ?? 0) - 1;
    if (count > 0) {
      this.held.set(snapshot, count);
      return;
    }
    this.held.delete(snapshot);
    if (snapshot !== this.snapshot) snapshot.dispose();
  }

  private keep(snapshot: Snapshot): Snapshot {
    this.held.set(snapshot, (this.held.get(snapshot) ?? 0) + 1);
    return snapshot;
  }

  async map(): Promise<EmbeddingMap> {
    const { snapshot, places, vectors } = await this.all(0);
    const { coordinates, explained } = principalAxes(vectors, places.length, snapshot.model.width, 3);
    let longest = 0;
    for (let i = 0; i < places.length; i++) {
      longest = Math.max(longest, Math.hypot(...coordinates.subarray(3 * i, 3 * i + 3)));
    }
    const positions = Float32Array.from(coordinates, (x) => (longest > 0 ? x / longest : 0));
    const shown = explained.reduce((a, b) => a + b, 0);
    return { points: places, positions, explained: shown, step: snapshot.step };
  }

  /** The windows of other clips that are most like the one nearest to `from` seconds. */
  async neighbours(clip: string, from: number, count: number): Promise<Neighbour[]> {
    this.host.library.get(clip);
    const all = await this.all(staleSteps);
    const own = this.table.get(clip) ?? [];
    const wanted = from / this.frameSeconds;
    const distance = ({ start }: Row) => Math.abs(start - wanted);
    const nearest = own.reduce((best, row) => (distance(row) < distance(best) ? row : best), own[0]);
    return nearest ? rank(all, nearest.vector, count, clip) : [];
  }

  /** The windows that are most like a recording as a whole. */
  async similarTo(mel: FrameMajorMel, count: number): Promise<Neighbour[]> {
    const all = await this.all(staleSteps);
    const starts = cropStarts(mel.frames, all.snapshot.model.cropFrames);
    const [vectors] = await all.snapshot.embed([{ mel, starts }]);
    return rank(all, meanRow(vectors, starts.length), count);
  }

  /** The vector of a whole clip: the mean over its windows, as `melgrad embed` has it. */
  async embed(clip: string): Promise<Float32Array> {
    const { mel } = this.host.library.get(clip);
    const snapshot = this.hold();
    try {
      const starts = cropStarts(mel.frames, snapshot.model.cropFrames);
      const [vectors] = await snapshot.embed([{ mel, starts }]);
      return meanRow(vectors, starts.length);
    } finally {
      this.release(snapshot);
    }
  }

  /** Every window with its vector, by a model at most `behind` steps old if it is training, else by the model as it is. */
  private all(behind: number) {
    const result = this.busy.then(async () => {
      const snapshot = this.keep(this.bringModel(this.host.training.isRunning ? behind : 0));
      try {
        await this.bringTable(snapshot);
        return { snapshot, ...this.flat(snapshot) };
      } finally {
        this.release(snapshot);
      }
    });
    this.busy = result.catch(() => {});
    return result;
  }

  /** The snapshot that counts as the model's; a new one empties the table. */
  private bringModel(behind: number): Snapshot {
    const { training, turns, software } = this.host;
    training.normalise();
    const { trainer, state } = training;
    const old = this.snapshot;
    const { mean, std } = trainer.options.normalisation;
    const same =
      old?.gpu === trainer.gpu &&
      this.madeFrom === trainer &&
      old.normalisation.mean === mean &&
      old.normalisation.std === std &&
      Math.abs(state.step - old.step) <= behind;
    if (same) return old;
    this.table.clear();
    if (old && !this.held.has(old)) old.dispose();
    this.madeFrom = trainer;
    this.snapshot = new Snapshot(trainer, state.step, turns, software() ? 2 : 32);
    return this.snapshot;
  }

  private async bringTable(snapshot: Snapshot): Promise<void> {
    const { library, progress } = this.host;
    const present = new Set(library.clips.map(({ info }) => info.id));
    for (const id of this.table.keys()) if (!present.has(id)) this.table.delete(id);
    const most = Math.max(1, Math.floor(mostWindows / Math.max(1, library.clips.length)));
    const missing = library.clips.filter(({ info }) => !this.table.has(info.id));
    if (missing.length === 0) {
      if (library.clips.length === 0) throw new UsageError("There are no clips yet: add some first.");
      return;
    }
    const windows = missing.map(({ mel }: Clip) => ({
      mel,
      starts: cropStarts(mel.frames, snapshot.model.cropFrames, most),
    }));
    const made = await snapshot.embed(windows, (done, total) => progress("embedding the clips", done, total));
    missing.forEach(({ info }, i) => {
      const rows = rowsOf(made[i], windows[i].starts.length);
      this.table.set(
        info.id,
        rows.map((vector, k) => ({ start: windows[i].starts[k], vector })),
      );
    });
  }

  /** Every window of the table in the library's order. */
  private flat({ model: { width, cropFrames } }: Snapshot): { places: MapPoint[]; vectors: Float32Array } {
    const places: MapPoint[] = [];
    const rows: Float32Array[] = [];
    for (const { info } of this.host.library.clips) {
      for (const { start, vector } of this.table.get(info.id) ?? []) {
        const from = start * this.frameSeconds;
        const to = Math.min(info.seconds, from + cropFrames * this.frameSeconds);
        places.push({ clip: info.id, from, to });
        rows.push(vector);
      }
    }
    const vectors = new Float32Array(rows.length * width);
    rows.forEach((row, i) => {
      vectors.set(row, i * width);
    });
    return { places, vectors };
  }

  private get frameSeconds(): number {
    const { hopLength, sampleRate } = this.host.library.config;
    return hopLength / sampleRate;
  }
}

/** The rows of [n, width] as views. */
export function rowsOf(vectors: Float32Array, n: number): Float32Array[] {
  const width = vectors.length / n;
  return Array.from({ length: n }, (_, i) => vectors.subarray(i * width, (i + 1) * width));
}

function meanRow(vectors: Float32Array, n: number): Float32Array {
  const out = new Float32Array(vectors.length / n);
  for (let i = 0; i < vectors.length; i++) out[i % out.length] += vectors[i] / n;
  return out;
}

/** The windows whose vectors, less the mean of all, point most the way of the query's. */
function rank(
  { places, vectors }: { places: readonly MapPoint[]; vectors: Float32Array },
  query: Float32Array,
  count: number,
  except?: string,
): Neighbour[] {
  const width = query.length;
  const mean = new Float64Array(width);
  for (let i = 0; i < vectors.length; i++) mean[i % width] += vectors[i] / places.length;
  const centred = Float64Array.from(query, (value, j) => value - mean[j]);
  const norm = centred.reduce((sum, value) => sum + value * value, 0);
  const found: Neighbour[] = [];
  places.forEach(({ clip, from, to }, i) => {
    if (clip === except) return;
    let [dot, own] = [0, 0];
    for (let j = 0; j < width; j++) {
      const value = vectors[i * width + j] - mean[j];
      dot += value * centred[j];
      own += value * value;
    }
    found.push({ clip, from, to, similarity: norm * own > 0 ? dot / Math.sqrt(norm * own) : 0 });
  });
  return found.sort((a, b) => b.similarity - a.similarity).slice(0, count);
}
