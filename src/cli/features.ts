// `melgrad features`: extracts features of a corpus with a trained model into a file, all at once or one shard of several on each of
// several machines, and merges shards. The work is in src/train/task-features.ts and feature-file.ts.
import { stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { turnChecksOn } from "../checks/use.js";
import { isInShard, type Shard } from "../data/content.js";
import { listFolder } from "../data/folder.js";
import { SET_TASKS } from "../data/sets/index.js";
import { openTask, TASKS } from "../data/tasks/index.js";
import type { LabelledClip, OnProgress, Track } from "../data/types.js";
import { UsageError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";
import { shardHere } from "../host/node/launch.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { type PoolName, poolNames, poolShape, pools } from "../probe/feature-pools.js";
import {
  type FeatureColumn,
  type FeatureHeader,
  listingOf,
  mergeFeatures,
  readFeatures,
  writeFeatures,
} from "../train/feature-file.js";
import { speedText } from "../train/feature-pass.js";
import { encoderSettings, weightsDigest } from "../train/feature-stores.js";
import { randomSeeds } from "../train/probe.js";
import { chooseModel } from "../train/released.js";
import { type TaskTables, taskFeatures } from "../train/task-features.js";
import { onInterrupt } from "./interrupt.js";
import { openModel } from "./model.js";
import { addAdapterOptions, checkpointOption, integer } from "./options.js";
import { openProgress } from "./progress.js";

interface ExtractOptions {
  checkpoint?: string;
  data?: string;
  task?: string;
  pool: PoolName;
  crops?: number;
  shard?: Shard;
  baselines?: boolean;
  out: string;
  adapter?: string;
  unchecked?: boolean;
}

/** Encoders with random weights that --baselines stands for. */
const randomEncoders = 3;

export function registerFeatures(program: Command): void {
  const features = program
    .command("features")
    .description("features of many clips, made once and probed often");
  const extract = features
    .command("extract")
    .description("take every clip of a folder or a task through a trained model, into one file")
    .addOption(checkpointOption())
    .option("--data <folder>", "a folder of audio; or, with --task, the folder of that data set")
    .addOption(
      new Option("--task <name>", "a labelled task, so that the file can be probed").choices([
        ...TASKS,
        ...SET_TASKS,
      ]),
    )
    .addOption(poolOption("mean+max"))
    .option("--crops <n>", "most crops of a clip (default: all that fit)", integer(1))
    .option(
      "--shard <i/n>",
      "only the i-th of n shards, so that n machines can share the work (default: what mpirun, srun or a job array says)",
      shard,
    )
    .option(
      "--baselines",
      `the baselines too: log-mel, MFCC, chroma and ${randomEncoders} encoders with random weights`,
    )
    .requiredOption("--out <file>", "the file to write, or a folder to write it into")
    .allowExcessArguments(false)
    .action(extractFeatures);
  addAdapterOptions(extract);
  features
    .command("merge")
    .description("put all shards of a corpus into one file, clips in the corpus' own order")
    .argument("<out>", "the file to write")
    .argument("<shards...>", "the files that features extract --shard wrote")
    .action(merge);
}

/** --pool, as embed has it too. */
export function poolOption(usual: PoolName): Option {
  return new Option(
    "--pool <name>",
    `what becomes of the tokens: ${poolNames.map((name) => `${name} (${pools[name].says})`).join("; ")}`,
  )
    .choices([...poolNames])
    .default(usual);
}

/** "2/8" is the second of eight. */
function shard(text: string): Shard {
  const found = /^(\d+)\/(\d+)$/.exec(text.trim());
  const [index, count] = [Number(found?.[1]), Number(found?.[2])];
  if (!found || index < 1 || index > count || count > 100_000) {
    throw new InvalidArgumentError("Write which shard of how many, such as 1/4 for the first of four");
  }
  return { index: index - 1, count };
}

/** What is extracted from: a task's clips, or the files of a folder. */
interface Corpus {
  name: string;
  task?: TaskTables["task"];
  clips: readonly (Track | LabelledClip)[];
}

async function extractFeatures(given: ExtractOptions): Promise<void> {
  const options = given.shard ? given : { ...given, shard: shardHere() };
  const {
    checkpoint,
    data,
    task,
    pool,
    crops = Number.POSITIVE_INFINITY,
    baselines,
    adapter,
    unchecked,
  } = options;
  if (data === undefined && task === undefined) {
    throw new UsageError("Say what to extract features of: write --data FOLDER or --task NAME.");
  }
  if (task !== undefined && data === undefined && SET_TASKS.includes(task)) {
    throw new UsageError(`The task ${task} needs the folder of its data set: write --data FOLDER.`);
  }
  if (task !== undefined && data !== undefined && !SET_TASKS.includes(task)) {
    throw new UsageError(`The task ${task} brings its own music: leave out --data.`);
  }
  const out = await outputPath(options, given.shard !== undefined);
  const encoder = await chooseModel(checkpoint);
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter, unchecked });
  try {
    const { signal } = stopping;
    display.note(adapterLine(gpu.host));
    turnChecksOn(gpu, display.note);
    const { model, config, path } = await openModel(gpu, encoder, display.note);
    const corpus = await openCorpus(options, { note: display.note, onProgress: display.progress, signal });
    const chosen = [...corpus.clips.keys()].filter((i) => isInShard(corpus.clips[i], options.shard));
    const recipe = { model: config.model, normalisation: config.normalisation, pool, crops };
    const result = await taskFeatures(
      corpus.task ?? { name: corpus.name, kind: "classification", classes: [], note: "" },
      chosen.map((i) => ({ groups: [], label: [], ...corpus.clips[i] })),
      {
        ...recipe,
        gpu,
        encoder: model,
        randomSeeds: baselines ? randomSeeds(config.seed, randomEncoders) : [],
        baselines: baselines ? "all" : "none",
        mayBeEmpty: options.shard !== undefined,
        onProgress: display.progress,
        signal,
      },
    );
    display.stop();
    const header: FeatureHeader = {
      corpus: { name: corpus.name, clips: corpus.clips.length, listing: listingOf(corpus.clips) },
      settings: encoderSettings(await weightsDigest(model), recipe),
      checkpoint: encoder.released ?? path,
      seed: config.seed,
      ...(options.shard ? { shard: options.shard } : {}),
      ...(corpus.task ? { task: corpus.task } : {}),
      ...placed(corpus, chosen, result),
    };
    await writeFeatures(out, header, columnsOf(result, poolShape(pool, config.model)));
    report(display.note, out, header, result);
    model.dispose();
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

/** Clips and lost clips with their places in the corpus; without the fields of a label where there is none. */
function placed(
  { clips, task }: Corpus,
  chosen: readonly number[],
  result: TaskTables,
): Pick<FeatureHeader, "clips" | "skipped"> {
  const positions = new Map(chosen.map((i) => [clips[i].id, i]));
  const entry = <T extends TaskTables["clips"][number]>(clip: T) => {
    const { groups, label, ...rest } = clip;
    return { position: positions.get(clip.id) ?? -1, ...rest, ...(task ? { groups, label } : {}) };
  };
  return { clips: result.clips.map(entry), skipped: result.lost.map(entry) };
}

function columnsOf({ tables }: TaskTables, shape: number[]): FeatureColumn[] {
  return tables.flatMap(([name, of]) =>
    of.map(({ d, values }) => ({
      name,
      shape: name === "pretrained" || name === "random" ? shape : [d],
      values: values as Float32Array,
    })),
  );
}

function report(
  note: (text: string) => void,
  out: string,
  header: FeatureHeader,
  { speed }: TaskTables,
): void {
  const { skipped, clips } = header;
  for (const { id, reason } of skipped)
    note(`left out: ${reason.includes(id) ? reason : `${id}: ${reason}`}`);
  const how = speed && speed.decoded > 0 ? speedText(speed) : "all of them were kept from before";
  note(
    `${out}: ${clips.length} clips${skipped.length > 0 ? `, ${skipped.length} left out` : ""}${how ? `; ${how}` : ""}`,
  );
}

async function openCorpus(
  { data, task: name }: ExtractOptions,
  watching: { note(text: string): void; onProgress: OnProgress; signal: AbortSignal },
): Promise<Corpus> {
  if (name === undefined) {
    const { tracks, skipped } = await listFolder(data ?? "", watching);
    for (const { path, reason } of skipped) watching.note(`left out: ${path}: ${reason}`);
    return { name: "folder", clips: tracks };
  }
  const { clips, ...task } = await openTask(name, { folder: data, ...watching });
  const { kind, classes, note } = task;
  return { name, task: { name, kind, classes, note }, clips };
}

/** Where to write: --out, or in that folder a file named after what it holds. */
async function outputPath({ out, task, pool, shard }: ExtractOptions, isGiven: boolean): Promise<string> {
  const folder =
    out.endsWith("/") ||
    out.endsWith(sep) ||
    (await stat(out).then(
      (found) => found.isDirectory(),
      () => false,
    ));
  const part = shard ? `-${shard.index + 1}-of-${shard.count}` : "";
  // Several processes are given one name, which each makes its own.
  const own = isGiven ? out : out.replace(/(\.\w+)?$/, (end) => `${part}${end}`);
  const path = folder ? join(out, `${task ?? "folder"}-${pool}${part}.safetensors`) : own;
  if (await exists(path)) throw new UsageError(`${path} exists already: write another --out.`);
  return path;
}

async function merge(out: string, shards: string[]): Promise<void> {
  if (await exists(out)) throw new UsageError(`${out} exists already: name the file to write first.`);
  const files = [];
  for (const path of shards) files.push(await readFeatures(path));
  const { header, columns } = mergeFeatures(files);
  await writeFeatures(out, header, columns);
  const left = header.skipped.length > 0 ? `, ${header.skipped.length} left out` : "";
  console.error(`${out}: ${header.clips.length} clips from ${files.length} shards${left}`);
}
