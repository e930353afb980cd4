// What `melgrad data check` finds out about a folder: which sets it holds, clips by part beside the published counts, and what is
// missing or broken. It reads every list, looks at the first bytes of every audio file and at all frames of an MP3, and decodes them all
// when told to.
import { recognise } from "../../audio/formats.js";
import { findMp3Frames } from "../../audio/mp3.js";
import { DataError } from "../../gpu/errors.js";
import type { OnProgress, Part } from "../types.js";
import { formatNamed, readSet, recogniseSets, unrecognised } from "./index.js";
import { labelRemarks } from "./labels.js";
import { countParts } from "./parts.js";
import { Problems } from "./problems.js";
import { type SetFile, SetFiles } from "./set-files.js";
import type { SetClip, SetFormat, SetTask, Subset } from "./types.js";

export interface CheckOptions {
  /** Look at it as this set, whatever it looks like. */
  dataset?: string;
  /** Decode every audio file. */
  decode?: boolean;
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Counts of one task; `published` where the whole set's are known. */
export interface PartCounts {
  what: "clips" | "songs";
  counts: Record<Part, number>;
  published?: Record<Part, number>;
}

export interface CheckedTask extends Pick<SetTask, "name" | "kind" | "classes"> {
  rows: PartCounts[];
  /** Clips without a part, where the set has no split. */
  undivided: number;
  remarks: string[];
}

export interface CheckedSet {
  format: SetFormat;
  found: string[];
  tasks: CheckedTask[];
  subsets: (Pick<Subset, "name" | "rule" | "published"> & { clips: number })[];
  problems: Problems;
  /** What kept the set from being read at all. */
  failure?: string;
}

/**
 * Checks every set that a folder holds, or the one asked for.
 * @throws UsageError for an unknown set, DataError where the folder is not there or holds none
 */
export async function checkSets(folder: string, options: CheckOptions = {}): Promise<CheckedSet[]> {
  const files = await SetFiles.list(folder, options.signal);
  const formats = options.dataset ? [formatNamed(options.dataset, files)] : recogniseSets(files);
  if (formats.length === 0) throw new DataError(unrecognised(folder));
  const checked: CheckedSet[] = [];
  for (const format of formats) checked.push(await checkSet(format, files, options));
  return checked;
}

async function checkSet(format: SetFormat, files: SetFiles, options: CheckOptions): Promise<CheckedSet> {
  const problems = new Problems();
  const result: CheckedSet = { format, found: [], tasks: [], subsets: [], problems };
  try {
    const set = await readSet(format, files, problems, options);
    const audio = new Set<SetFile>();
    const clips: SetClip[] = [...set.tasks, ...set.subsets].flatMap((each) => each.clips);
    for (const { file } of clips) audio.add(file);
    const broken = await checkAudio([...audio], problems, options);
    const whole = (clip: SetClip) => !broken.has(clip.file);
    result.found = set.found;
    result.tasks = set.tasks.map((task) => checkTask({ ...task, clips: task.clips.filter(whole) }));
    result.subsets = set.subsets.map(({ name, rule, published, clips }) => ({
      name,
      rule,
      published,
      clips: clips.filter(whole).length,
    }));
  } catch (error) {
    if (options.signal?.aborted || !(error instanceof DataError)) throw error;
    result.failure = error.message;
  }
  return result;
}

function checkTask(task: SetTask): CheckedTask {
  const { name, kind, classes, clips, published } = task;
  const counts = countParts(clips);
  const what = new Set<"clips" | "songs">(["clips"]);
  // Songs are worth a line where clips are cut from them.
  if (published?.songs || counts.songs.train !== counts.clips.train) what.add("songs");
  return {
    name,
    kind,
    classes,
    rows: [...what].map((each) => ({ what: each, counts: counts[each], published: published?.[each] })),
    undivided: clips.filter(({ part }) => !part).length,
    remarks: labelRemarks(task),
  };
}

/** How much of a file is looked at first. */
const headBytes = 16384;

/**
 * Throws AudioError where a file is not audio by the readers that decode it. Where the first bytes do not settle it (a tag with a picture
 * is longer than they are), the whole file is looked at.
 */
async function glance(file: SetFile): Promise<void> {
  const head = await file.head(headBytes);
  try {
    if (recognise(head).container !== "mpeg?") return;
    if (!/\.mp3$/i.test(file.path)) {
      await file.load(); // what its name promises it is not
      return;
    }
  } catch (error) {
    if (head.length < headBytes) throw error;
  }
  const bytes = await file.bytes();
  const { container, start, lostTag } = recognise(bytes);
  if (container === "mpeg?") findMp3Frames(bytes, start, lostTag);
}

/** Reports files that are empty, no audio, or cannot be decoded, and returns them. */
async function checkAudio(
  files: readonly SetFile[],
  problems: Problems,
  { decode, onProgress, signal }: CheckOptions,
): Promise<Set<SetFile>> {
  const broken = new Set<SetFile>();
  const what = decode ? "decoding audio" : "looking at audio";
  let done = 0;
  const check = async (file: SetFile) => {
    try {
      if (decode) {
        for (const text of (await file.load()).remarks ?? [])
          problems.add("remark", { file: file.path }, text);
      } else await glance(file);
    } catch (error) {
      if (signal?.aborted || !(error instanceof DataError)) throw error;
      broken.add(file);
      problems.add("broken", { file: file.path }, error.message.replace(`${file.path}: `, ""));
    }
  };
  let next = 0;
  const lane = async () => {
    while (next < files.length) {
      signal?.throwIfAborted();
      await check(files[next++]);
      if (++done % 50 === 0 || done === files.length)
        onProgress?.({ what, done, total: files.length, unit: "files" });
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  return broken;
}
