// Probing a trained encoder on labelled tasks, beside its baselines: opens the tasks, asks task-features.ts for the features of their
// clips (or takes a file of them) and src/probe for scores over several seeds, and puts into words what came out.
import { isInShard, type Shard } from "../data/content.js";
import { defaultTasks, openTasks } from "../data/tasks/index.js";
import type { TaskSize } from "../data/tasks/options.js";
import type { LabelledTask, OnProgress } from "../data/types.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { ModelConfig } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { type PoolName, poolSize } from "../probe/feature-pools.js";
import { hearingHop } from "../probe/features.js";
import type { GridName } from "../probe/grid/grids.js";
import { probeGrid } from "../probe/grid/protocol.js";
import type { ProbeLabels } from "../probe/labels.js";
import { majority, type ProbeScore, probe } from "../probe/protocol.js";
import { type ClipSplit, officialSplit, splitByGroups } from "../probe/split.js";
import type { FeatureTable } from "../probe/standardise.js";
import type { Gpu } from "../tensor/gpu.js";
import { version } from "../version.js";
import type { FeatureFile } from "./feature-file.js";
import { speedText } from "./feature-pass.js";
import { weightsDigest } from "./feature-stores.js";
import type { Phase } from "./phases.js";
import { aheadOfRandom, probeFolds } from "./probe-folds.js";
import { type Plan, probePlan } from "./probe-plan.js";
import { describeTask, type TaskScores } from "./probe-words.js";
import { plural } from "./report/html.js";
import type { FeatureName, ProbeTable, ProbeTask } from "./report/types.js";
import { type ProbedClip, type TaskTables, tablesOfFile, taskFeatures } from "./task-features.js";
import type { Normalisation } from "./trainer.js";

/** What is probed, on which tasks, and how. */
export interface ProbeRunOptions {
  gpu: Gpu;
  /** The trained encoder; its weights are not touched. Needed, with what follows, unless `features` are given. */
  model?: Patchifier;
  modelConfig?: ModelConfig;
  normalisation?: Normalisation;
  /** Features that were extracted before, labels with them: no audio is read, and tasks are not looked at. */
  features?: readonly FeatureFile[];
  /** What the encoders' tokens become. Default: see poolOf. */
  pool?: PoolName;
  /** Seed of the run, so that random encoders start elsewhere than it did, and of the splits. */
  seed?: number;
  /** Default: `instruments` and `key`, or their generated kin where those cannot be had. */
  taskNames?: readonly string[];
  /** The folder of a data set, for tasks that need one. */
  folder?: string;
  /** Tasks that are open already; taskNames is then not looked at. */
  tasks?: readonly LabelledTask[];
  /** Random encoders at most, and with a grid the splits of tasks whose data set brings none. Default 5. */
  seeds?: number;
  /** Clips of tasks that come in sizes. Default quick. */
  size?: TaskSize;
  /** Which clips of tasks that draw them. Default 0. */
  taskSeed?: number;
  /** How heads are fitted and chosen: logistic or ridge regression (the default), or one of the grids of probe/grid/grids.ts. */
  grid?: "linear" | GridName;
  /** Ends every run of a grid after so many evaluations. */
  mostEvaluations?: number;
  /** Hand-made features beside the log-mel, which take another pass over the audio. Default false. */
  handFeatures?: boolean;
  /** Random encoders. Default: one for each seed on hardware, fewer on a software adapter. */
  randomEncoders?: number;
  cacheDir?: string;
  onProgress?: OnProgress;
  /** Sentences for whoever watches. */
  note?(text: string): void;
  /** A phase begins; it may be told again. */
  phase?(phase: Phase): void;
  signal?: AbortSignal;
}

/** What came out, in numbers and words. */
export interface ProbeOutcome {
  table: ProbeTable;
  /** Embeddings of one task's clips, to be drawn as a map. */
  map?: {
    /** [n, d] */
    vectors: Float32Array;
    n: number;
    d: number;
    labels: string[];
    titles: string[];
    labelName: string;
  };
}

/** Probes the encoder on every task. Throws DataError where a task cannot be split, and the signal's reason. */
export async function runProbes(options: ProbeRunOptions): Promise<ProbeOutcome> {
  const { seeds = 5 } = options;
  const plan = planOf(options);
  const tasks = options.features ? options.features.map(tablesOfFile) : await tasksOf(options);
  const results: ProbeTask[] = [];
  const verdicts: string[] = [];
  const maps: ProbeOutcome["map"][] = [];
  for (const task of tasks) {
    const { result, verdict, map } =
      "tables" in task
        ? await probeTables(options, task, withoutLimits(plan, task), task.clips.length)
        : await probeTask(options, task, plan);
    results.push(result);
    verdicts.push(verdict);
    maps.push(map);
  }
  if (results.some(({ interval }) => interval === "splits")) {
    verdicts.push(
      `${seeds} seeds, each with a split of its own; intervals allow for the splits' overlap and speak of these clips, ` +
        "not of all music.",
    );
  }
  if (results.some(({ interval }) => interval === "tracks")) {
    verdicts.push(
      "One split: intervals come from resampling its test tracks, the trained heads being what they are.",
    );
  }
  const ahead = aheadOfRandom(results);
  if (ahead) verdicts.push(ahead);
  const best = tasks.findIndex((task) => ("tables" in task ? task.task : task).kind === "multilabel");
  const table = {
    tasks: results,
    verdict: verdicts.join("\n"),
    made: await describeMaking(options, results),
  };
  return { table, map: maps[Math.max(0, best)] };
}

/**
 * Makes and keeps the features of a share of every task's clips, and probes nothing: what `runProbes` finds afterwards, with the same
 * options and the same cache. How many clips each task has, and how many of them were this share's.
 */
export async function keepFeatures(
  options: ProbeRunOptions,
  shard: Shard,
): Promise<{ task: string; own: number; all: number }[]> {
  const plan = planOf(options);
  const kept: { task: string; own: number; all: number }[] = [];
  for (const task of await tasksOf(options)) {
    const clips = evenly(task.clips, plan.clips);
    const own = clips.filter((clip) => isInShard(clip, shard));
    await featuresOf(options, task, plan, own, true);
    kept.push({ task: task.name, own: own.length, all: clips.length });
  }
  return kept;
}

function planOf({ gpu, seeds = 5, size, randomEncoders }: ProbeRunOptions): Plan {
  const plan = probePlan(gpu.device.capabilities, seeds);
  if (size === "study") plan.clips = Number.POSITIVE_INFINITY;
  if (randomEncoders) plan.encoders = Math.min(seeds, randomEncoders);
  return plan;
}

/** What the table is of; undefined for features from files, which say it themselves. */
async function describeMaking(
  { gpu, model, size = "quick", taskSeed = 0, ...options }: ProbeRunOptions,
  results: readonly ProbeTask[],
): Promise<ProbeTable["made"]> {
  if (!model || options.features) return undefined;
  const byFolds = results.every(({ interval }) => interval === "families");
  return {
    date: new Date().toISOString().slice(0, 10),
    melgrad: version,
    adapter: gpu.device.capabilities.adapterName,
    weights: await weightsDigest(model),
    pool: options.pool ?? (byFolds ? poolOf({ gpu, ...options }, true) : undefined),
    size,
    taskSeed,
  };
}

async function tasksOf(options: ProbeRunOptions): Promise<readonly LabelledTask[]> {
  const { tasks, taskNames, folder, note, onProgress, cacheDir, size, taskSeed, signal } = options;
  if (tasks) return tasks;
  options.phase?.("tasks");
  const opening = { folder, note, onProgress, cacheDir, size, seed: taskSeed, signal };
  if (taskNames) return openTasks(taskNames, opening);
  const chosen = await defaultTasks(opening);
  note?.(chosen.why);
  return chosen.tasks;
}

/** A plan for features that are there already. */
function withoutLimits({ seeds }: Plan, { tables }: TaskTables): Plan {
  const encoders = tables.find(([name]) => name === "random")?.[1].length ?? 0;
  return { seeds, encoders, crops: Number.POSITIVE_INFINITY, clips: Number.POSITIVE_INFINITY };
}

async function probeTask(options: ProbeRunOptions, task: LabelledTask, plan: Plan) {
  if (new Set(task.clips.map(({ id }) => id)).size < task.clips.length) {
    throw new DataError(`Clips of ${task.name} share an id.`);
  }
  const features = await featuresOf(options, task, plan, evenly(task.clips, plan.clips), false);
  const speed = features.speed && speedText(features.speed);
  if (speed) options.note?.(`${task.name}: ${features.speed?.decoded} clips, ${speed}`);
  return probeTables(options, features, plan, task.clips.length);
}

/** Features of some of a task's clips. */
async function featuresOf(
  options: ProbeRunOptions,
  task: LabelledTask,
  plan: Plan,
  clips: LabelledTask["clips"],
  mayBeEmpty: boolean,
): Promise<TaskTables> {
  const { gpu, model, modelConfig, normalisation, seed = 0, handFeatures } = options;
  if (!model || !modelConfig || !normalisation) {
    throw new UsageError("A probe needs a model, or features that were extracted with one.");
  }
  // Throws now rather than after the clips have been embedded.
  const official = officialSplit(task.clips.map((clip) => clip.part));
  const byFolds = !official && (options.grid ?? "linear") === "linear";
  const { cacheDir, onProgress, signal } = options;
  options.phase?.("features");
  return taskFeatures(task, clips, {
    gpu,
    encoder: model,
    model: modelConfig,
    normalisation,
    pool: poolOf(options, byFolds),
    crops: plan.crops,
    hop: byFolds ? hearingHop(modelConfig.cropFrames) : undefined,
    randomSeeds: randomSeeds(seed, plan.encoders),
    baselines: handFeatures ? "all" : "log-mel",
    mayBeEmpty,
    cacheDir,
    onProgress,
    signal,
  });
}

/** Seeds of random encoders: others than the run's own. */
export function randomSeeds(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => seed + 1001 + k);
}

/** Most values of a vector that is made where nobody names a pool. */
const mostValues = 20_000;

/**
 * What becomes of an encoder's tokens, where nobody says. Folds read `time`, unless that is very much; the protocols of one split read
 * mean and maximum, as they were defined, and MARBLE's, which has heads for each, layers.
 */
function poolOf({ pool, grid, modelConfig }: ProbeRunOptions, byFolds: boolean): PoolName {
  if (pool) return pool;
  if (!byFolds) return grid === "marble" ? "layers" : "mean+max";
  return modelConfig && poolSize("time", modelConfig) > mostValues ? "layers" : "time";
}

/** Scores of all features of a task. `all`: its clips, before some were left out because the adapter is slow. */
async function probeTables(options: ProbeRunOptions, features: TaskTables, plan: Plan, all: number) {
  const { gpu, seed = 0, onProgress, signal, grid = "linear", mostEvaluations } = options;
  const { task, clips, tables } = features;
  options.phase?.("probes");
  const official = officialSplit(clips.map((clip) => clip.part));
  const splits = official ? 1 : plan.seeds;
  const labels: ProbeLabels = {
    ...task,
    labels: clips.map((clip) => clip.label),
    pieces: clips.map((clip) => clip.piece),
  };
  const [pretrained] = tables[0][1];
  const map = {
    vectors: Float32Array.from(pretrained.values),
    n: pretrained.n,
    d: pretrained.d,
    ...mapLabels(task, clips),
  };
  if (grid === "linear" && !official) {
    let done = 0;
    // Every table, all hand-made ones joined, and what a task reads besides (chroma turned through all keys).
    const rows = tables.reduce((sum, [, each]) => sum + each.length, 1);
    const pause = async (name: string) => {
      const what = `probing ${task.name}, ${name}`;
      onProgress?.({ what, done: done++, total: Math.max(5 * rows, done), unit: "folds" });
      await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C and the progress bar in
      signal?.throwIfAborted();
    };
    const remarks = [
      all > plan.clips ? `Only ${plan.clips} of the clips were used, for this adapter is slow.` : "",
      Number.isFinite(plan.crops) ? `Encoders saw at most ${plan.crops} crops of a clip.` : "",
      plan.encoders > 0 ? `Random weights: ${plural(plan.encoders, "encoder")}.` : "",
    ].filter(Boolean);
    return { ...(await probeFolds(features, { labels, seed, remarks, pause })), map };
  }
  const groups = clips.map((clip) => clip.groups);
  const scores: TaskScores = new Map<FeatureName, ProbeScore[]>();
  const enter = (name: FeatureName, score: ProbeScore) =>
    scores.set(name, [...(scores.get(name) ?? []), score]);
  const sizes = { train: 0, test: 0, pieces: 0, dropped: 0 };
  const scoreOf = (
    table: FeatureTable,
    split: ClipSplit,
    s: number,
    words: string,
  ): ProbeScore | Promise<ProbeScore> =>
    grid === "linear"
      ? probe(labels, table, split)
      : probeGrid(gpu, labels, table, split, grid, {
          seed: seed + s,
          most: mostEvaluations,
          signal,
          onProgress: (done, total) =>
            onProgress?.({ what: `probing ${task.name}, ${words}`, done, total, unit: "heads" }),
        });
  for (let s = 0; s < splits; s++) {
    if (grid === "linear")
      onProgress?.({ what: `probing ${task.name}`, done: s, total: splits, unit: "seeds" });
    await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C and the progress bar in
    signal?.throwIfAborted();
    const split = official ?? splitByGroups(groups, { seed: seed + s });
    for (const [name, of] of tables) {
      for (const table of official ? of : [of[s % of.length]])
        enter(name, await scoreOf(table, split, s, name));
    }
    enter("majority", majority(labels, split));
    sizes.train += (split.train.length + split.valid.length) / splits;
    sizes.test += split.test.length / splits;
    sizes.pieces += new Set(split.test.map((i) => clips[i].piece)).size / splits;
    sizes.dropped += split.dropped / splits;
  }
  onProgress?.({ what: `probing ${task.name}`, done: splits, total: splits, unit: "seeds" });
  const described = describeTask({
    ...{ features, labels, plan, grid, splits, scores, sizes, all },
    official: official !== undefined,
  });
  return { ...described, map };
}

/** At most `most` of the items, evenly spaced. */
export function evenly<T>(items: readonly T[], most: number): T[] {
  const count = Math.min(items.length, most);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** What the map's colours mean: the class, or of several tags the one that is rarest in the task. */
function mapLabels(task: TaskTables["task"], clips: readonly ProbedClip[]) {
  const titles = clips.map((clip) => clip.title);
  const { kind, classes } = task;
  if (kind === "classification") {
    return { titles, labels: clips.map(({ label }) => classes[label[0]]), labelName: "class" };
  }
  if (kind === "regression") {
    return { titles, labels: clips.map(({ label }) => label[0].toFixed(0)), labelName: classes[0] };
  }
  const counts = classes.map((_, k) => clips.reduce((sum, { label }) => sum + label[k], 0));
  const labels = clips.map(({ label }) => {
    const on = classes.flatMap((_, k) => (label[k] > 0 ? [k] : []));
    return on.length > 0 ? classes[on.reduce((a, b) => (counts[b] < counts[a] ? b : a))] : "none";
  });
  return { titles, labels, labelName: `${task.name}: the rarest that sounds` };
}
