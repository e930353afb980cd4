// `melgrad embed`: audio files to one vector each with a trained model. Files are read in the background, one that cannot be read is named
// and the others go on, and rows are written at the end, those of good files only, with their names. The pass over the audio is
// train/feature-pass.ts.
import { type Command, Option } from "commander";
import { turnChecksOn } from "../checks/use.js";
import { sharedDecodePool } from "../data/decode-pool.js";
import { sourceOf } from "../data/folder.js";
import type { Track } from "../data/types.js";
import { VectorsInMemory } from "../data/vector-store.js";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists, writeWhole } from "../host/cache.js";
import { adapterLine } from "../host/types.js";
import { writeNpy } from "../io/npy.js";
import { writeSafetensors } from "../io/safetensors.js";
import { open } from "../node.js";
import { type PoolName, poolShape } from "../probe/feature-pools.js";
import { keptValues, passOver } from "../train/feature-pass.js";
import { encoderStore } from "../train/feature-stores.js";
import { chooseModel } from "../train/released.js";
import { reasonOf } from "../train/run-folder.js";
import { poolOption } from "./features.js";
import { onInterrupt } from "./interrupt.js";
import { openModel } from "./model.js";
import { addAdapterOptions, checkpointOption } from "./options.js";
import { openProgress } from "./progress.js";

const formats = ["npy", "safetensors", "jsonl"] as const;
type Format = (typeof formats)[number];

interface EmbedOptions {
  checkpoint?: string;
  format: Format;
  pool: PoolName;
  cache: boolean;
  out?: string;
  adapter?: string;
  unchecked?: boolean;
}

export function registerEmbed(program: Command): void {
  const command = program
    .command("embed")
    .description("turn audio files into one vector each with a trained model")
    .argument("<files...>", "audio files")
    .addOption(checkpointOption())
    .addOption(
      new Option(
        "--format <name>",
        "npy: one array [files, width], with --out their names beside it; safetensors: one tensor a file; jsonl: one object a line",
      )
        .choices([...formats])
        .default("jsonl"),
    )
    .addOption(poolOption("mean"))
    .option("--no-cache", "keep nothing for a second run, and take nothing from a first")
    .option("--out <file>", "where to write (default: stdout)")
    .addHelpText(
      "after",
      `
Rows stand in the order of the files that could be read. With --format npy --out FILE.npy their names are in FILE.names.json.
With --pool layers each file has one row a layer. A file that cannot be read is named; the others are written, and the exit code is 1.`,
    )
    .action(embed);
  addAdapterOptions(command);
}

async function embed(files: string[], options: EmbedOptions): Promise<void> {
  const { checkpoint, format, pool, cache, out, adapter, unchecked } = options;
  const namesFile = out !== undefined && format === "npy" ? namesBeside(out) : undefined;
  for (const path of [out, namesFile]) {
    if (path && (await exists(path))) throw new UsageError(`${path} exists already: write another --out.`);
  }
  if (!out && format !== "jsonl" && process.stdout.isTTY) {
    throw new UsageError(`${format} is not for a terminal: write --out FILE, or send stdout to a file.`);
  }
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice: name each file once.`);

  const chosen = await chooseModel(checkpoint);
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter, unchecked });
  try {
    const { signal } = stopping;
    display.note(adapterLine(gpu.host));
    turnChecksOn(gpu, display.note);
    const { model, config } = await openModel(gpu, chosen, display.note);
    const shape = poolShape(pool, config.model);
    const recipe = {
      model: config.model,
      normalisation: config.normalisation,
      pool,
      crops: Number.POSITIVE_INFINITY,
    };
    const kept = cache
      ? await encoderStore(model, recipe)
      : new VectorsInMemory(shape.reduce((a, b) => a * b, 1));
    const { keys, skipped, remarks } = await passOver(files.map(trackOf), {
      ...recipe,
      gpu,
      encoders: [{ encoder: model, kept }],
      what: "embedding",
      unit: "files",
      onProgress: display.progress,
      signal,
    });
    display.stop();
    for (const { track, reason } of skipped) {
      display.note(reason.includes(files[track]) ? reason : `${files[track]}: ${reason}`);
    }
    for (const { track, text } of remarks) display.note(`${files[track]}: ${text}`);
    const good = files.filter((_, i) => keys[i] !== undefined);
    if (good.length === 0) throw new DataError(`None of ${files.length} files could be read.`);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = keptValues(keys, kept);
    const vectors = good.map((_, i) => values.subarray(i * size, (i + 1) * size));
    await write(serialise(format, good, vectors, shape), out);
    if (namesFile) await write(`${JSON.stringify(good, null, 1)}\n`, namesFile);
    if (skipped.length > 0) {
      display.note(`${skipped.length} of ${files.length} files could not be read; the others are written.`);
      process.exitCode = 1;
    }
    if ("close" in kept) kept.close();
    model.dispose();
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

function trackOf(file: string): Track {
  const pool = sharedDecodePool();
  return {
    id: file,
    piece: file,
    title: file,
    source: sourceOf(file, file, pool),
    load: () => pool.decodeFile(file, { name: file }),
  };
}

/** vectors.npy → vectors.names.json */
function namesBeside(out: string): string {
  return `${out.replace(/\.npy$/i, "")}.names.json`;
}

function serialise(
  format: Format,
  files: readonly string[],
  vectors: readonly Float32Array[],
  shape: readonly number[],
): Uint8Array | string {
  switch (format) {
    case "jsonl":
      return files
        .map((file, i) => `${JSON.stringify({ file, vector: nested(vectors[i], shape) })}\n`)
        .join("");
    case "npy": {
      const size = vectors[0].length;
      const data = new Float32Array(vectors.length * size);
      for (const [i, vector] of vectors.entries()) data.set(vector, i * size);
      return writeNpy({ shape: [vectors.length, ...shape], data });
    }
    case "safetensors":
      return writeSafetensors(files.map((file, i) => [file, { dtype: "F32", shape, data: vectors[i] }]));
  }
}

/** The values as one list, or as one a layer. */
function nested(vector: Float32Array, shape: readonly number[]): number[] | number[][] {
  const values = Array.from(vector, shortest);
  if (shape.length < 2) return values;
  const [rows, width] = shape;
  return Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width));
}

/** The decimal number of the fewest digits that reads back as this float32. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return text;
  }
  return value;
}

async function write(content: Uint8Array | string, out: string | undefined): Promise<void> {
  if (!out) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(content, (error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  await writeWhole(out, content).catch((error: unknown) => {
    throw new DataError(`${out} cannot be written: ${reasonOf(error)}.`);
  });
}
