// GiantSteps key: 604 electronic pieces to test on, and the 1486 of GiantSteps-MTG to train on, of which those with one key and
// the highest confidence are used (1159). Pieces are cut into clips of 30 s; the MTG pieces are divided into training and
// validation by a hash of their artists, collaborators staying together. Rules as in JukeMIR (after Korzeniowski and Widmer 2018).
import { DataError } from "../../gpu/errors.js";
import type { Part } from "../types.js";
import { KEYS, keyClass } from "./keys.js";
import { counted, drawValidation, partSubsets, sha1Modulo } from "./parts.js";
import type { Problems } from "./problems.js";
import { measureSeconds } from "./seconds.js";
import { folderOf, readText, type SetFile, type SetFiles } from "./set-files.js";
import { type Row, readTable, rowsByKey } from "./table.js";
import type { ReadOptions, ReadSet, SetClip, SetFormat } from "./types.js";

/** Seconds of a clip; a shorter rest at a piece's end is dropped. */
export const clipSeconds = 30;

const keyFile = /(?:^|\/)annotations\/key\/(\d+)\.LOFI\.key$/;
const isMtgList = (path: string) => /(^|\/)annotations\/annotations\.txt$/.test(path);

export const giantsteps: SetFormat = {
  name: "giantsteps",
  title: "GiantSteps key",
  tasks: ["giantsteps"],
  layout: [
    "giantsteps-key-dataset/annotations/key/<ID>.LOFI.key         604 pieces to test on",
    "giantsteps-key-dataset/audio/<ID>.LOFI.mp3",
    "giantsteps-mtg-key-dataset/annotations/annotations.txt       1486 pieces to train on",
    "giantsteps-mtg-key-dataset/annotations/beatport_metadata.txt their artists, which divide them",
    "giantsteps-mtg-key-dataset/audio/<ID>.LOFI.mp3",
  ],
  recognise: (files) => files.files.some(({ path }) => keyFile.test(path) || isMtgList(path)),
  read,
};

/** A piece with its key. */
interface Song {
  id: string;
  key: number;
  part: Part;
  title: string;
  artists: string[];
  /** Where its label stands. */
  at: { file: string; line?: number };
  /** Where its audio is looked for first. */
  near: string;
}

async function read(files: SetFiles, problems: Problems, options: ReadOptions): Promise<ReadSet> {
  const found: string[] = [];
  const mtgList = files.matching(isMtgList)[0];
  const mtg = mtgList ? await readMtg(files, mtgList, problems, found) : undefined;
  if (!mtg)
    problems.add(
      "missing",
      { file: "annotations/annotations.txt" },
      "GiantSteps-MTG is not there: nothing to train on",
    );
  const test = await readTest(files, mtgList, problems, found);
  if (test.length === 0) {
    problems.add("missing", { file: "annotations/key/" }, "GiantSteps key is not there: nothing to test on");
  }
  const songs: { song: Song; file: SetFile }[] = [];
  for (const song of [...(mtg?.songs ?? []), ...test]) {
    const file = files.audio(`${song.id}.LOFI`, song.near);
    if (file) songs.push({ song, file });
    else {
      const where = song.at.line === undefined ? song.at.file : `${song.at.file}:${song.at.line}`;
      problems.add("missing", { file: `audio/${song.id}.LOFI.mp3` }, `not there (${where})`);
    }
  }
  if (songs.length === 0) {
    throw new DataError(
      `None of the pieces in ${files.folder} is there as audio: put each set's audio/ beside its annotations/.`,
    );
  }
  const seconds = await measureSeconds(
    files.folder,
    songs.map(({ file }) => file),
    problems,
    options,
  );
  const clips = songs.flatMap(({ song, file }, i) => cut(song, file, seconds[i], problems));
  if (mtg && !mtg.divided) drawValidation(clips);
  return {
    tasks: [
      {
        name: "giantsteps",
        kind: "classification",
        classes: [...KEYS],
        clips,
        note:
          "GiantSteps key, clips of 30 s: trained on GiantSteps-MTG (pieces with one key, confidence 2), tested on GiantSteps. " +
          (mtg && !mtg.divided
            ? "Its artists are not there, so the validation part was drawn by piece: it is not the published one."
            : "Training and validation share no artist."),
        published: {
          clips: { train: 3687, valid: 942, test: 2406 },
          songs: { train: 923, valid: 236, test: 604 },
        },
      },
    ],
    subsets: partSubsets(clips),
    found,
  };
}

async function readMtg(files: SetFiles, list: SetFile, problems: Problems, found: string[]) {
  const near = folderOf(list).split("/").slice(0, -1).join("/");
  const table = readTable(
    list.path,
    await readText(list),
    { delimiter: "\t", need: ["ID", "MANUAL KEY", "C"] },
    problems,
  );
  const path = `${folderOf(list)}/beatport_metadata.txt`.replace(/^\//, "");
  const beatport = files.at(path);
  let artists = new Map<string, { names: string[]; title: string; part: Part }>();
  if (beatport) artists = await readArtists(beatport, problems);
  else
    problems.add("missing", { file: path }, "not there, so the published division by artist cannot be made");

  const songs: Song[] = [];
  let unsure = 0;
  let several = 0;
  for (const [id, row] of rowsByKey(table, "ID", problems)) {
    const [text, confidence] = [row.get("MANUAL KEY"), row.get("C")];
    if (!/^[012]$/.test(confidence)) {
      problems.add("label", row, `the confidence "${confidence}" is not 0, 1 or 2; ${id} is left out`);
      continue;
    }
    if (confidence !== "2") unsure++;
    else if (text.includes("/")) several++;
    else {
      const key = keyClass(text);
      if (key === undefined) {
        problems.add("label", row, `"${text}" is not a key; ${id} is left out`);
        continue;
      }
      const known = artists.get(id);
      if (beatport && !known) problems.add("label", row, `${id} has no row in ${path}; it is trained on`);
      songs.push({
        id,
        key,
        part: known?.part ?? "train",
        title: known?.title ?? id,
        artists: known?.names ?? [],
        at: row,
        near,
      });
    }
  }
  found.push(
    `${list.path}: ${counted(table.rows.length, "piece")}; ${unsure} of lower confidence and ${several} of several keys left out`,
  );
  return { songs, divided: beatport !== undefined };
}

/** The artists of each piece and the part that they fall into. */
async function readArtists(file: SetFile, problems: Problems) {
  const table = readTable(
    file.path,
    await readText(file),
    { delimiter: "\t", need: ["ID", "ARTIST"] },
    problems,
  );
  const rows = [...rowsByKey(table, "ID", problems)];
  const namesOf = (row: Row) =>
    row
      .get("ARTIST")
      .split(",")
      .map((name) => name.trim());
  const parts = partsOfArtists(rows.map(([, row]) => namesOf(row)));
  return new Map(
    rows.map(([id, row]) => {
      const names = namesOf(row);
      const part: Part = names.some((name) => parts.get(name) === "valid") ? "valid" : "train";
      if (names.some((name) => parts.get(name) !== part)) {
        problems.add("remark", row, `its artists fall into both parts; ${id} is validated on`);
      }
      return [id, { names, title: `${row.get("ARTIST")}: ${row.get("SONG TITLE")}`, part }] as const;
    }),
  );
}

/**
 * Each artist's part: 16 of 116 hashes are validation, and so are, in two rounds, all who share a piece with such an artist.
 * @param pieces the artists of each piece
 */
export function partsOfArtists(pieces: readonly (readonly string[])[]): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const name of pieces.flat())
    parts.set(name, sha1Modulo(name.toLowerCase(), 116) < 100 ? "train" : "valid");
  for (let round = 0; round < 2; round++) {
    for (const names of pieces) {
      if (names.some((name) => parts.get(name) === "valid"))
        for (const name of names) parts.set(name, "valid");
    }
  }
  return parts;
}

/** Pieces whose keys stand in files of their own, other than those of the MTG list. */
async function readTest(
  files: SetFiles,
  mtgList: SetFile | undefined,
  problems: Problems,
  found: string[],
): Promise<Song[]> {
  const mtgFolder = mtgList ? folderOf(mtgList) : undefined;
  const songs = new Map<string, Song>();
  let ofMtg = 0;
  for (const file of files.files) {
    const [, digits] = keyFile.exec(file.path) ?? [];
    if (!digits || folderOf(file) === `${mtgFolder}/key`.replace(/^\//, "")) continue;
    const id = String(Number(digits)); // older copies write 0010089 for 10089
    if (songs.has(id)) continue;
    const text = await readText(file);
    if (text.includes("\t")) {
      ofMtg++; // MTG's files have a confidence after the key
      continue;
    }
    const key = keyClass(text);
    if (key === undefined) {
      problems.add("label", { file: file.path, line: 1 }, `"${text.trim()}" is not a key; ${id} is left out`);
      continue;
    }
    const near = folderOf(file).split("/").slice(0, -2).join("/");
    songs.set(id, { id: digits, key, part: "test", title: id, artists: [], at: { file: file.path }, near });
  }
  if (ofMtg > 0)
    found.push(`${counted(ofMtg, "key file")} of GiantSteps-MTG without its annotations.txt passed over`);
  if (songs.size > 0) found.push(`annotations/key: ${counted(songs.size, "piece")} to test on`);
  return [...songs.values()].sort((a, b) => Number(a.id) - Number(b.id));
}

function cut(song: Song, file: SetFile, seconds: number | undefined, problems: Problems): SetClip[] {
  if (seconds === undefined) return [];
  const count = Math.floor(seconds / clipSeconds);
  if (count === 0) {
    problems.add(
      "broken",
      { file: file.path },
      `${seconds.toFixed(1)} s long, less than a clip of ${clipSeconds} s; left out`,
    );
  }
  const piece = String(Number(song.id)).padStart(7, "0");
  return Array.from({ length: count }, (_, i) => ({
    id: `${piece}-${i}`,
    piece,
    title: song.title,
    groups: [`song:${piece}`, ...song.artists.map((name) => `artist:${name.toLowerCase()}`)],
    file,
    start: i * clipSeconds,
    seconds: clipSeconds,
    label: [song.key],
    part: song.part,
  }));
}
