// Emomusic's reader. Facts: 619 development and 125 evaluation songs, of which 504, 115 and 125 make the parts, and how times and
// cells are written. Artists are made up so that they fall that way; the rule by which they fall is tested by itself.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { emomusic, minSec, partOfArtist } from "../../../src/data/sets/emomusic.js";
import { countParts } from "../../../src/data/sets/parts.js";
import { problemText } from "../../../src/data/sets/problems.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed } from "../../support/gpu.js";
import { audioFile, readFrom, textFile } from "../../support/sets.js";

interface Song {
  id: number;
  artist: string;
  set: string;
  start?: string;
  end?: string;
  arousal: string | number;
  valence: string | number;
}

const songsHeader =
  "song_id,file_name,Artist,Song title,start of the segment (min.sec),end of the segment (min.sec),Genre,Mediaeval 2013 set";

function lists(songs: readonly Song[]) {
  // Cells come with blanks and tabs around them.
  const info = songs.map(
    ({ id, artist, set, start = "0.48", end = "1.33" }) =>
      `${id},${id}.mp3,"${artist}\t", Title ${id} ,${start},${end},Jazz, ${set}\n`,
  );
  const labels = songs.map(({ id, arousal, valence }) => `${id},${arousal},1.1, ${valence},0.9\n`);
  return [
    textFile("annotations/songs_info.csv", `${songsHeader}\n${info.join("")}`),
    textFile(
      "annotations/static_annotations.csv",
      `song_id,mean_arousal,std_arousal,mean_valence,std_valence\n${labels.join("")}`,
    ),
  ];
}

const hashPart = (name: string) =>
  BigInt(`0x${createHash("sha1").update(name.toLowerCase()).digest("hex")}`) % 10n < 8n ? "train" : "valid";

/** A made-up artist, of letters only, of the wanted part. */
function artist(part: string, n: number): string {
  for (let i = 0; ; i++) {
    const name = `Band ${[...String(n * 50 + i)].map((digit) => "abcdefghij"[Number(digit)]).join("")}`;
    if (hashPart(name) === part) return name;
  }
}

describe("Emomusic", () => {
  it("gives the published counts and standardised labels from lists of full size", async () => {
    const random = new Random(freshSeed("emomusic"));
    const songs = Array.from({ length: 744 }, (_, i): Song => {
      const part = i < 504 ? "train" : i < 619 ? "valid" : "test";
      return {
        id: 2 + i + Math.floor(i / 3), // with gaps
        artist: artist(part === "test" ? "train" : part, i),
        set: part === "test" ? "evaluation" : "development",
        arousal: 1 + 8 * random.uniform(),
        valence: 1 + 8 * random.uniform(),
      };
    });
    const files = [...lists(songs), ...songs.map(({ id }) => audioFile(`clips_45seconds/${id}.mp3`, 45))];
    const { set, problems } = await readFrom(emomusic, files, tmpdir());
    expect(problems.list).toEqual([]);
    const [task] = set.tasks;
    expect(countParts(task.clips).clips).toEqual({ train: 504, valid: 115, test: 125 });
    expect(countParts(task.clips).clips).toEqual(task.published?.clips);
    expect(task.classes).toEqual(["arousal", "valence"]);
    const raw = new Map(
      songs.map(({ id, arousal, valence }) => [String(id), [Number(arousal), Number(valence)]]),
    );
    const development = songs
      .filter(({ set }) => set === "development")
      .map(({ id }) => raw.get(String(id)) as number[]);
    for (const target of [0, 1]) {
      const values = development.map((label) => label[target]);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      for (const { piece, label } of task.clips) {
        expect(label?.[target]).toBeCloseTo(((raw.get(piece) as number[])[target] - mean) / std, 9);
      }
    }
  });

  it("reads minutes and seconds", () => {
    expect(["0.48", "1.3", "1.07", "2", " 10.05 "].map(minSec)).toEqual([48, 90, 67, 120, 605]);
    for (const text of ["", "1.75", "1:30", "a", "1.234"]) expect(minSec(text), text).toBeNaN();
  });

  it("divides by the letters of the artist's name", () => {
    // Parts computed with Python's hashlib.
    expect(
      ["The  Owl 5's", "The  Crow 5's", "The  Hare 5's", "Hare/7 & Co.\t", "Ana Ó Fox"].map(partOfArtist),
    ).toEqual([...["train", "valid", "valid", "valid", "train"]]);
    expect(partOfArtist("the crow S")).toBe("valid"); // the same letters
  });

  it("names file and line of what is wrong", async () => {
    const songs: Song[] = [
      { id: 2, artist: "A", set: "development", arousal: 5, valence: 5 },
      { id: 3, artist: "B", set: "development", arousal: "loud", valence: 5 },
      { id: 4, artist: "C", set: "training", arousal: 5, valence: 5 },
      { id: 5, artist: "D", set: "evaluation", arousal: 5, valence: 11 },
      { id: 6, artist: "E", set: "evaluation", arousal: 5, valence: 4, start: "0.10", end: "1.3" },
      { id: 7, artist: "F", set: "evaluation", arousal: 5, valence: 4 },
    ];
    const files = [...lists(songs), ...[2, 3, 4, 5, 6].map((id) => audioFile(`clips/${id}.wav`, 45))];
    const { set, problems } = await readFrom(emomusic, files, tmpdir());
    expect(set.tasks[0].clips.map(({ id }) => id)).toEqual(["0002", "0006"]);
    expect(problems.faults.map(problemText)).toEqual([
      'annotations/static_annotations.csv:3: "loud" is not a number from 1 to 9; song 3 is left out',
      'annotations/songs_info.csv:4: "training" is neither development nor evaluation; song 4 is left out',
      'annotations/static_annotations.csv:5: "11" is not a number from 1 to 9; song 5 is left out',
      'annotations/songs_info.csv:6: the segment from "0.10" to "1.3" is 80 s long, not 45; the clip is used whole',
      "clips_45seconds/7.mp3: not there (annotations/songs_info.csv:7)",
    ]);
  });
});
