// `npm run faults -- --kills N --losses N --shortages N --minutes M --seed S` and `npm run soak -- --steps N --batch N`: what is too long for the tests. Prints what
// was done and whether it held, and exits with 1 where it did not.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../../src/tensor/random.js";
import { shortOfMemory } from "../support/short-of-memory.js";
import { loseAfter, onSubmission } from "../support/submissions.js";
import { type OpenGpu, trainHere } from "../support/train-here.js";
import { killAndResume } from "./kills.js";
import { grown, heldLine, soak } from "./soak.js";

const entry = join(dirname(fileURLToPath(import.meta.url)), "cli.js");

/** Runs whose device is lost at random moments, every third of them twice in a row; the number of those that ended otherwise. */
async function losses(folder: string, count: number, random: Random): Promise<number> {
  await trainHere(folder, "warm", { steps: 1 });
  let submissions = 0;
  const whole = await trainHere(
    folder,
    "whole",
    { steps: 8 },
    {
      spoil: ({ device }) =>
        onSubmission(device.gpu, (made) => {
          submissions = made;
        }),
    },
  );
  let [lost, wrong] = [0, 0];
  for (let i = 0; lost < count; i++) {
    const run = await trainHere(
      folder,
      `run-${i}`,
      { steps: 8 },
      {
        spoil(gpu, opened) {
          const twice = i % 3 === 2;
          if (opened > Number(twice)) return;
          const most = opened === 1 ? 3 : submissions;
          loseAfter(gpu.device.gpu, 1 + random.integer(most), 20 * random.uniform());
        },
      },
    );
    lost += run.notes.filter((note) => note.includes("lost its device")).length;
    const equal = run.weights.equals(whole.weights) && JSON.stringify(run.log) === JSON.stringify(whole.log);
    if (!equal) wrong++;
    rmSync(join(folder, `run-${i}`), { recursive: true });
    console.log(
      `${lost} losses in ${i + 1} runs, ${wrong} of which ended otherwise than the undisturbed one`,
    );
  }
  return wrong;
}

/** Runs in which the device refuses one buffer, whichever; the number of those that ended otherwise. */
async function shortages(folder: string, count: number, random: Random): Promise<number> {
  let allocations = 0;
  const whole = await trainHere(
    folder,
    "fed",
    { steps: 4 },
    {
      spoil: ({ device }) =>
        shortOfMemory(device.gpu, {
          refuses: (_, number) => {
            allocations = number + 1;
            return false;
          },
        }),
    },
  );
  let wrong = 0;
  for (let i = 0; i < count; i++) {
    const nth = random.integer(allocations);
    const spoil = ({ device }: OpenGpu, opened: number) => {
      if (opened === 0) shortOfMemory(device.gpu, { refuses: (_, number) => number === nth });
    };
    const run = await trainHere(folder, `short-${i}`, { steps: 4 }, { spoil });
    const noticed = run.notes.some((note) => note.startsWith("memory ran out ("));
    const equal = run.weights.equals(whole.weights) && JSON.stringify(run.log) === JSON.stringify(whole.log);
    if (!equal || !noticed) wrong++;
    rmSync(join(folder, `short-${i}`), { recursive: true });
    console.log(
      `without buffer ${nth} of ${allocations}: ${equal ? "bit-equal" : "OTHERWISE"}${noticed ? "" : ", UNNOTICED"}`,
    );
  }
  return wrong;
}

async function main(): Promise<number> {
  const number = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      kills: number,
      losses: number,
      shortages: number,
      soak: { type: "boolean" },
      steps: number,
      batch: number,
      minutes: number,
      seed: number,
    },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const folder = mkdtempSync(join(tmpdir(), "melgrad-faults-"));
  let wrong = 0;
  try {
    if (values.kills || values.losses || values.shortages) console.log(`seed ${seed}`);
    if (values.kills) {
      const options = {
        count: Number(values.kills),
        steps: Number(values.steps ?? 8),
        random: new Random(seed),
        minutes: Number(values.minutes ?? Number.POSITIVE_INFINITY),
      };
      const done = await killAndResume(folder, entry, { ...options, report: console.log });
      const during = Object.entries(done.during).map(([name, count]) => `${count} in ${name}`);
      console.log(
        `${done.kills} kills (${during.join(", ")}): ${done.runs - done.wrong} of ${done.runs} runs bit-equal`,
      );
      wrong += done.wrong;
    }
    if (values.losses) wrong += await losses(folder, Number(values.losses), new Random(seed));
    if (values.shortages) wrong += await shortages(folder, Number(values.shortages), new Random(seed));
    if (values.soak) {
      const [steps, batch] = [Number(values.steps ?? 5000), Number(values.batch ?? 1)];
      const { early, late, seconds } = await soak(folder, steps, batch, (held) =>
        console.log(heldLine(held)),
      );
      const faults = grown(early, late);
      console.log(
        `${steps} steps of ${batch} in ${seconds.toFixed(0)} s: ${faults.join("; ") || "nothing grew"}`,
      );
      wrong += faults.length;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return wrong > 0 ? 1 : 0;
}

process.exitCode = await main();
