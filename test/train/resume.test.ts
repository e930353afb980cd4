// Training end to end through the command, on a few seconds of synthetic music: the run's folder, the loss, stopping with
// Ctrl-C, being killed outright, and resuming, whose log must equal an uninterrupted run's to the last bit.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/io/safetensors.js";
import { Random } from "../../src/tensor/random.js";
import { useCommand } from "../support/cli.js";
import { freshSeed } from "../support/gpu.js";
import { writeMusic } from "../support/music.js";
import { hasLogged, readLog } from "../support/run-log.js";

const command = useCommand();
const steps = 12;
const settings = ["--data", "music", "--steps", String(steps), "--batch", "2", "--seed", "5", "--no-probe"];
const train = (out: string) => ["train", ...settings, "--out", out];
const resume = (out: string) => ["train", "--resume", "--out", out, "--no-probe"];

beforeAll(() => writeMusic(join(command.folder, "music")));

const logOf = (run: string, file = "log.jsonl") => readLog(join(command.folder, run, file));
const logged = (run: string, count: number) => hasLogged(join(command.folder, run, "log.jsonl"), count);

describe("a run", () => {
  it("leaves every file of the run's folder and a lower loss", async () => {
    const { code, stderr, stdout } = await command.run(train("whole"));
    expect(stderr).toContain("adapter: ");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("loss ");
    const files = readdirSync(join(command.folder, "whole"));
    for (const name of ["config.json", "log.jsonl", "checkpoint", "model.safetensors", "report.html"]) {
      expect(files).toContain(name);
    }
    const log = logOf("whole");
    expect(log.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    for (const line of log) {
      for (const value of Object.values(line)) expect(Number.isFinite(value)).toBe(true);
    }
    const heldOut = logOf("whole", "heldout.jsonl"); // the same crops each time
    expect(heldOut[heldOut.length - 1].loss).toBeLessThan(heldOut[0].loss);
  });

  it("stops at Ctrl-C with a checkpoint, and resumes to the same log and weights", async () => {
    const { child, done } = command.start(train("stopped"));
    await logged("stopped", 4);
    child.kill("SIGINT");
    const stopped = await done;
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(logOf("stopped").length).toBeLessThan(steps);
    const { code, stderr } = await command.run(resume("stopped"));
    expect(code, stderr).toBe(0);
    expect(logOf("stopped")).toEqual(logOf("whole"));
    const [a, b] = ["whole", "stopped"].map((run) =>
      readSafetensors(readFileSync(join(command.folder, run, "model.safetensors"))),
    );
    expect([...b.keys()]).toEqual([...a.keys()]);
    for (const [name, { data }] of a) expect(b.get(name)?.data, name).toEqual(data);
  });

  it("loses no more than the steps since the last checkpoint to kill -9, at whatever moment", async () => {
    const random = new Random(freshSeed("kill -9"));
    let { child, done } = command.start(train("killed"));
    await logged("killed", 1);
    for (let round = 0; round < 3; round++) {
      await new Promise((wake) => setTimeout(wake, random.integer(400)));
      child.kill("SIGKILL");
      await done;
      ({ child, done } = command.start(resume("killed")));
      await new Promise((wake) => setTimeout(wake, 500 + random.integer(2500)));
    }
    const finished = await done;
    expect(finished.code, finished.stderr).toBe(0);
    expect(logOf("killed")).toEqual(logOf("whole"));
  });
});
