// The job script of the docs under a real Slurm: it trains with several tasks, is stopped by SIGTERM, requeues itself, goes on where it
// stopped and ends; a task that is killed ends the job. Runs where SLURM_CONF is that of a Slurm for tests (scripts/start-slurm.sh).
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeMusic } from "../support/music.js";

const slurm = process.env.MELGRAD_SLURM_TESTS !== undefined && process.env.SLURM_CONF !== undefined;
const folder = slurm ? mkdtempSync(join(tmpdir(), "melgrad-slurm-")) : "";
const call = (name: string, ...args: string[]) => execFileSync(name, args, { encoding: "utf8" });
const stateOf = (job: string) => /JobState=(\w+)/.exec(call("scontrol", "show", "job", job))?.[1];
const jobs: string[] = [];
const steps = (run: string) => words(join(folder, run, "log.jsonl")).split("\n").length - 1;

/** A file's text; empty where there is none, or where it is another's. */
function words(name: string): string {
  try {
    return readFileSync(name, "utf8");
  } catch {
    return "";
  }
}

/** Waits until `holds`; else an error with what Slurm and the job's output say. */
async function until(what: string, holds: () => boolean, seconds = 120): Promise<void> {
  for (let tries = 0; tries < 10 * seconds; tries++) {
    if (holds()) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  const job = call("scontrol", "show", "job", jobs.at(-1) ?? "");
  const said = readdirSync(folder).filter((name) => name.endsWith(".out"));
  const out = said.map((name) => `${name}:\n${words(join(folder, name)).slice(-2000)}`).join("\n");
  throw new Error(`it was not ${what} within ${seconds} s\n${job}\n${call("sinfo", "--long")}\n${out}`);
}

/** Submits the job script; its number. */
function submit(run: string, count: number): string {
  const music = [
    "--data",
    join(folder, "music"),
    "--batch",
    "4",
    "--crop",
    "32",
    "--seed",
    "5",
    "--no-probe",
  ];
  const script = ["examples/cluster.sbatch", ...music, "--steps", String(count), "--out", join(folder, run)];
  const here = ["--nodes=1", "--ntasks-per-node=2", "--gpus-per-task=0", "--cpus-per-task=1", "--time=30"];
  const text = call("sbatch", ...here, `--output=${join(folder, `${run}.out`)}`, ...script);
  const job = /(\d+)\s*$/.exec(text)?.[1] ?? "";
  jobs.push(job);
  return job;
}

describe.runIf(slurm)(
  `a job under Slurm${slurm ? "" : ": skipped, because MELGRAD_SLURM_TESTS is not set"}`,
  () => {
    beforeAll(() => writeMusic(join(folder, "music"), 6, 4));
    afterAll(() => {
      call("scancel", ...jobs);
      rmSync(folder, { recursive: true, force: true });
    });

    it("is stopped by SIGTERM, requeues itself and goes on to its end", async () => {
      const job = submit("requeued", 60);
      await until("training", () => steps("requeued") > 2);
      call("scancel", "--signal=TERM", job);
      await until("requeued", () => stateOf(job) === "PENDING");
      const before = steps("requeued");
      expect(before).toBeLessThan(60);
      expect(words(join(folder, "requeued.out"))).toMatch(
        /^requeue: stopped by SIGTERM after step \d+ of 60/m,
      );
      // Slurm holds a requeued job for two minutes. Where it is told to start at once, the node must not get it within the second in which
      // it revoked the credential of the job that was stopped, because it would refuse the new one with it.
      await new Promise((wake) => setTimeout(wake, 3000));
      call("scontrol", "update", `JobId=${job}`, "StartTime=now");
      await until("at its end", () => stateOf(job) === "COMPLETED", 300);
      const log = words(join(folder, "requeued", "log.jsonl"))
        .trimEnd()
        .split("\n");
      expect(log.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
      expect(words(join(folder, "requeued.out"))).toContain(`resuming after step ${before} of 60`);
      expect(existsSync(join(folder, "requeued", "report.html"))).toBe(true);
    }, 600_000);

    it("ends when a task is killed", async () => {
      const job = submit("killed", 1_000_000);
      await until("training", () => steps("killed") > 2);
      const pid = readdirSync("/proc").find((name) => {
        if (!/^\d+$/.test(name)) return false;
        const environment = words(`/proc/${name}/environ`).split("\0");
        const runs = /(^|\/)node\0/.test(words(`/proc/${name}/cmdline`));
        return runs && environment.includes(`SLURM_JOB_ID=${job}`) && environment.includes("SLURM_PROCID=1");
      });
      const start = performance.now();
      process.kill(Number(pid), "SIGKILL");
      await until("ended", () => stateOf(job) === "FAILED");
      expect(performance.now() - start).toBeLessThan(90_000);
      expect(words(join(folder, "killed.out"))).toMatch(/task 1: Killed/);
    }, 200_000);
  },
);
