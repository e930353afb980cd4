// `melgrad features` and `melgrad probe --features` as a person runs them: a corpus whole and in shards, kills, and every way in which
// shards can fail to belong together.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { readSafetensors } from "../../src/io/safetensors.js";
import { readFeatures } from "../../src/train/feature-file.js";
import { useCommand } from "../support/cli.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { chords } from "../support/music.js";
import { writeRun } from "../support/run-folder.js";

const melgrad = useCommand();
const gpu = useGpu();
const seed = freshSeed("features");
const path = (name: string) => join(melgrad.folder, name);
const classes = ["high", "low"];

beforeAll(async () => {
  await writeRun(gpu(), path("run"), 1 + (seed % 1000));
  await writeRun(gpu(), path("other"), 2 + (seed % 1000));
  mkdirSync(path("set"));
  const lines = ["path,label,split"];
  for (let i = 0; i < 30; i++) {
    const name = `clip-${String(i).padStart(2, "0")}.wav`;
    const tone = chords(seed + i, 1.2).map((value, t) =>
      i % 2 === 0 ? value : 0.3 * Math.sin(0.9 * t) + 0.3 * value,
    );
    writeFileSync(path(`set/${name}`), encodeWav16(tone, 16000));
    lines.push(
      `${name},${classes[i % 2]},${["train", "train", "valid", "test", "test"][Math.floor(i / 2) % 5]}`,
    );
  }
  // Cut in the middle: found out when it is decoded.
  writeFileSync(path("set/clip-07.wav"), readFileSync(path("set/clip-07.wav")).subarray(0, 9000));
  writeFileSync(path("set/manifest.csv"), `${lines.join("\n")}\n`);
});

const extract = (...args: string[]) =>
  melgrad.run(["features", "extract", "--checkpoint", "run", "--task", "manifest", "--data", "set", ...args]);
const merge = (...args: string[]) => melgrad.run(["features", "merge", ...args]);

describe("features", () => {
  it("come out alike whole and in shards, and are probed without audio", { timeout: 240_000 }, async () => {
    const whole = await extract("--out", "whole.safetensors");
    expect(whole.code, whole.stderr).toBe(0);
    expect(whole.stderr).toMatch(/left out: clip-07\.wav: truncated/);
    expect(whole.stderr).toMatch(/whole\.safetensors: 29 clips, 1 left out; .* h of audio an hour/);
    mkdirSync(path("shards"));
    for (const i of [3, 1, 2]) {
      const shard = await extract("--shard", `${i}/3`, "--out", "shards");
      expect(shard.code, shard.stderr).toBe(0);
      expect(existsSync(path(`shards/manifest-mean+max-${i}-of-3.safetensors`))).toBe(true);
      expect(shard.stderr).toMatch(/all of them were kept from before/); // nothing is made twice
    }
    const names = [1, 2, 3].map((i) => `shards/manifest-mean+max-${i}-of-3.safetensors`);
    const merged = await merge("merged.safetensors", names[2], names[0], names[1]);
    expect(merged.code, merged.stderr).toBe(0);
    expect(readFileSync(path("merged.safetensors"))).toEqual(readFileSync(path("whole.safetensors")));
    const file = await readFeatures(path("merged.safetensors"));
    expect(file.header.clips).toHaveLength(29);
    expect(file.header.skipped.map(({ id, label }) => [id, label])).toEqual([["clip-07.wav", [1]]]);
    const tensors = readSafetensors(new Uint8Array(readFileSync(path("merged.safetensors"))));
    expect(tensors.get("pretrained/0")?.shape).toEqual([29, 32]);

    // Of the audio nothing is needed any more.
    const json = ["--json", path("file.json")];
    const probe = await melgrad.run(["probe", "--features", "merged.safetensors", ...json]);
    expect(probe.code, probe.stderr).toBe(0);
    expect(probe.stdout).toMatch(/manifest \(accuracy, chance 0\.500\)\n {2}pretrained +\d\.\d{3}/);
    expect(probe.stdout).toMatch(/majority/);
    const [task] = JSON.parse(readFileSync(path("file.json"), "utf8")).tasks;
    expect(task.note).toMatch(/One clip could not be used: clip-07\.wav.*truncated/);
    expect(task.note).toMatch(/so in the test part low loses 1 of \d/);
    const live = await melgrad.run([
      ...["probe", "--checkpoint", "run", "--task", "manifest", "--data", "set", "--no-hand-features"],
      ...["--json", path("live.json")],
    ]);
    expect(live.code, live.stderr).toBe(0);
    const [same] = JSON.parse(readFileSync(path("live.json"), "utf8")).tasks;
    expect(same.rows[0]).toEqual(task.rows[0]); // pretrained
    expect(same.note).toMatch(/One clip could not be used: clip-07\.wav/);
  });

  it("are made by all processes of a probe, which the same command alone then ends", {
    timeout: 240_000,
  }, async () => {
    const probe = [
      ...["probe", "--checkpoint", "run", "--task", "manifest", "--data", "set", "--no-hand-features"],
      ...["--seeds", "1", "--json", path("shared.json")],
    ];
    const env = { MELGRAD_CACHE: path("shared-cache") };
    const shares = await Promise.all(
      ["0", "1"].map((rank) =>
        melgrad.run(probe, { env: { ...env, OMPI_COMM_WORLD_RANK: rank, OMPI_COMM_WORLD_SIZE: "2" } }),
      ),
    );
    const own = shares.map(({ code, stdout, stderr }, i) => {
      expect(code, stderr).toBe(0);
      expect(stdout).toBe("");
      const words = new RegExp(`manifest: kept features of (\\d+) of 30 clips, share ${i + 1} of 2`);
      expect(stderr).toMatch(words);
      return Number(words.exec(stderr)?.[1]);
    });
    expect(own[0] + own[1]).toBe(30);
    expect(shares[0].stderr).toMatch(/the same command alone, where .*shared-cache is seen/);
    expect(existsSync(path("shared.json"))).toBe(false);
    const whole = await melgrad.run(probe, { env });
    expect(whole.code, whole.stderr).toBe(0);
    expect(whole.stdout).toMatch(/manifest \(accuracy, chance 0\.500\)\n {2}pretrained +\d\.\d{3}/);
    expect(whole.stderr).not.toMatch(/of audio an hour/); // no clip was listened to again
  });

  it("may be killed at any point", { timeout: 120_000 }, async () => {
    const env = { MELGRAD_CACHE: path("killed") };
    const args = ["features", "extract", "--checkpoint", "run", "--data", "set", "--pool", "max"];
    for (const wait of [1500, 2500]) {
      const { child, done } = melgrad.start([...args, "--out", "killed.safetensors"], { env });
      setTimeout(() => child.kill("SIGKILL"), wait);
      await done;
    }
    if (!existsSync(path("killed.safetensors"))) {
      const ended = await melgrad.run([...args, "--out", "killed.safetensors"], { env });
      expect(ended.code, ended.stderr).toBe(0);
    }
    const whole = await melgrad.run([...args, "--out", "unkilled.safetensors"], {
      env: { MELGRAD_CACHE: path("fresh") },
    });
    expect(whole.code, whole.stderr).toBe(0);
    const [a, b] = await Promise.all(
      ["killed.safetensors", "unkilled.safetensors"].map((name) => readFeatures(path(name))),
    );
    expect(a.header).toEqual(b.header);
    a.columns[0].values.forEach((value, i) => {
      expect(value).toBeCloseTo(b.columns[0].values[i], 5); // the crops were batched differently
    });
  });

  it("takes the baselines along", { timeout: 120_000 }, async () => {
    const made = await extract("--baselines", "--pool", "layers", "--out", "all.safetensors");
    expect(made.code, made.stderr).toBe(0);
    const probe = await melgrad.run([
      ...["probe", "--features", "all.safetensors", "--grid", "marble", "--evaluations", "3"],
    ]);
    expect(probe.code, probe.stderr).toBe(0);
    for (const name of ["pretrained", "random", "log-mel mean\\+std", "mfcc", "chroma", "majority"]) {
      expect(probe.stdout).toMatch(new RegExp(`^ {2}${name} +\\d`, "m"));
    }
    expect(probe.stdout).toMatch(/pretrained .*(layer \d of 2|layers weighted)/);
  });

  it("says which shards do not belong together", { timeout: 240_000 }, async () => {
    const shard = async (name: string, ...args: string[]) => {
      mkdirSync(dirname(path(name)), { recursive: true });
      const { code, stderr } = await extract("--out", name, ...args);
      expect(code, stderr).toBe(0);
    };
    await shard("a1.st", "--shard", "1/2");
    await shard("a2.st", "--shard", "2/2");
    await shard("b3.st", "--shard", "3/3");
    await shard("max.st", "--shard", "2/2", "--pool", "max");
    const foreign = await melgrad.run([
      ...["features", "extract", "--checkpoint", "other", "--task", "manifest", "--data", "set"],
      ...["--shard", "2/2", "--out", "foreign.st"],
    ]);
    expect(foreign.code, foreign.stderr).toBe(0);
    const listed = readFileSync(path("set/manifest.csv"), "utf8");
    writeFileSync(path("set/manifest.csv"), listed.replace("clip-05.wav,low", "clip-05.wav,high"));
    await shard("relabelled.st", "--shard", "2/2");
    writeFileSync(path("set/manifest.csv"), listed);
    copyFileSync(path("a1.st"), path("copy.st"));
    writeFileSync(path("cut.st"), readFileSync(path("a1.st")).subarray(0, 3000));
    const refused = async (shards: string[], message: RegExp) => {
      const { code, stderr } = await merge("never.st", ...shards);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(code).toBe(1);
      expect(existsSync(path("never.st"))).toBe(false);
    };
    await refused(["a1.st"], /Shard 2\/2 is missing: make it with melgrad features extract --shard 2\/2/);
    await refused(["a1.st", "copy.st"], /a1\.st and copy\.st are both shard 1\/2/);
    await refused(["a1.st", "b3.st"], /b3\.st does not belong to a1\.st: it is one of 3 shards, not of 2/);
    await refused(
      ["a1.st", "max.st"],
      /max\.st does not belong to a1\.st: its pool is "max", not "mean\+max"/,
    );
    await refused(["a1.st", "foreign.st"], /foreign\.st .* made with other weights \(other.*, not run.*\)/);
    await refused(["a1.st", "relabelled.st"], /relabelled\.st does not belong to a1\.st: its list of clips/);
    await refused(["cut.st"], /cut\.st: .*cut/);
    await refused(["set/manifest.csv"], /manifest\.csv/);
    expect((await merge("fine.st", "a1.st", "a2.st")).code).toBe(0);
    await refused(["fine.st"], /fine\.st is no shard but a whole file/);
    const part = await melgrad.run(["probe", "--features", "a1.st"]);
    expect([part.code, part.stderr.trim().split("\n").at(-1)]).toEqual([
      1,
      "a1.st is shard 1 of 2: merge them all with melgrad features merge first.",
    ]);
  });

  it.each([
    [["--shard", "0/3"], /Write which shard of how many/],
    [["--shard", "4/3"], /Write which shard of how many/],
    [["--pool", "median"], /Allowed choices are mean, max, mean\+max, layers, rows, stats, modulation, time/],
  ])("exits with 2 for %j", async (args, message) => {
    const { code, stderr } = await extract(...args, "--out", "never.st");
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("says what else is missing", async () => {
    const bare = ["features", "extract", "--checkpoint", "run", "--out", "never.st"];
    const none = await melgrad.run(bare);
    expect([none.code, none.stderr]).toEqual([
      2,
      "Say what to extract features of: write --data FOLDER or --task NAME.\n",
    ]);
    const nothing = await melgrad.run(["probe"], { env: { MELGRAD_MODELS: "nowhere" } });
    expect(nothing.code).toBe(2);
    expect(nothing.stderr).toMatch(/No released model .* name a run's folder/);
    const both = await melgrad.run(["probe", "--features", "a.st", "--checkpoint", "run"]);
    expect(both.code).toBe(2);
    expect(both.stderr).toMatch(/leave out --checkpoint/);
  });
});
