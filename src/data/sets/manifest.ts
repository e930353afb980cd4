// Any folder with a list of its own: manifest.csv, .tsv or .jsonl with a path, and, where wanted, a label, tags or numbers, a part
// and a group a row. The columns say what the task is. Not here: lists of published sets, which have readers of their own.
import { DataError } from "../../gpu/errors.js";
import type { Part } from "../types.js";
import { type ListedClip, withoutDoubles } from "./doubles.js";
import { counted, drawValidation, partSubsets } from "./parts.js";
import type { Problems } from "./problems.js";
import { folderOf, readText, type SetFile, type SetFiles } from "./set-files.js";
import { columnsText, readTable } from "./table.js";
import type { ReadOptions, ReadSet, SetClip, SetFormat, SetTask } from "./types.js";

const pathNames = ["path", "file", "filename", "file_name", "audio"];
/** Columns that are never labels. */
const otherNames = [
  "split",
  "part",
  "piece",
  "song",
  "artist",
  "group",
  "title",
  "id",
  "start",
  "end",
  "seconds",
];

const partWords: Readonly<Record<string, Part>> = {
  train: "train",
  training: "train",
  valid: "valid",
  validation: "valid",
  val: "valid",
  dev: "valid",
  test: "test",
  testing: "test",
  eval: "test",
};

export const manifest: SetFormat = {
  name: "manifest",
  title: "a folder with a manifest",
  tasks: ["manifest"],
  layout: [
    "manifest.csv, .tsv or .jsonl with a row a clip:",
    "  path                       below the manifest's folder",
    "  label                      one word: classification",
    "  tags                       words with ; or | between (in JSONL a list): tagging",
    "  any other columns          numbers: regression; all of them 0 or 1, and two or more: tagging",
    "  split (train, valid, test), piece, artist, group, title, start, end or seconds: optional",
  ],
  recognise: (files) => manifestOf(files) !== undefined,
  read,
};

/** The list: by name, else the only table or JSONL file at the folder's top. */
function manifestOf(files: SetFiles): SetFile | undefined {
  const named = files.named("manifest.csv", "manifest.tsv", "manifest.jsonl");
  if (named) return named;
  const tables = files.files.filter(({ path }) => /^[^/]+\.(csv|tsv|jsonl)$/.test(path));
  return tables.length === 1 ? tables[0] : undefined;
}

/** One row of the list: text in tables, any value in JSONL. */
interface Line {
  line: number;
  values: Readonly<Record<string, unknown>>;
}

async function read(
  files: SetFiles,
  problems: Problems,
  { signal }: Pick<ReadOptions, "signal">,
): Promise<ReadSet> {
  const file = manifestOf(files) as SetFile;
  const { columns, lines } = await readLines(file, problems);
  const pathColumn = pathNames.find((name) => columns.includes(name));
  if (!pathColumn) {
    throw new DataError(`${file.path}:1: no column "path" (columns: ${columnsText(columns)}).`);
  }
  const labels = labelsOf(
    columns.filter((name) => name !== pathColumn && !otherNames.includes(name)),
    lines,
  );
  const splitColumn = ["split", "part"].find((name) => columns.includes(name));
  const listed: ListedClip[] = [];
  const ids = new Map<string, number>();
  for (const row of lines) {
    const at = { file: file.path, line: row.line };
    const clip = readClip(files, file, row, pathColumn, at, problems);
    if (!clip) continue;
    const before = ids.get(clip.id);
    if (before !== undefined) {
      problems.add("label", at, `${clip.id} again, as in line ${before}; left out`);
      continue;
    }
    ids.set(clip.id, row.line);
    if (splitColumn) {
      const word = text(row.values[splitColumn]).toLowerCase();
      clip.part = Object.hasOwn(partWords, word) ? partWords[word] : undefined;
      if (!clip.part && word !== "")
        problems.add(
          "label",
          at,
          `"${word}" in the column "${splitColumn}" is none of train, valid, test; it is not probed on`,
        );
    }
    if (labels) {
      const label = labels.read(row.values);
      if (typeof label === "string") problems.add("label", at, `${label}; it is not probed on`);
      else clip.label = label;
    }
    listed.push({ clip, at });
  }
  const clips = (await withoutDoubles(listed, problems, signal)).map(({ clip }) => clip);
  if (clips.length === 0)
    throw new DataError(`${file.path}: none of its ${lines.length} rows gives audio that is there.`);
  const drawn = clips.some(({ part }) => part) && !clips.some(({ part }) => part === "valid");
  if (drawn) {
    drawValidation(clips);
    problems.add(
      "remark",
      { file: file.path },
      "no row is in the valid part, so about a fifth of the training pieces is taken for it",
    );
  }
  const tasks: SetTask[] = labels
    ? [
        {
          name: "manifest",
          kind: labels.kind,
          classes: labels.classes,
          clips: clips.filter(({ label, part }) => label && (!splitColumn || part)),
          note: `${file.path}, ${labels.kind}${splitColumn ? `, on its own split${drawn ? " (validation pieces drawn from its training part)" : ""}` : ""}.`,
        },
      ]
    : [];
  return { tasks, subsets: partSubsets(clips), found: [`${file.path}: ${counted(lines.length, "row")}`] };
}

async function readLines(file: SetFile, problems: Problems): Promise<{ columns: string[]; lines: Line[] }> {
  const content = await readText(file);
  if (!file.path.endsWith(".jsonl")) {
    const delimiter = file.path.endsWith(".tsv") ? "\t" : ",";
    const table = readTable(file.path, content, { delimiter }, problems);
    const lines = table.rows.map((row) => ({
      line: row.line,
      values: Object.fromEntries(table.columns.map((name) => [name, row.get(name)])),
    }));
    return { columns: [...table.columns], lines };
  }
  const columns = new Set<string>();
  const lines: Line[] = [];
  for (const [i, json] of content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (json.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      value = undefined;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      problems.add("label", { file: file.path, line: i + 1 }, "not a JSON object; left out");
      continue;
    }
    for (const name of Object.keys(value)) columns.add(name);
    lines.push({ line: i + 1, values: value as Record<string, unknown> });
  }
  return { columns: [...columns], lines };
}

function readClip(
  files: SetFiles,
  list: SetFile,
  { values }: Line,
  pathColumn: string,
  at: { file: string; line: number },
  problems: Problems,
): SetClip | undefined {
  const path = text(values[pathColumn]).replaceAll("\\", "/").replace(/^\.\//, "");
  if (path === "") {
    problems.add("label", at, "no path; left out");
    return undefined;
  }
  const folder = folderOf(list);
  const file = files.at(folder ? `${folder}/${path}` : path) ?? files.at(path);
  if (!file) {
    const leaves = /^([a-z]:)?\//i.test(path) || path.split("/").includes("..");
    problems.add(
      "missing",
      at,
      `${path} is not ${leaves ? "below the folder: write a path that is" : "there"}`,
    );
    return undefined;
  }
  const start = text(values.start) === "" ? 0 : Number(text(values.start));
  const length = text(values.seconds);
  const end = text(values.end);
  const seconds = length !== "" ? Number(length) : end !== "" ? Number(end) - start : undefined;
  if (!(start >= 0) || (seconds !== undefined && !(seconds > 0))) {
    problems.add("label", at, "start, end or seconds are not times in seconds; left out");
    return undefined;
  }
  const name = (column: string) => text(values[column]);
  const piece = name("piece") || name("song") || path;
  const groups = ["artist", "group"].flatMap((column) => (name(column) ? [`${column}:${name(column)}`] : []));
  return {
    id: name("id") || (start > 0 || seconds !== undefined ? `${path}@${start}` : path),
    piece,
    title: name("title") || path,
    groups: [`piece:${piece}`, ...groups],
    file,
    start,
    seconds,
  };
}

interface Labels extends Pick<SetTask, "kind" | "classes"> {
  read(values: Line["values"]): number[] | string;
}

/** What the label columns are; undefined where there are none, as in a list to pre-train on. */
function labelsOf(columns: readonly string[], lines: readonly Line[]): Labels | undefined {
  if (columns.includes("label")) {
    const classes = [...new Set(lines.map(({ values }) => text(values.label)))].filter(Boolean).sort();
    return {
      kind: "classification",
      classes,
      read({ label }) {
        const at = classes.indexOf(text(label));
        return at >= 0 ? [at] : "no label";
      },
    };
  }
  const tagColumn = ["tags", "labels"].find((name) => columns.includes(name));
  if (tagColumn) {
    const classes = [...new Set(lines.flatMap(({ values }) => words(values[tagColumn])))].sort();
    return {
      kind: "multilabel",
      classes,
      read(values) {
        const own = new Set(words(values[tagColumn]));
        return classes.map((name) => (own.has(name) ? 1 : 0));
      },
    };
  }
  const isNumber = (value: unknown) => text(value) !== "" && Number.isFinite(Number(text(value)));
  // A column of numbers may have faults, which are reported row by row, but not be mostly words.
  const numeric = columns.filter(
    (name) => lines.filter(({ values }) => isNumber(values[name])).length > lines.length / 2,
  );
  if (numeric.length === 0) return undefined;
  const binary =
    numeric.length > 1 &&
    lines.every(({ values }) =>
      numeric.every((name) => !isNumber(values[name]) || /^[01]$/.test(text(values[name]))),
    );
  return {
    kind: binary ? "multilabel" : "regression",
    classes: numeric,
    read(values) {
      const wrong = numeric.find((name) => !isNumber(values[name]));
      return wrong === undefined
        ? numeric.map((name) => Number(text(values[name])))
        : `"${text(values[wrong])}" in the column "${wrong}" is not a number`;
    },
  };
}

/** A value as trimmed text; "" for none. Objects, which a line of JSON may hold, are text as JSON. */
function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return (typeof value === "object" ? JSON.stringify(value) : String(value)).trim();
}

function words(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(text) : text(value).split(/[;|]/);
  return list.map((word) => word.trim()).filter(Boolean);
}
