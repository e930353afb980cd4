// The clips: their log-mels in memory, their samples in the browser's files where there are any. It resamples and transforms what
// is added, and is what training draws its crops from. Not here: decoding (decoder.ts),
// the browser's files (files.ts), or what clips are used for.
import { toMono, type Waveform } from "../../src/audio/decode.js";
import type { MelSource } from "../../src/data/batches.js";
import { DataError, UsageError } from "../../src/gpu/errors.js";
import type { FrontEndConfig } from "../../src/patchifier/config.js";
import { copyCrop, type FrameMajorMel, type FrontEnd, openFrontEnd } from "../../src/patchifier/front-end.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { ClipInfo, MelImage } from "../protocol.js";
import type { Clip } from "./clip.js";
import type { Files } from "./files.js";
import type { Turns } from "./turns.js";

/** Shorter audio says nothing. */
const leastSeconds = 0.25;
/** What takes the adapter a few hundredths of a second at most. */
const longSeconds = 30;

export class Library implements MelSource {
  readonly clips: Clip[] = [];
  private gpu: Gpu | undefined;
  /** Of the device; made when something is to be heard. */
  private frontEnd: Promise<FrontEnd> | undefined;
  private nextId = 1;

  constructor(
    private readonly turns: Turns,
    public config: FrontEndConfig,
  ) {}

  /** Where clips are kept; undefined: in memory alone. */
  files: Files | undefined;

  /** Uses this device from now on. */
  attach(gpu: Gpu): void {
    this.gpu = gpu;
    this.frontEnd = undefined;
  }

  get tracks(): readonly { frames: number; piece: string }[] {
    return this.clips.map(({ mel, piece }) => ({ frames: mel.frames, piece }));
  }

  /** Copies frames as [nMels, frames], silence after the clip's end. */
  crop(track: number, start: number, frames: number, out: Float32Array, offset: number): void {
    copyCrop(this.clips[track].mel, this.config.nMels, start, frames, out, offset);
  }

  /** The clip, by id. */
  get(id: string): Clip {
    const clip = this.clips.find(({ info }) => info.id === id);
    if (!clip) throw new UsageError(`There is no clip '${id}' any more: choose another.`);
    return clip;
  }

  /** Puts back what an earlier visit left. */
  restore(clips: readonly Clip[]): void {
    this.clips.push(...clips);
    for (const { info } of clips)
      this.nextId = Math.max(this.nextId, 1 + (Number.parseInt(info.id, 36) || 0));
  }

  /** Adds a waveform of any rate. */
  async add(
    waveform: Waveform,
    { name, source, piece }: { name: string; source: ClipInfo["source"]; piece: string },
  ): Promise<Clip> {
    const samples = await this.mono(waveform, name);
    const mel = await this.transform(samples);
    const id = (this.nextId++).toString(36);
    const info: ClipInfo = {
      id,
      name,
      source,
      seconds: samples.length / this.config.sampleRate,
      frames: mel.frames,
    };
    const clip: Clip = { info, piece, mel, samples };
    if (this.files) {
      await this.files.saveClip(clip, samples, this.config.sampleRate);
      clip.samples = undefined;
    }
    this.clips.push(clip);
    return clip;
  }

  async remove(id: string): Promise<void> {
    const clip = this.get(id);
    this.clips.splice(this.clips.indexOf(clip), 1);
    await this.files?.removeClip(id);
  }

  async label(id: string, label: string | undefined): Promise<void> {
    const clip = this.get(id);
    const { label: _, ...info } = clip.info;
    clip.info = label === undefined || label.trim() === "" ? info : { ...info, label: label.trim() };
    await this.files?.describeClip(clip);
  }

  /** Mono samples at the front end's rate, a copy. */
  async samples(id: string): Promise<Float32Array> {
    const { samples } = this.get(id);
    if (samples) return samples.slice();
    if (!this.files) throw new DataError(`The samples of '${id}' are gone: add the file again.`);
    return this.files.samplesOf(id);
  }

  /** The log-mel as an image, a copy. */
  image(id: string): MelImage {
    return this.imageOf(this.get(id).mel);
  }

  imageOf(mel: FrameMajorMel, start = 0, frames = mel.frames): MelImage {
    const { nMels, hopLength, sampleRate } = this.config;
    const values = new Float32Array(nMels * frames);
    copyCrop(mel, nMels, start, frames, values, 0);
    return { values, nMels, frames, hopSeconds: hopLength / sampleRate };
  }

  /** Mono at the front end's rate. */
  async mono(waveform: Waveform, name: string): Promise<Float32Array> {
    const { sampleRate, channels } = waveform;
    const { length } = channels[0];
    if (length < leastSeconds * sampleRate) {
      throw new DataError(`${name}: too short (${(length / sampleRate).toFixed(2)} s)`);
    }
    if (sampleRate === this.config.sampleRate) return toMono(waveform).slice();
    return this.work(length / sampleRate, async () => (await this.opened()).mono(waveform));
  }

  /** The log-mel of mono samples at the front end's rate. */
  transform(samples: Float32Array): Promise<FrameMajorMel> {
    const seconds = samples.length / this.config.sampleRate;
    return this.work(seconds, async () => (await this.opened()).transformMono(samples));
  }

  /** Short signals get a turn; long ones are worked through in pieces, between which others have theirs. */
  private work<T>(seconds: number, work: () => Promise<T>): Promise<T> {
    return seconds > longSeconds ? work() : this.turns.take(work);
  }

  private opened(): Promise<FrontEnd> {
    if (!this.gpu) throw new UsageError("Open the engine first.");
    this.frontEnd ??= openFrontEnd(this.gpu, this.config);
    return this.frontEnd;
  }
}
