// A file of features: vectors of the clips of one corpus with what is needed to probe them elsewhere (names, labels, parts), whole or one
// shard of several, and merging shards. It is a safetensors file: one tensor [clips, …] for each kind of features, `positions`
// [clips], and the rest as JSON in its metadata, so that numpy reads it too. Not here: computing features.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { LabelledClip, LabelledTask, Part, Track } from "../data/types.js";
import { DataError } from "../gpu/errors.js";
import { writeWhole } from "../host/cache.js";
import { isFloating, parseSafetensors, toFloat32, writeSafetensors } from "../io/safetensors.js";
import type { FeatureName } from "./report/types.js";
import { reasonOf } from "./run-folder.js";

const format = "melgrad-features-1";

/** A clip of the file. The last fields are those of a labelled task. */
export interface FeatureClip {
  /** Its place in the corpus, over all shards. */
  position: number;
  id: string;
  title: string;
  piece: string;
  groups?: string[];
  label?: number[];
  part?: Part;
}

/** What stands in the metadata. */
export interface FeatureHeader {
  corpus: {
    name: string;
    /** Clips of the whole corpus, and what their names and labels come to. */
    clips: number;
    listing: string;
  };
  /** What the vectors of `pretrained` depend on; see feature-stores.ts. */
  settings: Record<string, unknown>;
  /** Where the weights came from, for people, and the seed of their run, from which splits are drawn. */
  checkpoint: string;
  seed: number;
  /** Which shard this is, from 0, of how many; absent in a whole file. */
  shard?: { index: number; count: number };
  task?: Pick<LabelledTask, "name" | "kind" | "classes" | "note">;
  clips: FeatureClip[];
  /** Clips that could not be used. */
  skipped: (FeatureClip & { reason: string })[];
}

/** One kind of features of all clips: [clips, …shape]. Of random encoders there may be several. */
export interface FeatureColumn {
  name: FeatureName;
  shape: number[];
  values: Float32Array;
}

/** A file of features that has been read. */
export interface FeatureFile {
  path: string;
  header: FeatureHeader;
  columns: FeatureColumn[];
}

/** Names and labels of a corpus in a short text: equal where they are equal, in the same order. */
export function listingOf(clips: readonly (Track | LabelledClip)[]): string {
  const hash = createHash("sha256");
  for (const clip of clips) {
    const [label, part] = "label" in clip ? [clip.label, clip.part] : [];
    hash.update(JSON.stringify([clip.id, label ?? null, part ?? null]));
  }
  return hash.digest("hex").slice(0, 32);
}

/** Writes the file whole or not at all. Throws DataError where it cannot be written. */
export async function writeFeatures(path: string, header: FeatureHeader, columns: readonly FeatureColumn[]) {
  const n = header.clips.length;
  const counts = new Map<string, number>();
  const tensors = columns.map(({ name, shape, values }) => {
    const number = counts.get(name) ?? 0;
    counts.set(name, number + 1);
    return [`${name}/${number}`, { dtype: "F32", shape: [n, ...shape], data: values }] as const;
  });
  const positions = Int32Array.from(header.clips, ({ position }) => position);
  const bytes = writeSafetensors([...tensors, ["positions", { dtype: "I32", shape: [n], data: positions }]], {
    format,
    header: JSON.stringify(header),
  });
  await writeWhole(path, bytes).catch((error: unknown) => {
    throw new DataError(`${path} cannot be written: ${reasonOf(error)}.`);
  });
}

/** Reads a file of features. Throws DataError where it is none, was cut or does not fit itself. */
export async function readFeatures(path: string): Promise<FeatureFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${reasonOf(error)}.`);
  }
  try {
    const { tensors, metadata } = parseSafetensors(bytes);
    if (metadata.format !== format) {
      throw new DataError("this is not a file of features: make one with melgrad features extract.");
    }
    const header = JSON.parse(metadata.header) as FeatureHeader;
    const columns: FeatureColumn[] = [];
    for (const [name, tensor] of tensors) {
      const { dtype, shape } = tensor;
      if (shape[0] !== header.clips.length) {
        throw new DataError(`'${name}' has ${shape[0]} rows for ${header.clips.length} clips.`);
      }
      if (name === "positions") continue;
      if (!isFloating(tensor))
        throw new DataError(`'${name}' is ${dtype}: features are F32, F16, BF16 or F64.`);
      columns.push({
        name: name.replace(/\/\d+$/, "") as FeatureName,
        shape: shape.slice(1),
        values: toFloat32(tensor),
      });
    }
    return { path, header, columns };
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${path}: ${error.message}`);
    throw new DataError(`${path}: its metadata is damaged (${(error as Error).message}).`);
  }
}

/**
 * One file of all shards, clips in the corpus' own order. Throws DataError that names the files where shards are missing, twice there,
 * or of another corpus, checkpoint or settings than the first one.
 */
export function mergeFeatures(files: readonly FeatureFile[]): Pick<FeatureFile, "header" | "columns"> {
  const [first] = files;
  if (!first) throw new DataError("There is nothing to merge: name the shards.");
  const byIndex = new Map<number, FeatureFile>();
  for (const file of files) {
    const { shard } = file.header;
    if (!shard) throw new DataError(`${file.path} is no shard but a whole file of features: leave it out.`);
    const difference = foreign(file, first);
    if (difference) throw new DataError(`${file.path} does not belong to ${first.path}: ${difference}.`);
    const twin = byIndex.get(shard.index);
    if (twin) {
      const which = `shard ${shard.index + 1}/${shard.count}`;
      throw new DataError(`${twin.path} and ${file.path} are both ${which}: leave one of them out.`);
    }
    byIndex.set(shard.index, file);
  }
  const count = first.header.shard?.count ?? 0;
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !byIndex.has(i));
  if (missing.length > 0) {
    const list = missing.map((i) => `${i + 1}/${count}`);
    throw new DataError(
      `${missing.length === 1 ? "Shard" : "Shards"} ${list.join(", ")} ${missing.length === 1 ? "is" : "are"} missing: ` +
        `make ${missing.length === 1 ? "it" : "them"} with melgrad features extract --shard ${list[0]}.`,
    );
  }
  const rows = files.flatMap((file) =>
    file.header.clips.map((clip, row) => ({ clip, file, row, position: clip.position })),
  );
  const skipped = files.flatMap(({ header }) => header.skipped);
  rows.sort((a, b) => a.position - b.position);
  skipped.sort((a, b) => a.position - b.position);
  const { clips: total } = first.header.corpus;
  if (rows.length + skipped.length !== total) {
    throw new DataError(
      `The shards hold ${rows.length + skipped.length} clips of ${total}: they were not all made with the same list.`,
    );
  }
  const columns = first.columns.map((column, k): FeatureColumn => {
    const size = column.shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(rows.length * size);
    for (const [i, { file, row }] of rows.entries()) {
      values.set(file.columns[k].values.subarray(row * size, (row + 1) * size), i * size);
    }
    return { ...column, values };
  });
  const { shard, ...rest } = first.header;
  return { header: { ...rest, clips: rows.map(({ clip }) => clip), skipped }, columns };
}

/** In what a shard differs from another of which it should be a sibling; empty where in nothing. */
function foreign(a: FeatureFile, b: FeatureFile): string {
  const [one, other] = [a.header, b.header];
  if (one.corpus.name !== other.corpus.name) {
    return `it is of ${one.corpus.name}, not of ${other.corpus.name}`;
  }
  if (one.corpus.listing !== other.corpus.listing) {
    return `its list of clips (${one.corpus.clips}) is not that one's (${other.corpus.clips}): were all files there on both machines?`;
  }
  if (one.settings.weights !== other.settings.weights) {
    return `it was made with other weights (${one.checkpoint}, not ${other.checkpoint})`;
  }
  const keys = new Set([...Object.keys(one.settings), ...Object.keys(other.settings)]);
  for (const key of keys) {
    const [mine, theirs] = [JSON.stringify(one.settings[key]), JSON.stringify(other.settings[key])];
    if (mine !== theirs) return `its ${key} is ${mine}, not ${theirs}`;
  }
  const names = (file: FeatureFile) => file.columns.map(({ name, shape }) => `${name} [${shape.join(", ")}]`);
  if (names(a).join() !== names(b).join()) {
    return `it holds ${names(a).join(", ")}, not ${names(b).join(", ")}`;
  }
  const [count, otherCount] = [one.shard?.count, other.shard?.count];
  return count === otherCount ? "" : `it is one of ${count} shards, not of ${otherCount}`;
}
