// The released model as a person meets it: commands take it where no other is named, by name too, and say so; where there is none they say
// what to write. A folder of models made here stands for the package's.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { readFeatures } from "../../src/train/feature-file.js";
import { useCommand } from "../support/cli.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { chords } from "../support/music.js";
import { writeReleased, writeRun } from "../support/run-folder.js";

const melgrad = useCommand();
const gpu = useGpu();
const seed = freshSeed("released");
const path = (name: string) => join(melgrad.folder, name);
const released = (...args: string[]) => melgrad.run(args, { env: { MELGRAD_MODELS: path("models") } });
const says = "model: tiny, released with melgrad (--checkpoint FOLDER takes another)\n";

beforeAll(async () => {
  await writeReleased(gpu(), path("models"), "tiny", seed % 1000);
  await writeRun(gpu(), path("run"), seed % 1000);
  await writeRun(gpu(), path("models/other"), 1 + (seed % 1000), { alone: true });
  mkdirSync(path("set"));
  const lines = ["path,label,split"];
  for (let i = 0; i < 12; i++) {
    const tone = chords(seed + i, 1.2).map((value, t) => (i % 2 === 0 ? value : 0.3 * Math.sin(0.9 * t)));
    writeFileSync(path(`set/${i}.wav`), encodeWav16(tone, 16000));
    lines.push(`${i}.wav,${i % 2 ? "low" : "high"},${["train", "valid", "test"][Math.floor(i / 2) % 3]}`);
  }
  writeFileSync(path("set/manifest.csv"), `${lines.join("\n")}\n`);
});

it("is what embed takes where no other is named", { timeout: 120_000 }, async () => {
  const usual = await released("embed", "set/0.wav", "set/1.wav");
  expect(usual.code, usual.stderr).toBe(0);
  expect(usual.stderr).toContain(says);
  const ofRun = await released("embed", "--checkpoint", "run", "set/0.wav", "set/1.wav");
  expect(ofRun.stdout).toBe(usual.stdout); // the same encoder, without its heads
  expect(ofRun.stderr).not.toContain("model:");
  const other = await released("embed", "--checkpoint", "other", "set/0.wav", "set/1.wav");
  expect(other.stderr).toContain("model: other, released");
  expect(other.stdout).not.toBe(usual.stdout);
  expect(other.stdout.trim().split("\n")).toHaveLength(2);
});

it("is what features and probe take", { timeout: 120_000 }, async () => {
  const extracted = await released("features", "extract", "--data", "set", "--out", "features.safetensors");
  expect(extracted.code, extracted.stderr).toBe(0);
  expect(extracted.stderr).toContain(says);
  const { header } = await readFeatures(path("features.safetensors"));
  expect(header.checkpoint).toBe("tiny");
  expect(header.clips).toHaveLength(12);
  const args = ["--data", "set", "--no-hand-features", "--seeds", "1", "--json", "table.json"];
  const probed = await released("probe", ...args);
  expect(probed.code, probed.stderr).toBe(0);
  expect(probed.stderr).toContain(says);
  const phases = [...probed.stderr.matchAll(/^phase (\d of \d, [a-z-]+): \w.*$/gm)].map(([, phase]) => phase);
  expect(phases).toEqual(["1 of 3, tasks", "2 of 3, features", "3 of 3, probes"]);
  const table = JSON.parse(readFileSync(path("table.json"), "utf8"));
  expect(table.tasks[0].rows[0].features).toBe("pretrained");
});

it("is missed with a sentence where there is none, or where the list is damaged", async () => {
  mkdirSync(path("empty"));
  const ask = async (models: string, ...args: string[]) => {
    const { code, stderr } = await melgrad.run(args, { env: { MELGRAD_MODELS: path(models) } });
    return [code, stderr];
  };
  const none =
    "No released model comes with this copy of melgrad: name a run's folder, such as runs/NAME, that melgrad train made.\n";
  expect(await ask("empty", "embed", "set/0.wav")).toEqual([2, none]);
  expect(await ask("empty", "probe")).toEqual([2, none]);
  expect(await ask("empty", "train", "--init", "pretrained", "--out", "new")).toEqual([2, none]);
  const nowhere = await ask("models", "embed", "--checkpoint", "nowhere", "set/0.wav");
  expect(nowhere[0]).toBe(2);
  expect(nowhere[1]).toMatch(/There is no 'nowhere': write the folder of a run, such as runs\/NAME/);

  const index = path("models/index.json");
  const before = readFileSync(index);
  writeFileSync(index, JSON.stringify({ default: "gone" }));
  expect(await ask("models", "embed", "set/0.wav")).toEqual([
    1,
    `${index} names a model that is not there: "gone".\n`,
  ]);
  rmSync(index);
  expect((await ask("models", "embed", "set/0.wav"))[1]).toContain("(other, tiny are there by name)");
  writeFileSync(index, before);
});
