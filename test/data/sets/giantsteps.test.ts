// The reader of GiantSteps key and GiantSteps-MTG. Facts: rows by confidence (1182, 208, 96), 1159 of them with one key, 604 pieces to
// test on of which four are 45, 62, 77 and 59 s long and the others about 120 s, and the published counts of songs and clips.
// Keys, titles and artists are made up, and so is how the 1159 fall by artist: which real artists there are is not known here,
// so the counts of that division are of a listing made to have them, and its rule is tested by itself.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { giantsteps, partsOfArtists } from "../../../src/data/sets/giantsteps.js";
import { openSetTask } from "../../../src/data/sets/index.js";
import { KEYS, keyClass } from "../../../src/data/sets/keys.js";
import { countParts } from "../../../src/data/sets/parts.js";
import { problemText } from "../../../src/data/sets/problems.js";
import type { SetFile } from "../../../src/data/sets/set-files.js";
import { audioFile, put, readFrom, shadedWav, textFile } from "../../support/sets.js";

const dir = mkdtempSync(join(tmpdir(), "melgrad-giantsteps-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const test = "giantsteps-key-dataset-c8cb8aa";
const mtg = "giantsteps-mtg-key-dataset-fd7b8c5";
const sharps = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
/** Length of the pieces: 4596 frames of 1152 samples at 44.1 kHz. */
const usual = (4596 * 1152) / 44100;

function partByHash(artist: string): "train" | "valid" {
  const digest = createHash("sha1").update(artist.toLowerCase()).digest("hex");
  return BigInt(`0x${digest}`) % 116n < 100n ? "train" : "valid";
}

/** Artists by themselves, of whom so many fall into each part. */
function artistsOf(train: number, valid: number): string[] {
  const left = { train, valid };
  const names: string[] = [];
  for (let i = 0; names.length < train + valid; i++) {
    const name = `Producer ${i}`;
    if (left[partByHash(name)]-- > 0) names.push(name);
  }
  return names;
}

interface MtgRow {
  id: number;
  key: string;
  confidence: number | string;
  artist: string;
}

function mtgFiles(rows: readonly MtgRow[]): SetFile[] {
  const annotations = rows.map(({ id, key, confidence }) => `${id}\t${key}\t${confidence}\n`).join("");
  const beatport = rows.map(
    ({ id, artist }) => `${id}\t${artist}\tSong "${id}"\tOriginal Mix\tL\tTechno\t130\tAmin\n`,
  );
  return [
    textFile(`${mtg}/annotations/annotations.txt`, `ID\tMANUAL KEY\tC\n${annotations}`),
    textFile(
      `${mtg}/annotations/beatport_metadata.txt`,
      `ID\tARTIST\tSONG TITLE\tMIX\tLABEL\tBP GENRE\tBP BPM\tBP KEY\n${beatport.join("")}`,
    ),
    ...rows.map(({ id, key, confidence }) =>
      textFile(`${mtg}/annotations/key/${id}.LOFI.key`, `${key.toLowerCase()}\t${confidence}\t\n`),
    ),
  ];
}

function testFiles(count: number): SetFile[] {
  return Array.from({ length: count }, (_, i) =>
    textFile(`${test}/annotations/key/${5000 + i}.LOFI.key`, KEYS[(i * 7) % 24]),
  );
}

describe("GiantSteps", () => {
  it("gives the published counts from listings of full size", async () => {
    const artists = artistsOf(923, 236);
    const single = artists.map((artist, i) => ({
      id: 10_000 + i,
      key: `${sharps[i % 12]} ${i % 5 < 2 ? "major" : "minor"}${i % 100 === 0 ? " " : ""}`, // some with a blank at the end
      confidence: 2,
      artist,
    }));
    const rows: MtgRow[] = [
      ...single,
      ...Array.from({ length: 1182 - 1159 }, (_, i) => ({
        ...{
          id: 20_000 + i,
          key: i % 2 ? "F / F# minor" : "C minor / E major",
          confidence: 2,
          artist: "Several Keys",
        },
      })),
      ...Array.from({ length: 208 }, (_, i) => ({
        id: 30_000 + i,
        key: "A minor",
        confidence: 1,
        artist: "Unsure",
      })),
      ...Array.from({ length: 96 }, (_, i) => ({
        ...{
          id: 40_000 + i,
          key: i === 0 ? " " : i === 1 ? "A-A# minor" : "-",
          confidence: 0,
          artist: "None",
        },
      })),
    ];
    expect(rows).toHaveLength(1486);
    const short: Record<number, number> = { 5000: 45, 5001: 62, 5002: 77, 5003: 59 };
    // Which pieces of MTG are shorter is not known; these lengths are made up to give the published clips.
    const shortMtg: Record<number, number> = {};
    const validIds = single.filter(({ artist }) => partByHash(artist) === "valid").map(({ id }) => id);
    const trainIds = single.filter(({ artist }) => partByHash(artist) === "train").map(({ id }) => id);
    for (const [i, id] of trainIds.slice(0, 3).entries()) shortMtg[id] = i === 0 ? 100 : 65; // 3 + 2 + 2 = 3687 − 4 · 920
    shortMtg[validIds[0]] = 75; // 2 = 942 − 4 · 235
    const { set, problems } = await readFrom(
      giantsteps,
      [
        ...mtgFiles(rows),
        ...testFiles(604),
        ...rows.map(({ id }) => audioFile(`${mtg}/audio/${id}.LOFI.mp3`, shortMtg[id] ?? usual)),
        ...Array.from({ length: 604 }, (_, i) =>
          audioFile(`${test}/audio/${5000 + i}.LOFI.mp3`, short[5000 + i] ?? usual),
        ),
      ],
      dir,
    );
    expect(problems.list).toEqual([]);
    const [task] = set.tasks;
    const counts = countParts(task.clips);
    expect(counts.songs).toEqual({ train: 923, valid: 236, test: 604 });
    expect(counts.clips).toEqual({ train: 3687, valid: 942, test: 2406 });
    expect(counts).toEqual(task.published);
    expect(set.found).toEqual([
      `${mtg}/annotations/annotations.txt: 1 486 pieces; 304 of lower confidence and 23 of several keys left out`,
      "annotations/key: 604 pieces to test on",
    ]);
    const [first, second] = task.clips.filter(({ part }) => part === "test").slice(-4);
    expect([first.id, first.start, first.seconds]).toEqual(["0005603-0", 0, 30]);
    expect([second.id, second.start, second.piece]).toEqual(["0005603-1", 30, "0005603"]);
  });

  it("takes keys in sharps, flats, either case and with blanks around", () => {
    expect(KEYS).toHaveLength(24);
    for (const [text, name] of [
      ["D# minor", "Eb minor"],
      ["C# major ", "Db major"],
      ["Bb minor", "Bb minor"],
      ["g# minor", "Ab minor"],
      [" A#  major", "Bb major"],
      ["F# Minor", "Gb minor"],
    ]) {
      expect(KEYS[keyClass(text) as number]).toBe(name);
    }
    for (const text of ["-", "", "A-A# minor", "F / F# minor", "H major", "C", "C dorian"]) {
      expect(keyClass(text), text).toBeUndefined();
    }
  });

  it("divides artists by the hash of their names, and collaborators with them, in two rounds", () => {
    // Parts computed with Python's hashlib.
    const alone = ["Artist 0", "Artist 1", "Artist 28", "Artist 33", "DJ Süß 3", "DJ Süß 4", "Кино"];
    expect(alone.map((name) => partsOfArtists([[name]]).get(name))).toEqual([
      ...["valid", "train", "valid", "train", "train", "valid", "train"],
    ]);
    // 0 (valid) takes 1, and in the second round 1 takes 3, which stood before it; 4 is one round further off.
    const parts = partsOfArtists([
      ["Artist 3", "Artist 4"],
      ["Artist 1", "Artist 3"],
      ["Artist 0", "Artist 1"],
      ["Artist 5"],
    ]);
    expect(["0", "1", "3", "4", "5"].map((n) => parts.get(`Artist ${n}`))).toEqual([
      ...["valid", "valid", "valid", "train", "train"],
    ]);
  });

  it("names file and line of what is wrong", async () => {
    const rows: MtgRow[] = [
      { id: 1, key: "A minor", confidence: 2, artist: "Artist 1" },
      { id: 2, key: "H minor", confidence: 2, artist: "Artist 1" },
      { id: 3, key: "A minor", confidence: "high", artist: "Artist 1" },
      { id: 4, key: "A minor", confidence: 2, artist: "Artist 1" },
    ];
    const { problems } = await readFrom(
      giantsteps,
      [
        ...mtgFiles(rows),
        textFile(`${test}/annotations/key/0000077.LOFI.key`, "Db  minor"),
        textFile(`${test}/annotations/key/78.LOFI.key`, "unknown"),
        audioFile(`${mtg}/audio/1.LOFI.wav`, 61),
        audioFile(`${test}/audio/0000077.LOFI.mp3`, 10),
      ],
      dir,
    );
    expect(problems.faults.map(problemText)).toEqual([
      `${mtg}/annotations/annotations.txt:3: "H minor" is not a key; 2 is left out`,
      `${mtg}/annotations/annotations.txt:4: the confidence "high" is not 0, 1 or 2; 3 is left out`,
      `${test}/annotations/key/78.LOFI.key:1: "unknown" is not a key; 78 is left out`,
      `audio/4.LOFI.mp3: not there (${mtg}/annotations/annotations.txt:5)`,
      `${test}/audio/0000077.LOFI.mp3: 10.0 s long, less than a clip of 30 s; left out`,
    ]);
  });

  it("cuts clips out of real files, and divides by piece where the artists are not there", async () => {
    const folder = join(dir, "small");
    const lines = Array.from({ length: 20 }, (_, i) => `${100 + i}\tD# minor\t2\n`);
    put(folder, "mtg/annotations/annotations.txt", `ID\tMANUAL KEY\tC\n${lines.join("")}`);
    for (let i = 0; i < 20; i++) put(folder, `mtg/audio/${100 + i}.LOFI.wav`, shadedWav(i, 0.5, 31, 4000));
    put(folder, "gs/annotations/key/9.LOFI.key", "G major");
    put(folder, "gs/audio/9.LOFI.wav", shadedWav(9, 0.5, 65, 4000));
    const task = await openSetTask("giantsteps", folder, { cacheDir: dir });
    const ids = task.clips.filter(({ part }) => part === "test").map(({ id }) => id);
    expect(ids).toEqual(["0000009-0", "0000009-1"]);
    const [a, b] = await Promise.all(task.clips.slice(-2).map((clip) => clip.load()));
    expect([a.channels[0].length, b.channels[0].length]).toEqual([120_000, 120_000]);
    expect(a.channels[0]).not.toEqual(b.channels[0]);
    const valid = task.clips.filter(({ part }) => part === "valid").length;
    expect(valid).toBeGreaterThan(0);
    expect(valid).toBeLessThan(12);
    expect(task.note).toContain("not the published one");
    expect(task.note).toMatch(/No clip of the train part is of C major/);
  });
});
