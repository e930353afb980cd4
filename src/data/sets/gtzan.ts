// GTZAN: 1000 excerpts of 30 s in 10 genres, and the fault-filtered split of it (Kereliuk, Sturm and Larsen 2015), which leaves
// out repeated and distorted excerpts and keeps artists apart: 443, 197 and 290. Some copies are of .au files, some hold macOS's
// `._*` files, and in one that goes round jazz.00054 is damaged.
import { DataError } from "../../gpu/errors.js";
import type { Part } from "../types.js";
import { counted, partNames, partSubsets } from "./parts.js";
import type { Problems } from "./problems.js";
import { readText, type SetFiles, withoutEnding } from "./set-files.js";
import type { ReadSet, SetClip, SetFormat } from "./types.js";

export const genres = "blues,classical,country,disco,hiphop,jazz,metal,pop,reggae,rock".split(",");

/** Numbers of the excerpts of each genre, in its order; "12-28" is a range with both ends. */
const faultFiltered: Readonly<Record<Part, readonly string[]>> = {
  train: [
    "29-49 73-97",
    "30-33 43-48 50-67 80-99",
    "19-26 28-29 65-99",
    "5 15-20 22-37 39-45 47 49 53-54 56-57 59 61 70 73-74 89",
    "2-25 28-29 31-38 41-42 55-61 77-80",
    "0-1 11-24 41 47-72",
    "2-3 5 21 24 35 46-57 59-66 69 71-72 79-80 84 86 89-99",
    "2-9 11-12 16-20 23-29 31-36 38-42 44 46 49-50 80 97-99",
    "0-2 4 6 9 11-12 14-32 42-45 49-51 54-60 63 69",
    "0-9 16-26 57-70 91-99",
  ],
  valid: [
    "0-11 50-60",
    "0-10 68-76",
    "0-7 9-18 27 41-42 45 49",
    "0 2-4 6-14 46 48 52 67-68 72 75 90 95",
    "81-98",
    "2-10 25-32",
    "0-1 6-11 16-20 36-37 68 76-77 81-82",
    "10 53 55 58-62 81 83-86",
    "61-62 70 72 74 76-78 85 92-99",
    "38 49-56 71-85",
  ],
  test: [
    "12-28 61-72 98-99",
    "11-29 34-41 49 77-79",
    "30-40 43-44 46-48 50-51 53-64",
    "1 21 58 62-66 69 76-88 91-94 96-97 99",
    "0 26-27 30 40 43-45 51-54 62-75 99",
    "73-99",
    "12-15 22-23 25-33 38-39 67 70 73-75 78 83 85 87-88",
    "0-1 13-14 43 63-66 69-79 82 88-96",
    "34-40 46-48 52-53 64-68 71 79 82-84 87-90",
    "10-15 27-37 39-48 86-90",
  ],
};

/** "jazz.00054" and the like. */
export function excerptName(genre: string, number: number): string {
  return `${genre}.${String(number).padStart(5, "0")}`;
}

/** The part of each excerpt in the fault-filtered split. */
export function faultFilteredParts(): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const part of partNames) {
    for (const [g, ranges] of faultFiltered[part].entries()) {
      for (const range of ranges.split(" ")) {
        const [first, last = first] = range.split("-").map(Number);
        for (let n = first; n <= last; n++) parts.set(excerptName(genres[g], n), part);
      }
    }
  }
  return parts;
}

const fileName = new RegExp(`(?:^|/)((${genres.join("|")})\\.\\d{5})\\.(?:wav|au|mp3|flac|ogg|opus)$`);

export const gtzan: SetFormat = {
  name: "gtzan",
  title: "GTZAN",
  tasks: ["gtzan"],
  layout: [
    "blues/blues.00000.wav … rock/rock.00099.wav   ten folders of a hundred excerpts (wav or au), in any subfolder",
    "train_filtered.txt valid_filtered.txt test_filtered.txt   lists of another split (optional; without them the fault-filtered one)",
  ],
  recognise: (files) => files.files.some(({ path }) => fileName.test(path)),
  read,
};

async function read(files: SetFiles, problems: Problems): Promise<ReadSet> {
  const lists = await readLists(files, problems);
  const parts = lists ?? faultFilteredParts();
  const clips = new Map<string, SetClip>();
  let outside = 0;
  for (const file of files.files) {
    const [, name, genre] = fileName.exec(file.path) ?? [];
    if (!name) continue;
    const first = clips.get(name);
    if (first) {
      problems.add("remark", { file: file.path }, `${name} again; ${first.file.path} is taken`);
      continue;
    }
    const part = parts.get(name);
    if (!part) outside++;
    clips.set(name, {
      id: name,
      piece: name,
      title: name,
      groups: [`excerpt:${name}`],
      file,
      label: [genres.indexOf(genre)],
      part,
    });
  }
  for (const [name, part] of parts) {
    if (!clips.has(name))
      problems.add("missing", { file: `${name.split(".")[0]}/${name}.wav` }, `not there (${part} part)`);
  }
  const all = [...clips.values()];
  const used = all.filter(({ part }) => part);
  if (used.length === 0) throw new DataError(`None of the excerpts in ${files.folder} is in the split.`);
  const found = [`${counted(all.length, "excerpt")}, ${outside} of them in no part of the split`];
  if (files.hidden > 0)
    found.push(`${counted(files.hidden, "hidden file")} (such as macOS's ._ files) passed over`);
  return {
    tasks: [
      {
        name: "gtzan",
        kind: "classification",
        classes: [...genres],
        clips: used,
        note: lists
          ? "GTZAN, ten genres, on the split of the lists that lie with it."
          : "GTZAN, ten genres, on the fault-filtered split, which leaves out repeated excerpts and keeps artists apart.",
        published: lists ? undefined : { clips: { train: 443, valid: 197, test: 290 } },
      },
    ],
    subsets: partSubsets(all),
    found,
  };
}

/** The split of the list files, where all three are there. */
async function readLists(files: SetFiles, problems: Problems): Promise<Map<string, Part> | undefined> {
  const lists = partNames.map((part) => ({ part, file: files.named(`${part}_filtered.txt`, `${part}.txt`) }));
  if (!lists.some(({ file }) => file)) return undefined;
  const absent = lists.filter(({ file }) => !file);
  if (absent.length > 0) {
    for (const { part } of absent)
      problems.add(
        "missing",
        { file: `${part}_filtered.txt` },
        "not there, so the built-in split is used instead of lists",
      );
    return undefined;
  }
  const parts = new Map<string, Part>();
  for (const { part, file } of lists) {
    if (!file) continue;
    const lines = (await readText(file)).split(/\r?\n/);
    for (const [i, line] of lines.entries()) {
      if (line.trim() === "") continue;
      const at = { file: file.path, line: i + 1 };
      const name = withoutEnding(line.trim()).split("/").at(-1) ?? "";
      const before = parts.get(name);
      if (!fileName.test(`${name}.wav`))
        problems.add("label", at, `"${line.trim()}" is no excerpt of GTZAN; left out`);
      else if (before && before !== part)
        problems.add("label", at, `${name} is in the ${before} part already; it stays there`);
      else parts.set(name, part);
    }
  }
  return parts;
}
