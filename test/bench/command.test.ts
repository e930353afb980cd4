// `melgrad bench` with its larger options, and `melgrad train --profile`, as a person runs them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BenchReport } from "../../src/bench/results.js";
import { useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";

const melgrad = useCommand();
/** Whole processes, of which some take training steps on adapters that may be slow. */
const patience = { timeout: 400_000 };
const reportIn = (folder: string): BenchReport => {
  const [name] = readdirSync(join(melgrad.folder, folder));
  return JSON.parse(readFileSync(join(melgrad.folder, folder, name), "utf8"));
};

describe("bench", patience, () => {
  it("shows eager beside captured steps, what a step makes, and where its time goes", async () => {
    const which = ["--suite", "step", "--filter", "demo_(eager|captured)", "--samples", "2"];
    const args = ["bench", ...which, "--profile", "--results", "a"];
    const { code, stdout, stderr } = await melgrad.run(args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^train_step_demo_eager .*compute/m);
    expect(stdout).toMatch(/dispatches of one step, .* ms together/);
    expect(stdout).toMatch(/^matmul\//m);
    const { step } = reportIn("a").suites;
    expect(step).toMatchObject({ complete: true });
    expect(step?.profile?.kernels.length).toBeGreaterThan(5);
    const captured = step?.rows?.find(({ name }) => name === "train_step_demo_captured");
    expect(captured?.counts).toMatchObject({ submits: 1, buffers: 0, bindGroups: 0 });
    expect(captured?.share).toBeGreaterThan(0);
  });

  it("keeps other suites' numbers, and what was measured before Ctrl-C", async () => {
    const first = await melgrad.run([
      "bench",
      "--filter",
      "^relu$",
      "--samples",
      "3",
      "--tune",
      "off",
      "--results",
      "b",
    ]);
    expect(first.code, first.stderr).toBe(0);
    const { child, done } = melgrad.start([
      "bench",
      "--suite",
      "mel",
      "--samples",
      "2",
      "--tune",
      "off",
      "--results",
      "b",
    ]);
    child.stderr?.on("data", (data) => {
      if (/^2\//m.test(String(data))) child.kill("SIGINT");
    });
    const { code, stdout } = await done;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^logmel_hop256/m);
    const { suites } = reportIn("b");
    expect(suites.kernels).toMatchObject({ complete: true });
    expect(suites.kernels?.rows?.map(({ name }) => name)).toEqual(["relu"]);
    expect(suites.mel?.complete).toBe(false);
    expect(suites.mel?.rows?.length).toBeGreaterThanOrEqual(1);
  });

  it("says what each suite shows", async () => {
    const { code, stdout } = await melgrad.run(["bench", "--help"]);
    expect(code).toBe(0);
    for (const name of ["kernels", "mel", "step", "growth", "roofline"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\w+`, "m"));
    }
  });

  it("wants the training step for a profile", async () => {
    const { code, stderr } = await melgrad.run(["bench", "--suite", "mel", "--profile"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--suite step/);
  });

  it.each([
    ["bench --suite step --profile fast", /^--profile fast .*write --unchecked/],
    ["train --profile=safe --steps 1", /^--profile safe .*checks are on unless --unchecked/],
    ["embed --profile fast song.wav", /^--profile fast .*write --unchecked/],
    ["embed --profile song.wav", /an option of train and bench alone/],
    ["probe --profile", /an option of train and bench alone/],
    ["train --profile dispatches", /'--profile'.*takes no value/],
  ])("says what became of %s", async (line, text) => {
    const { code, stderr } = await melgrad.run(line.split(" "));
    expect(code).toBe(2);
    expect(stderr).toMatch(text);
  });

  it("times without checks, and keeps that it did", async () => {
    const which = ["--filter", "^relu$", "--samples", "2"];
    const { code, stderr } = await melgrad.run(["bench", ...which, "--unchecked", "--results", "unchecked"]);
    expect(code, stderr).toBe(0);
    expect(reportIn("unchecked").adapter.unchecked).toBe(true);
  });
});

describe("train --profile", patience, () => {
  it("writes profile.json and prints it, and trains as without", async () => {
    writeMusic(join(melgrad.folder, "music"), 3, 6);
    const train = (out: string, ...more: string[]) =>
      melgrad.run([
        "train",
        "--data",
        "music",
        "--steps",
        "3",
        "--batch",
        "2",
        "--no-probe",
        "--out",
        out,
        ...more,
      ]);
    const plain = await train("plain");
    expect(plain.code, plain.stderr).toBe(0);
    const profiled = await train("profiled", "--profile");
    expect(profiled.code, profiled.stderr).toBe(0);
    expect(profiled.stdout).toMatch(/dispatches of one step, .* ms together/);
    expect(plain.stdout).not.toMatch(/dispatches of one step/);
    const read = (run: string, name: string) => readFileSync(join(melgrad.folder, run, name));
    expect(read("profiled", "model.safetensors").equals(read("plain", "model.safetensors"))).toBe(true);
    const profile = JSON.parse(read("profiled", "profile.json").toString());
    expect(profile.dispatches).toBeGreaterThan(50);
    expect(profile.kernels[0].ms).toBeGreaterThan(0);
  });
});
