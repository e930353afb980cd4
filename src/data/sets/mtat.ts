// MagnaTagATune: 25 863 clips of 29 s with 188 tags, of which the 50 most frequent are the task. The split is by folder, 0 to b,
// c, and d to f; three files of the archive hold no bytes. Facts: annotations_final.csv and clip_info_final.csv are tables with
// tabs and quotes whatever their ending says; rule, order of the tags and broken clips as in JukeMIR and musicnn.
import { DataError } from "../../gpu/errors.js";
import { Seeded } from "../seeded.js";
import type { Part } from "../types.js";
import { counted, spaced } from "./parts.js";
import type { Problems } from "./problems.js";
import { readText, type SetFile, type SetFiles, withoutEnding } from "./set-files.js";
import { type Row, readTable, rowsByKey, type Table } from "./table.js";
import type { ReadSet, SetClip, SetFormat, SetTask, Subset } from "./types.js";
import { openZip } from "./zip.js";

/** By how many clips have them, counted over the whole set; the order of ties is JukeMIR's and musicnn's. */
export const top50 = (
  "guitar,classical,slow,techno,strings,drums,electronic,rock,fast,piano,ambient,beat,violin,vocal,synth,female,indian,opera," +
  "male,singing,vocals,no vocals,harpsichord,loud,quiet,flute,woman,male vocal,no vocal,pop,soft,sitar,solo,man,classic,choir," +
  "voice,new age,dance,male voice,female vocal,beats,harp,cello,no voice,weird,country,metal,female voice,choral"
).split(",");

/** Clips whose files are empty in the archive itself. */
export const emptyClips: ReadonlySet<number> = new Set([35644, 55753, 57881]);

const annotationsName = "annotations_final.csv";
const infoName = "clip_info_final.csv";
const zipName = /^mp3\.zip(\.\d{3})?$/;

export const mtat: SetFormat = {
  name: "mtat",
  title: "MagnaTagATune",
  tasks: ["mtat", "mtat-filtered"],
  layout: [
    "annotations_final.csv      clips and their 188 tags",
    "clip_info_final.csv        title, artist and song of each clip (optional)",
    "0/ 1/ … 9/ a/ … f/         the clips (mp3, or the same names converted to wav or flac), in any subfolder",
    "or mp3.zip.001 .002 .003   the archive's three parts as they are; nothing needs to be unpacked",
  ],
  recognise: (files) => files.named(annotationsName) !== undefined,
  read,
};

/** The part of a clip by the first letter of its path. */
export function partOfFolder(folder: string): Part | undefined {
  if (/^[0-9ab]$/.test(folder)) return "train";
  if (folder === "c") return "valid";
  return /^[def]$/.test(folder) ? "test" : undefined;
}

async function read(listed: SetFiles, problems: Problems, { seed }: { seed: number }): Promise<ReadSet> {
  const files = await withArchive(listed, problems);
  const annotationsFile = files.named(annotationsName) as SetFile;
  const annotations = readTable(
    annotationsFile.path,
    await readText(annotationsFile),
    { delimiter: "\t", need: ["clip_id", "mp3_path"] },
    problems,
  );
  const tags = annotations.columns.filter((name) => name !== "clip_id" && name !== "mp3_path");
  const lacking = top50.filter((tag) => !tags.includes(tag));
  if (lacking.length > 0) {
    throw new DataError(
      `${annotations.file}:1: no column for the tags ${lacking.map((tag) => `"${tag}"`).join(", ")}: is this the whole file?`,
    );
  }
  const infoFile = files.named(infoName);
  const info = infoFile
    ? readTable(infoFile.path, await readText(infoFile), { delimiter: "\t", need: ["clip_id"] }, problems)
    : undefined;
  if (!info) {
    problems.add(
      "missing",
      { file: infoName },
      "not there; songs and titles are taken from the clips' file names instead",
    );
  }
  const { clips, tagged } = readClips(files, annotations, info, problems);
  const someTop50 = (clip: SetClip) => clip.label?.some((value) => value === 1) ?? false;
  const tasks: SetTask[] = [
    {
      name: "mtat",
      kind: "multilabel",
      classes: [...top50],
      clips,
      note:
        "MagnaTagATune, the 50 most frequent tags; split by folder (0 to b, c, d to f), clips without any of the tags kept, as in " +
        "JukeMIR and MARBLE.",
      published: { clips: { train: 18706, valid: 1825, test: 5329 } },
    },
    {
      name: "mtat-filtered",
      kind: "multilabel",
      classes: [...top50],
      clips: clips.filter(someTop50),
      note:
        "MagnaTagATune, the 50 most frequent tags, of clips that have at least one of them; split by folder. Scores are not to be " +
        "compared with those on all clips.",
      published: { clips: { train: 15244, valid: 1529, test: 4332 } },
    },
  ];
  return {
    tasks,
    subsets: subsets(clips, tagged, someTop50, seed),
    found: foundLines(annotations, tags, info),
  };
}

/** The files and those in the archive, where there is one. */
async function withArchive(files: SetFiles, problems: Problems): Promise<SetFiles> {
  const parts = files.files
    .filter(({ path }) => zipName.test(path.split("/").at(-1) ?? ""))
    .map(({ path }) => path);
  if (parts.length === 0 || files.files.some(({ path }) => /(^|\/)[0-9a-f]\/[^/]+\.\w+$/.test(path)))
    return files;
  const whole = parts.find((path) => path.endsWith(".zip"));
  const numbered = parts.filter((path) => !path.endsWith(".zip")).sort();
  for (const [i, path] of numbered.entries()) {
    if (!whole && !path.endsWith(`.00${i + 1}`)) {
      problems.add(
        "missing",
        { file: path.replace(/\d{3}$/, `00${i + 1}`) },
        "this part of the archive is not there",
      );
      return files;
    }
  }
  const { members } = await openZip(files.folder, whole ? [whole] : numbered); // open as long as the process runs
  return files.with(members);
}

function readClips(files: SetFiles, annotations: Table, info: Table | undefined, problems: Problems) {
  const tagColumns = annotations.columns.flatMap((name, i) =>
    name === "clip_id" || name === "mp3_path" ? [] : [{ name, i }],
  );
  const positions = new Map(tagColumns.map(({ name, i }) => [name, i]));
  const chosen = top50.map((tag) => positions.get(tag) as number);
  const infoRows = info ? rowsByKey(info, "clip_id", problems) : undefined;
  const clips: SetClip[] = [];
  /** Clips with any of the 188 tags. */
  const tagged = new Set<SetClip>();
  for (const [key, row] of rowsByKey(annotations, "clip_id", problems)) {
    const path = row.get("mp3_path");
    const part = partOfFolder(path.split("/")[0]);
    if (!/^\d+$/.test(key) || !part || path.split("/").length < 2) {
      problems.add("label", row, `"${key}" with the path "${path}" is no clip of the set; left out`);
      continue;
    }
    const wrong = tagColumns.find(({ i }) => row.cells[i] !== "0" && row.cells[i] !== "1");
    if (wrong) {
      const value = row.cells[wrong.i];
      problems.add(
        "label",
        row,
        `"${value}" in the column "${wrong.name}" is not 0 or 1; clip ${key} is left out`,
      );
      continue;
    }
    if (emptyClips.has(Number(key))) {
      problems.add(
        "remark",
        row,
        `clip ${key} (${path}) is left out: its file is empty in the archive itself`,
      );
      continue;
    }
    const file = files.audio(withoutEnding(path));
    if (!file) {
      problems.add(
        "missing",
        { file: path },
        `the audio of clip ${key} (${row.file}:${row.line}) is not there`,
      );
      continue;
    }
    const clip: SetClip = {
      id: key.padStart(5, "0"),
      ...songOf(path, infoRows?.get(key)),
      file,
      label: chosen.map((i) => (row.cells[i] === "1" ? 1 : 0)),
      part,
    };
    clips.push(clip);
    if (tagColumns.some(({ i }) => row.cells[i] === "1")) tagged.add(clip);
  }
  if (clips.length === 0) {
    throw new DataError(
      `None of the clips in ${annotations.file} is there as audio: put the folders 0 to f, or mp3.zip.001 to .003, beside it.`,
    );
  }
  return { clips, tagged };
}

/** The song is its page and track number; without clip_info, the file's name without the times at its end. */
function songOf(path: string, info: Row | undefined): Pick<SetClip, "piece" | "title" | "groups"> {
  const [url, track] = info ? [info.get("url"), info.get("track_number")] : ["", ""];
  const name = withoutEnding(path.split("/").slice(1).join("/"));
  const piece = url && track ? `${url}#${track}` : name.replace(/-\d+-\d+$/, "");
  const title = info?.get("title") || name;
  const artist = info?.get("artist") || name.split("-")[0];
  return { piece, title, groups: [`song:${piece}`, `artist:${artist}`] };
}

/** How many clips of about 16 000 are drawn at random. */
const drawn = 16000;

function subsets(
  clips: SetClip[],
  tagged: ReadonlySet<SetClip>,
  someTop50: (clip: SetClip) => boolean,
  seed: number,
): Subset[] {
  const train = clips.filter(({ part }) => part === "train");
  const trainAndValid = clips.filter(({ part }) => part !== "test");
  const chosen = new Set(new Seeded(`mtat ${seed}`).shuffled(train).slice(0, drawn));
  return [
    {
      name: "tagged",
      rule: "training clips with at least one of all tags",
      clips: train.filter((clip) => tagged.has(clip)),
      published: 15626,
    },
    {
      name: "top50",
      rule: "training clips with at least one of the 50 tags",
      clips: train.filter(someTop50),
      published: 15244,
    },
    {
      name: "top50+valid",
      rule: "training and validation clips with at least one of the 50 tags",
      clips: trainAndValid.filter(someTop50),
      published: 16773,
    },
    {
      name: "random",
      rule: `${spaced(drawn)} training clips drawn with the seed`,
      clips: train.filter((clip) => chosen.has(clip)),
      published: drawn,
    },
    { name: "train", rule: "all training clips", clips: train, published: 18706 },
    { name: "all", rule: "every clip, tested ones too", clips, published: 25860 },
  ];
}

function foundLines(annotations: Table, tags: readonly string[], info: Table | undefined): string[] {
  const lines = [
    `${annotations.file}: ${counted(annotations.rows.length, "clip")}, ${counted(tags.length, "tag")}`,
  ];
  if (annotations.rows.length !== 25863) lines.push("  the whole set has 25 863 clips and 188 tags");
  if (info) {
    const silent = info.rows.filter((row) => row.get("mp3_path") === "").length;
    lines.push(`${info.file}: ${counted(info.rows.length, "row")}, ${spaced(silent)} of them without audio`);
  }
  // The task's tags are fixed; another set of 50 on top would mean that the annotations are not the published ones.
  const counts = new Map(tags.map((tag) => [tag, 0]));
  for (const { cells } of annotations.rows)
    for (const [i, name] of annotations.columns.entries())
      if (cells[i] === "1") counts.set(name, (counts.get(name) ?? 0) + 1);
  const own = [...tags].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0)).slice(0, 50);
  const other = own.filter((tag) => !top50.includes(tag));
  if (other.length > 0)
    lines.push(
      `  ${other.length} of its 50 most frequent tags are not those of the task (${other.slice(0, 5).join(", ")})`,
    );
  return lines;
}
