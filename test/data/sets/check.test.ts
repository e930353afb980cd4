// What `melgrad data check` finds in folders on disk: which sets they hold, what is missing, empty, no audio, or cut.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkSets } from "../../../src/data/sets/check.js";
import { excerptName, faultFilteredParts } from "../../../src/data/sets/gtzan.js";
import { openSetTask, tasksIn } from "../../../src/data/sets/index.js";
import { labelRemarks } from "../../../src/data/sets/labels.js";
import { Problems, problemText } from "../../../src/data/sets/problems.js";
import { measureSeconds } from "../../../src/data/sets/seconds.js";
import { SetFiles } from "../../../src/data/sets/set-files.js";
import { DataError, UsageError } from "../../../src/gpu/errors.js";
import { put, shadedWav } from "../../support/sets.js";

const dir = mkdtempSync(join(tmpdir(), "melgrad-check-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("checkSets", () => {
  it("finds several sets below one folder, and what is wrong with their audio", async () => {
    const folder = join(dir, "several");
    const train = [...faultFilteredParts()].filter(([, part]) => part === "train").map(([name]) => name);
    for (const name of train.slice(0, 6))
      put(folder, `gtzan/${name.split(".")[0]}/${name}.wav`, shadedWav(1, 0.2, 0.6));
    const cut = shadedWav(1, 0.2, 2);
    put(folder, `gtzan/rock/${excerptName("rock", 0)}.wav`, cut.subarray(0, cut.length - 1000));
    put(folder, `gtzan/rock/${excerptName("rock", 1)}.wav`, new Uint8Array(0));
    put(
      folder,
      `gtzan/rock/${excerptName("rock", 2)}.mp3`,
      new TextEncoder().encode("no music ".repeat(4000)),
    );
    put(
      folder,
      "mirrored/meta.json",
      JSON.stringify({ a: { split: "train", y: "jazz" }, b: { split: "test", y: "jazz" } }),
    );
    put(folder, "mirrored/wav/a.wav", shadedWav(2, 0.2, 0.6));
    put(folder, "mirrored/wav/b.wav", shadedWav(3, 0.2, 0.6));

    expect(await tasksIn(folder)).toEqual(["gtzan", "jukemir"]);
    const [gtzan, jukemir] = await checkSets(folder, { cacheDir: dir });
    expect(jukemir.problems.list).toEqual([]);
    expect(jukemir.tasks[0].rows[0].counts).toEqual({ train: 1, valid: 0, test: 1 });
    expect(jukemir.tasks[0].remarks).toContain("the valid part has no clip");
    const broken = (set: typeof gtzan) =>
      set.problems.list
        .filter(({ kind }) => kind === "broken")
        .map(problemText)
        .sort();
    expect(broken(gtzan)).toEqual([
      "gtzan/rock/rock.00001.wav: empty (0 bytes)",
      expect.stringMatching(/^gtzan\/rock\/rock\.00002\.mp3: not audio/),
    ]);
    expect(gtzan.problems.list.filter(({ kind }) => kind === "missing")).toHaveLength(930 - 9);
    expect(gtzan.tasks[0].rows[0].counts.train).toBe(7);
    const [decoded] = await checkSets(folder, { dataset: "gtzan", decode: true, cacheDir: dir });
    expect(broken(decoded)[0]).toMatch(/^gtzan\/rock\/rock\.00000\.wav: truncated/);
    expect(decoded.tasks[0].rows[0].counts.train).toBe(6);
  });

  it("says what keeps a set from being read, and goes on with the next", async () => {
    const folder = join(dir, "half");
    put(folder, "m/annotations_final.csv", "clip_id\tmp3_path\n");
    put(folder, "j/meta.json", "{");
    const [mtat, jukemir] = await checkSets(folder, { cacheDir: dir });
    expect(mtat.failure).toMatch(/^m\/annotations_final\.csv:1: no column for the tags/);
    expect(jukemir.failure).toMatch(/^j\/meta\.json: /);
  });

  it("refuses folders that are not there, hold nothing, or hold something else", async () => {
    await expect(checkSets(join(dir, "nowhere"))).rejects.toThrow(/There is no folder/);
    put(dir, "other/notes.txt", "nothing");
    await expect(checkSets(join(dir, "other"))).rejects.toThrow(/holds none of the data sets that are known/);
    await expect(checkSets(join(dir, "other"), { dataset: "gtzan" })).rejects.toThrow(DataError);
    await expect(checkSets(join(dir, "other"), { dataset: "toys" })).rejects.toThrow(UsageError);
    await expect(openSetTask("toys", dir)).rejects.toThrow(/There is no task "toys"/);
  });
});

describe("labelRemarks", () => {
  const clip = (part: "train" | "valid" | "test", ...label: number[]) => ({ part, label }) as never;

  it("names classes that no training or test clip shows", () => {
    const clips = [clip("train", 0), clip("train", 1), clip("valid", 0), clip("test", 2), clip("test", 0)];
    expect(labelRemarks({ kind: "classification", classes: ["a", "b", "c"], clips })).toEqual([
      "no clip of the train part is of c; clips of them cannot be told",
      "no clip of the test part is of b; they are not tested",
    ]);
  });

  it("names tags that are nowhere on, part by part", () => {
    const clips = [clip("train", 1, 0), clip("valid", 1, 1), clip("test", 0, 1)];
    expect(labelRemarks({ kind: "multilabel", classes: ["a", "b"], clips })).toEqual([
      "no clip of the train part has the tags b; nothing can be learnt of them",
      "no clip of the test part has the tags a; they do not count in its mean",
    ]);
    expect(labelRemarks({ kind: "regression", classes: ["a"], clips: clips.slice(0, 1) })).toEqual([
      "the valid part has no clip",
      "the test part has no clip",
    ]);
  });

  it("agrees with decoding about MP3s whose tags hold a picture, whatever its size", async () => {
    const folder = join(dir, "pictures");
    const sound = readFileSync(new URL("../../fixtures/audio/mpeg1-stereo.mp3", import.meta.url));
    const rows = ["path,label"];
    const tagged = (length: number) => {
      const tag = Buffer.alloc(10 + length, 0x41);
      tag.set([
        0x49,
        0x44,
        0x33,
        3,
        0,
        0,
        (length >> 21) & 127,
        (length >> 14) & 127,
        (length >> 7) & 127,
        length & 127,
      ]);
      return tag;
    };
    for (const length of [1000, 16_384, 65_536, 70_000, 400_000]) {
      put(folder, `picture${length}.mp3`, new Uint8Array(Buffer.concat([tagged(length), sound])));
      put(
        folder,
        `zeros${length}.mp3`,
        new Uint8Array(Buffer.concat([tagged(100), Buffer.alloc(length), sound])),
      );
      rows.push(`picture${length}.mp3,a`, `zeros${length}.mp3,b`);
    }
    put(folder, "cut.mp3", new Uint8Array(Buffer.concat([tagged(70_000), sound.subarray(0, 5000)])));
    put(folder, "cut-tag.mp3", new Uint8Array(tagged(70_000).subarray(0, 69_000)));
    put(folder, "manifest.csv", [...rows, "cut.mp3,a", "cut-tag.mp3,b"].join("\n"));
    const broken = async (decode: boolean) => {
      const [set] = await checkSets(folder, { decode, cacheDir: dir });
      expect(set.tasks[0].rows[0].counts).toBeDefined();
      return set.problems.list.filter(({ kind }) => kind === "broken").map(({ file, text }) => [file, text]);
    };
    const seen = (await broken(false)).sort();
    expect(seen.map(([file]) => file)).toEqual(["cut-tag.mp3", "cut.mp3"]);
    expect((await broken(true)).sort()).toEqual(seen);
    const files = (await SetFiles.list(folder)).files.filter(({ path }) => path.endsWith(".mp3"));
    const problems = new Problems();
    const seconds = await measureSeconds(folder, files, problems, { cacheDir: dir, seed: 0 });
    expect(problems.list.map(({ file }) => file).sort()).toEqual(["cut-tag.mp3", "cut.mp3"]);
    for (const [i, file] of files.entries()) {
      if (seconds[i] === undefined) continue;
      const { channels, sampleRate } = await file.load();
      expect(Math.abs((seconds[i] ?? 0) - channels[0].length / sampleRate)).toBeLessThan(0.06); // the encoder's padding
    }
  });
});
