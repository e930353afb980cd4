// JukeMIR's own metadata: one JSON object that gives each clip its split and label (meta.json beside wav/, or the published
// gtzan_ff, giantsteps_clips, magnatagatune and emomusic, gzipped or not). Labels say by themselves which kind of task it is.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError } from "../../gpu/errors.js";
import type { Part } from "../types.js";
import { genres } from "./gtzan.js";
import { KEYS, keyClass } from "./keys.js";
import { top50 } from "./mtat.js";
import { counted, partSubsets } from "./parts.js";
import type { Problems } from "./problems.js";
import { folderOf, type SetFile, type SetFiles } from "./set-files.js";
import type { ReadSet, SetClip, SetFormat, SetTask } from "./types.js";

const isMetadata = (path: string) =>
  /(^|\/)(meta\.json|(gtzan_ff|giantsteps_clips|magnatagatune|emomusic)\.json)(\.gz)?$/.test(path);

export const jukemir: SetFormat = {
  name: "jukemir",
  title: "JukeMIR metadata",
  tasks: ["jukemir"],
  layout: [
    'meta.json (or gtzan_ff.json.gz and the like)   {"<uid>": {"split": "train", "y": …}, …}',
    "wav/<uid>.wav …                                the clips by uid (any audio format), beside it or in a subfolder",
  ],
  recognise: (files) => files.files.some(({ path }) => isMetadata(path)),
  read,
};

/** What an entry may hold; nothing of it is certain. */
interface Entry {
  split?: unknown;
  y?: unknown;
  clip?: { audio_uid?: unknown };
}

async function read(files: SetFiles, problems: Problems): Promise<ReadSet> {
  const [file, ...others] = files.matching(isMetadata);
  if (others.length > 0) {
    throw new DataError(
      `${[file, ...others].map(({ path }) => path).join(", ")}: a folder for each, with its clips, and --data for one of them.`,
    );
  }
  const entries = Object.entries(await readEntries(file));
  const labels = labelsOf(file.path, entries, problems);
  const clips: SetClip[] = [];
  let unused = 0;
  for (const [uid, entry] of entries) {
    const at = { file: file.path };
    const part = entry.split;
    if (part === null || part === undefined) {
      unused++;
      continue;
    }
    if (part !== "train" && part !== "valid" && part !== "test") {
      problems.add(
        "label",
        at,
        `entry "${uid}": the split ${JSON.stringify(part)} is none of train, valid, test; left out`,
      );
      continue;
    }
    const label = labels.read(entry.y);
    if (typeof label === "string") {
      problems.add("label", at, `entry "${uid}": ${label}; left out`);
      continue;
    }
    const audio = files.audio(uid, folderOf(file));
    if (!audio) {
      problems.add("missing", { file: `wav/${uid}.wav` }, `not there (${file.path}, entry "${uid}")`);
      continue;
    }
    const song = entry.clip?.audio_uid;
    const piece = song === undefined || song === null ? uid : [song].flat().join("#");
    clips.push({
      id: uid,
      piece,
      title: uid,
      groups: [`song:${piece}`],
      file: audio,
      label,
      part: part as Part,
    });
  }
  if (clips.length === 0) {
    throw new DataError(
      `None of the entries of ${file.path} is there as audio: put the clips in wav/ beside it, named by uid.`,
    );
  }
  return {
    tasks: [
      {
        name: "jukemir",
        kind: labels.kind,
        classes: labels.classes,
        clips,
        note: `${file.path}: labels and split are those of JukeMIR's metadata.`,
        published: labels.published,
      },
    ],
    subsets: partSubsets(clips),
    found: [
      `${file.path}: ${counted(entries.length, "entry").replace("entrys", "entries")}, ${unused} in no part`,
    ],
  };
}

/** Bytes of unpacked metadata; the real ones are a few MB. */
const largestText = 2 ** 28;

async function readEntries(file: SetFile): Promise<Record<string, Entry>> {
  let bytes = await file.bytes();
  if (file.path.endsWith(".gz")) {
    try {
      bytes = await promisify(gunzip)(bytes, { maxOutputLength: largestText });
    } catch {
      throw new DataError(`${file.path}: it cannot be unpacked (not gzip, or cut).`);
    }
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new DataError(`${file.path}: ${(error as Error).message}.`);
  }
  const isObject = (x: unknown) => typeof x === "object" && x !== null && !Array.isArray(x);
  if (!isObject(value) || !Object.values(value as object).every(isObject)) {
    throw new DataError(`${file.path}: this is not JukeMIR's metadata, an object of objects by uid.`);
  }
  return value as Record<string, Entry>;
}

interface Labels extends Pick<SetTask, "kind" | "classes" | "published"> {
  /** The label, or in words what is wrong with it. */
  read(y: unknown): number[] | string;
}

/** What kind of label most entries have decides the task: a word, a list of words, or a list of numbers. */
function labelsOf(file: string, entries: readonly [string, Entry][], problems: Problems): Labels {
  const used = entries
    .filter(([, { split, y }]) => split && y !== null && y !== undefined)
    .map(([, { y }]) => y);
  const words = used.filter((y): y is string => typeof y === "string");
  const lists = used.filter((y): y is unknown[] => Array.isArray(y));
  if (words.length > lists.length) return wordLabels(words);
  const tags = lists.filter((y): y is string[] => y.length > 0 && y.every((tag) => typeof tag === "string"));
  if (tags.length > 0) return tagLabels(file, tags, problems);
  const numbers = lists.filter((y): y is number[] => y.length > 0 && y.every((x) => Number.isFinite(x)));
  if (numbers.length === 0) throw new DataError(`${file}: no entry has a label "y" that can be used.`);
  const size = numbers[0].length;
  const isEmotion = size === 2;
  return {
    kind: "regression",
    classes: isEmotion ? ["arousal", "valence"] : numbers[0].map((_, i) => `target ${i + 1}`),
    published: isEmotion ? { clips: { train: 504, valid: 115, test: 125 } } : undefined,
    read: (y) =>
      Array.isArray(y) && y.length === size && y.every((x) => Number.isFinite(x))
        ? (y as number[])
        : `the label ${JSON.stringify(y)} is not a list of ${size} numbers`,
  };
}

function wordLabels(words: readonly string[]): Labels {
  const names = [...new Set(words)].sort();
  const areGenres = names.every((name) => genres.includes(name));
  const areKeys = names.every((name) => keyClass(name) !== undefined);
  const classes = areGenres ? [...genres] : areKeys ? [...KEYS] : names;
  const published = areGenres
    ? { clips: { train: 443, valid: 197, test: 290 } }
    : areKeys
      ? { clips: { train: 3687, valid: 942, test: 2406 }, songs: { train: 923, valid: 236, test: 604 } }
      : undefined;
  return {
    kind: "classification",
    classes,
    published,
    read(y) {
      const at = typeof y !== "string" ? -1 : areKeys ? (keyClass(y) ?? -1) : classes.indexOf(y);
      return at >= 0 ? [at] : `the label ${JSON.stringify(y)} is not a word`;
    },
  };
}

function tagLabels(file: string, lists: readonly string[][], problems: Problems): Labels {
  const names = [...new Set(lists.flat())].sort();
  const known = names.filter((name) => top50.includes(name)).length;
  const isTop50 = known > names.length / 2;
  const classes = isTop50 ? [...top50] : names;
  if (isTop50) {
    for (const name of names.filter((name) => !top50.includes(name))) {
      problems.add("label", { file }, `the tag "${name}" is none of the 50 and is not counted`);
    }
  }
  return {
    kind: "multilabel",
    classes,
    published: isTop50 ? { clips: { train: 18706, valid: 1825, test: 5329 } } : undefined,
    read: (y) =>
      Array.isArray(y)
        ? classes.map((name) => (y.includes(name) ? 1 : 0))
        : `the label ${JSON.stringify(y)} is not a list`,
  };
}
