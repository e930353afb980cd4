// MagnaTagATune's reader. Facts of the set: clips a folder, the ids of the three empty files, the order of the 50 tags, rows with
// no audio, and the published counts. Made up: names, songs and which clip has which tag.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openSetCorpus, openSetTask } from "../../../src/data/sets/index.js";
import { emptyClips, mtat, top50 } from "../../../src/data/sets/mtat.js";
import { countParts } from "../../../src/data/sets/parts.js";
import { problemText } from "../../../src/data/sets/problems.js";
import {
  audioFile,
  type MtatRow,
  mtatAnnotations,
  mtatInfo,
  put,
  readFrom,
  shadedWav,
  storedZip,
  textFile,
} from "../../support/sets.js";

const dir = mkdtempSync(join(tmpdir(), "melgrad-mtat-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Clips in each folder of the whole set, the empty ones counted. */
const perFolder: Record<string, number> = {
  ...{ "0": 1108, "1": 1543, "2": 1562, "3": 1238, "4": 2421, "5": 1604, "6": 1788, "7": 1163 },
  ...{ "8": 1144, "9": 1773, a: 1417, b: 1948, c: 1825, d: 1677, e: 1547, f: 2105 },
};
/** The folders that the empty files are in. */
const emptyIn: Record<string, number> = { "6": 35644, "8": 55753, "9": 57881 };
/** Clips with at least one of the 50 tags, and training clips with any tag, in the whole set. */
const filtered = { train: 15247, valid: 1529, test: 4332 };
const taggedInTraining = 15626;

/** A listing of full size: the counts above hold in it, everything else is invented. */
function wholeListing(): MtatRow[] {
  const rows: MtatRow[] = [];
  const left = { ...filtered };
  let tagged = taggedInTraining;
  let id = 0;
  for (const [folder, count] of Object.entries(perFolder)) {
    const part = "0123456789ab".includes(folder) ? "train" : folder === "c" ? "valid" : "test";
    for (let i = 0; i < count; i++) {
      const empty = i === 0 ? emptyIn[folder] : undefined;
      do id++;
      while (emptyClips.has(id) && empty !== id);
      const own = empty ?? id;
      const tags: string[] = [];
      // The three empty ones must have one of the 50 tags for the published 15 244 to follow from 15 247.
      if (left[part] > 0) {
        left[part]--;
        tags.push(top50[own % 50]);
        if (part === "train" && !empty) tagged--;
      } else if (part === "train" && tagged > 0) {
        tagged--;
        tags.push(`other tag ${own % 138}`);
      }
      rows.push({
        id: own,
        path: `${folder}/artist_${own % 200}-album-${i % 20}-title_${own}-0-29.mp3`,
        tags,
      });
      if (empty) id--;
    }
  }
  return rows;
}

describe("MagnaTagATune", () => {
  it("gives the published counts from a listing of full size", async () => {
    const rows = wholeListing();
    expect(rows).toHaveLength(25863);
    const { set, problems } = await readFrom(
      mtat,
      [
        textFile("annotations_final.csv", mtatAnnotations(rows)),
        textFile("clip_info_final.csv", mtatInfo(rows, 31382 - rows.length)),
        ...rows.map(({ path }) => audioFile(`mp3/${path}`)),
      ],
      dir,
    );
    const [whole, some] = set.tasks;
    expect(countParts(whole.clips).clips).toEqual({ train: 18706, valid: 1825, test: 5329 });
    expect(countParts(whole.clips).clips).toEqual(whole.published?.clips);
    expect(countParts(some.clips).clips).toEqual({ train: 15244, valid: 1529, test: 4332 });
    expect(countParts(some.clips).clips).toEqual(some.published?.clips);
    const sizes = Object.fromEntries(set.subsets.map(({ name, clips }) => [name, clips.length]));
    expect(sizes).toEqual({
      ...{ tagged: 15626, top50: 15244, "top50+valid": 16773 },
      ...{ random: 16000, train: 18706, all: 25860 },
    });
    for (const { name, published, clips } of set.subsets) expect(clips.length, name).toBe(published);
    expect(problems.faults).toEqual([]);
    expect(problems.list.map(({ kind }) => kind)).toEqual(["remark", "remark", "remark"]);
    expect(set.found).toEqual([
      "annotations_final.csv: 25 863 clips, 188 tags",
      "clip_info_final.csv: 31 382 rows, 5 519 of them without audio",
    ]);
    expect(whole.clips.filter(({ id }) => emptyClips.has(Number(id)))).toEqual([]);
  });

  it("reads tags in the canonical order, songs from clip_info or from file names", async () => {
    expect(top50).toHaveLength(50);
    expect(new Set(top50).size).toBe(50);
    expect([top50[0], top50[21], top50[28], top50[49]]).toEqual([
      "guitar",
      "no vocals",
      "no vocal",
      "choral",
    ]);
    const rows: MtatRow[] = [
      { id: 2, path: "f/soloists-cantatas-01-aria-30-59.mp3", tags: ["opera", "guitar"] },
      { id: 3, path: "f/soloists-cantatas-01-aria-59-88.mp3", tags: ["other tag 3"] },
      { id: 40, path: "c/other-album-02-song-0-29.mp3", tags: ["choral"] },
    ];
    const audio = rows.map(({ path }) => audioFile(`wav/${path.replace(".mp3", ".wav")}`)); // converted
    const lists = [textFile("a/annotations_final.csv", mtatAnnotations(rows))];
    const bare = await readFrom(mtat, [...lists, ...audio], dir);
    const [first, second, third] = bare.set.tasks[0].clips;
    expect(first.label?.flatMap((on, i) => (on ? [top50[i]] : []))).toEqual(["guitar", "opera"]);
    expect(second.label?.every((on) => on === 0)).toBe(true);
    expect([first.part, third.part]).toEqual(["test", "valid"]);
    expect(first.piece).toBe(second.piece);
    expect(first.id).toBe("00002");
    expect(bare.problems.faults.map(problemText)[0]).toMatch(/^clip_info_final\.csv: not there/);
    const info = textFile("a/clip_info_final.csv", mtatInfo(rows));
    const { set } = await readFrom(mtat, [...lists, info, ...audio], dir);
    expect(set.tasks[0].clips.map(({ piece }) => piece)).toEqual([
      "http://x/0#0",
      "http://x/1#1",
      "http://x/13#13",
    ]);
    expect(set.tasks[0].clips[2].title).toBe("Title 13");
  });

  it("names file and line of what is wrong, and reads the rest", async () => {
    const rows: MtatRow[] = [
      { id: 1, path: "0/a-a-01-a-0-29.mp3", tags: ["guitar"] },
      { id: 2, path: "1/b-b-01-b-0-29.mp3", tags: [] },
      { id: 3, path: "2/c-c-01-c-0-29.mp3", tags: [] },
      { id: 4, path: "z/d-d-01-d-0-29.mp3", tags: [] },
      { id: 5, path: "d/e-e-01-e-0-29.mp3", tags: [] },
      { id: 1, path: "0/a-a-01-a-0-29.mp3", tags: [] },
    ];
    const lines = mtatAnnotations(rows).split("\n");
    lines[2] = lines[2].replace('"0"', '"maybe"');
    lines[5] = lines[5].slice(0, -20).replace(/\t[^\t]*$/, "");
    const { set, problems } = await readFrom(
      mtat,
      [
        textFile("annotations_final.csv", lines.join("\n")),
        textFile("clip_info_final.csv", mtatInfo(rows.slice(0, 5))),
        ...[0, 1, 3, 4].map((i) => audioFile(rows[i].path)),
      ],
      dir,
    );
    expect(set.tasks[0].clips.map(({ id }) => id)).toEqual(["00001"]);
    expect(problems.faults.map(problemText)).toEqual([
      expect.stringMatching(/^annotations_final\.csv:6: \d+ cells where the header has 190; left out$/),
      "annotations_final.csv:7: clip_id 1 again, as in line 2; the first is taken",
      'annotations_final.csv:3: "maybe" in the column "choral" is not 0 or 1; clip 2 is left out',
      "2/c-c-01-c-0-29.mp3: the audio of clip 3 (annotations_final.csv:4) is not there",
      'annotations_final.csv:5: "4" with the path "z/d-d-01-d-0-29.mp3" is no clip of the set; left out',
    ]);
  });

  it("refuses a list that lacks tags of the task", async () => {
    const text = mtatAnnotations([]).replace('"sitar"', '"zither"');
    await expect(readFrom(mtat, [textFile("annotations_final.csv", text)], dir)).rejects.toThrow(
      /annotations_final\.csv:1: no column for the tags "sitar"/,
    );
  });

  it("reads clips out of the archive's three parts", async () => {
    const folder = join(dir, "zipped");
    const rows: MtatRow[] = ["0", "5", "c", "d"].map((letter, i) => ({
      id: i + 1,
      path: `${letter}/a-b-01-title_${i}-0-29.mp3`,
      tags: ["guitar"],
    }));
    put(folder, "annotations_final.csv", mtatAnnotations(rows));
    put(folder, "clip_info_final.csv", mtatInfo(rows));
    const zip = storedZip(
      rows.map(({ path, id }) => ({ name: path, data: shadedWav(id, 0.5, 0.6 + 0.1 * id) })),
    );
    const third = Math.ceil(zip.length / 3);
    for (let i = 0; i < 3; i++) put(folder, `mp3.zip.00${i + 1}`, zip.subarray(i * third, (i + 1) * third));
    const task = await openSetTask("mtat", folder, { cacheDir: dir });
    expect(task.clips.map(({ part }) => part)).toEqual(["train", "train", "valid", "test"]);
    for (const [i, clip] of task.clips.entries()) {
      const { channels, sampleRate } = await clip.load();
      expect(sampleRate).toBe(16000);
      expect(channels[0]).toHaveLength(Math.round((0.7 + 0.1 * i) * 16000));
    }
    const corpus = await openSetCorpus("mtat", folder, undefined, { cacheDir: dir });
    expect(corpus.tracks).toHaveLength(2);
    expect(corpus.why).toMatch(/tagged: training clips .*, 2 clips, of 15 626 in the whole set$/);
    await expect(openSetCorpus("mtat", folder, "best", { cacheDir: dir })).rejects.toThrow(
      /no subset "best": write one of tagged, top50,/,
    );
    rmSync(join(folder, "mp3.zip.002"));
    const notes: string[] = [];
    await expect(
      openSetTask("mtat", folder, { cacheDir: dir, note: (text) => notes.push(text) }),
    ).rejects.toThrow(/None of the clips in annotations_final\.csv is there as audio/);
  });
});
