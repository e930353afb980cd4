// What several processes lose against one on the same cores: node scripts/ranks.mjs [--rounds N] [--seconds S] [--ranks 2,4]
// Trains the demo preset, or what --batch and --crop make of it, by one process and by several under mpirun, all started at once and then
// taking turns (SIGSTOP, SIGCONT), so that a machine with other work is equally unfair to all. Prints each one's steps a second and
// processor time a step, and what adding gradients up took. Needs npm run build and Open MPI. Not here: the model of other links (step-time.mjs).
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { processesFrom } from "./processes.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "6" },
    ranks: { type: "string", default: "2,4" },
    batch: { type: "string", default: "8" },
    crop: { type: "string", default: "128" },
    data: { type: "string", default: "starter" },
  },
});
const entry = resolve(import.meta.dirname, "../dist/cli.js");
const folder = mkdtempSync(join(tmpdir(), "melgrad-ranks-"));

function start(ranks) {
  const out = join(folder, `of-${ranks}`);
  const train = [
    ...[process.execPath, entry, "train", "--no-probe", "--seed", "5", "--steps", "1000000"],
    ...["--data", values.data, "--batch", values.batch, "--crop", values.crop, "--out", out],
  ];
  const words =
    ranks === 1 ? train : ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", String(ranks), ...train];
  const child = spawn(words[0], words.slice(1), {
    env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const arm = { ranks, child, steps: 0, seconds: 0, cpu: 0, text: "" };
  child.stderr.on("data", (chunk) => {
    arm.text += chunk;
  });
  arm.ended = new Promise((done) => child.on("close", done));
  arm.ended.then((code) => {
    if (code !== 0) console.error(arm.text);
  });
  arm.count = () => {
    try {
      return readFileSync(join(out, "log.jsonl"), "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  arm.trainers = () => processesFrom(child.pid).filter(({ pid }) => ranks === 1 || pid !== child.pid);
  arm.signal = (name) => {
    for (const { pid } of arm.trainers()) process.kill(pid, name);
  };
  arm.time = () => arm.trainers().reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return arm;
}

const arms = [];
try {
  // One after the other, until each has made its first steps and compiled its kernels.
  for (const ranks of [1, ...values.ranks.split(",").map(Number)]) {
    const arm = start(ranks);
    while (arm.count() < 4) {
      if (arm.child.exitCode !== null) throw new Error(`training by ${ranks} has ended`);
      await wait(100);
    }
    arm.signal("SIGSTOP");
    arms.push(arm);
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const arm of round % 2 ? [...arms].reverse() : arms) {
      const [steps, cpu, began] = [arm.count(), arm.time(), performance.now()];
      arm.signal("SIGCONT");
      await wait(1000 * Number(values.seconds));
      arm.signal("SIGSTOP");
      arm.seconds += (performance.now() - began) / 1000;
      arm.steps += arm.count() - steps;
      arm.cpu += arm.time() - cpu;
    }
  }
  for (const arm of arms) {
    arm.signal("SIGCONT");
    arm.signal("SIGTERM");
    await arm.ended;
  }
  const [one] = arms;
  for (const { ranks, steps, seconds, cpu, text } of arms) {
    const rate = steps / seconds;
    const ratio = `${(rate / (one.steps / one.seconds)).toFixed(3)} of one process by time`;
    const byCpu = `${(one.cpu / one.steps / (cpu / steps)).toFixed(3)} by processor time`;
    console.log(
      `${ranks} ${ranks === 1 ? "process" : "processes"}: ${steps} steps, ${(1000 / rate).toFixed(0)} ms each, ` +
        `${((1000 * cpu) / steps).toFixed(0)} ms of processor time${ranks === 1 ? "" : `; ${ratio}, ${byCpu}`}`,
    );
    const words = /adding gradients up.*/.exec(text)?.[0];
    if (words) console.log(`  ${words}`);
  }
} finally {
  for (const { child } of arms) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
