// Probing a trained encoder on labelled tasks, beside its baselines: opens the tasks, keeps their log-mels in the cache, asks
// src/probe for features and scores over several seeds, and puts into words what came out.
import { randomAt } from "../data/batches.js";
import { MelStore } from "../data/mel-store.js";
import { defaultTasks, openTask } from "../data/tasks/index.js";
import type { LabelledTask, OnProgress } from "../data/types.js";
import type { Capabilities } from "../gpu/capabilities.js";
import { DataError } from "../gpu/errors.js";
import type { ModelConfig } from "../patchifier/config.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { encoderFeatures, melStatistics } from "../probe/features.js";
import { majority, metricsOf, type ProbeLabels, type ProbeScore, probe } from "../probe/protocol.js";
import { officialSplit, splitByGroups } from "../probe/split.js";
import type { FeatureTable } from "../probe/standardise.js";
import { compare, comparisonText, summarise } from "../probe/summary.js";
import type { Gpu } from "../tensor/gpu.js";
import type { FeatureName, ProbeRow, ProbeTable, ProbeTask } from "./report/types.js";
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
interface Plan {
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
  const { gpu, seeds = 5 } = options;
  const plan = planFor(gpu.device.capabilities, seeds);
  if (options.randomEncoders) plan.encoders = Math.min(seeds, options.randomEncoders);
  const tasks = await openTasks(options);
  const results: ProbeTask[] = [];
  const verdicts: string[] = [];
  const maps: ProbeOutcome["map"][] = [];
  for (const task of tasks) {
    const { result, verdict, map } = await probeTask(options, task, plan);
    results.push(result);
    verdicts.push(verdict);
    maps.push(map);
  }
  const wording =
    `${seeds} seeds, each with a split of its own; intervals allow for the splits' overlap and speak of these clips, ` +
    "not of all music.";
  const drawn = tasks.some((task) => !hasOwnSplit(task));
  const best = tasks.findIndex(({ kind }) => kind === "multilabel");
  return {
    table: { tasks: results, verdict: [...verdicts, ...(drawn ? [wording] : [])].join("\n") },
    map: maps[Math.max(0, best)],
  };
}

async function openTasks(options: ProbeRunOptions): Promise<readonly LabelledTask[]> {
  const { tasks, taskNames, folder, note, onProgress, cacheDir, signal } = options;
  if (tasks) return tasks;
  const opening = { folder, note, onProgress, cacheDir, signal };
  if (taskNames) {
    const opened: LabelledTask[] = [];
    for (const name of taskNames) opened.push(await openTask(name, opening));
    return opened;
  }
  const chosen = await defaultTasks(opening);
  note?.(chosen.why);
  return chosen.tasks;
}

/** Whether a task's data set says which clips are tested on. */
function hasOwnSplit({ clips }: LabelledTask): boolean {
  return clips.some(({ part }) => part);
}

async function probeTask(options: ProbeRunOptions, task: LabelledTask, plan: Plan) {
  const { gpu, model, modelConfig, normalisation, seed = 0, onProgress, cacheDir, signal } = options;
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
    const statistics = melStatistics(store, modelConfig.frontEnd.nMels);
    const labels: ProbeLabels = { ...task, labels: clips.map((clip) => clip.label) };
    const groups = clips.map((clip) => clip.groups);
    const official = officialSplit(clips.map((clip) => clip.part));
    const splits = official ? 1 : plan.seeds;
    const scores: Record<FeatureName, ProbeScore[]> = {
      pretrained: [],
      random: [],
      "log-mel mean+std": [],
      majority: [],
    };
    const sizes = { train: 0, test: 0, pieces: 0, dropped: 0 };
    const skipped = store.skipped.length;
    for (let s = 0; s < splits; s++) {
      onProgress?.({ what: `probing ${task.name}`, done: s, total: splits, unit: "seeds" });
      await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C and the progress bar in
      signal?.throwIfAborted();
      const split = official ?? splitByGroups(groups, { seed: seed + s });
      scores.pretrained.push(probe(labels, pretrained, split));
      for (const features of official ? random : [random[s % random.length]])
        scores.random.push(probe(labels, features, split));
      scores["log-mel mean+std"].push(probe(labels, statistics, split));
      scores.majority.push(majority(labels, split));
      sizes.train += (split.train.length + split.valid.length) / splits;
      sizes.test += split.test.length / splits;
      sizes.pieces += new Set(split.test.map((i) => clips[i].piece)).size / splits;
      sizes.dropped += split.dropped / splits;
    }
    onProgress?.({ what: `probing ${task.name}`, done: splits, total: splits, unit: "seeds" });
    return {
      ...describe(task, labels, plan, scores, sizes, skipped),
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

/** Where the numbers of one task become a table and a sentence. */
function describe(
  task: LabelledTask,
  labels: ProbeLabels,
  plan: Plan,
  scores: Record<FeatureName, ProbeScore[]>,
  sizes: { train: number; test: number; pieces: number; dropped: number },
  skipped: number,
): { result: ProbeTask; verdict: string } {
  const metrics = metricsOf(labels);
  const testShare = sizes.test / sizes.train;
  const valuesOf = (name: FeatureName, metric: number) => scores[name].map((score) => score.scores[metric]);
  const names = Object.keys(scores) as FeatureName[];
  const official = hasOwnSplit(task);
  const rows = names.map((features): ProbeRow => {
    const { ci95, ...summary } = summarise(valuesOf(features, 0), testShare);
    return official ? { features, ...summary } : { features, ...summary, ci95 };
  });
  const others = metrics.slice(1).map((metric, i) => {
    const each = names.map((name) => {
      const { mean, std } = summarise(valuesOf(name, i + 1), testShare);
      return `${name} ${mean.toFixed(3)} ± ${std.toFixed(3)}`;
    });
    return ` Also measured, ${metric.name}: ${each.join(", ")}.`;
  });
  const head = task.kind === "regression" ? "Ridge" : "Logistic";
  const remarks = [
    task.note,
    ` ${head} regression on standardised features, its penalty chosen on validation clips.`,
    official
      ? ` Random weights: ${plan.encoders === 1 ? "one encoder" : `${plan.encoders} encoders, so their spread is that of initialisations`}.`
      : plan.encoders === 1
        ? " One random encoder serves all seeds, so its spread is that of the splits alone."
        : ` Random weights: ${plan.encoders} encoders over the seeds, so their spread is that of splits and initialisations.`,
    task.clips.length > plan.clips
      ? ` Only ${plan.clips} of the clips were used, for this adapter is slow.`
      : "",
    Number.isFinite(plan.crops) ? ` Encoders saw at most ${plan.crops} crops of a clip.` : "",
    sizes.dropped > 0 ? ` ${Math.round(sizes.dropped)} clips lie between the parts and were left out.` : "",
    skipped > 0 ? ` ${skipped} clips could not be used.` : "",
    ...others,
  ];
  const stands = (other: FeatureName, words: string) =>
    comparisonText(compare(valuesOf("pretrained", 0), valuesOf(other, 0), testShare), words);
  const start = `${task.name} (${metrics[0].name}): pre-training, ${rows[0].mean.toFixed(3)}`;
  const verdict = official
    ? `${start}; random weights ${rows[1].mean.toFixed(3)}, the log-mel's mean and spread ${rows[2].mean.toFixed(3)}. The data ` +
      "set's own split, so there are no intervals over splits."
    : `${start}, ${stands("random", "random weights")}; ` +
      `it ${stands("log-mel mean+std", "the log-mel's mean and spread")}.`;
  const result: ProbeTask = {
    task: task.name,
    metric: metrics[0].name,
    note: remarks.join(""),
    higherIsBetter: true,
    chance: metrics[0].chance,
    classes: task.classes.length,
    trainClips: Math.round(sizes.train),
    testClips: Math.round(sizes.test),
    testPieces: Math.round(sizes.pieces),
    seeds: official ? 1 : plan.seeds,
    rows,
  };
  return { result, verdict };
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
