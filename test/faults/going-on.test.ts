// Going on with a run, or starting it where there is none yet, with the same words: what may change meanwhile, what is refused, and what
// is noticed of the music. The bits of what is computed are resume.test.ts's.

import type { ChildProcess } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { RunFolder } from "../../src/train/run-folder.js";
import { useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";

const command = useCommand();
const inside = (...parts: string[]) => join(command.folder, ...parts);
const script = ["train", "--no-probe", "--steps", "2", "--batch", "2", "--data", "music", "--resume"];
const config = (run: string) => JSON.parse(readFileSync(inside(run, "config.json"), "utf8"));
const steps = (run: string) => readFileSync(inside(run, "log.jsonl"), "utf8").trimEnd().split("\n").length;

beforeAll(async () => {
  writeMusic(inside("music"), 3, 5);
  const { code, stderr } = await command.run([...script, "--out", "begun"]);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("there is no run in begun yet: starting one");
});

describe("the same script again", () => {
  it("goes on with what it began", async () => {
    const before = readFileSync(inside("begun", "model.safetensors"));
    const { code, stderr } = await command.run([...script, "--out", "begun"]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("resuming after step 2 of 2");
    expect(readFileSync(inside("begun", "model.safetensors")).equals(before)).toBe(true);
  });

  it("starts over where it was killed before config.json was there", async () => {
    mkdirSync(inside("killed"));
    cpSync(inside("begun", "checkpoint"), inside("killed", "checkpoint"), { recursive: true });
    copyFileSync(inside("begun", "kernels.json"), inside("killed", "kernels.json"));
    writeFileSync(inside("killed", "config.json.77-abc.part"), '{ "format": 1, "melg');
    const { code, stderr } = await command.run([...script, "--out", "killed"]);
    expect(code, stderr).toBe(0);
    expect(readFileSync(inside("killed", "model.safetensors"))).toEqual(
      readFileSync(inside("begun", "model.safetensors")),
    );
    expect(existsSync(inside("killed", "config.json.77-abc.part"))).toBe(false);
  });

  it("finds the run that was started last, whatever the clock says", async () => {
    const root = inside("runs");
    await RunFolder.createBelow(root, "demo-2031");
    const { path } = await RunFolder.createBelow(root, "demo-2030"); // the clock was set back
    utimesSync(path, 0, 0);
    expect(await RunFolder.newest(root)).toBe(path);
    expect((await RunFolder.createBelow(root, "demo-2030")).path).toBe(`${path}-2`);
    rmSync(inside("runs", ".newest"));
    expect(await RunFolder.newest(root)).not.toBe(path);
  });
});

describe("SIGTERM, as schedulers send it", () => {
  const words = [...script.map((word, i) => (script[i - 1] === "--steps" ? "60" : word)), "--out", "told"];
  const until = async (child: ChildProcess, text: RegExp) => {
    let heard = "";
    await new Promise<void>((done) => {
      child.stderr?.on("data", (data) => {
        heard += data;
        if (text.test(heard)) done();
      });
      child.on("close", () => done());
    });
  };

  it.each([
    [
      "while music is prepared",
      /^run: /m,
      /^requeue: stopped by SIGTERM before the first step; .*--resume --out told/m,
    ],
    [
      "in training",
      /training: step 1/,
      /^requeue: stopped by SIGTERM after step \d+ of 60; .*--resume --out told/m,
    ],
  ])("%s saves, exits with 0 and says so in a line", async (_, moment, line) => {
    const { child, done } = command.start(words);
    await until(child, moment);
    child.kill("SIGTERM");
    const { code, stdout, stderr } = await done;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(line);
    expect(stderr).toContain("SIGTERM: saving");
  });

  it("twice ends the process at once", async () => {
    const { child, done } = command.start(words);
    const asked = until(child, /SIGTERM: saving/);
    await until(child, /^run: /m);
    child.kill("SIGTERM");
    await asked;
    child.kill("SIGTERM");
    expect((await done).code).toBe(130);
  });
});

describe("a change on the way", () => {
  it("of rate and length is taken up, kept and told", async () => {
    cpSync(inside("begun"), inside("changed"), { recursive: true });
    const more = ["train", "--no-probe", "--resume", "--out", "changed", "--steps", "3", "--lr", "2e-4"];
    const { code, stderr } = await command.run(more);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/changed after step 2: learning rate 0\.0002 instead of/);
    expect(steps("changed")).toBe(3);
    expect(config("changed").pretrain).toMatchObject({ lr: 2e-4, steps: 3 });
    expect(config("changed").changes).toEqual([{ step: 2, what: [expect.any(String), expect.any(String)] }]);
    const back = await command.run([...script, "--out", "changed"]);
    expect(back.code).toBe(2);
    expect(back.stderr).toContain("has done 3 steps already");
  });

  it("of a rate that was far too large is what the run advises when it stops, and it helps", async () => {
    const words = ["train", "--no-probe", "--batch", "2", "--data", "music", "--out", "wild"];
    const wild = await command.run([...words, "--steps", "30", "--lr", "1e6"]);
    expect(wild.code).toBe(1);
    expect(wild.stderr).toMatch(/not finite in 5 steps in a row .* (first layer|gradient)/);
    const advised = /checkpoint, after step (\d+), .*: (--resume .*)\.$/m.exec(wild.stderr);
    const mended = await command.run([
      "train",
      "--no-probe",
      "--steps",
      "8",
      ...(advised?.[2] ?? "").split(" "),
    ]);
    expect(mended.code, wild.stderr + mended.stderr).toBe(0);
    expect(readFileSync(inside("wild", "log.jsonl"), "utf8")).not.toContain("skipped");
    expect(steps("wild")).toBe(8);
  });

  it("of the music's place is taken up", async () => {
    cpSync(inside("begun"), inside("moved"), { recursive: true });
    mkdirSync(inside("elsewhere"));
    const words = (...more: string[]) => ["train", "--no-probe", "--resume", "--out", "../moved", ...more];
    const elsewhere = { shell: "cd elsewhere" };
    expect((await command.run(words(), elsewhere)).stderr).toContain("resuming after step 2");
    renameSync(inside("music"), inside("music-2"));
    try {
      const lost = await command.run(words(), elsewhere);
      expect(lost.code).toBe(1);
      expect(lost.stderr).toMatch(/which is not there: write --data FOLDER/);
      const found = await command.run(words("--data", "../music-2"), elsewhere);
      expect(found.code, found.stderr).toBe(0);
      expect(config("moved").data.path).toBe(inside("music-2"));
    } finally {
      renameSync(inside("music-2"), inside("music"));
    }
  });

  it("of what is in the files is noticed, though names and lengths stay", async () => {
    const [a, b, c] = ["piece-0.wav", "piece-2.wav", "kept.wav"].map((name) => inside("music", name));
    const swap = () => {
      renameSync(a, c);
      renameSync(b, a);
      renameSync(c, b);
    };
    swap();
    try {
      const { code, stderr } = await command.run([...script, "--out", "begun"]);
      expect(code).toBe(1);
      expect(stderr).toContain("piece-0.wav, piece-2.wav hold other music");
      rmSync(a);
      const fewer = await command.run([...script, "--out", "begun"]);
      expect(fewer.stderr).toMatch(/piece-2\.wav holds other music; piece-0\.wav is missing/);
    } finally {
      writeMusic(inside("music"), 3, 5);
    }
  });
});
