// `melgrad embed`: audio files to one vector each, the mean of a trained model's tokens over the whole file. All files are
// read before anything is written, so that rows and files never go apart.
import { type Command, Option } from "commander";
import { readWaveform } from "../data/decode-file.js";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists, writeWhole } from "../host/cache.js";
import { adapterLine } from "../host/types.js";
import { writeNpy } from "../io/npy.js";
import { writeSafetensors } from "../io/safetensors.js";
import { open } from "../node.js";
import { FrontEnd } from "../patchifier/front-end.js";
import { encoderFeatures, melsInMemory } from "../probe/features.js";
import { loadModel } from "../train/load-model.js";
import { reasonOf } from "../train/run-folder.js";
import { onInterrupt } from "./interrupt.js";
import { addAdapterOptions } from "./options.js";
import { openProgress } from "./progress.js";

const formats = ["npy", "safetensors", "jsonl"] as const;
type Format = (typeof formats)[number];

interface EmbedOptions {
  checkpoint: string;
  format: Format;
  out?: string;
  adapter?: string;
  profile: "safe" | "fast";
}

export function registerEmbed(program: Command): void {
  const command = program
    .command("embed")
    .description("turn audio files into one vector each with a trained model")
    .argument("<files...>", "audio files")
    .requiredOption("--checkpoint <folder>", "a run's folder, or its checkpoint folder")
    .addOption(
      new Option(
        "--format <name>",
        "npy: one array [files, width]; safetensors: one tensor a file; jsonl: one object a line",
      )
        .choices([...formats])
        .default("jsonl"),
    )
    .option("--out <file>", "where to write (default: stdout)")
    .action(embed);
  addAdapterOptions(command);
}

async function embed(files: string[], options: EmbedOptions): Promise<void> {
  const { checkpoint, format, out, adapter, profile } = options;
  if (out && (await exists(out))) throw new UsageError(`${out} exists already: write another --out.`);
  if (!out && format !== "jsonl" && process.stdout.isTTY) {
    throw new UsageError(`${format} is not for a terminal: write --out FILE, or send stdout to a file.`);
  }
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice: name each file once.`);

  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter, profile });
  try {
    display.note(adapterLine(gpu.host));
    const { model, config } = await loadModel(gpu, checkpoint);
    const { model: modelConfig, normalisation } = config;
    const frontEnd = new FrontEnd(gpu, modelConfig.frontEnd);
    const vectors: Float32Array[] = [];
    for (const [i, file] of files.entries()) {
      stopping.signal.throwIfAborted();
      display.progress({ what: "embedding", done: i, total: files.length, unit: "files" });
      const waveform = await readWaveform(file, true, file);
      const mel = await frontEnd.transform(waveform).catch((error: unknown) => {
        throw error instanceof DataError ? new DataError(`${file}: ${error.message}`) : error;
      });
      const { values } = await encoderFeatures(model, melsInMemory([mel], modelConfig.frontEnd.nMels), {
        model: modelConfig,
        normalisation,
        signal: stopping.signal,
      });
      vectors.push(Float32Array.from(values));
    }
    display.progress({ what: "embedding", done: files.length, total: files.length, unit: "files" });
    display.stop();
    await write(serialise(format, files, vectors), out);
    frontEnd.dispose();
    model.dispose();
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

function serialise(
  format: Format,
  files: readonly string[],
  vectors: readonly Float32Array[],
): Uint8Array | string {
  const width = vectors[0].length;
  switch (format) {
    case "jsonl":
      return files
        .map((file, i) => `${JSON.stringify({ file, vector: Array.from(vectors[i], shortest) })}\n`)
        .join("");
    case "npy": {
      const data = new Float32Array(vectors.length * width);
      for (const [i, vector] of vectors.entries()) data.set(vector, i * width);
      return writeNpy({ shape: [vectors.length, width], data });
    }
    case "safetensors":
      return writeSafetensors(
        files.map((file, i) => [file, { dtype: "F32", shape: [width], data: vectors[i] }]),
      );
  }
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
