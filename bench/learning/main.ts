// `npm run bench:learning`: what pre-training teaches. Pre-trains every arm (arms.ts), probes its features at several steps on
// labelled tasks, keeps every score in bench/results/ablation.json, and draws them. Ctrl-C keeps what there is; the same command
// goes on with it.
import { mkdir, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { onInterrupt } from "../../src/cli/interrupt.js";
import { addAdapterOptions, integer, positive } from "../../src/cli/options.js";
import { openProgress } from "../../src/cli/progress.js";
import { type CorpusName, openCorpus } from "../../src/data/corpora/index.js";
import { MelStore } from "../../src/data/mel-store.js";
import type { TaskSize } from "../../src/data/tasks/options.js";
import { MelgradError, UsageError } from "../../src/gpu/errors.js";
import { writeWhole } from "../../src/host/cache.js";
import { adapterLine } from "../../src/host/types.js";
import { open } from "../../src/node.js";
import { objectiveKind } from "../../src/patchifier/objectives.js";
import { type Evaluation, judge } from "../../src/probe/evaluation.js";
import { type PoolName, poolNames } from "../../src/probe/feature-pools.js";
import type { Predictions } from "../../src/probe/labels.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { plural } from "../../src/train/report/html.js";
import { version } from "../../src/version.js";
import { runTool } from "../tool.js";
import { AnswerStore } from "./answers.js";
import { type Arm, arms, settingsOf } from "./arms.js";
import { drawStudy, tableOf } from "./draw.js";
import { probeReady } from "./ready.js";
import { readResults, type StudyResults, type StudyRow, writeResults } from "./results.js";
import { ceilingOf, openStudyTasks, type StudyTask } from "./tasks.js";
import { armKey, type Reading, randomAnswers, trainArm } from "./train-arm.js";

interface StudyOptions {
  at: string;
  seeds: number;
  tasks: string;
  arms?: string;
  models?: string[];
  randomSeeds: number;
  size: TaskSize;
  taskSeed: number;
  pool: PoolName;
  ceiling?: number;
  ceilingSteps: number;
  budget?: number;
  out: string;
  draw?: boolean;
  adapter?: string;
  unchecked?: boolean;
}

/** The results that the project keeps, and where they are explained. */
const kept = "bench/results/ablation.json";
const page = "bench/learning/README.md";

const command = new Command("bench:learning")
  .description("pre-train in several ways, probe at several steps, and draw what was learnt")
  .option("--at <steps>", "at which steps is probed", "0,100,200")
  .option("--seeds <n>", "weights and batches drawn so often", integer(1), 1)
  .option("--tasks <names>", "labelled tasks", "instruments,key,style,tempo")
  .option("--arms <regex>", "only the arms whose name matches")
  .option("--models <folders...>", "models that are trained already; arms then only where --arms names them")
  .option("--random-seeds <n>", "encoders with random weights", integer(1), 5)
  .addOption(new Option("--size <name>", "clips of the tasks").choices(["quick", "study"]).default("study"))
  .option("--task-seed <n>", "draws the clips: 0 to tune on, another to report on", integer(0), 0)
  .addOption(
    new Option("--pool <name>", "what becomes of the tokens").choices([...poolNames]).default("time"),
  )
  .option("--ceiling <folds>", "train the encoder with labels too, on so many folds of each task", integer(1))
  .option("--ceiling-steps <n>", "its updates of 32 crops", integer(1), 600)
  .option("--budget <minutes>", "start no arm after that long", positive)
  .option("--out <file>", "the results", kept)
  .option("--draw", "only draw what the results hold")
  .action((options: StudyOptions) => study(options));
addAdapterOptions(command);
await runTool(command);

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
  const { seeds, randomSeeds, size, taskSeed, pool } = options;
  const plan = { steps, seeds, randomSeeds, size, taskSeed, tasks: taskNames, pool };
  const same = JSON.stringify({ ...plan, seeds: 0, randomSeeds: 0 });
  if (earlier && JSON.stringify({ ...earlier.plan, seeds: 0, randomSeeds: 0 }) !== same) {
    throw new UsageError(`${options.out} is of another plan: write another --out, or move it away.`);
  }
  const { models = [] } = options;
  const all = options.arms ? new RegExp(options.arms) : models.length > 0 ? /(?!)/ : /^/;
  const chosen = arms.filter(({ name }) => all.test(name));
  if (chosen.length === 0 && models.length === 0)
    throw new UsageError(`No arm matches: ${arms.map(({ name }) => name).join("; ")}.`);

  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter: options.adapter, unchecked: options.unchecked });
  const start = performance.now();
  const usedBefore = earlier?.budget.used ?? 0;
  const minutes = () => (performance.now() - start) / 60_000;
  try {
    display.note(adapterLine(gpu.host));
    const { signal } = stopping;
    const onProgress = display.progress;
    const { frontEnd } = settingsOf(arms[0], 1).model;
    const answers = new AnswerStore();
    const reading = { pool, onProgress, signal };
    const tasks = await openStudyTasks(gpu, taskNames, frontEnd, {
      size,
      taskSeed,
      answers,
      onProgress,
      signal,
    });
    const results: StudyResults = earlier ?? {
      format: 2,
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
    for (const { name, metric, chance, labels, folds, baselines } of tasks) {
      const { rows } = judge(labels, folds, baselines);
      const { clips, families } = { clips: labels.labels.length, families: folds.families };
      results.tasks[name] = { ...results.tasks[name], metric, chance, clips, families, baselines: rows };
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
    if (options.ceiling) {
      for (const task of tasks) {
        const { model } = settingsOf(chosen[0] ?? arms[0], 1);
        const normalised = { mean: 1, std: 0.6 };
        results.tasks[task.name].ceiling ??= await ceilingOf(gpu, task, task.baselines, {
          ...{ model, normalisation: normalised, folds: options.ceiling, steps: options.ceilingSteps },
          ...{ onProgress, signal },
        });
        await save();
      }
    }
    for (const folder of models) {
      const {
        name,
        steps: step,
        settings,
        scores,
        standings,
        seed,
        weights,
      } = await probeReady(gpu, folder, tasks, {
        randomSeeds,
        ...reading,
      });
      results.arms[name] = { asks: "trained already", settings, weights, standings };
      results.rows = results.rows.filter(({ arm }) => arm !== name);
      await onRow({ arm: name, seed, step, scores, seconds: 0 });
      display.note(`${name}: done after ${minutes().toFixed(1)} minutes in all`);
    }
    const stores = new Map<string, MelStore>();
    const chroma = chosen.some(({ objective }) => objectiveKind(objective).needsChroma);
    const openMusic = async (name: CorpusName) => {
      const corpus = await openCorpus(name, { onProgress, signal });
      const store = await MelStore.build(gpu, corpus, frontEnd, { chroma, onProgress, signal });
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
        const store = stores.get(arm.music) ?? (await openMusic(arm.music));
        await trainArm({ gpu, arm, store, seed, at: steps, tasks, onRow, ...reading });
        results.arms[arm.name].standings = await standingsOf(gpu, arm, store, tasks, {
          seeds: results.rows
            .filter((row) => row.arm === arm.name && row.step === steps.at(-1))
            .map((row) => row.seed),
          steps: steps[steps.length - 1],
          randomSeeds,
          ...reading,
        });
        await save();
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

/** How an arm's answers with all its seeds stand to random weights and to every baseline, task by task. */
async function standingsOf(
  gpu: Gpu,
  arm: Arm,
  store: MelStore,
  tasks: readonly StudyTask[],
  {
    seeds,
    steps,
    randomSeeds,
    ...reading
  }: Reading & { seeds: number[]; steps: number; randomSeeds: number },
): Promise<Record<string, Evaluation>> {
  const standings: Record<string, Evaluation> = {};
  const gone = async (): Promise<never> => {
    throw new MelgradError(`The answers of ${arm.name} are gone from the cache: measure it again.`);
  };
  for (const task of tasks) {
    const runs: Predictions[] = [];
    for (const seed of seeds)
      runs.push(await task.answer(gone, armKey(arm, seed, steps, steps, reading.pool)));
    const random: Predictions[] = [];
    for (let seed = 0; seed < randomSeeds; seed++) {
      random.push(await randomAnswers(gpu, task, { arm, store, seed: 1001 + seed, ...reading }));
    }
    standings[task.name] = judge(task.labels, task.folds, [
      { name: arm.name, runs },
      { name: "random", runs: random },
      ...task.baselines,
    ]);
  }
  return standings;
}

/** Puts the table of the results that are kept into the page that explains them. */
async function intoPage(table: string, { date, adapter, budget, plan, rows }: StudyResults): Promise<void> {
  const text = await readFile(page, "utf8");
  const [start, end] = ["<!-- table -->", "<!-- table end -->"];
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new MelgradError(`${page} has no place for the table (${start} … ${end}).`);
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const words = `${date}, ${adapter}: ${budget.used} minutes in all, ${plural(seeds, "seed")}, ${plan.randomSeeds} encoders with random weights, tasks of seed ${plan.taskSeed} (${plan.size}).`;
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
