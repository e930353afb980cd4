// How fast features are extracted from files, and how busy the adapter is kept: recordings are written to a temporary folder, decoded in
// threads and taken through the encoder by the same pass that `melgrad features`, `probe` and `embed` use, without a cache. Beside it
// stands how fast decoding alone is, which no adapter can outrun.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { sharedDecodePool } from "../data/decode-pool.js";
import { listFolder } from "../data/folder.js";
import type { Track } from "../data/types.js";
import { VectorsInMemory } from "../data/vector-store.js";
import { type ModelConfig, type PresetName, preset } from "../patchifier/config.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import type { Gpu } from "../tensor/gpu.js";
import { Random } from "../tensor/random.js";
import { passOver } from "../train/feature-pass.js";

/** One extraction. */
export interface FeaturePlan {
  name: string;
  preset: PresetName;
  files: number;
  /** Of each file, which is 16-bit stereo at 44.1 kHz. */
  seconds: number;
}

export interface FeatureRow {
  name: string;
  files: number;
  audioSeconds: number;
  seconds: number;
  /** Hours of audio an hour: the whole pass, and decoding alone. */
  hoursAnHour: number;
  decodeHoursAnHour: number;
  /**
   * Share of the time with at least one submitted batch unfinished, from the first submission to the last finish. On a software adapter
   * the device's threads and the decoder's share the processor.
   */
  busy: number;
  /** Threads that decode. */
  threads: number;
}

export function featurePlans({ software }: { software: boolean }): FeaturePlan[] {
  const size = software ? { files: 24, seconds: 10 } : { files: 128, seconds: 30 };
  const presets: PresetName[] = software ? ["demo"] : ["demo", "small", "base"];
  return presets.map((name) => ({ name: `features_${name}`, preset: name, ...size }));
}

export interface FeatureBenchOptions {
  onProgress?(text: string): void;
  stopped?(): boolean;
  /** Another folder for the recordings than a new one in the system's. */
  folder?: string;
}

/** Measures every plan once; the kernels are compiled before. */
export async function measureFeatures(
  gpu: Gpu,
  plans: readonly FeaturePlan[],
  { onProgress, stopped, folder: given }: FeatureBenchOptions = {},
): Promise<FeatureRow[]> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), "melgrad-bench-")));
  try {
    const most = { files: 0, seconds: 0 };
    for (const { files, seconds } of plans) {
      most.files = Math.max(most.files, files);
      most.seconds = Math.max(most.seconds, seconds);
    }
    onProgress?.(`writing ${most.files} recordings`);
    await writeRecordings(folder, most.files, most.seconds);
    const { tracks } = await listFolder(folder);
    const decodeHoursAnHour = await decodeSpeed(tracks, most.seconds);
    const rows: FeatureRow[] = [];
    for (const plan of plans) {
      if (stopped?.()) break;
      onProgress?.(`${rows.length + 1}/${plans.length} ${plan.name}`);
      rows.push(await measurePlan(gpu, plan, tracks.slice(0, plan.files), decodeHoursAnHour));
      gpu.device.pool.trim();
    }
    return rows;
  } finally {
    if (given === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function measurePlan(
  gpu: Gpu,
  { name, preset: presetName }: FeaturePlan,
  tracks: readonly Track[],
  decodeHoursAnHour: number,
): Promise<FeatureRow> {
  const { model } = preset(presetName);
  const encoder = new Patchifier(gpu, encoderSizes(model), new Random(1));
  const run = (part: readonly Track[]) =>
    passOver(part, {
      gpu,
      model,
      normalisation: { mean: 1, std: 1 },
      encoders: [{ encoder, kept: new VectorsInMemory(model.width) }],
    });
  try {
    await run(tracks.slice(0, cropsFill(model)));
    const { speed } = await run(tracks);
    return {
      name,
      files: tracks.length,
      audioSeconds: speed.audioSeconds,
      seconds: speed.seconds,
      hoursAnHour: speed.audioSeconds / speed.seconds,
      decodeHoursAnHour,
      busy: speed.busy,
      threads: sharedDecodePool().size,
    };
  } finally {
    encoder.dispose();
  }
}

/** Files that fill a batch at least, so that its kernels are there before the clock runs. */
function cropsFill({ cropFrames, frontEnd }: ModelConfig): number {
  const cropSeconds = (cropFrames * frontEnd.hopLength) / frontEnd.sampleRate;
  return Math.ceil((32 * cropSeconds) / 8);
}

/** Hours of audio an hour that the pool decodes when nothing else is done. */
async function decodeSpeed(tracks: readonly Track[], seconds: number): Promise<number> {
  const count = Math.min(tracks.length, 4 * sharedDecodePool().size);
  await Promise.all(tracks.slice(0, sharedDecodePool().size).map((track) => track.load())); // starts the threads
  const start = performance.now();
  await Promise.all(tracks.slice(0, count).map(async (track) => void (await track.load())));
  return (1000 * count * seconds) / (performance.now() - start);
}

/** Notes with overtones and noise, each file a stretch of its own. */
async function writeRecordings(folder: string, files: number, seconds: number): Promise<void> {
  const rate = 44100;
  const random = new Random(7);
  const length = rate * seconds;
  const base = Int16Array.from({ length: 2 * (length + files * 1000) }, (_, i) => {
    const t = Math.floor(i / 2) / rate;
    const note = 110 * 2 ** ((Math.floor(2 * t) % 24) / 12);
    const wave = Math.sin(2 * Math.PI * note * t) + 0.5 * Math.sin(4 * Math.PI * note * t + (i % 2));
    return 8000 * wave + 500 * random.uniform();
  });
  for (let i = 0; i < files; i++) {
    const samples = base.subarray(2000 * i, 2000 * i + 2 * length);
    await writeFile(join(folder, `recording-${String(i).padStart(4, "0")}.wav`), stereoWav(samples, rate));
  }
}

/** A WAV file of interleaved 16-bit samples. */
function stereoWav(samples: Int16Array, rate: number): Uint8Array {
  const bytes = Buffer.alloc(44 + samples.byteLength);
  bytes.write("RIFF", 0, "latin1");
  bytes.writeUInt32LE(36 + samples.byteLength, 4);
  bytes.write("WAVEfmt ", 8, "latin1");
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(4 * rate, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36, "latin1");
  bytes.writeUInt32LE(samples.byteLength, 40);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 44);
  return bytes;
}

/** The rows as text. */
export function featureTable(rows: readonly FeatureRow[]): string {
  const head = `${"model".padEnd(18)}${["files", "audio min", "seconds", "h/h", "decoding h/h", "busy"].map((word) => word.padStart(14)).join("")}`;
  const lines = rows.map((row) => {
    const cells = [
      String(row.files),
      (row.audioSeconds / 60).toFixed(1),
      row.seconds.toFixed(1),
      row.hoursAnHour.toFixed(0),
      row.decodeHoursAnHour.toFixed(0),
      `${(100 * row.busy).toFixed(1)} %`,
    ];
    return `${row.name.padEnd(18)}${cells.map((cell) => cell.padStart(14)).join("")}`;
  });
  return [head, ...lines].join("\n");
}

export function featureLegend({ software }: { software: boolean }): string {
  const shared = software
    ? ` This adapter computes on the processor: its threads share ${availableParallelism()} cores with the decoder's.`
    : "";
  return (
    "h/h: hours of audio an hour, from WAV files to vectors; decoding: the same files decoded and nothing else. busy: share of the time " +
    `with a submitted batch unfinished, from the first submission to the last finish, as seen by readbacks.${shared}`
  );
}
