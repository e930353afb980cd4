// What every call stands on: the adapter, the files, and the parts that work with them; how they are opened, and how the session
// gets over a lost device. The calls themselves are in session.ts.
import { formatBytes } from "../../src/gpu/buffers.js";
import { DataError, DeviceLostError, UsageError } from "../../src/gpu/errors.js";
import type { FrontEndConfig } from "../../src/patchifier/config.js";
import type { Begin, ClipInfo, EventName, Events, SavedState } from "../protocol.js";
import { Embeddings } from "./embeddings.js";
import { type Checkpoint, Files } from "./files.js";
import { Labels } from "./labels.js";
import { Library } from "./library.js";
import { type Machine, openMachine, reopenMachine } from "./machine.js";
import { freshState, sameFrontEnd } from "./model-state.js";
import { fetchReleased, offered } from "./released.js";
import { Training } from "./training.js";
import { Turns } from "./turns.js";

/** What there is once the adapter is open. */
export interface Parts {
  machine: Machine;
  library: Library;
  training: Training;
  embeddings: Embeddings;
  labels: Labels;
}

export type Emit = <E extends EventName>(event: E, value: Events[E]) => void;

export class Core {
  readonly turns = new Turns();
  files: Files | undefined;
  private parts: Parts | undefined;
  private opening: Promise<void> | undefined;
  private openingFiles: Promise<Files | undefined> | undefined;
  private recovering: Promise<void> | undefined;
  private wantedAdapter: string | undefined;

  constructor(readonly emit: Emit) {}

  get opened(): Parts {
    if (!this.parts) throw new UsageError("Open the engine first.");
    return this.parts;
  }

  /** Resolves when the device is in order. */
  get ready(): Promise<void> {
    return this.recovering ?? Promise.resolve();
  }

  /** Opens the adapter and what an earlier visit left, once; after a failure it may be tried again. */
  async open(preset: string, adapter: string | undefined, begin: Begin): Promise<Parts> {
    this.opening ??= this.begin(preset, adapter, begin);
    try {
      await this.opening;
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
    await this.ready;
    return this.opened;
  }

  /** Runs work that needs the adapter; where the device is lost meanwhile, once more on the next one. */
  async onDevice<T>(work: () => T | Promise<T>): Promise<T> {
    await this.ready;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      await this.replaceDevice(error.message);
      return work();
    }
  }

  /** The same for short work that somebody waits for: a turn of its own. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    return this.onDevice(() => this.turns.take(work));
  }

  progress = (what: string, done: number, total: number): void => {
    this.emit("progress", { what, done, total });
  };

  private readonly checked = (line: string): void => this.emit("checked", { line });

  clipsChanged(added?: ClipInfo): void {
    this.opened.training.dataChanged();
    if (added) this.emit("clip", added);
  }

  /** Clips from now on are heard by this front end. */
  useFrontEnd(config: FrontEndConfig): void {
    const { library, machine } = this.opened;
    library.config = config;
    library.attach(machine.gpu);
  }

  saved(): SavedState {
    const { files } = this;
    if (!files) return { step: undefined, clips: 0, bytes: 0 };
    return { step: files.step, clips: this.opened.library.clips.length, bytes: files.bytes };
  }

  /** Opens another device in place of one that cannot be used any more, once however many notice it. */
  replaceDevice(reason: string): Promise<void> {
    this.recovering ??= this.recover(reason).finally(() => {
      this.recovering = undefined;
    });
    return this.recovering;
  }

  /** The released model, fetched from beside the page. Throws DataError where that fails. */
  released(seed: number): Promise<Checkpoint> {
    return fetchReleased(seed, (done, total) => this.progress("loading the released model", done, total));
  }

  /** The same when the page opens: where it fails the page is told, and begins with random weights. */
  private async releasedAtOpening(preset: string, seed: number): Promise<Checkpoint | undefined> {
    if (offered?.preset !== preset) return undefined;
    try {
      const released = await this.released(seed);
      const { frontEnd } = freshState(preset).model;
      if (sameFrontEnd(released.state.model.frontEnd, frontEnd)) return released;
      throw new DataError("The released model hears log-mels of another kind than the preset's.");
    } catch (error) {
      this.emit("problem", {
        message: (error as Error).message.replace(/\.?$/, "."),
        advice:
          "The page begins with random weights: press Reset, beginning with the released model, to try again.",
      });
      return undefined;
    }
  }

  private async begin(preset: string, adapter: string | undefined, begin: Begin): Promise<void> {
    this.wantedAdapter = adapter;
    const fresh = freshState(preset);
    const onLost = (reason: string) => {
      if (this.parts) void this.replaceDevice(reason);
    };
    const toBeginWith = async () => {
      const files = await this.openFiles();
      const kept = await files?.readCheckpoint();
      const wants = !kept && begin === "released";
      return { files, checkpoint: wants ? await this.releasedAtOpening(preset, fresh.seed) : kept };
    };
    const [machine, { files, checkpoint }] = await Promise.all([
      openMachine(adapter, onLost, this.checked),
      toBeginWith(),
    ]);
    this.files = files;
    const { emit, turns, progress } = this;
    const library = new Library(turns, fresh.model.frontEnd);
    library.files = files;
    const training = new Training(
      {
        ...{ emit, turns, library },
        store: (checkpoint) => this.store(checkpoint),
        replaceDevice: (error) => this.replaceDevice(error.message),
        software: () => this.opened.machine.adapter.software,
      },
      fresh,
    );
    if (checkpoint) training.begin(checkpoint);
    library.config = training.state.model.frontEnd;
    if (files) {
      library.restore(await files.readClips());
      for (const { what, reason } of files.damaged.splice(0)) {
        emit("problem", {
          message: `A saved ${what} cannot be used: ${reason}.`,
          advice: "It was put aside; the rest is there. Add the file again, or train anew.",
        });
      }
    }
    library.attach(machine.gpu);
    const software = () => this.opened.machine.adapter.software;
    const embeddings = new Embeddings({ library, training, turns, software, progress });
    const labels = new Labels(library, embeddings, progress);
    await training.attach(machine.gpu);
    this.parts = { machine, library, training, embeddings, labels };
  }

  /** The browser's files, asked for once; undefined where there are none, which the page is told. */
  private openFiles(): Promise<Files | undefined> {
    this.openingFiles ??= Files.open().catch((error: Error) => {
      this.emit("problem", { message: error.message, advice: "Export the model to keep it." });
      return undefined;
    });
    return this.openingFiles;
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

  private async recover(reason: string): Promise<void> {
    this.emit("lost", { reason });
    const { machine: before, library, training, labels } = this.opened;
    try {
      before.gpu.close();
      const machine = await reopenMachine(
        this.wantedAdapter,
        (again) => void this.replaceDevice(again),
        this.checked,
      );
      this.parts = { ...this.opened, machine };
      labels.forgetSnapshot();
      library.attach(machine.gpu);
      await training.attach(machine.gpu);
      this.emit("recovered", { adapter: machine.adapter, step: training.state.step });
    } catch (error) {
      const kept = formatBytes(this.files?.bytes ?? 0);
      this.emit("problem", {
        message: `The adapter could not be opened again: ${(error as Error).message}`,
        advice: `Reload the page: ${kept} of clips and checkpoint are kept.`,
      });
    }
  }
}
