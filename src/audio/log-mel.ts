// Spectrograms on the GPU: waveforms [B, samples] → power, mel or log-mel spectrograms [B, rows, frames] in one dispatch (two where
// decibels are limited by the clip's maximum). Not differentiable: audio is data here, and results carry no graph.
import { ShapeError } from "../gpu/errors.js";
import type { Kernel } from "../gpu/pipelines.js";
import type { Defines } from "../gpu/preprocess.js";
import { firstUsable, usable } from "../ops/alternatives.js";
import { foldGroups } from "../ops/launch.js";
import type { Gpu } from "../tensor/gpu.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { FftPass, FftPlan } from "./fft-plan.js";
import {
  defaultLog,
  framesOf,
  type KaldiOptions,
  kaldiPlan,
  type LogScale,
  type MelSpectrogramOptions,
  makeTables,
  melPlan,
  rowsOf,
  type SpectrogramPlan,
  type StftOptions,
  stftPlan,
} from "./spectrogram-plan.js";

/** Where a frame's FFT lives: `group` in workgroup memory, `lane` in one invocation's private memory. */
export type SpectrumVariant = { kind: "group" | "lane"; width: number };

/** A spectrogram with its tables on the GPU. Dispose it to give their memory back. */
export class Spectrogram {
  /** Rows of the result: frequencies or bands. */
  readonly rows: number;
  private readonly kernel: Kernel;
  private readonly tables: Tensor[];
  private readonly params: Record<string, number>;
  private readonly variant: SpectrumVariant;

  constructor(
    /** Where it runs. */
    readonly gpu: Gpu,
    /** The settings, resolved. */
    readonly plan: SpectrogramPlan,
    variant?: SpectrumVariant,
  ) {
    const { nFft } = plan;
    const { fft, tables, params } = describeSpectrum(plan);
    this.rows = rowsOf(plan);
    this.variant = variant ?? this.rightVariant(fft);
    const { maxWorkgroupStorage } = gpu.device.capabilities;
    const room = roomFor(fft.size);
    if (this.variant.kind === "group" && room * 4 > maxWorkgroupStorage) {
      throw new ShapeError(
        `An FFT of nFft ${nFft} needs ${room * 4} bytes of workgroup memory; this adapter has ${maxWorkgroupStorage}: use a smaller nFft.`,
      );
    }
    this.kernel = gpu.device.kernel("audio/spectrum", definesOf(plan, fft, this.variant));
    this.tables = tables.map((table) => gpu.tensor(table, [table.length]).keep());
    this.params = params;
  }

  /** The variant by rule, or one that computes rightly where it was found not to here. */
  private rightVariant(fft: FftPlan): SpectrumVariant {
    const { gpu, plan } = this;
    const others: SpectrumVariant[] = [
      { kind: "group", width: 32 },
      { kind: "lane", width: 32 },
      { kind: "group", width: 1 },
    ];
    const rule = chooseVariant(gpu, fft.size);
    const right = (one: SpectrumVariant) => usable(gpu.device, ["audio/spectrum", definesOf(plan, fft, one)]);
    return [rule, ...others].find(right) ?? rule;
  }

  /** Frames that a signal of `samples` gives; center: 1 + ⌊samples / hopLength⌋ for even nFft. */
  frames(samples: number): number {
    return framesOf(this.plan, samples);
  }

  /** Waveforms [B, samples] (or [samples]) → [B, rows, frames]. Throws ShapeError for other ranks and signals too short. */
  forward(waveforms: Tensor): Tensor {
    const [clips, samples] = clipsOf(waveforms);
    const frames = this.frames(samples);
    const { gpu, variant } = this;
    const result = gpu.empty([clips, this.rows, frames]);
    const total = clips * frames;
    const groups = foldGroups(variant.kind === "lane" ? Math.ceil(total / variant.width) : total);
    const blocks = [waveforms.block, ...this.tables.map((table) => table.block), result.block];
    gpu.device.run(this.kernel, blocks, { ...this.params, samples, frames, total }, groups);
    const { log } = this.plan;
    if (log.kind === "db" && log.topDb !== null) {
      const kernel = firstUsable(gpu.device, "audio/top_db", [{ WIDTH: "64u" }, { WIDTH: "1u" }]);
      const params = { count: this.rows * frames, clips, top_db: log.topDb ?? 80 };
      gpu.device.run(kernel, [result.block], params, foldGroups(clips));
    }
    return result;
  }

  /** Gives the tables back. */
  dispose(): void {
    for (const table of this.tables) table.dispose();
  }

  /** As `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** What the kernel is given beside the waveforms: tables in the order of their bindings, and parameters. */
export function describeSpectrum(plan: SpectrogramPlan) {
  const { fft, roots, untangleAt, windowAt, indices, melAt, weights } = makeTables(plan);
  const params: Record<string, number> = {
    hop: plan.hopLength,
    start: -plan.left,
    rows: rowsOf(plan),
    win: plan.winLength,
    size: fft.size,
    passes: fft.passes.length,
    untangle_at: untangleAt,
    window_at: windowAt,
    mel_at: melAt,
    mode: modeOf(plan),
    preemphasis: plan.preemphasis ?? 0,
    ...logParams(plan.log),
  };
  return { fft, tables: [roots, indices, weights], params };
}

function definesOf(plan: SpectrogramPlan, fft: FftPlan, { kind, width }: SpectrumVariant): Defines {
  const radices = new Set(fft.passes.map(({ radix }) => radix));
  return {
    PER_LANE: kind === "lane",
    ...(kind === "lane" ? { WIDTH: `${width}u` } : { STEP: `${width}u` }),
    ROOM: `${roomFor(fft.size)}u`,
    ...Object.fromEntries([2, 3, 4, 5, 8].map((r) => [`RADIX${r}`, radices.has(r as FftPass["radix"])])),
    ODD: plan.nFft % 2,
    KALDI: plan.preemphasis === undefined ? 0 : plan.removeMean ? 2 : 1,
  };
}

/** Mel spectrogram and what becomes of it; by default the model's: 16 kHz, 1024/512, 128 Slaney bands, log10(1 + 10⁴·x). */
export interface LogMelOptions extends MelSpectrogramOptions {
  /** How power becomes the output. Default log10(1 + 10⁴·x), for `melSpectrogram` none. */
  log?: LogScale;
  /** Short for `log: { kind: "log10", gain }`. */
  gain?: number;
}

/** Log-mel spectrograms [B, nMels, frames] of waveforms [B, samples]; the tables are made once. */
export class LogMel extends Spectrogram {
  constructor(gpu: Gpu, options: LogMelOptions = {}, variant?: SpectrumVariant) {
    super(gpu, melPlan(options, logOf(options, defaultLog)), variant);
  }
}

/** |STFT|^power of waveforms [B, n] or [n] → [B, nFft/2 + 1, frames]. */
export function stftPower(waveform: Tensor, options: StftOptions = {}): Tensor {
  return cached(waveform.gpu, "stft", options, () => stftPlan(options)).forward(waveform);
}

/** Mel spectrogram of waveforms [B, n] or [n] → [B, nMels, frames]; power, unless `log` says otherwise. */
export function melSpectrogram(waveform: Tensor, options: LogMelOptions = {}): Tensor {
  const make = () => melPlan(options, logOf(options, { kind: "none" }));
  return cached(waveform.gpu, "mel", options, make).forward(waveform);
}

/**
 * Kaldi log filterbank features of waveforms [B, n] or [n] → [B, nMels, frames]. Kaldi's own order is [frame, mel]: permute where
 * that is wanted. See `kaldiPlan` for what is computed.
 */
export function kaldiFbank(waveform: Tensor, options: KaldiOptions = {}): Tensor {
  return cached(waveform.gpu, "kaldi", options, () => kaldiPlan(options)).forward(waveform);
}

function logOf(options: LogMelOptions, otherwise: LogScale): LogScale {
  return options.log ?? (options.gain === undefined ? otherwise : { kind: "log10", gain: options.gain });
}

const caches = new WeakMap<Gpu, Map<string, Spectrogram>>();

function cached(gpu: Gpu, kind: string, options: object, make: () => SpectrogramPlan): Spectrogram {
  let cache = caches.get(gpu);
  if (!cache) {
    cache = new Map();
    caches.set(gpu, cache);
  }
  const key = kind + JSON.stringify(options, (_, value) => value ?? null);
  let spectrogram = cache.get(key);
  if (!spectrogram) {
    spectrogram = new Spectrogram(gpu, make());
    cache.set(key, spectrogram);
  }
  return spectrogram;
}

/** [clips, samples] of waveforms of rank 1 or 2. */
export function clipsOf(waveforms: Tensor): [clips: number, samples: number] {
  const { shape } = waveforms;
  if (shape.length === 1) return [1, shape[0]];
  if (shape.length === 2) return [shape[0], shape[1]];
  throw new ShapeError(
    `Waveforms are [clips, samples] or [samples]; got ${formatShape(shape)}: mix channels down or reshape.`,
  );
}

const padCodes = { constant: 0, reflect: 1, symmetric: 2 } as const;
const logCodes = { none: 0, log10: 1, db: 2, ln: 3 } as const;

/** Values of an FFT's working memory; few distinct sizes, so that kernels are shared. */
function roomFor(size: number): number {
  return Math.max(1024, 2 ** Math.ceil(Math.log2(2 * size)));
}

/** The settings that spectrum.wgsl takes as bits of `mode`. */
function modeOf({ log, pad, filters, power }: SpectrogramPlan): number {
  return logCodes[log.kind] | (padCodes[pad] << 2) | (filters ? 16 : 0) | (power === 1 ? 32 : 0);
}

/** `gain` and `floor` of spectrum.wgsl. */
function logParams(log: LogScale): { gain: number; floor: number } {
  switch (log.kind) {
    case "none":
      return { gain: 0, floor: 0 };
    case "log10":
      return { gain: log.gain ?? 1e4, floor: 0 };
    case "ln":
      return { gain: 0, floor: log.floor ?? 2 ** -23 };
    case "db": {
      const { amin = 1e-10, ref = 1 } = log;
      return { gain: 10 * Math.log10(Math.max(ref, amin)), floor: amin };
    }
  }
}

/**
 * By measurement (shaders/audio/spectrum.wgsl): private memory where workgroup memory is dear (SwiftShader, whose subgroups have four
 * lanes); elsewhere workgroup memory, with one subgroup for each frame on software adapters and enough lanes for a butterfly
 * each on GPUs.
 */
export function chooseVariant(gpu: Gpu, size: number): SpectrumVariant {
  const { software, subgroups, subgroupMaxSize } = gpu.device.capabilities;
  if (software && subgroups && subgroupMaxSize <= 4 && roomFor(size) <= 2048)
    return { kind: "lane", width: 32 };
  if (software) return { kind: "group", width: subgroups ? Math.min(subgroupMaxSize, 16) : 8 };
  return { kind: "group", width: size > 1024 ? 256 : size > 512 ? 128 : 64 };
}
