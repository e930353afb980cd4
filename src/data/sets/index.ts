// The data sets by name: which of them a folder holds, and each as a task to probe with or as music to pre-train on. Formats
// stand in files of their own beside this one.
import { DataError, UsageError } from "../../gpu/errors.js";
import { cacheFolder } from "../../host/cache.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { Corpus, LabelledTask, OnProgress, Track, Waveform } from "../types.js";
import { emomusic } from "./emomusic.js";
import { giantsteps } from "./giantsteps.js";
import { gtzan } from "./gtzan.js";
import { jukemir } from "./jukemir.js";
import { labelRemarks } from "./labels.js";
import { manifest } from "./manifest.js";
import { mtat } from "./mtat.js";
import { counted, spaced } from "./parts.js";
import { Problems, problemLines } from "./problems.js";
import { type SetFile, SetFiles } from "./set-files.js";
import type { ReadSet, SetClip, SetFormat } from "./types.js";

/** In the order in which a folder is held against them. */
export const FORMATS: readonly SetFormat[] = [mtat, gtzan, giantsteps, emomusic, jukemir, manifest];

/** What `--dataset` takes. */
export const SETS = FORMATS.map(({ name }) => name);

/** The tasks that need a folder, as `--task` takes them. */
export const SET_TASKS = FORMATS.flatMap(({ tasks }) => tasks);

export interface SetOptions {
  cacheDir?: string;
  /** Draws what a rule leaves to chance (default 0). */
  seed?: number;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** What is amiss, in a few lines, for whoever watches. */
  note?(text: string): void;
}

/** The formats that a folder looks like: any but `manifest`, which is taken where nothing else is found. */
export function recogniseSets(files: SetFiles): SetFormat[] {
  const found = FORMATS.filter((format) => format !== manifest && format.recognise(files));
  return found.length === 0 && manifest.recognise(files) ? [manifest] : found;
}

/** The format of this name. Throws UsageError for an unknown one, DataError where the folder does not look like it. */
export function formatNamed(name: string, files: SetFiles): SetFormat {
  const format = FORMATS.find((each) => each.name === name);
  if (!format) throw new UsageError(`There is no data set "${name}": write one of ${SETS.join(", ")}.`);
  if (!format.recognise(files)) {
    throw new DataError(
      `${files.folder} does not hold ${format.title}. It is laid out like this:\n${format.layout.map((line) => `  ${line}`).join("\n")}`,
    );
  }
  return format;
}

/** Reads a set; `problems` is filled on the way. */
export function readSet(
  format: SetFormat,
  files: SetFiles,
  problems: Problems,
  options: SetOptions = {},
): Promise<ReadSet> {
  for (const { path, reason } of files.unreadable) problems.add("broken", { file: path }, reason);
  return format.read(files, problems, {
    ...options,
    cacheDir: cacheFolder(options.cacheDir),
    seed: options.seed ?? 0,
  });
}

/**
 * Opens a task of a data set in a folder. What is amiss in it is said through `note`, and left out.
 * @throws UsageError for an unknown task, DataError where the folder does not hold the set
 */
export async function openSetTask(
  name: string,
  folder: string,
  options: SetOptions = {},
): Promise<LabelledTask> {
  const owner = FORMATS.find(({ tasks }) => tasks.includes(name));
  if (!owner)
    throw new UsageError(`There is no task "${name}": write one or more of ${SET_TASKS.join(", ")}.`);
  const files = await SetFiles.list(folder, options.signal);
  const problems = new Problems();
  const set = await readSet(formatNamed(owner.name, files), files, problems, options);
  const task = set.tasks.find((each) => each.name === name);
  if (!task) {
    throw new DataError(
      `${folder}: the manifest has no labels; give it a column "label" or "tags", or columns of numbers.`,
    );
  }
  if (task.clips.length === 0) throw new DataError(`${folder}: no clip of ${name} has a label and a part.`);
  sayProblems(folder, problems, options);
  const remarks = labelRemarks(task);
  for (const remark of remarks) options.note?.(`${name}: ${remark}`);
  const open = opener();
  return {
    name,
    kind: task.kind,
    classes: task.classes,
    note: [task.note, ...remarks.map((remark) => `${remark[0].toUpperCase()}${remark.slice(1)}.`)].join(" "),
    clips: task.clips.map((clip) => ({
      ...trackOf(clip, open),
      groups: clip.groups,
      label: clip.label ?? [],
      part: clip.part,
    })),
  };
}

/** Opens every task of the sets that a folder holds, where none was named. */
export async function tasksIn(folder: string, signal?: AbortSignal): Promise<string[]> {
  const files = await SetFiles.list(folder, signal);
  const formats = recogniseSets(files);
  if (formats.length === 0) throw new DataError(unrecognised(folder));
  return formats.map(({ tasks }) => tasks[0]);
}

/**
 * Opens a data set to pre-train on.
 * @param subset which of its clips; by default the first of the set's subsets, which keeps clear of what is tested on
 */
export async function openSetCorpus(
  name: string,
  folder: string,
  subset: string | undefined,
  options: SetOptions = {},
): Promise<Corpus> {
  const files = await SetFiles.list(folder, options.signal);
  const format = formatNamed(name, files);
  const problems = new Problems();
  const set = await readSet(format, files, problems, options);
  const chosen = subset === undefined ? set.subsets[0] : set.subsets.find((each) => each.name === subset);
  if (!chosen) {
    const names = set.subsets.map((each) => each.name).join(", ");
    throw new UsageError(`${format.title} has no subset "${subset}": write one of ${names}.`);
  }
  if (chosen.clips.length === 0)
    throw new DataError(`${folder}: the subset "${chosen.name}" (${chosen.rule}) is empty.`);
  sayProblems(folder, problems, options);
  const open = opener();
  const whole =
    chosen.published === undefined || chosen.published === chosen.clips.length
      ? ""
      : `, of ${spaced(chosen.published)} in the whole set`;
  return {
    name: format.name,
    why: `${format.title} in ${folder}, ${chosen.name}: ${chosen.rule}, ${counted(chosen.clips.length, "clip")}${whole}`,
    tracks: chosen.clips.map((clip) => trackOf(clip, open)),
    skipped: problems.faults.map(({ file, line, text }) => ({
      path: line === undefined ? file : `${file}:${line}`,
      reason: text,
    })),
    licences: [{ source: `${format.title} in ${folder}`, licence: "the data set's own terms" }],
  };
}

/** What to say of a folder in which no set was found. */
export function unrecognised(folder: string): string {
  const layouts = FORMATS.map(
    ({ name, title, layout }) => `${name}: ${title}\n${layout.map((line) => `  ${line}`).join("\n")}`,
  );
  return `${folder} holds none of the data sets that are known. They are laid out like this, in any subfolder:\n${layouts.join("\n")}`;
}

function sayProblems(folder: string, { faults }: Problems, { note }: SetOptions): void {
  if (faults.length === 0) return;
  note?.(`${counted(faults.length, "fault")} in ${folder} (melgrad data check ${folder} lists them all):`);
  for (const line of problemLines(faults, 8)) note?.(`  ${line}`);
}

function trackOf(clip: SetClip, open: (file: SetFile) => Promise<Waveform>): Track {
  const { id, piece, title, start, seconds, file } = clip;
  const digest = async () =>
    sharedDecodePool().digestFile(file.onDisk ?? (await file.bytes()), { name: file.path });
  const source = { file: file.path, digest, start, seconds };
  return { id, piece, title, seconds, source, load: async () => excerpt(await open(file), clip) };
}

/** Decodes files; those asked for last stay, as clips of one file come one after another. */
function opener(): (file: SetFile) => Promise<Waveform> {
  const recent = new Map<string, Promise<Waveform>>();
  return (file) => {
    const known = recent.get(file.path);
    if (known) return known;
    const loading = file.load();
    loading.catch(() => recent.delete(file.path));
    recent.set(file.path, loading);
    if (recent.size > 4) recent.delete([...recent.keys()][0]);
    return loading;
  };
}

/** How much shorter than asked for an excerpt may be: what a decoder trims at the end of an MP3. */
const slackSeconds = 0.2;

function excerpt(waveform: Waveform, { start = 0, seconds, file }: SetClip): Waveform {
  if (start === 0 && seconds === undefined) return waveform;
  const { sampleRate, channels, remarks } = waveform;
  const from = Math.round(start * sampleRate);
  const to = seconds === undefined ? channels[0].length : from + Math.round(seconds * sampleRate);
  if (from >= channels[0].length || to - channels[0].length > slackSeconds * sampleRate) {
    const there = (channels[0].length / sampleRate).toFixed(1);
    throw new DataError(`${file.path}: it ends at ${there} s, before the clip from ${start} s does`);
  }
  return { sampleRate, channels: channels.map((channel) => channel.slice(from, to)), remarks };
}
