// Probing a trained encoder on labelled tasks, beside its baselines: opens the tasks, keeps their log-mels in the cache, asks
// src/probe for features and scores over several seeds, and puts into words what came out.
import { randomAt } from "../data/batches.js";
import { MelStore } from "../data/mel-store.js";
import { defaultTasks, openTasks } from "../data/tasks/index.js";
import type { LabelledClip, LabelledTask, OnProgress } from "../data/types.js";
import type { Capabilities } from "../gpu/capabilities.js";
import { DataError } from "../gpu/errors.js";
import type { ModelConfig } from "../patchifier/config.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { encoderFeatures, melStatistics } from "../probe/features.js";
import type { GridName } from "../probe/grid.js";
import { HandFeatures, handSizes } from "../probe/hand-features.js";
import { probeGrid } from "../probe/head-protocol.js";
import { majority, type ProbeLabels, type ProbeScore, probe } from "../probe/protocol.js";
import { type ClipSplit, officialSplit, splitByGroups } from "../probe/split.js";
import type { FeatureTable } from "../probe/standardise.js";
import type { Gpu } from "../tensor/gpu.js";
import { describeTask, type TaskScores } from "./probe-words.js";
import type { FeatureName, ProbeTable, ProbeTask } from "./report/types.js";
import type { Normalisation } from "./trainer.js";

export interface ProbeRunOptions {
  gpu: Gpu;
  /** The trained encoder; its weights are not touched. */
  model: Patchifier;
  modelConfig: ModelConfig;
  normalisation: Normalisation;
  /** Seed of the run, so that random encoders start elsewhere than it did, and of the splits. */
  seed?: number;
  /** Default: `instruments` and `key`, or their generated kin where those cannot be had. */
  taskNames?: readonly string[];
  /** The folder of a data set, for tasks that need one. */
  folder?: string;
  /** Tasks that are open already; taskNames is then not looked at. */
  tasks?: readonly LabelledTask[];
  /** Splits, of tasks whose data set brings none. Default 5. */
  seeds?: number;
  /** How heads are fitted and chosen: logistic or ridge regression (the default), or one of the grids of probe/grid.ts. */
  grid?: "linear" | GridName;
  /** Ends every run of a grid after so many evaluations. */
  mostEvaluations?: number;
  /** Hand-made features beside the log-mel: MFCC and chroma, which take another pass over the audio. Default false. */
  handFeatures?: boolean;
  /** Random encoders. Default: one for each seed on hardware, fewer on a software adapter. */
  randomEncoders?: number;
  cacheDir?: string;
  onProgress?: OnProgress;
  /** Sentences for whoever watches. */
  note?(text: string): void;
  signal?: AbortSignal;
}

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

/** How much is embedded. */
export interface Plan {
  seeds: number;
  /** Most crops of a clip. */
  crops: number;
  /** Random encoders; seed s uses number s modulo this. */
  encoders: number;
  /** Most clips of a task. */
  clips: number;
}

/**
 * What the adapter can do in about a minute with the demo model. SwiftShader, with subgroups of 4 at most, takes 30 ms a crop
 * on two cores, lavapipe 7.
 */
function planFor({ software, subgroupMaxSize }: Capabilities, seeds: number): Plan {
  if (!software)
    return { seeds, crops: Number.POSITIVE_INFINITY, encoders: seeds, clips: Number.POSITIVE_INFINITY };
  if (subgroupMaxSize > 4) return { seeds, crops: 2, encoders: Math.min(3, seeds), clips: 600 };
  return { seeds, crops: 2, encoders: 1, clips: 240 };
}

/** Probes the encoder on every task. Throws DataError where a task cannot be split, and the signal's reason. */
export async function runProbes(options: ProbeRunOptions): Promise<ProbeOutcome> {
  const { gpu, seeds = 5, grid = "linear" } = options;
  const plan = planFor(gpu.device.capabilities, seeds);
  if (options.randomEncoders) plan.encoders = Math.min(seeds, options.randomEncoders);
  if (grid !== "linear") plan.encoders = Math.min(plan.encoders, seeds);
  const tasks = await tasksOf(options);
  const results: ProbeTask[] = [];
  const verdicts: string[] = [];
  const maps: ProbeOutcome["map"][] = [];
  for (const task of tasks) {
    const { result, verdict, map } = await probeTask(options, task, plan);
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
  const best = tasks.findIndex(({ kind }) => kind === "multilabel");
  return { table: { tasks: results, verdict: verdicts.join("\n") }, map: maps[Math.max(0, best)] };
}

async function tasksOf(options: ProbeRunOptions): Promise<readonly LabelledTask[]> {
  const { tasks, taskNames, folder, note, onProgress, cacheDir, signal } = options;
  if (tasks) return tasks;
  const opening = { folder, note, onProgress, cacheDir, signal };
  if (taskNames) return openTasks(taskNames, opening);
  const chosen = await defaultTasks(opening);
  note?.(chosen.why);
  return chosen.tasks;
}

async function probeTask(options: ProbeRunOptions, task: LabelledTask, plan: Plan) {
  const { gpu, model, modelConfig, normalisation, seed = 0, onProgress, cacheDir, signal } = options;
  const { grid = "linear", mostEvaluations, handFeatures } = options;
  officialSplit(task.clips.map((clip) => clip.part)); // throws now rather than after the clips have been embedded
  const store = await MelStore.build(
    gpu,
    { name: task.name, why: "", tracks: evenly(task.clips, plan.clips), skipped: [], licences: [] },
    modelConfig.frontEnd,
    {
      cacheDir,
      signal,
      onProgress: (progress) => onProgress?.({ ...progress, what: `log-mel of ${task.name}`, unit: "clips" }),
    },
  );
  try {
    const byId = new Map(task.clips.map((clip) => [clip.id, clip]));
    const clips = store.tracks.flatMap(({ id }) => byId.get(id) ?? []);
    if (clips.length !== store.tracks.length) throw new DataError(`Clips of ${task.name} share an id.`);
    const what = `embedding ${task.name}`;
    const encode = (encoder: Patchifier, index: number) =>
      encoderFeatures(encoder, store, {
        model: modelConfig,
        normalisation,
        crops: plan.crops,
        signal,
        onProgress: (done, each) =>
          onProgress?.({ what, done: index * each + done, total: (1 + plan.encoders) * each, unit: "crops" }),
      });
    const pretrained = await encode(model, 0);
    const random: FeatureTable[] = [];
    for (let k = 0; k < plan.encoders; k++) {
      const encoder = new Patchifier(gpu, encoderSizes(modelConfig), randomAt(seed + 1001 + k, "initialise"));
      try {
        random.push(await encode(encoder, k + 1));
      } finally {
        encoder.dispose();
      }
    }
    const labels: ProbeLabels = {
      ...task,
      labels: clips.map((clip) => clip.label),
      pieces: clips.map((clip) => clip.piece),
    };
    const groups = clips.map((clip) => clip.groups);
    const official = officialSplit(clips.map((clip) => clip.part));
    const splits = official ? 1 : plan.seeds;
    const hand = handFeatures ? await handTables(options, task, clips) : undefined;
    const tables: [FeatureName, readonly FeatureTable[]][] = [
      ["pretrained", [pretrained]],
      ["random", random],
      ["log-mel mean+std", [melStatistics(store, modelConfig.frontEnd.nMels)]],
    ];
    if (hand) tables.push(["mfcc", [hand.mfcc]], ["chroma", [hand.chroma]]);
    const scores: TaskScores = new Map<FeatureName, ProbeScore[]>();
    const enter = (name: FeatureName, score: ProbeScore) =>
      scores.set(name, [...(scores.get(name) ?? []), score]);
    const sizes = { train: 0, test: 0, pieces: 0, dropped: 0 };
    const skipped = store.skipped.length;
    const scoreOf = (
      features: FeatureTable,
      split: ClipSplit,
      s: number,
      words: string,
    ): ProbeScore | Promise<ProbeScore> =>
      grid === "linear"
        ? probe(labels, features, split)
        : probeGrid(gpu, labels, features, split, grid, {
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
        for (const features of official ? of : [of[s % of.length]])
          enter(name, await scoreOf(features, split, s, name));
      }
      enter("majority", majority(labels, split));
      sizes.train += (split.train.length + split.valid.length) / splits;
      sizes.test += split.test.length / splits;
      sizes.pieces += new Set(split.test.map((i) => clips[i].piece)).size / splits;
      sizes.dropped += split.dropped / splits;
    }
    onProgress?.({ what: `probing ${task.name}`, done: splits, total: splits, unit: "seeds" });
    return {
      ...describeTask({
        task,
        labels,
        plan,
        grid,
        official: official !== undefined,
        splits,
        scores,
        sizes,
        skipped,
      }),
      map: {
        vectors: Float32Array.from(pretrained.values),
        n: pretrained.n,
        d: pretrained.d,
        ...mapLabels(task, clips),
      },
    };
  } finally {
    store.close();
  }
}

/** At most `most` of the items, evenly spaced. */
function evenly<T>(items: readonly T[], most: number): T[] {
  const count = Math.min(items.length, most);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** MFCC and chroma vectors of the clips, from their audio. */
async function handTables(
  { gpu, onProgress, signal }: ProbeRunOptions,
  { name }: LabelledTask,
  clips: readonly LabelledClip[],
): Promise<Record<keyof typeof handSizes, FeatureTable>> {
  const n = clips.length;
  const table = (d: number) => ({ n, d, values: new Float32Array(n * d) });
  const tables = { mfcc: table(handSizes.mfcc), chroma: table(handSizes.chroma) };
  const hand = new HandFeatures(gpu);
  try {
    for (const [i, clip] of clips.entries()) {
      signal?.throwIfAborted();
      onProgress?.({ what: `MFCC and chroma of ${name}`, done: i, total: n, unit: "clips" });
      const vectors = await hand.transform(await clip.load());
      tables.mfcc.values.set(vectors.mfcc, i * handSizes.mfcc);
      tables.chroma.values.set(vectors.chroma, i * handSizes.chroma);
    }
    onProgress?.({ what: `MFCC and chroma of ${name}`, done: n, total: n, unit: "clips" });
  } finally {
    hand.dispose();
  }
  return tables;
}

/** What the map's colours mean: the class, or of several tags the one that is rarest in the task. */
function mapLabels(task: LabelledTask, clips: readonly { label: number[]; title: string }[]) {
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
