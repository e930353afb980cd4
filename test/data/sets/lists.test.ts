// JukeMIR's metadata and manifests of a folder's own: what their labels make of them, and what is wrong with which line.
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { jukemir } from "../../../src/data/sets/jukemir.js";
import { manifest } from "../../../src/data/sets/manifest.js";
import { top50 } from "../../../src/data/sets/mtat.js";
import { countParts } from "../../../src/data/sets/parts.js";
import { problemText } from "../../../src/data/sets/problems.js";
import type { SetFile } from "../../../src/data/sets/set-files.js";
import { audioFile, readFrom, textFile } from "../../support/sets.js";

const cache = tmpdir();

function gz(path: string, value: unknown): SetFile {
  const bytes = new Uint8Array(gzipSync(JSON.stringify(value)));
  return { ...textFile(path, ""), bytes: async () => bytes };
}

describe("JukeMIR's metadata", () => {
  it("reads genres, tags, keys and emotions, gzipped or not", async () => {
    const wavs = (uids: readonly string[]) => uids.map((uid) => audioFile(`set/wav/${uid}.wav`));
    const genre = await readFrom(
      jukemir,
      [
        gz("set/gtzan_ff.json.gz", {
          ab12: { split: "train", y: "jazz", extra: { id: "jazz.00001" } },
          cd34: { split: "valid", y: "rock" },
          ef56: { split: null, y: "rock" },
        }),
        ...wavs(["ab12", "cd34", "ef56"]),
      ],
      cache,
    );
    expect(genre.set.tasks[0]).toMatchObject({
      kind: "classification",
      published: { clips: { train: 443 } },
    });
    expect(genre.set.tasks[0].clips.map(({ label, part }) => [label?.[0], part])).toEqual([
      [5, "train"],
      [9, "valid"],
    ]);
    expect(genre.set.found).toEqual(["set/gtzan_ff.json.gz: 3 entries, 1 in no part"]);

    const key = await readFrom(
      jukemir,
      [
        textFile(
          "set/meta.json",
          JSON.stringify({
            "0000009-0": { split: "test", y: "Eb minor", clip: { audio_uid: "0000009", clip_idx: 0 } },
            "0000009-1": { split: "test", y: "Eb minor", clip: { audio_uid: "0000009", clip_idx: 1 } },
          }),
        ),
        ...wavs(["0000009-0", "0000009-1"]),
      ],
      cache,
    );
    expect(countParts(key.set.tasks[0].clips)).toMatchObject({ clips: { test: 2 }, songs: { test: 1 } });
    expect(key.set.tasks[0].clips[0].label).toEqual([15]);

    const tags = await readFrom(
      jukemir,
      [
        textFile(
          "set/meta.json",
          JSON.stringify({
            "00002": {
              split: "test",
              y: ["guitar", "harp", "hurdy-gurdy"],
              clip: { audio_uid: ["http://x", "3"] },
            },
            "00003": { split: "train", y: [] },
            "00004": { split: null, y: null },
          }),
        ),
        ...wavs(["00002", "00003"]),
      ],
      cache,
    );
    const [task] = tags.set.tasks;
    expect(task.classes).toEqual(top50);
    expect(task.clips.map(({ label }) => label?.reduce((a, b) => a + b, 0))).toEqual([2, 0]);
    expect(task.clips[0].piece).toBe("http://x#3");
    expect(tags.problems.faults.map(problemText)).toEqual([
      'set/meta.json: the tag "hurdy-gurdy" is none of the 50 and is not counted',
    ]);

    const emotion = await readFrom(
      jukemir,
      [
        textFile(
          "meta.json",
          JSON.stringify({
            a: { split: "train", y: [0.5, -1] },
            b: { split: "test", y: [1] },
            c: { split: "dev", y: [1, 2] },
          }),
        ),
        ...["a", "b", "c"].map((uid) => audioFile(`wav/${uid}.flac`)),
      ],
      cache,
    );
    expect(emotion.set.tasks[0].classes).toEqual(["arousal", "valence"]);
    expect(emotion.problems.faults.map(problemText)).toEqual([
      'meta.json: entry "b": the label [1] is not a list of 2 numbers; left out',
      'meta.json: entry "c": the split "dev" is none of train, valid, test; left out',
    ]);
  });

  it("says what is wrong with the file itself", async () => {
    const audio = audioFile("wav/a.wav");
    await expect(readFrom(jukemir, [textFile("meta.json", '{"a": '), audio], cache)).rejects.toThrow(
      /^meta\.json: /,
    );
    await expect(readFrom(jukemir, [textFile("meta.json", "[1]"), audio], cache)).rejects.toThrow(
      /object of objects/,
    );
    await expect(readFrom(jukemir, [textFile("gtzan_ff.json.gz", "{}"), audio], cache)).rejects.toThrow(
      /unpacked/,
    );
    const two = [textFile("a/meta.json", "{}"), textFile("b/meta.json", "{}")];
    await expect(readFrom(jukemir, two, cache)).rejects.toThrow(/a folder for each/);
  });
});

describe("a manifest", () => {
  const audio = (...names: string[]) => names.map((name) => audioFile(name));

  it("with a label is classification, on its own split", async () => {
    const { set, problems } = await readFrom(
      manifest,
      [
        textFile(
          "songs.csv",
          '\uFEFFpath,split,label,artist\na.wav,train,"dub, deep",X\nb.wav,Validation,house,Y\nsub/c.wav,test,house,Z\n' +
            "d.wav,later,house,Z\ngone.wav,train,house,Z\na.wav,train,house,X\ne.wav,train,,X\nf.wav,train\n",
        ),
        ...audio("a.wav", "b.wav", "sub/c.wav", "d.wav", "e.wav", "f.wav"),
      ],
      cache,
    );
    const [task] = set.tasks;
    expect(task).toMatchObject({ kind: "classification", classes: ["dub, deep", "house"] });
    expect(task.clips.map(({ id, part, label }) => [id, part, label?.[0]])).toEqual([
      ["a.wav", "train", 0],
      ["b.wav", "valid", 1],
      ["sub/c.wav", "test", 1],
    ]);
    expect(task.clips[0].groups).toEqual(["piece:a.wav", "artist:X"]);
    expect(problems.faults.map(problemText)).toEqual([
      "songs.csv:9: 2 cells where the header has 4; left out",
      'songs.csv:5: "later" in the column "split" is none of train, valid, test; it is not probed on',
      "songs.csv:6: gone.wav is not there",
      "songs.csv:7: a.wav again, as in line 2; left out",
      "songs.csv:8: no label; it is not probed on",
    ]);
    expect(set.subsets.map(({ name, clips }) => [name, clips.length])).toEqual([
      ["train", 2],
      ["train+valid", 3],
      ["all", 5],
    ]);
  });

  it("with tags is tagging, from JSONL too, with excerpts of one file", async () => {
    const lines = [
      '{"file": "x.wav", "tags": ["slow", "piano"], "start": 0, "end": 10, "piece": "x"}',
      '{"file": "x.wav", "tags": ["piano"], "start": 10, "seconds": 5, "piece": "x"}',
      "not json",
      '{"file": "x.wav", "tags": [], "start": 9, "end": 3}',
    ];
    const { set, problems } = await readFrom(
      manifest,
      [textFile("m/manifest.jsonl", lines.join("\n")), ...audio("m/x.wav")],
      cache,
    );
    const [task] = set.tasks;
    expect(task).toMatchObject({ kind: "multilabel", classes: ["piano", "slow"] });
    expect(
      task.clips.map(({ id, start, seconds, label, part }) => [id, start, seconds, label, part]),
    ).toEqual([
      ["x.wav@0", 0, 10, [1, 1], undefined],
      ["x.wav@10", 10, 5, [1, 0], undefined],
    ]);
    expect(problems.faults.map(problemText)).toEqual([
      "m/manifest.jsonl:3: not a JSON object; left out",
      "m/manifest.jsonl:4: start, end or seconds are not times in seconds; left out",
    ]);
  });

  it("with columns of numbers is regression, or tagging where all are 0 or 1", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `${i}.wav`);
    const table = (row: (i: number) => string, header: string) =>
      textFile("manifest.tsv", `${header}\n${names.map((name, i) => `${name}\t${row(i)}`).join("\n")}\n`);
    const numbers = await readFrom(
      manifest,
      [
        table((i) => `${i === 3 ? "fast" : i / 2}\t${i < 9 ? "train" : "test"}`, "path\ttempo\tsplit"),
        ...audio(...names),
      ],
      cache,
    );
    expect(numbers.set.tasks[0]).toMatchObject({ kind: "regression", classes: ["tempo"] });
    expect(numbers.problems.faults.map(problemText)).toEqual([
      'manifest.tsv:5: "fast" in the column "tempo" is not a number; it is not probed on',
    ]);
    const counts = countParts(numbers.set.tasks[0].clips).clips;
    expect(counts.test).toBe(3);
    expect(counts.valid).toBeGreaterThan(0); // drawn from the training part, as no row is in it
    expect(counts.train + counts.valid).toBe(8);
    const binary = await readFrom(
      manifest,
      [table((i) => `${i % 2}\t${i % 3 === 0 ? 1 : 0}`, "path\tdrums\tbass"), ...audio(...names)],
      cache,
    );
    expect(binary.set.tasks[0]).toMatchObject({ kind: "multilabel", classes: ["drums", "bass"] });
    const plain = await readFrom(
      manifest,
      [textFile("manifest.csv", "path\n0.wav\n"), ...audio("0.wav")],
      cache,
    );
    expect(plain.set.tasks).toEqual([]);
    expect(plain.set.subsets.map(({ name }) => name)).toEqual(["all"]);
  });

  it("needs a path", async () => {
    await expect(readFrom(manifest, [textFile("manifest.csv", "song,label\na,b\n")], cache)).rejects.toThrow(
      /manifest\.csv:1: no column "path" \(columns: song, label\)/,
    );
  });
});
