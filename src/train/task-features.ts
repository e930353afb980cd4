// The features of one labelled task that are probed: of the trained encoder, of encoders with random weights, and hand-made ones, all
// from one pass over the clips' audio, or from a file. No head is trained here.
import { randomAt } from "../data/batches.js";
import type { LabelledClip, LabelledTask, OnProgress } from "../data/types.js";
import { DataError } from "../gpu/errors.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { handNames, handSizes } from "../probe/hand-features.js";
import type { FeatureTable } from "../probe/standardise.js";
import type { Gpu } from "../tensor/gpu.js";
import type { FeatureFile } from "./feature-file.js";
import { keptValues, type PassSpeed, passOver } from "./feature-pass.js";
import { type EncoderRecipe, encoderStore, openBaselines } from "./feature-stores.js";
import type { FeatureName } from "./report/types.js";

/** A clip without its audio. */
export type ProbedClip = Pick<LabelledClip, "id" | "title" | "piece" | "groups" | "label" | "part">;

/** What is known of a task's clips. */
export interface TaskTables {
  task: Pick<LabelledTask, "name" | "kind" | "classes" | "note">;
  /** Those that can be used; the tables have a row for each. */
  clips: ProbedClip[];
  /** Those that cannot. */
  lost: (ProbedClip & { reason: string })[];
  /** `pretrained` is the first; several tables of a name are those of several random encoders. */
  tables: [FeatureName, readonly FeatureTable[]][];
  /** How fast they were made. */
  speed?: PassSpeed;
}

interface TaskFeatureOptions extends EncoderRecipe {
  gpu: Gpu;
  encoder: Patchifier;
  /** Seeds of the random encoders; none: no random encoder. */
  randomSeeds: readonly number[];
  /** Whether the log-mel's mean and deviation are wanted, and with them all hand-made features. */
  baselines: "none" | "log-mel" | "all";
  /** Whether it is no failure where no clip can be used, as in a shard. */
  mayBeEmpty?: boolean;
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Bytes of parameters and gradients of encoders that are held at once. */
const encoderBytes = 2 ** 30;

/** Features of the clips given. Throws DataError where none of them can be used, and the signal's reason. */
export async function taskFeatures(
  task: TaskTables["task"],
  clips: readonly (LabelledClip | (ProbedClip & Pick<LabelledClip, "load" | "source">))[],
  options: TaskFeatureOptions,
): Promise<TaskTables> {
  const { gpu, encoder, model, randomSeeds, baselines, cacheDir, onProgress, signal } = options;
  const parts = baselines === "none" ? undefined : await openParts(options);
  const stores = [await encoderStore(encoder, options, cacheDir)];
  const each = 8 * encoder.parameters.count;
  const together = Math.max(1, Math.floor(encoderBytes / each));
  const keys: (string | undefined)[][] = [];
  let speed: PassSpeed | undefined;
  const lost = new Map<number, string>();
  try {
    for (let first = 0; first === 0 || first <= randomSeeds.length; first += together) {
      // Pass by pass as many encoders as memory is meant to hold; number 0 is the trained one.
      const numbers = [...randomSeeds.keys(), randomSeeds.length].slice(first, first + together);
      const random: Patchifier[] = [];
      try {
        for (const number of numbers) {
          if (number === 0) continue;
          const weights = randomAt(randomSeeds[number - 1], "initialise");
          random.push(new Patchifier(gpu, encoderSizes(model), weights));
          stores.push(await encoderStore(random[random.length - 1], options, cacheDir));
        }
        const own = first === 0 ? [encoder, ...random] : random;
        const result = await passOver(clips, {
          ...options,
          encoders: own.map((each, i) => ({ encoder: each, kept: stores[first + i] })),
          extras: first === 0 ? parts?.extras : undefined,
          what: `listening to ${task.name}`,
          onProgress,
          signal,
        });
        speed ??= result.speed;
        keys.push(result.keys);
        for (const { track, reason } of result.skipped) lost.set(track, reason);
      } finally {
        for (const each of random) each.dispose();
      }
    }
    const usable = [...clips.keys()].filter((i) => keys.every((of) => of[i] !== undefined));
    if (usable.length === 0 && !options.mayBeEmpty) {
      const reasons = [...lost.values()].slice(0, 3).join("; ");
      throw new DataError(`None of ${clips.length} clips of ${task.name} can be used (${reasons}).`);
    }
    const known = usable.map((i) => keys[0][i]);
    const layers = options.pool === "layers" ? { layers: model.layers } : {};
    const tables = stores.map(
      (store): FeatureTable => ({
        n: known.length,
        d: store.size,
        values: keptValues(known, store),
        ...layers,
      }),
    );
    return {
      task,
      clips: usable.map((i) => withoutAudio(clips[i])),
      lost: [...lost].map(([i, reason]) => ({ ...withoutAudio(clips[i]), reason })),
      tables: [
        ["pretrained", tables.slice(0, 1)],
        ...(tables.length > 1 ? ([["random", tables.slice(1)]] as TaskTables["tables"]) : []),
        ...(parts?.tables(known) ?? []),
      ],
      speed,
    };
  } finally {
    for (const store of stores) store.close();
    parts?.dispose();
  }
}

/** The hand-made features with the tables they become. */
export async function openParts({
  gpu,
  model,
  baselines,
  cacheDir,
}: Pick<TaskFeatureOptions, "gpu" | "model" | "baselines" | "cacheDir">) {
  const opened = await openBaselines(gpu, model.frontEnd, { hand: baselines === "all", cacheDir });
  return {
    ...opened,
    tables(keys: readonly (string | undefined)[]): TaskTables["tables"] {
      const { mel, hand } = opened;
      const n = keys.length;
      const tables: TaskTables["tables"] = [
        ["log-mel mean+std", [{ n, d: mel.size, values: keptValues(keys, mel) }]],
      ];
      if (hand) {
        const values = keptValues(keys, hand);
        let from = 0;
        for (const name of handNames) {
          const d = handSizes[name];
          const own = new Float32Array(n * d);
          for (let i = 0; i < n; i++)
            own.set(values.subarray(i * hand.size + from, i * hand.size + from + d), i * d);
          tables.push([name, [{ n, d, values: own }]]);
          from += d;
        }
      }
      return tables;
    },
  };
}

function withoutAudio({ id, title, piece, groups, label, part }: ProbedClip): ProbedClip {
  return { id, title, piece, groups, label, ...(part ? { part } : {}) };
}

/** The task that a file of features holds. Throws DataError where it has no labels or is one shard of several. */
export function tablesOfFile({ path, header, columns }: FeatureFile): TaskTables {
  const { task, shard, clips, skipped } = header;
  if (shard) {
    throw new DataError(
      `${path} is shard ${shard.index + 1} of ${shard.count}: merge them all with melgrad features merge first.`,
    );
  }
  if (!task) {
    throw new DataError(
      `${path} has no labels to probe: extract features with --task, not of a bare folder.`,
    );
  }
  const named = new Map<FeatureName, FeatureTable[]>();
  for (const { name, shape, values } of columns) {
    const layers = shape.length === 2 ? { layers: shape[0] } : {};
    const table = { n: clips.length, d: shape.reduce((a, b) => a * b, 1), values, ...layers };
    named.set(name, [...(named.get(name) ?? []), table]);
  }
  const probed = ({ groups = [], label = [], ...clip }: FeatureFile["header"]["clips"][number]) =>
    withoutAudio({ ...clip, groups, label });
  return {
    task,
    clips: clips.map(probed),
    lost: skipped.map((clip) => ({ ...probed(clip), reason: clip.reason })),
    tables: [...named],
  };
}
