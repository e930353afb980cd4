// Emomusic ("1000 songs for emotion analysis"): 744 clips of 45 s with mean arousal and valence. "evaluation" is the test part;
// "development" is divided 8 to 2 by a hash of the artist's name, and labels are standardised over the development part, both as
// in JukeMIR. Times such as 0.48 are minutes and seconds, not decimals, and cells carry blanks and tabs.
import { DataError } from "../../gpu/errors.js";
import type { Part } from "../types.js";
import { counted, partSubsets, sha1Modulo } from "./parts.js";
import type { Problems } from "./problems.js";
import { folderOf, readText, type SetFile, type SetFiles } from "./set-files.js";
import { type Row, readTable, rowsByKey } from "./table.js";
import type { ReadSet, SetClip, SetFormat } from "./types.js";

const songsName = "songs_info.csv";
const labelsName = "static_annotations.csv";
const setColumn = "Mediaeval 2013 set";
const startColumn = "start of the segment (min.sec)";
const endColumn = "end of the segment (min.sec)";

export const emomusic: SetFormat = {
  name: "emomusic",
  title: "Emomusic",
  tasks: ["emomusic"],
  layout: [
    "annotations/songs_info.csv           artist, title, part",
    "annotations/static_annotations.csv   mean arousal and valence",
    "clips_45seconds/2.mp3 …              the clips by song_id (mp3, or converted to wav or flac)",
  ],
  recognise: (files) => files.named(songsName) !== undefined && files.named(labelsName) !== undefined,
  read,
};

/** Seconds of "1.07" (1 min 7 s), "1.3" (1 min 30 s) and "2"; NaN where it is no time. */
export function minSec(text: string): number {
  const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return Number.NaN;
  const seconds = Number((match[2] ?? "").padEnd(2, "0"));
  return seconds < 60 ? Number(match[1]) * 60 + seconds : Number.NaN;
}

/** The part of a development song: letters a to z and blanks of the artist's name decide. */
export function partOfArtist(artist: string): Part {
  const name = artist
    .toLowerCase()
    .replace(/[^a-z\s]/g, "")
    .trim()
    .split(/\s+/)
    .join(" ");
  return sha1Modulo(name, 10) < 8 ? "train" : "valid";
}

async function read(files: SetFiles, problems: Problems): Promise<ReadSet> {
  const songsFile = files.named(songsName) as SetFile;
  const labelsFile = files.named(labelsName) as SetFile;
  const table = async (file: SetFile, need: string[]) =>
    readTable(file.path, await readText(file), { delimiter: ",", need }, problems);
  const songs = await table(songsFile, ["song_id", "Artist", setColumn]);
  const labels = await table(labelsFile, ["song_id", "mean_arousal", "mean_valence"]);
  const labelRows = rowsByKey(labels, "song_id", problems);
  const folder = folderOf(songsFile);
  const near = folder.split("/").at(-1) === "annotations" ? folder.split("/").slice(0, -1).join("/") : folder;

  /** Raw labels of every song in the lists, as standardisation must not depend on which files are there. */
  const development: number[][] = [];
  const clips: SetClip[] = [];
  for (const [key, row] of rowsByKey(songs, "song_id", problems)) {
    const label = readLabel(key, row, labelRows.get(key), labels.file, problems);
    if (!label) continue;
    const set = row.get(setColumn);
    if (set !== "development" && set !== "evaluation") {
      problems.add("label", row, `"${set}" is neither development nor evaluation; song ${key} is left out`);
      continue;
    }
    if (set === "development") development.push(label);
    checkTimes(row, problems);
    const file = files.audio(key, near);
    if (!file) {
      problems.add("missing", { file: `clips_45seconds/${key}.mp3` }, `not there (${row.file}:${row.line})`);
      continue;
    }
    const artist = row.get("Artist");
    clips.push({
      id: key.padStart(4, "0"),
      piece: key,
      title: [artist, row.get("Song title")].filter(Boolean).join(": ") || key,
      groups: [`song:${key}`, `artist:${artist.toLowerCase()}`],
      file,
      label,
      part: set === "evaluation" ? "test" : partOfArtist(artist),
    });
  }
  if (clips.length === 0) {
    throw new DataError(
      `None of the songs in ${songs.file} is there as audio: put clips_45seconds/ beside its folder.`,
    );
  }
  standardise(clips, development);
  return {
    tasks: [
      {
        name: "emomusic",
        kind: "regression",
        classes: ["arousal", "valence"],
        clips,
        note:
          "Emomusic, arousal and valence standardised over the development songs; evaluation songs are tested on, development songs " +
          "divided by artist.",
        published: { clips: { train: 504, valid: 115, test: 125 } },
      },
    ],
    subsets: partSubsets(clips),
    found: [
      `${songs.file}: ${counted(songs.rows.length, "song")}`,
      `${labels.file}: ${counted(labels.rows.length, "song")}`,
    ],
  };
}

function readLabel(
  key: string,
  row: Row,
  labelRow: Row | undefined,
  labelFile: string,
  problems: Problems,
): number[] | undefined {
  if (!/^\d+$/.test(key)) {
    problems.add("label", row, `"${key}" is not a song_id; left out`);
    return undefined;
  }
  if (!labelRow) {
    problems.add("label", row, `song ${key} has no row in ${labelFile}; left out`);
    return undefined;
  }
  const texts = ["mean_arousal", "mean_valence"].map((column) => labelRow.get(column));
  const values = texts.map((text) => (text === "" ? Number.NaN : Number(text)));
  // The scale ends at 1 and 9.
  const wrong = values.findIndex((value) => !(value >= 1 && value <= 9));
  if (wrong < 0) return values;
  problems.add("label", labelRow, `"${texts[wrong]}" is not a number from 1 to 9; song ${key} is left out`);
  return undefined;
}

function checkTimes(row: Row, problems: Problems): void {
  const [start, end] = [startColumn, endColumn].map((column) => row.get(column));
  if (start === "" && end === "") return;
  const length = minSec(end) - minSec(start);
  if (length !== 45) {
    const what = Number.isNaN(length) ? "is no time in minutes.seconds" : `is ${length} s long, not 45`;
    problems.add("label", row, `the segment from "${start}" to "${end}" ${what}; the clip is used whole`);
  }
}

/** Mean 0 and standard deviation 1 (over n, not n − 1) of each target on the development songs. */
function standardise(clips: SetClip[], development: readonly number[][]): void {
  const n = development.length;
  if (n === 0) return;
  for (const target of [0, 1]) {
    const mean = development.reduce((sum, label) => sum + label[target], 0) / n;
    const variance = development.reduce((sum, label) => sum + (label[target] - mean) ** 2, 0) / n;
    const std = Math.sqrt(variance) || 1;
    for (const clip of clips) {
      clip.label = clip.label?.map((value, i) => (i === target ? (value - mean) / std : value));
    }
  }
}
