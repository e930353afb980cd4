// Training by two processes under MPICH, whose handles are numbers and not addresses: the losses of one process, and an end for all when
// one is killed. Runs where MELGRAD_MPICH names its mpirun (.ci/run sets it).
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Finished, useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";
import { hasLogged, readLog } from "../support/run-log.js";

const mpirun = process.env.MELGRAD_MPICH;
const command = useCommand();
const train = (out: string, steps: number) => [
  ...[
    "train",
    "--data",
    "music",
    "--batch",
    "4",
    "--crop",
    "32",
    "--lr",
    "5e-4",
    "--seed",
    "5",
    "--no-probe",
  ],
  ...["--steps", String(steps), "--out", out],
];
const logFile = (run: string) => join(command.folder, run, "log.jsonl");

beforeAll(() => writeMusic(join(command.folder, "music"), 6, 4));

function start(args: readonly string[]): Promise<Finished> {
  const child = spawn(mpirun ?? "mpirun", ["-n", "2", process.execPath, command.entry, ...args], {
    cwd: command.folder,
    env: process.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      texts[name] += chunk;
    });
  }
  return new Promise((done) => child.on("close", (code, signal) => done({ code, signal, ...texts })));
}

/** The test's processes, of a rank or of all. */
function processes(rank?: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== command.folder) return false;
        const own = readFileSync(`/proc/${pid}/environ`, "utf8")
          .split("\0")
          .find((each) => each.startsWith("PMI_RANK="));
        return own !== undefined && (rank === undefined || own === `PMI_RANK=${rank}`);
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

describe.runIf(mpirun)("training under MPICH", () => {
  it("has the losses of one process", async () => {
    const one = await command.run(train("one", 10));
    expect(one.code, one.stderr).toBe(0);
    const two = await start(train("two", 10));
    expect(two.code, two.stderr).toBe(0);
    expect(two.stderr).toContain("2 processes: each computes 2 of 4 clips");
    const [own, expected] = ["two", "one"].map((run) => readLog(logFile(run)));
    expect(own.map(({ step }) => step)).toEqual(expected.map(({ step }) => step));
    for (const [i, { loss }] of expected.entries())
      expect(Math.abs(own[i].loss / loss - 1), `step ${i}`).toBeLessThan(1e-5);
  }, 400_000);

  it("ends when a rank is killed", async () => {
    const done = start(train("killed", 1_000_000));
    await hasLogged(logFile("killed"), 2);
    process.kill(processes(1)[0], "SIGKILL");
    const { code, stdout, stderr } = await done;
    expect(code).not.toBe(0);
    expect(`${stdout}${stderr}`).toMatch(/Killed \(signal 9\)/);
    await expect.poll(() => processes(), { timeout: 20_000 }).toEqual([]);
  }, 400_000);
});
