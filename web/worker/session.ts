// The session: answers every call of the page by the parts that know how, and holds what they share. The parts: library.ts
// (clips), training.ts, files.ts, look.ts, embeddings.ts, finetune.ts, exchange.ts, machine.ts (the adapter).

import { formatBytes } from "../../src/gpu/buffers.js";
import { DeviceLostError, UsageError } from "../../src/gpu/errors.js";
import type { FrontEndConfig } from "../../src/patchifier/config.js";
import type { CallName, Calls, ClipInfo, EventName, Events, SavedState } from "../protocol.js";
import { demoPiece } from "./demo.js";
import { Embeddings } from "./embeddings.js";
import { exportFiles, readModelFiles } from "./exchange.js";
import { type Checkpoint, Files } from "./files.js";
import { Labels } from "./labels.js";
import { decodeFile, Library, reasonOf } from "./library.js";
import { attentionFrom, reconstructCrop } from "./look.js";
import { type Machine, openMachine, reopenMachine } from "./machine.js";
import { freshState, modelInfo } from "./model-state.js";
import { Training } from "./training.js";
import { Turns } from "./turns.js";

type Answers = {
  [K in CallName]: (...args: Parameters<Calls[K]>) => ReturnType<Calls[K]> | Promise<ReturnType<Calls[K]>>;
};

/** What there is once the adapter is open. */
interface Parts {
  library: Library;
  training: Training;
  embeddings: Embeddings;
  labels: Labels;
}

export class Session implements Answers {
  private readonly turns = new Turns();
  private machine: Machine | undefined;
  private files: Files | undefined;
  private parts: Parts | undefined;
  private opening: Promise<void> | undefined;
  private recovery: Promise<void> | undefined;
  private wantedAdapter: string | undefined;
  private demoPieces = 0;

  constructor(private readonly emit: <E extends EventName>(event: E, value: Events[E]) => void) {}

  async open({ preset = "demo", adapter }: { preset?: string; adapter?: string }) {
    this.opening ??= this.begin(preset, adapter);
    try {
      await this.opening;
    } catch (error) {
      this.opening = undefined; // it may be tried again
      throw error;
    }
    const { library, training } = this.opened;
    const machine = this.machine as Machine;
    return {
      adapter: machine.adapter,
      model: modelInfo(training.state),
      clips: library.clips.map(({ info }) => info),
      saved: this.saved(),
    };
  }

  async addFiles(files: File[]) {
    const { library } = this.opened;
    const added: ClipInfo[] = [];
    const refused: { name: string; reason: string }[] = [];
    for (const [done, file] of files.entries()) {
      this.emit("progress", { what: "reading files", done, total: files.length });
      try {
        const clip = await this.onDevice(() => library.addFile(file));
        added.push(clip.info);
        this.clipsChanged(clip.info);
      } catch (error) {
        refused.push({ name: file.name, reason: reasonOf(error, file.name) });
      }
    }
    this.emit("progress", { what: "reading files", done: files.length, total: files.length });
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
      const clip = await this.onDevice(() => library.add(waveform, { name: title, source: "demo", piece }));
      added.push(clip.info);
      this.clipsChanged(clip.info);
    }
    this.emit("progress", { what, done: pieces, total: pieces });
    return { added };
  }

  async addRecording(samples: Float32Array, sampleRate: number, name: string) {
    const { library } = this.opened;
    const piece = `microphone/${name}/${Date.now()}`;
    const waveform = { sampleRate, channels: [samples] };
    const clip = await this.onDevice(() => library.add(waveform, { name, source: "microphone", piece }));
    this.clipsChanged(clip.info);
    return { added: [clip.info] };
  }

  async removeClip(id: string) {
    await this.opened.library.remove(id);
    this.clipsChanged();
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
    const mono = await this.onDevice(() => library.mono({ sampleRate, channels: [samples] }, "the signal"));
    return library.imageOf(await this.onDevice(() => library.transform(mono)));
  }

  async train(options: Parameters<Calls["train"]>[0]) {
    const { training } = this.opened;
    await this.recovery;
    await training.train(options);
  }

  pause() {
    return this.opened.training.pause();
  }

  async resume() {
    await this.recovery;
    this.opened.training.resume();
  }

  async reset({ preset, seed }: { preset?: string; seed?: number } = {}) {
    const { training, library } = this.opened;
    await this.recovery;
    const { state } = training;
    const next =
      preset === undefined
        ? { ...freshStateLike(state), seed: seed ?? state.seed }
        : freshState(preset, seed ?? state.seed);
    if (library.clips.length > 0 && !sameFrontEnd(next.model.frontEnd, library.config)) {
      throw new UsageError(
        "That preset hears log-mels of another kind than the clips here have: remove the clips first.",
      );
    }
    await training.replace(next);
    this.useFrontEnd(next.model.frontEnd);
    await this.files?.forget({ clips: false });
    this.emit("saved", this.saved());
    return modelInfo(training.state);
  }

  model() {
    return modelInfo(this.opened.training.state);
  }

  reconstruct(clip: string, startFrame: number, draw = 0) {
    return this.inTurn(() => reconstructCrop(this.opened, clip, startFrame, draw));
  }

  attention(clip: string, startFrame: number, patch: number, layer = -1) {
    return this.inTurn(() => attentionFrom(this.opened, clip, startFrame, patch, layer));
  }

  map() {
    return this.onDevice(() => this.opened.embeddings.map());
  }

  neighbours(clip: string, from: number, count = 8) {
    return this.onDevice(() => this.opened.embeddings.neighbours(clip, from, count));
  }

  async similarTo(file: File, count = 8) {
    const { library, embeddings } = this.opened;
    const waveform = await decodeFile(file);
    return this.onDevice(async () => {
      const mel = await library.transform(await library.mono(waveform, file.name));
      return embeddings.similarTo(mel, count);
    });
  }

  embed(clip: string) {
    return this.onDevice(() => this.opened.embeddings.embed(clip));
  }

  async label(clip: string, label: string | undefined) {
    await this.opened.library.label(clip, label);
  }

  fineTune() {
    return this.onDevice(() => this.opened.labels.fineTune());
  }

  async classify(samples: Float32Array, sampleRate: number) {
    const { library, labels } = this.opened;
    return this.onDevice(async () => {
      const mono = await library.mono({ sampleRate, channels: [samples] }, "the signal");
      return labels.classify(await library.transform(mono));
    });
  }

  exportProbe() {
    return this.opened.labels.export();
  }

  async exportModel() {
    const { training, library } = this.opened;
    const checkpoint = await this.onDevice(() => training.snapshot());
    const { normalisation } = training.trainer.options;
    return exportFiles(checkpoint, normalisation, (this.machine as Machine).adapter, library);
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
    await this.recovery;
    await training.replace(checkpoint.state, checkpoint);
    this.useFrontEnd(frontEnd);
    await training.save();
    return modelInfo(training.state);
  }

  async save() {
    await this.opened.training.save();
    return this.saved();
  }

  async forget() {
    const { library, training } = this.opened;
    await training.pause();
    library.clips.splice(0);
    await this.files?.forget({ clips: true });
    this.clipsChanged();
  }

  usage() {
    const { gpu } = this.machine as Machine;
    const { tensors, arenas, free, peak } = gpu.memoryReport();
    const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } };
    return {
      gpuBytes: tensors + arenas + free,
      peakBytes: peak,
      buffers: gpu.device.pool.use.buffersCreated,
      heapBytes: memory?.usedJSHeapSize,
    };
  }

  loseDevice() {
    this.machine?.gpu.device.gpu.destroy();
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
    if (!this.parts) throw new UsageError("Open the engine first.");
    return this.parts;
  }

  private async begin(preset: string, adapter: string | undefined): Promise<void> {
    this.wantedAdapter = adapter;
    const fresh = freshState(preset);
    const [machine, files] = await Promise.all([
      openMachine(adapter, (reason) => this.deviceLost(reason)),
      this.files ??
        Files.open().catch((error: Error) => {
          this.emit("problem", { message: error.message, advice: "Export the model to keep it." });
          return undefined;
        }),
    ]);
    this.machine = machine;
    this.files = files;
    const library = new Library(this.turns, fresh.model.frontEnd);
    library.files = files;
    const training = new Training(
      {
        emit: this.emit,
        turns: this.turns,
        library,
        store: (checkpoint) => this.store(checkpoint),
        replaceDevice: () => this.deviceLost("training failed on it"),
      },
      fresh,
    );
    if (files) {
      const checkpoint = await files.readCheckpoint();
      if (checkpoint) training.begin(checkpoint.state, checkpoint);
      library.config = training.state.model.frontEnd;
      library.restore(await files.readClips());
      for (const { what, reason } of files.damaged) {
        this.emit("problem", {
          message: `A saved ${what} cannot be used: ${reason}.`,
          advice: "It was put aside; the rest is there. Add the file again, or train anew.",
        });
      }
    }
    library.attach(machine.gpu);
    await training.attach(machine.gpu);
    const embeddings = new Embeddings({
      library,
      training,
      turns: this.turns,
      software: () => (this.machine as Machine).adapter.software,
      progress: (what, done, total) => this.emit("progress", { what, done, total }),
    });
    const labels = new Labels(library, embeddings, (what, done, total) =>
      this.emit("progress", { what, done, total }),
    );
    this.parts = { library, training, embeddings, labels };
  }

  private useFrontEnd(config: FrontEndConfig): void {
    const { library } = this.opened;
    library.config = config;
    library.attach((this.machine as Machine).gpu);
  }

  private clipsChanged(added?: ClipInfo): void {
    this.opened.training.dataChanged();
    if (added) this.emit("clip", added);
  }

  private saved(): SavedState {
    const { library, training } = this.opened;
    const step = training.savedStep;
    return { step, clips: this.files ? library.clips.length : 0, bytes: this.files?.bytes ?? 0 };
  }

  private async store(checkpoint: Checkpoint): Promise<void> {
    if (!this.files) return;
    try {
      await this.files.writeCheckpoint(checkpoint);
      this.emit("saved", this.saved());
    } catch (error) {
      this.emit("problem", {
        message: `The checkpoint could not be saved: ${(error as Error).message}`,
        advice: "The one before it is untouched; training goes on.",
      });
    }
  }

  /** Runs work that needs the adapter; where the device is lost meanwhile, once more on the next one. */
  private async onDevice<T>(work: () => Promise<T>): Promise<T> {
    await this.recovery;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      await (this.recovery ?? this.deviceLost(error.message));
      return work();
    }
  }

  /** The same, for short work that one person waits for. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.onDevice(() => this.turns.take(work));
  }

  /** Opens another device in place of one that cannot be used any more, once however many notice it. */
  private deviceLost(reason: string): Promise<void> {
    this.recovery ??= this.recover(reason).finally(() => {
      this.recovery = undefined;
    });
    return this.recovery;
  }

  private async recover(reason: string): Promise<void> {
    this.emit("lost", { reason });
    const { library, training, labels } = this.opened;
    const before = this.machine as Machine;
    try {
      before.gpu.close();
      const machine = await reopenMachine(this.wantedAdapter, (again) => this.deviceLost(again));
      this.machine = machine;
      labels.forgetSnapshot();
      library.attach(machine.gpu);
      await training.attach(machine.gpu);
      this.emit("recovered", { adapter: machine.adapter, step: training.state.step });
    } catch (error) {
      this.emit("problem", {
        message: `The adapter could not be opened again: ${(error as Error).message}`,
        advice: `Reload the page: ${formatBytes(this.files?.bytes ?? 0)} of clips and checkpoint are kept.`,
      });
    }
  }
}

function freshStateLike(state: Training["state"]): Training["state"] {
  return { ...structuredClone(state), step: 0, normalisation: undefined, heldOut: [] };
}

function sameFrontEnd(a: FrontEndConfig, b: FrontEndConfig): boolean {
  const { sampleRate, nFft, hopLength, nMels, gain } = a;
  return (
    sampleRate === b.sampleRate &&
    nFft === b.nFft &&
    hopLength === b.hopLength &&
    nMels === b.nMels &&
    gain === b.gain
  );
}
