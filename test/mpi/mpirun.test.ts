// Training by several real processes under Open MPI's mpirun: the losses of one process, the same bits again, resuming with fewer
// processes, a killed rank, a lost device, SIGTERM. Runs where MELGRAD_MPIRUN names mpirun (.ci/run sets it); what needs none runs everywhere.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readCheckpoint } from "../../src/train/checkpoint.js";
import { type Finished, useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";
import { hasLogged, type LogLine, readLog } from "../support/run-log.js";

const mpirun = process.env.MELGRAD_MPIRUN;
const command = useCommand();
const steps = 50;
// Little work a step, and a rate at which rounding does not grow within 50 steps: what is tested is the division.
const settings = [
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
];
const train = (out: string, ...more: string[]) => ["train", ...settings, "--out", out, ...more];

beforeAll(() => writeMusic(join(command.folder, "music"), 6, 4));

/** Starts `ranks` processes of the command, more of them than cores if need be. */
function start(ranks: number, args: readonly string[], before: readonly string[] = []) {
  return launch("-n", String(ranks), ...before, process.execPath, command.entry, ...args);
}

/** Starts mpirun. */
function launch(...words: string[]) {
  const child = spawn(mpirun ?? "mpirun", ["--oversubscribe", ...words], {
    cwd: command.folder,
    env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, done: finished(child) };
}

function finished(child: ChildProcess): Promise<Finished> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk) => {
      texts[name] += chunk;
    });
  }
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, ...texts })));
}

const logFile = (run: string) => join(command.folder, run, "log.jsonl");
const logOf = (run: string) => readLog(logFile(run));
const logged = (run: string, count: number) => hasLogged(logFile(run), count);

/** The test's processes of a rank, or of all. */
function processes(rank?: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== command.folder) return false;
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
        const own = environment.find((each) => each.startsWith("OMPI_COMM_WORLD_RANK="));
        return own !== undefined && (rank === undefined || own.endsWith(`=${rank}`));
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

function expectEqual(own: readonly LogLine[], expected: readonly LogLine[]): void {
  expect(own).toHaveLength(expected.length);
  for (const [i, { step, loss }] of expected.entries()) {
    expect(own[i].step).toBe(step);
    expect(Math.abs(own[i].loss / loss - 1), `step ${step}: ${own[i].loss} for ${loss}`).toBeLessThan(1e-5);
  }
}

describe.runIf(mpirun)("training under mpirun", () => {
  it("has the losses of one process with 2 and 4, and in micro-batches, and the same bits again", async () => {
    const length = ["--steps", String(steps)];
    const one = await command.run(train("one", ...length));
    expect(one.code, one.stderr).toBe(0);
    for (const [ranks, out, ...more] of [
      [2, "two"],
      [2, "again"],
      [4, "four"],
      [2, "two-by-two", "--accumulate", "2"],
    ] as [number, string, ...string[]][]) {
      const { code, stdout, stderr } = await start(ranks, train(out, ...length, ...more)).done;
      expect(code, stderr).toBe(0);
      // One of them speaks.
      expect(stderr.match(/adapter: /g)).toHaveLength(1);
      expect(stderr).toContain(`${ranks} processes: each computes ${4 / ranks} of 4 clips`);
      expect(stdout.match(/loss .* in 50 steps/g)).toHaveLength(1);
      expectEqual(logOf(out), logOf("one"));
      expect(existsSync(join(command.folder, out, "report.html"))).toBe(true);
    }
    const parts = await command.run(train("parts", ...length, "--accumulate", "4"));
    expect(parts.code, parts.stderr).toBe(0);
    expectEqual(logOf("parts"), logOf("one"));
    expect(logOf("again")).toEqual(logOf("two"));
    const weights = (run: string) => readFileSync(join(command.folder, run, "model.safetensors"));
    expect(weights("again").equals(weights("two"))).toBe(true);
  }, 600_000);

  it("is stopped by SIGTERM with a word to requeue on, and resumes with 2 processes and with 1", async () => {
    const whole = train("stopped", "--steps", "30");
    // mpirun hands SIGTERM on and gives processes so many seconds.
    const first = start(4, whole, ["--mca", "odls_base_sigkill_timeout", "60"]);
    await logged("stopped", 3);
    for (const pid of processes()) process.kill(pid, "SIGTERM"); // as Slurm does
    const { code, stdout, stderr } = await first.done;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^requeue: stopped by SIGTERM after step \d+ of 30/m);
    const second = start(2, [...whole, "--resume"]);
    await logged("stopped", logOf("stopped").length + 3);
    for (const pid of processes()) process.kill(pid, "SIGTERM");
    expect((await second.done).code).toBe(0);
    const last = await command.run([...whole, "--resume"]);
    expect(last.code, last.stderr).toBe(0);
    const reference = await command.run(train("whole", "--steps", "30"));
    expect(reference.code).toBe(0);
    expectEqual(logOf("stopped"), logOf("whole"));
  }, 300_000);

  it("ends within seconds when a rank is killed, says which, and leaves a whole checkpoint: 20 of 20", async () => {
    const took: number[] = [];
    for (let i = 0; i < 20; i++) {
      const more = i === 0 ? ["--steps", "1000000"] : ["--steps", "1000000", "--resume"];
      rmSync(join(command.folder, "killed", "log.jsonl"), { force: true }); // of steps that are done again
      const run = start(2, train("killed", ...more));
      await logged("killed", 1 + (i % 4));
      const victim = i % 2;
      const [pid] = processes(victim);
      const killed = performance.now();
      process.kill(pid, "SIGKILL");
      const { code, stderr } = await run.done;
      took.push(performance.now() - killed);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(new RegExp(`process rank ${victim} with PID .* exited on signal 9`));
      expect(processes()).toEqual([]);
      const checkpoint = await readCheckpoint(join(command.folder, "killed", "checkpoint"));
      expect(checkpoint?.state.step).toBeGreaterThanOrEqual(0);
    }
    took.sort((a, b) => a - b);
    console.log(`ended after ${Math.round(took[10])} ms in the middle, ${Math.round(took[19])} ms at most`);
    expect(took[19]).toBeLessThan(10_000);
  }, 900_000);

  it("ends all when one cannot go on, with its reason and its host", async () => {
    const args = [process.execPath, command.entry, ...train("other", "--steps", "5")];
    const other = process.env.MELGRAD_ADAPTER === "embedded" ? "no-such-adapter" : "embedded";
    const { code, stderr } = await launch(
      ...["-n", "1", ...args],
      ...[":", "-n", "1", "-x", `MELGRAD_ADAPTER=${other}`, ...args],
    ).done;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      other === "embedded"
        ? /rank 0 on \S+: Rank 1 on \S+ computes on .*, but rank 0/
        : /rank 1 on \S+: No adapter/,
    );
  }, 300_000);
});

describe.runIf(mpirun)("a device that one rank loses", () => {
  it("ends all, and the host is named", async () => {
    const dawn = JSON.stringify(resolve("node_modules/webgpu/index.js"));
    const preload = join(command.folder, "lose.mjs");
    // After some steps the device is gone, as when a driver is reset.
    writeFileSync(
      preload,
      `const { globals } = await import(${dawn});
      const { requestDevice } = globals.GPUAdapter.prototype;
      globals.GPUAdapter.prototype.requestDevice = async function (...words) {
        const device = await requestDevice.apply(this, words);
        const submit = device.queue.submit.bind(device.queue);
        let count = 0;
        device.queue.submit = (commands) => {
          submit(commands);
          if (++count === 60) device.destroy();
        };
        return device;
      };`,
    );
    const args = [command.entry, ...train("lost", "--steps", "1000000")];
    const node = process.execPath;
    const { code, stderr } = await launch(
      ...["-n", "1", node, ...args],
      ...[":", "-n", "1", node, "--import", preload, ...args],
    ).done;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /^rank 1 on \S+: The adapter .* lost its device, which ends the run on all: .*--resume/m,
    );
    await expect.poll(() => processes(), { timeout: 20_000 }).toEqual([]);
  }, 300_000);
});

describe("processes that were started together", () => {
  const launched = { OMPI_COMM_WORLD_SIZE: "2", OMPI_COMM_WORLD_RANK: "0" };

  it("say what to install where MPI is missing", async () => {
    const env = { ...launched, MELGRAD_MPI: "libnosuchmpi.so.40" };
    const { code, stderr } = await command.run(train("none"), { env });
    expect(code).toBe(1);
    expect(stderr.trimEnd()).toMatch(
      /^Open MPI started 2 processes, but the MPI library libnosuchmpi.so.40 cannot be loaded: install it \(.*libopenmpi3\) or name it in MELGRAD_MPI\.$/,
    );
    expect(existsSync(join(command.folder, "none"))).toBe(false);
  });
});
