// The session: answers every call of the page by the parts that know how. What calls stand on (the adapter, the files, the way
// back from a lost device) is core.ts's.
import type { Waveform } from "../../src/audio/types.js";
import { adapterReport } from "../../src/checks/report.js";
import { UsageError } from "../../src/gpu/errors.js";
import { version } from "../../src/version.js";
import type { Begin, CallName, Calls, ClipInfo } from "../protocol.js";
import { Core, type Emit, type Parts } from "./core.js";
import { Decoder, reasonOf } from "./decoder.js";
import { demoPiece } from "./demo.js";
import { exportFiles, readModelFiles } from "./exchange.js";
import { attentionFrom, reconstructCrop } from "./look.js";
import { freshState, modelInfo, sameFrontEnd } from "./model-state.js";
import { offered } from "./released.js";
import type { Training } from "./training.js";

type Answers = {
  [K in CallName]: (...args: Parameters<Calls[K]>) => ReturnType<Calls[K]> | Promise<ReturnType<Calls[K]>>;
};

/** So many odd files are named in one notice. */
const mostNamed = 5;

export class Session implements Answers {
  private readonly core: Core;
  private readonly decoder = new Decoder();
  private demoPieces = 0;

  constructor(private readonly emit: Emit) {
    this.core = new Core(emit);
  }

  async open({ preset = "demo", adapter, begin = "released" }: Parameters<Calls["open"]>[0]) {
    const { machine, library, training } = await this.core.open(preset, adapter, begin);
    return {
      adapter: machine.adapter,
      model: modelInfo(training.state),
      offered,
      clips: library.clips.map(({ info }) => info),
      saved: this.core.saved(),
    };
  }

  async addFiles(files: File[]) {
    const { library } = this.opened;
    const added: ClipInfo[] = [];
    const refused: { name: string; reason: string }[] = [];
    const odd: string[] = [];
    // The next file is decoded while this one is transformed.
    const decode = (file: File | undefined) => {
      const decoding = file && this.decoder.decode(file);
      decoding?.catch(() => {}); // reported when it is awaited
      return decoding;
    };
    let next = decode(files[0]);
    for (const [done, { name, webkitRelativePath }] of files.entries()) {
      this.emit("progress", { what: "reading files", done, total: files.length });
      const decoding = next as Promise<Waveform>;
      try {
        const waveform = await decoding;
        next = decode(files[done + 1]);
        const piece = `file/${webkitRelativePath || name}`;
        const clip = await this.core.onDevice(() => library.add(waveform, { name, source: "file", piece }));
        added.push(clip.info);
        this.core.clipsChanged(clip.info);
        odd.push(...(waveform.remarks ?? []).map((remark) => `${name}: ${remark}`));
      } catch (error) {
        if (next === decoding) next = decode(files[done + 1]);
        refused.push({ name, reason: reasonOf(error, name) });
      }
    }
    this.emit("progress", { what: "reading files", done: files.length, total: files.length });
    if (odd.length > 0) {
      const more = odd.length > mostNamed ? ` (and ${odd.length - mostNamed} more)` : "";
      this.emit("problem", {
        message: `Odd, and used all the same: ${odd.slice(0, mostNamed).join("; ")}${more}.`,
        advice: "Remove the clips that are not what you meant.",
      });
    }
    return { added, refused };
  }

  async addDemo({ pieces = 8, seconds = 24 }: { pieces?: number; seconds?: number } = {}) {
    const { library } = this.opened;
    const what = "composing the demo music";
    const added: ClipInfo[] = [];
    for (let done = 0; done < pieces; done++) {
      this.emit("progress", { what, done, total: pieces });
      const known = new Set(library.clips.map(({ piece }) => piece));
      let { demoPieces } = this;
      while (known.has(`demo/${demoPieces}/${seconds}`)) demoPieces++;
      this.demoPieces = demoPieces + 1;
      const { piece, title, samples, sampleRate } = await demoPiece(demoPieces, seconds);
      const waveform = { sampleRate, channels: [samples] };
      const clip = await this.core.onDevice(() =>
        library.add(waveform, { name: title, source: "demo", piece }),
      );
      added.push(clip.info);
      this.core.clipsChanged(clip.info);
    }
    this.emit("progress", { what, done: pieces, total: pieces });
    return { added };
  }

  async addRecording(samples: Float32Array, sampleRate: number, name: string) {
    const { library } = this.opened;
    const piece = `microphone/${name}/${Date.now()}`;
    const waveform = { sampleRate, channels: [samples] };
    const clip = await this.core.onDevice(() => library.add(waveform, { name, source: "microphone", piece }));
    this.core.clipsChanged(clip.info);
    return { added: [clip.info] };
  }

  async removeClip(id: string) {
    await this.opened.library.remove(id);
    this.core.clipsChanged();
  }

  clips() {
    return this.opened.library.clips.map(({ info }) => info);
  }

  async samples(id: string) {
    const { library } = this.opened;
    return { samples: await library.samples(id), sampleRate: library.config.sampleRate };
  }

  logMel(id: string) {
    return this.opened.library.image(id);
  }

  async liveMel(samples: Float32Array, sampleRate: number) {
    const { library } = this.opened;
    const mono = await this.core.onDevice(() =>
      library.mono({ sampleRate, channels: [samples] }, "the signal"),
    );
    return library.imageOf(await this.core.onDevice(() => library.transform(mono)));
  }

  async train(options: Parameters<Calls["train"]>[0]) {
    const { training } = this.opened;
    await this.core.ready;
    await training.train(options);
  }

  async pause() {
    await this.core.onDevice(() => this.opened.training.pause());
  }

  async resume() {
    await this.core.ready;
    this.opened.training.resume();
  }

  async reset({ preset, seed, begin = "random" }: { preset?: string; seed?: number; begin?: Begin } = {}) {
    const { training, library } = this.opened;
    await this.core.ready;
    const { state } = training;
    const checkpoint = begin === "released" ? await this.core.released(seed ?? state.seed) : undefined;
    const next =
      checkpoint?.state ??
      (preset === undefined
        ? { ...freshStateLike(state), seed: seed ?? state.seed }
        : freshState(preset, seed ?? state.seed));
    if (library.clips.length > 0 && !sameFrontEnd(next.model.frontEnd, library.config)) {
      throw new UsageError(
        "That preset hears log-mels of another kind than the clips here have: remove the clips first.",
      );
    }
    await training.replace(next, checkpoint);
    this.core.useFrontEnd(next.model.frontEnd);
    await this.core.files?.forget({ clips: false });
    this.emit("saved", this.core.saved());
    return modelInfo(training.state);
  }

  model() {
    return modelInfo(this.opened.training.state);
  }

  reconstruct(clip: string, startFrame: number, draw = 0) {
    return this.core.inTurn(() => reconstructCrop(this.opened, clip, startFrame, draw));
  }

  attention(clip: string, startFrame: number, patch: number, layer = -1) {
    return this.core.inTurn(() => attentionFrom(this.opened, clip, startFrame, patch, layer));
  }

  map() {
    return this.core.onDevice(() => this.opened.embeddings.map());
  }

  neighbours(clip: string, from: number, count = 8) {
    return this.core.onDevice(() => this.opened.embeddings.neighbours(clip, from, count));
  }

  async similarTo(file: File, count = 8) {
    const { library, embeddings } = this.opened;
    const waveform = await this.decoder.decode(file);
    return this.core.onDevice(async () => {
      const mel = await library.transform(await library.mono(waveform, file.name));
      return embeddings.similarTo(mel, count);
    });
  }

  embed(clip: string) {
    return this.core.onDevice(() => this.opened.embeddings.embed(clip));
  }

  async label(clip: string, label: string | undefined) {
    await this.opened.library.label(clip, label);
  }

  fineTune() {
    return this.core.onDevice(() => this.opened.labels.fineTune());
  }

  async classify(samples: Float32Array, sampleRate: number) {
    const { library, labels } = this.opened;
    return this.core.onDevice(async () => {
      const mono = await library.mono({ sampleRate, channels: [samples] }, "the signal");
      return labels.classify(await library.transform(mono));
    });
  }

  exportProbe() {
    return this.opened.labels.export();
  }

  async exportModel() {
    const { training, library, machine } = this.opened;
    const checkpoint = await this.core.onDevice(() => training.snapshot());
    const { normalisation } = training.trainer.options;
    return exportFiles(checkpoint, normalisation, machine.adapter, library);
  }

  async importModel(files: File[]) {
    const { training, library } = this.opened;
    const checkpoint = await readModelFiles(files, training.state);
    const { frontEnd } = checkpoint.state.model;
    if (library.clips.length > 0 && !sameFrontEnd(frontEnd, library.config)) {
      throw new UsageError(
        "This model hears log-mels of another kind than the clips here have: remove the clips, import it, and add them again.",
      );
    }
    await this.core.ready;
    await training.replace(checkpoint.state, checkpoint);
    this.core.useFrontEnd(frontEnd);
    await training.keep();
    return modelInfo(training.state);
  }

  async save() {
    await this.core.onDevice(() => this.opened.training.save());
    return this.core.saved();
  }

  async forget() {
    const { library, training } = this.opened;
    await training.pause();
    library.clips.splice(0);
    await this.core.files?.forget({ clips: true });
    this.core.clipsChanged();
  }

  usage() {
    const { gpu } = this.opened.machine;
    const { tensors, arenas, free, peak } = gpu.memoryReport();
    const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } };
    return {
      gpuBytes: tensors + arenas + free,
      peakBytes: peak,
      buffers: gpu.device.pool.use.buffers,
      heapBytes: memory?.usedJSHeapSize,
    };
  }

  adapterReport() {
    const { machine, training } = this.opened;
    const { clipsPerSecond } = training.describe();
    const { batch } = training.state.pretrain;
    const facts = [
      ["melgrad", version],
      ["host", navigator.userAgent],
    ] as const;
    const timings: Record<string, number> = {};
    if (clipsPerSecond) timings["training step"] = (1000 * batch) / clipsPerSecond;
    return adapterReport(machine.gpu, { facts, timings });
  }

  loseDevice() {
    this.opened.machine.gpu.device.gpu.destroy();
  }

  /** Tells the page of an error that belongs to no call. */
  report(reason: unknown): void {
    const message = reason instanceof Error ? reason.message : String(reason);
    this.emit("problem", {
      message,
      advice: "If the page does not go on, reload it: what was saved is kept.",
    });
  }

  private get opened(): Parts {
    return this.core.opened;
  }
}

function freshStateLike(state: Training["state"]): Training["state"] {
  const { released: _, ...rest } = structuredClone(state);
  return { ...rest, step: 0, normalisation: undefined, heldOut: [] };
}
