// The labelled tasks of the study: their log-mels, their splits, and what the hand-made features score on them. Opened once, used for
// every arm, so that all are scored on the same clips in the same splits.
import { MelStore } from "../../src/data/mel-store.js";
import { openTask } from "../../src/data/tasks/index.js";
import type { OnProgress } from "../../src/data/types.js";
import type { FrontEndConfig } from "../../src/patchifier/config.js";
import { melStatistics } from "../../src/probe/features.js";
import { HandFeatures, handSizes } from "../../src/probe/hand-features.js";
import { metricsOf, type ProbeLabels, probe } from "../../src/probe/protocol.js";
import { type ClipSplit, splitByGroups } from "../../src/probe/split.js";
import type { FeatureTable } from "../../src/probe/standardise.js";
import type { Gpu } from "../../src/tensor/gpu.js";

/** Scores of one kind of feature on one task, a split each. */
export type Scores = number[];

export interface StudyTask {
  name: string;
  metric: string;
  chance: number | undefined;
  mels: MelStore;
  /** Clips tested on for each that is trained on. */
  testShare: number;
  /** One score a split. */
  score(features: FeatureTable): Scores;
  baselines: Record<string, Scores>;
}

export interface StudyTaskOptions {
  /** Splits of each task. */
  splits: number;
  /** Most clips of a task, taken evenly. */
  clips: number;
  /** Scores of the hand-made features where they were measured before, by task. */
  known: Readonly<Record<string, { clips: number; baselines: Record<string, Scores> } | undefined>>;
  onProgress: OnProgress;
  signal: AbortSignal;
}

/** Opens tasks with the baselines scored. Throws what openTask throws. */
export async function openStudyTasks(
  gpu: Gpu,
  names: readonly string[],
  frontEnd: FrontEndConfig,
  options: StudyTaskOptions,
): Promise<StudyTask[]> {
  const tasks: StudyTask[] = [];
  for (const name of names) tasks.push(await openStudyTask(gpu, name, frontEnd, options));
  return tasks;
}

async function openStudyTask(
  gpu: Gpu,
  name: string,
  frontEnd: FrontEndConfig,
  { splits, clips: most, known: before, onProgress, signal }: StudyTaskOptions,
): Promise<StudyTask> {
  const task = await openTask(name, { onProgress, signal });
  const stride = Math.max(1, task.clips.length / most);
  const taken = Array.from(
    { length: Math.min(most, task.clips.length) },
    (_, i) => task.clips[Math.floor(i * stride)],
  );
  const corpus = { name, why: "", tracks: taken, skipped: [], licences: [] };
  const mels = await MelStore.build(gpu, corpus, frontEnd, { onProgress, signal });
  const known = new Map(taken.map((clip) => [clip.id, clip]));
  const clips = mels.tracks.flatMap(({ id }) => known.get(id) ?? []);
  const labels: ProbeLabels = {
    ...task,
    labels: clips.map(({ label }) => label),
    pieces: clips.map(({ piece }) => piece),
  };
  const groups = clips.map((clip) => clip.groups);
  const parts: ClipSplit[] = Array.from({ length: splits }, (_, seed) => splitByGroups(groups, { seed }));
  const [metric] = metricsOf(labels);
  const score = (features: FeatureTable) => parts.map((part) => probe(labels, features, part).scores[0]);

  const handMade = async () => {
    const tables = {
      mfcc: table(clips.length, handSizes.mfcc),
      chroma: table(clips.length, handSizes.chroma),
    };
    const hand = new HandFeatures(gpu);
    for (const [i, clip] of clips.entries()) {
      signal.throwIfAborted();
      onProgress({ what: `hand-made features of ${name}`, done: i, total: clips.length, unit: "clips" });
      const vectors = await hand.transform(await clip.load());
      tables.mfcc.values.set(vectors.mfcc, i * tables.mfcc.d);
      tables.chroma.values.set(vectors.chroma, i * tables.chroma.d);
    }
    hand.dispose();
    return { mfcc: score(tables.mfcc), chroma: score(tables.chroma) };
  };
  const earlier = before[name];
  const baselines =
    earlier?.clips === clips.length
      ? earlier.baselines
      : { "log-mel mean+std": score(melStatistics(mels, frontEnd.nMels)), ...(await handMade()) };
  const testShare = parts[0].test.length / (parts[0].train.length + parts[0].valid.length);
  return { name, metric: metric.name, chance: metric.chance, mels, testShare, score, baselines };
}

function table(n: number, d: number): FeatureTable & { values: Float32Array } {
  return { n, d, values: new Float32Array(n * d) };
}
