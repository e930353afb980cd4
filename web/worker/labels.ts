// The fine-tune as the page knows it: labelled clips to a probe, and live sound or files through it. The probe keeps the encoder
// that it was fitted on. Not here: fitting (finetune.ts) or vectors (snapshot.ts).
import { UsageError } from "../../src/gpu/errors.js";
import type { FrameMajorMel } from "../../src/patchifier/front-end.js";
import type { Classification, ExportedFile, FineTuneResult } from "../protocol.js";
import { type Embeddings, rowsOf } from "./embeddings.js";
import { classifyRows, fitProbe, type Probe, probeFile } from "./finetune.js";
import type { Library } from "./library.js";
import type { Snapshot } from "./snapshot.js";

/** Most windows of one clip. */
const mostWindows = 64;

export class Labels {
  private probe: Probe | undefined;
  private snapshot: Snapshot | undefined;

  constructor(
    private readonly library: Library,
    private readonly embeddings: Embeddings,
    private readonly progress: (what: string, done: number, total: number) => void,
  ) {}

  async fineTune(): Promise<FineTuneResult> {
    const clips = this.library.clips.filter(({ info }) => info.label !== undefined);
    const classes = new Set(clips.map(({ info }) => info.label));
    if (classes.size < 2) {
      const sofar = [...classes].map((name) => `"${name}"`).join(", ") || "none";
      throw new UsageError(`Label clips of two classes or more (so far: ${sofar}).`);
    }
    const snapshot = this.embeddings.hold();
    try {
      const windows = clips.map(({ mel }) => ({
        mel,
        starts: overlapping(mel.frames, snapshot.model.cropFrames),
      }));
      const what = "listening to the labelled clips";
      const vectors = await snapshot.embed(windows, (done, total) => this.progress(what, done, total));
      const labelled = clips.map(({ info }, i) => ({
        clip: info.id,
        label: info.label ?? "",
        starts: windows[i].starts,
        rows: rowsOf(vectors[i], windows[i].starts.length),
      }));
      this.probe = fitProbe(labelled, snapshot.model.cropFrames, snapshot.step);
    } catch (error) {
      this.embeddings.release(snapshot);
      throw error;
    }
    this.forgetSnapshot();
    this.snapshot = snapshot;
    return this.probe.result;
  }

  /** What the probe hears in a recording, over all of its windows. */
  async classify(mel: FrameMajorMel): Promise<Classification> {
    this.fitted();
    // A lost device took the encoder along; the labels are all that is needed for another.
    if (!this.snapshot) await this.fineTune();
    const snapshot = this.snapshot as unknown as Snapshot;
    const starts = overlapping(mel.frames, snapshot.model.cropFrames);
    const [vectors] = await snapshot.embed([{ mel, starts }]);
    return classifyRows(this.fitted(), rowsOf(vectors, starts.length));
  }

  export(): ExportedFile {
    return probeFile(this.fitted());
  }

  /** The device is another one. */
  forgetSnapshot(): void {
    this.embeddings.release(this.snapshot);
    this.snapshot = undefined;
  }

  private fitted(): Probe {
    if (!this.probe) throw new UsageError("Fine-tune first: label clips of two classes or more.");
    return this.probe;
  }
}

/** Windows that overlap by half, from the first frame to the last; evenly spread where they would be too many. */
function overlapping(frames: number, cropFrames: number): number[] {
  const last = Math.max(0, frames - cropFrames);
  const count = Math.min(mostWindows, 1 + Math.ceil(last / (cropFrames / 2)));
  if (count === 1) return [Math.round(last / 2)];
  return Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1)));
}
