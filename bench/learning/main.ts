// `npm run bench:learning`: what pre-training teaches. Pre-trains every arm (arms.ts), probes its features at several steps on
// labelled tasks, keeps every score in bench/results/learning.json, and draws them. Ctrl-C keeps what there is; the same command
// goes on with it.
import { mkdir, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { onInterrupt } from "../../src/cli/interrupt.js";
import { addAdapterOptions, integer, positive } from "../../src/cli/options.js";
import { openProgress } from "../../src/cli/progress.js";
import { type CorpusName, openCorpus } from "../../src/data/corpora/index.js";
import { MelStore } from "../../src/data/mel-store.js";
import { MelgradError, UsageError } from "../../src/gpu/errors.js";
import { writeWhole } from "../../src/host/cache.js";
import { adapterLine } from "../../src/host/types.js";
import { open } from "../../src/node.js";
import { plural } from "../../src/train/report/html.js";
import { version } from "../../src/version.js";
import { type Arm, arms, settingsOf } from "./arms.js";
import { drawStudy, tableOf } from "./draw.js";
import { readResults, type StudyResults, type StudyRow, writeResults } from "./results.js";
import { openStudyTasks } from "./tasks.js";
import { trainArm } from "./train-arm.js";

interface StudyOptions {
  at: string;
  seeds: number;
  tasks: string;
  arms?: string;
  splits: number;
  clips: number;
  budget?: number;
  out: string;
  draw?: boolean;
  adapter?: string;
  profile: "safe" | "fast";
}

/** The results that the project keeps, and where they are explained. */
const kept = "bench/results/learning.json";
const page = "bench/learning/README.md";

const command = new Command("bench:learning")
  .description("pre-train in several ways, probe at several steps, and draw what was learnt")
  .option("--at <steps>", "at which steps is probed", "0,100,200")
  .option("--seeds <n>", "weights and batches drawn so often", integer(1), 1)
  .option("--tasks <names>", "labelled tasks", "instruments,key,style,tempo")
  .option("--arms <regex>", "only the arms whose name matches")
  .option("--splits <n>", "splits of each task", integer(1), 5)
  .option("--clips <n>", "most clips of a task", integer(20), 240)
  .option("--budget <minutes>", "start no arm after that long", positive)
  .option("--out <file>", "the results", kept)
  .option("--draw", "only draw what the results hold")
  .action((options: StudyOptions) => study(options));
addAdapterOptions(command);
try {
  await command.parseAsync();
} catch (error) {
  if (!(error instanceof MelgradError)) throw error;
  console.error(error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function study(options: StudyOptions): Promise<void> {
  const earlier = await readResults(options.out);
  if (options.draw) {
    if (!earlier) throw new UsageError(`There is no ${options.out} to draw: run the study first.`);
    await draw(options.out, earlier);
    return;
  }
  const steps = options.at.split(",").map(Number);
  if (steps.some((step, i) => !Number.isInteger(step) || step < 0 || step <= (steps[i - 1] ?? -1))) {
    throw new UsageError("Write --at as ascending numbers of steps, such as 0,100,200.");
  }
  const taskNames = options.tasks.split(",");
  const { seeds, splits, clips } = options;
  const plan = { steps, seeds, splits, clips, tasks: taskNames };
  const same = { ...plan, seeds: 0 };
  if (earlier && JSON.stringify({ ...earlier.plan, seeds: 0 }) !== JSON.stringify(same)) {
    throw new UsageError(`${options.out} is of another plan: write another --out, or move it away.`);
  }
  const chosen = arms.filter(({ name }) => !options.arms || new RegExp(options.arms).test(name));
  if (chosen.length === 0)
    throw new UsageError(`No arm matches: ${arms.map(({ name }) => name).join("; ")}.`);

  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter: options.adapter, profile: options.profile });
  const start = performance.now();
  const usedBefore = earlier?.budget.used ?? 0;
  const minutes = () => (performance.now() - start) / 60_000;
  try {
    display.note(adapterLine(gpu.host));
    const { signal } = stopping;
    const onProgress = display.progress;
    const { frontEnd } = settingsOf(chosen[0], 1).model;
    const tasks = await openStudyTasks(gpu, taskNames, frontEnd, {
      ...{ splits, clips, onProgress, signal },
      known: earlier?.tasks ?? {},
    });
    const results: StudyResults = earlier ?? {
      format: 1,
      date: new Date().toISOString().slice(0, 10),
      melgrad: version,
      adapter: gpu.host.name,
      plan,
      budget: { used: 0 },
      tasks: {},
      arms: {},
      rows: [],
    };
    results.plan.seeds = Math.max(seeds, results.plan.seeds);
    results.budget.allowed = options.budget;
    for (const { name, metric, chance, mels, testShare, baselines } of tasks) {
      results.tasks[name] = { metric, chance, clips: mels.tracks.length, testShare, baselines };
    }
    await mkdir(dirname(options.out), { recursive: true });
    const save = async () => {
      results.budget.used = Math.round(10 * (usedBefore + minutes())) / 10;
      await writeResults(options.out, results);
    };
    const onRow = async (row: StudyRow) => {
      results.rows.push(row);
      await save();
    };
    const stores = new Map<string, MelStore>();
    const openMusic = async (name: CorpusName) => {
      const corpus = await openCorpus(name, { onProgress, signal });
      const store = await MelStore.build(gpu, corpus, frontEnd, { onProgress, signal });
      stores.set(name, store);
      return store;
    };
    for (const { arm, seed } of pairs(chosen, seeds)) {
      const done = results.rows.filter((row) => row.arm === arm.name && row.seed === seed);
      if (done.length === steps.length) continue;
      if (options.budget && minutes() > options.budget) {
        display.note(
          `the budget of ${options.budget} minutes is used: ${arm.name}, seed ${seed} is left out`,
        );
        continue;
      }
      results.rows = results.rows.filter((row) => !done.includes(row));
      results.arms[arm.name] = {
        asks: arm.asks,
        settings: { music: arm.music, ...settingsOf(arm, steps[steps.length - 1]) },
      };
      try {
        const atRandom = results.rows.find(
          (row) =>
            row.step === 0 &&
            row.seed === seed &&
            encoderOf(results, row.arm) === encoderOf(results, arm.name),
        )?.scores;
        const store = stores.get(arm.music) ?? (await openMusic(arm.music));
        await trainArm({ gpu, arm, store, seed, at: steps, tasks, atRandom, onProgress, onRow, signal });
        display.note(`${arm.name}, seed ${seed}: done after ${minutes().toFixed(1)} minutes in all`);
      } catch (error) {
        if (signal.aborted || !(error instanceof MelgradError)) throw error;
        results.arms[arm.name].failed = error.message;
        display.note(`${arm.name}, seed ${seed}: ${error.message}`);
      }
    }
    display.stop();
    await save();
    await draw(options.out, results);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    display.stop();
    console.error(`Stopped. What was measured stands in ${options.out}; the same command goes on.`);
    process.exitCode = 130;
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

/** Names the encoder with random weights that an arm starts from, but for its seed: the normalisation is the music's. */
function encoderOf({ arms }: StudyResults, name: string): string {
  const { music, model } = arms[name].settings;
  return JSON.stringify([music, model]);
}

/** Puts the table of the results that are kept into the page that explains them. */
async function intoPage(table: string, { date, adapter, budget, plan, rows }: StudyResults): Promise<void> {
  const text = await readFile(page, "utf8");
  const [start, end] = ["<!-- table -->", "<!-- table end -->"];
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new MelgradError(`${page} has no place for the table (${start} … ${end}).`);
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const words = `${date}, ${adapter}: ${budget.used} minutes in all, ${plural(seeds, "seed")}, ${plan.splits} splits.`;
  await writeWhole(page, `${before}${start}\n${table}\n\n${words}\n${end}${after}`);
}

/** All arms with the first seed, then all with the next. */
function pairs(chosen: readonly Arm[], seeds: number): { arm: Arm; seed: number }[] {
  return Array.from({ length: seeds }, (_, seed) => chosen.map((arm) => ({ arm, seed }))).flat();
}

async function draw(path: string, results: StudyResults): Promise<void> {
  const picture = path.replace(/\.json$/, ".svg");
  await writeWhole(picture, drawStudy(results));
  const table = tableOf(results);
  console.log(table);
  if (resolve(path) === resolve(kept)) await intoPage(table, results);
  console.log(`\n${picture}`);
}
