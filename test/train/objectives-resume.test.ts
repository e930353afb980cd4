// The objective with a teacher through the command: a run that was stopped and resumed must equal one that was not, to the last bit of
// its log, its weights and its teacher; and objectives leave runs that can be embedded with and reported. Every objective's
// resuming within a process is in test/patchifier/objectives.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/io/safetensors.js";
import { useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";
import { hasLogged, readLog } from "../support/run-log.js";

const command = useCommand();
const steps = 10;
const train = (objective: string, out: string, count = steps) => [
  ...["train", "--data", "music", "--steps", String(count), "--batch", "2", "--seed", "5", "--no-probe"],
  ...["--objective", objective, "--out", out],
];

beforeAll(() => writeMusic(join(command.folder, "music")));

const lines = (run: string, name: string) => readLog(join(command.folder, run, name));

function tensors(run: string, name: string) {
  return readSafetensors(readFileSync(join(command.folder, run, name)));
}

describe("data2vec", () => {
  const objective = "data2vec";
  it("resumes to the same log, weights and state", async () => {
    const [whole, stopped] = [`${objective}-whole`, `${objective}-stopped`];
    const first = await command.run(train(objective, whole));
    expect(first.code, first.stderr).toBe(0);
    const { child, done } = command.start(train(objective, stopped));
    await hasLogged(join(command.folder, stopped, "log.jsonl"), 2);
    child.kill("SIGINT");
    const interrupted = await done;
    expect(interrupted.code, interrupted.stderr).toBe(130);
    expect(lines(stopped, "log.jsonl").length).toBeLessThan(steps);
    const { code, stderr } = await command.run(["train", "--resume", "--out", stopped, "--no-probe"]);
    expect(code, stderr).toBe(0);
    for (const name of ["log.jsonl", "heldout.jsonl"]) {
      expect(lines(stopped, name)).toEqual(lines(whole, name));
    }
    const state = "checkpoint/objective.safetensors";
    for (const name of ["model.safetensors", "checkpoint/optimizer.safetensors", state]) {
      const [a, b] = [tensors(whole, name), tensors(stopped, name)];
      expect([...b.keys()]).toEqual([...a.keys()]);
      for (const [key, { data }] of a) expect(b.get(key)?.data, key).toEqual(data);
    }
  }, 400_000);
});

describe.each(["mae", "wav2vec2"])("a run of %s", (objective) => {
  it("keeps the encoder's names, and can be reported and embedded with", async () => {
    const run = `${objective}-short`;
    const { code, stderr } = await command.run(train(objective, run, 4));
    expect(code, stderr).toBe(0);
    const names = [...tensors(run, "model.safetensors").keys()];
    for (const name of ["pos_embed", "patch_embed.weight", "blocks.0.attn.qkv.weight", "norm.bias"]) {
      expect(names).toContain(name);
    }
    expect(names.some((name) => /heads\.(contrast|reconstruct)\./.test(name))).toBe(false);
    for (const line of [...lines(run, "log.jsonl"), ...lines(run, "heldout.jsonl")]) {
      for (const value of Object.values(line)) expect(Number.isFinite(value)).toBe(true);
    }
    const report = readFileSync(join(command.folder, run, "report.html"), "utf8");
    expect(report).toContain(`objective <b>${objective}</b>`);
    expect(/normalised by its own mean/.test(report)).toBe(objective === "mae");
    const embedded = await command.run([
      ...["embed", "--checkpoint", run, "--format", "jsonl", "music/piece-0.wav"],
    ]);
    expect(embedded.code, embedded.stderr).toBe(0);
    const last = embedded.stdout.trim().split("\n").at(-1) ?? "";
    expect(last).toContain("[");
  });
});
