// `melgrad doctor` and `melgrad bench` as a person runs them: what they print, their JSON, and their exit codes.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { alignTable } from "../../src/cli/table.js";
import { useCommand } from "../support/cli.js";

const melgrad = useCommand();

it("aligns tables by characters, not bytes", () => {
  expect(alignTable(["a", "b"], [["é×", "1"], ["long", "23"]])).toBe("a      b\né×     1\nlong  23"); // biome-ignore format: one line
});

describe("doctor", () => {
  it("writes a text for a bug report", async () => {
    const { code, stdout } = await melgrad.run(["doctor", "--report"]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^melgrad adapter report\n/);
    expect(stdout).toMatch(/checked kernels: \d\d right, 0 wrong/);
    for (const part of ["features", "maxBufferSize", "choices of kernels", "demo step, least of four"]) {
      expect(stdout).toContain(part);
    }
  });

  it("tests the kernels and says so", async () => {
    const { code, stdout } = await melgrad.run(["doctor"]);
    expect(stdout).toMatch(/checks of the kernels agree with float64/);
    expect(stdout).not.toMatch(/WRONG/);
    expect(code).toBe(0);
  });

  it("gives one JSON object", async () => {
    const { code, stdout } = await melgrad.run(["doctor", "--json", "--adapter", "embedded"]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ ok: true, failure: null, chosen: { kind: "embedded" } });
    expect(report.adapters.length).toBeGreaterThan(0);
    expect(report.chosen.tests.every((test: { ok: boolean }) => test.ok)).toBe(true);
    expect(code).toBe(0);
  });

  it("exits 1 where the adapter does not exist", async () => {
    const { code, stdout, stderr } = await melgrad.run(["doctor", "--adapter", "no such adapter"]);
    expect(stdout).toMatch(/No adapter is named "no such adapter"/);
    expect(stderr).not.toMatch(/ at /);
    expect(code).toBe(1);
  });
});

describe.runIf(process.platform === "linux" && process.arch === "x64")("a machine without drivers", () => {
  // No apt-get either, so that what is tried is told and nothing is fetched.
  const bare = {
    PATH: "/nonexistent",
    VK_ICD_FILENAMES: "/nonexistent.json",
    VK_DRIVER_FILES: "/nonexistent.json",
    MELGRAD_ADAPTER: "",
    MELGRAD_OFFLINE: "",
    MELGRAD_FETCH: "",
  };
  beforeAll(() => mkdir(join(melgrad.folder, "empty")));

  // Each fails right after the adapter was opened.
  it.each([
    { args: ["train", "--data", "empty"], env: {}, fetches: true },
    { args: ["probe", "--features", "none.safetensors"], env: {}, fetches: true },
    { args: ["train", "--data", "empty"], env: { MELGRAD_FETCH: "off" }, fetches: false },
    { args: ["train", "--data", "empty", "--adapter", "embedded"], env: {}, fetches: false },
    { args: ["embed", "--checkpoint", "none", "none.wav"], env: {}, fetches: false },
  ])(
    "tries to fetch lavapipe for train and probe alone, unless told not to: $args $env",
    async ({ args, env, fetches }) => {
      const { code, stderr } = await melgrad.run(args, { env: { ...bare, ...env } });
      expect(code, stderr).toBe(args[0] === "embed" ? 2 : 1);
      expect(/fetching lavapipe, several times faster/.test(stderr), stderr).toBe(fetches);
      expect(/there is no apt-get on this machine; going on without it/.test(stderr), stderr).toBe(fetches);
      expect(stderr).toMatch(/adapter: .*swiftshader.*\[software, embedded\]/i);
    },
  );
});

describe("bench", () => {
  it("prints a table below the adapter's name and writes the numbers", async () => {
    const file = join(melgrad.folder, "bench.json");
    const { code, stdout, stderr } = await melgrad.run([
      "bench",
      "--filter",
      "^relu ",
      "--samples",
      "3",
      "--json",
      file,
    ]);
    expect(code, stderr).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^adapter: /);
    expect(lines.filter((line) => /^relu /.test(line)).length).toBe(1);
    const report = JSON.parse(await readFile(file, "utf8"));
    expect(report.suites.kernels.rows.map((row: { name: string }) => row.name)).toEqual(["relu"]);
    expect(report.ceilings.gflops).toBeGreaterThan(0);
    expect(report.suites.kernels.rows[0].runs).toBeGreaterThanOrEqual(3);
  });

  it.each([
    [["--filter", "("], /regular expression/],
    [["--filter", "nothing is called this"], /No case of the suite 'kernels'/],
    [["--suite", "everything"], /kernels, mel, step, growth, probes, features, roofline, all/],
  ])("exits 2 for %j", async (args, message) => {
    const { code, stdout, stderr } = await melgrad.run(["bench", ...args]);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});
