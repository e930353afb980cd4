// One small run of the command, killed outright at random moments from its start on, preparation included, and started again with the same
// words; each run that gets to its end must have the weights of an undisturbed one to the last bit. Run by main.ts.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/tensor/random.js";
import { writeMusic } from "../support/music.js";

export interface Kills {
  kills: number;
  /** Runs that got to their end, and those of them whose weights or log differ. */
  runs: number;
  wrong: number;
  /** Kills by what was being done. */
  during: Record<string, number>;
}

/** Kills `count` processes (fewer where the minutes are over) of `entry` (the built command); the run is one of `steps` steps, begun anew when it has ended. */
export async function killAndResume(
  folder: string,
  entry: string,
  {
    count,
    steps,
    random,
    minutes,
    report,
  }: { count: number; steps: number; random: Random; minutes: number; report(text: string): void },
): Promise<Kills> {
  mkdirSync(folder, { recursive: true });
  writeMusic(join(folder, "music"), 4, 5);
  const command = (run: string) => {
    const words = ["train", "--no-probe", "--data", "music", "--batch", "2", "--seed", "5", "--resume"];
    return [entry, ...words, "--steps", String(steps), "--out", run];
  };
  const start = (run: string, cache: string) => {
    const env = { ...process.env, MELGRAD_CACHE: join(folder, cache), MELGRAD_FETCH: "off" };
    const child = spawn(process.execPath, command(run), {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let heard = "";
    child.stderr.on("data", (data) => {
      heard += data;
    });
    const ended = new Promise<number | null>((done) => child.on("close", done));
    return { child, ended, heard: () => heard };
  };
  const resultOf = (run: string) => ({
    weights: readFileSync(join(folder, run, "model.safetensors")),
    log: readFileSync(join(folder, run, "log.jsonl"), "utf8").replace(/,"stepMs".*/g, ""),
  });

  /** A cache that knows the adapter's kernels and no music. */
  const freshCache = (name: string) => {
    cpSync(join(folder, "cache"), join(folder, name), { recursive: true });
    for (const of of ["log-mel", "known"]) rmSync(join(folder, name, of), { recursive: true, force: true });
    return name;
  };
  await start("warm", "cache").ended;
  const began = performance.now();
  const undisturbed = start("whole", freshCache("cache-whole"));
  if ((await undisturbed.ended) !== 0) throw new Error(undisturbed.heard());
  const wanted = resultOf("whole");
  const whole = performance.now() - began;
  report(`an undisturbed run takes ${(whole / 1000).toFixed(1)} s`);

  const done: Kills = { kills: 0, runs: 0, wrong: 0, during: {} };
  const goesOn = () => done.kills < count && performance.now() - began < 60_000 * minutes;
  while (goesOn()) {
    // Each run has a cache of its own, so that its music is prepared anew.
    const name = `run-${done.runs}`;
    const cache = freshCache(`cache-${done.runs}`);
    for (;;) {
      const { child, ended, heard } = start(name, cache);
      let killed = false;
      const after = random.uniform() * whole;
      const timer = setTimeout(() => {
        killed = goesOn() && child.kill("SIGKILL");
      }, after);
      const code = await ended;
      clearTimeout(timer);
      if (!killed) {
        if (code !== 0) throw new Error(`after ${done.kills} kills the run failed:\n${heard()}`);
        break;
      }
      done.kills++;
      const moment = phaseOf(heard());
      done.during[moment] = (done.during[moment] ?? 0) + 1;
    }
    const { weights, log } = resultOf(name);
    const equal = weights.equals(wanted.weights) && log === wanted.log;
    done.runs++;
    if (!equal) done.wrong++;
    report(
      `${done.kills} kills, ${done.runs} runs ended, ${done.wrong} of them otherwise than the undisturbed one`,
    );
    if (equal) rmSync(join(folder, name), { recursive: true });
    rmSync(join(folder, cache), { recursive: true, force: true });
  }
  return done;
}

/** What a process had come to by what it had said. */
function phaseOf(heard: string): string {
  if (/training: /.test(heard)) return "training";
  if (/memory: |resuming/.test(heard)) return "begun, before its first step";
  if (/log-mel|checking audio|music: /.test(heard)) return "preparation";
  return "start";
}
