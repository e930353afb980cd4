// Folders with links to themselves and to each other, and lists that name what lies outside: every walk ends, what is there is found
// once or under the name that is asked for, and nothing else is.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFolder } from "../../src/data/folder.js";
import { checkSets } from "../../src/data/sets/check.js";
import { openSetCorpus } from "../../src/data/sets/index.js";
import { problemText } from "../../src/data/sets/problems.js";
import { SetFiles } from "../../src/data/sets/set-files.js";
import { walkFolder } from "../../src/data/walk.js";
import { put, shadedWav } from "../support/sets.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "melgrad-walk-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ids = (files: readonly { id: string }[]) => files.map(({ id }) => id);

describe("walkFolder", () => {
  test("ends where links lead to themselves, up, and round in a ring", async () => {
    put(dir, "a/x.txt", "x");
    symlinkSync(dir, join(dir, "one"));
    symlinkSync(".", join(dir, "two"));
    symlinkSync("..", join(dir, "a", "up"));
    symlinkSync("loop", join(dir, "loop"));
    const outside = mkdtempSync(join(tmpdir(), "melgrad-ring-"));
    for (let i = 0; i < 9; i++) {
      mkdirSync(join(outside, `${i}`));
      for (let j = 0; j < 9; j++)
        if (j !== i) symlinkSync(join(outside, `${j}`), join(outside, `${i}`, `to${j}`));
      put(outside, `${i}/x${i}.txt`, "x");
    }
    symlinkSync(join(outside, "0"), join(dir, "ring"));
    const walk = await walkFolder(dir);
    expect(walk.files.filter(({ id }) => id.startsWith("ring/"))).toHaveLength(9);
    expect(ids(walk.files)).toContain("a/x.txt");
    expect(walk.files).toHaveLength(10);
    expect(walk.aliases).toEqual(
      expect.arrayContaining([
        { id: "one", target: "" },
        { id: "two", target: "" },
        { id: "a/up", target: "" },
      ]),
    );
    expect(ids(walk.dangling)).toEqual(["loop"]);
    rmSync(outside, { recursive: true });
  });

  test("counts hidden files, and takes a file before the links to it", async () => {
    put(dir, ".hidden.txt", "x");
    put(dir, ".git/config", "x");
    put(dir, "z/real.txt", "x");
    symlinkSync(join("z", "real.txt"), join(dir, "a.txt"));
    symlinkSync(join(dir, "z"), join(dir, "b"));
    const { files, hidden } = await walkFolder(dir);
    expect(files.map(({ id, linked }) => [id, linked])).toEqual([
      ["a.txt", true],
      ["z/real.txt", false],
    ]);
    expect(files[0].real).toBe(files[1].real);
    expect(hidden).toBe(1);
    await expect(walkFolder(join(dir, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a data set's folder", () => {
  test("with two links to itself is checked, and its list may go through a link", async () => {
    put(dir, "audio/one.wav", shadedWav(1, 0.2, 0.6));
    put(dir, "audio/two.wav", shadedWav(2, 0.2, 0.6));
    symlinkSync(".", join(dir, "again"));
    symlinkSync("audio", join(dir, "clips"));
    put(dir, "manifest.csv", "path,label\naudio/one.wav,a\nclips/two.wav,b\nagain/again/clips/one.wav,c\n");
    const files = await SetFiles.list(dir);
    expect(files.files.map(({ path }) => path)).toEqual(["audio/one.wav", "audio/two.wav", "manifest.csv"]);
    expect(files.at("again/again/clips/two.wav")).toBe(files.at("audio/two.wav"));
    const [set] = await checkSets(dir, { cacheDir: dir });
    expect(set.failure).toBeUndefined();
    expect(set.problems.list).toEqual([]);
    expect(set.subsets[0].clips).toBe(3);
  });

  test("gives nothing that a list names outside of it", async () => {
    const inside = join(dir, "set");
    put(dir, "secret.wav", shadedWav(1, 0.2, 0.6));
    put(dir, "set/good.wav", shadedWav(2, 0.2, 0.6));
    const outside = [
      "../secret.wav",
      "..\\secret.wav",
      join(dir, "secret.wav"),
      "a/../../secret.wav",
      "./../secret.wav",
    ];
    const rows = ["path", "good.wav", ...outside].join("\n");
    for (const [name, text] of [
      ["manifest.csv", rows],
      [
        "manifest.jsonl",
        rows
          .split("\n")
          .slice(1)
          .map((path) => JSON.stringify({ path }))
          .join("\n"),
      ],
    ]) {
      rmSync(join(inside, "manifest.csv"), { force: true });
      put(dir, `set/${name}`, text);
      const corpus = await openSetCorpus("manifest", inside, undefined, { cacheDir: dir });
      expect(corpus.tracks.map(({ id }) => id)).toEqual(["good.wav"]);
      expect(corpus.skipped).toHaveLength(outside.length);
      for (const { reason } of corpus.skipped) expect(reason).toMatch(/is not below the folder/);
    }
  });

  test("takes a recording once that stands in its list under two names", async () => {
    for (const [name, shade] of [
      ["a", 1],
      ["b", 2],
      ["c", 1],
      ["d", 3],
    ] as const)
      put(dir, `${name}.wav`, shadedWav(shade, 0.2, 0.6));
    put(dir, "manifest.csv", "path,label,split\na.wav,x,train\nb.wav,y,train\nc.wav,x,test\nd.wav,y,test\n");
    const [set] = await checkSets(dir, { cacheDir: dir });
    expect(set.problems.faults.map(problemText)).toEqual([
      "manifest.csv:4: c.wav is the same recording as a.wav in line 2, which is taken; skipped",
    ]);
    expect(set.tasks[0].rows[0].counts).toMatchObject({ test: 1 });
    // Two excerpts of it are not the same, but belong together.
    put(dir, "manifest.csv", "path,label,start,seconds\na.wav,x,0,0.2\nc.wav,x,0.3,0.2\nb.wav,y,0,0.2\n");
    const files = await SetFiles.list(dir);
    expect(files.files).toHaveLength(5);
    const corpus = await openSetCorpus("manifest", dir, undefined, { cacheDir: dir });
    expect(corpus.tracks.map(({ id }) => id)).toEqual(["a.wav@0", "c.wav@0.3", "b.wav@0"]);
  });
});

test("a folder of audio passes over nothing that may be sound without naming it", async () => {
  put(dir, "good.wav", shadedWav(1, 0.2, 0.6));
  for (const ending of ["mp4", "webm", "m4a", "mov", "mkv", "aac", "wma", "aiff"])
    put(dir, `x.${ending}`, "?");
  writeFileSync(join(dir, "note.txt"), "x");
  const corpus = await openFolder(dir);
  expect(corpus.skipped).toHaveLength(8);
  expect(corpus.ignored).toBe(1);
});
