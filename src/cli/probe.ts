// `melgrad probe`: probes the frozen features of a trained model on labelled tasks, beside baselines, and prints the table.
// The work is in src/train/probe.ts.
import { stat } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { turnChecksOn } from "../checks/use.js";
import { SET_TASKS, tasksIn } from "../data/sets/index.js";
import { ALL_TASKS, TASKS } from "../data/tasks/index.js";
import type { TaskSize } from "../data/tasks/options.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { TuneMode } from "../gpu/tuner.js";
import { cacheFolder, writeWhole } from "../host/cache.js";
import { driverFetch } from "../host/node/fetch-driver.js";
import { shardHere } from "../host/node/launch.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { type PoolName, poolNames } from "../probe/feature-pools.js";
import { type GridName, gridNames, gridOf } from "../probe/grid/grids.js";
import { type FeatureFile, readFeatures } from "../train/feature-file.js";
import { probingPhases, tellPhases } from "../train/phases.js";
import { keepFeatures, type ProbeRunOptions, runProbes } from "../train/probe.js";
import { chooseModel } from "../train/released.js";
import type { ProbeTable, ProbeTask } from "../train/report/types.js";
import { reasonOf } from "../train/run-folder.js";
import { onInterrupt } from "./interrupt.js";
import { openModel } from "./model.js";
import { addAdapterOptions, addTuneOption, checkpointOption, integer } from "./options.js";
import { openProgress } from "./progress.js";

interface ProbeOptions {
  checkpoint?: string;
  features?: string[];
  pool?: PoolName;
  task?: string[];
  data?: string;
  grid: "linear" | GridName;
  seeds?: number;
  size?: TaskSize;
  taskSeed?: number;
  evaluations?: number;
  handFeatures: boolean;
  json?: string;
  adapter?: string;
  tune: TuneMode;
  unchecked?: boolean;
}

export function registerProbe(program: Command): void {
  const command = program
    .command("probe")
    .description("probe the frozen features of a trained model on labelled tasks, beside baselines")
    .addOption(checkpointOption())
    .option(
      "--features <files...>",
      "instead of a model: files that melgrad features made, probed without their audio",
    )
    .option(
      "--task <names>",
      `tasks, with commas between: ${TASKS.join(", ")}, or ${ALL_TASKS} of these that can be had; with --data ${SET_TASKS.join(", ")} (default: instruments,key, or what --data holds)`,
      names,
    )
    .option("--data <folder>", `the folder of the data sets that ${SET_TASKS.join(", ")} are made from`)
    .addOption(
      new Option("--grid <name>", "how heads are fitted and chosen")
        .choices(["linear", ...gridNames])
        .default("linear"),
    )
    .addOption(
      new Option(
        "--pool <name>",
        "what becomes of the tokens (default: time; mean+max with a grid or a split of the data set's own, layers with --grid marble)",
      ).choices([...poolNames]),
    )
    .option(
      "--seeds <n>",
      "encoders with random weights, and splits with a grid where the data set has none of its own (default: 5, and 1 with a grid)",
      integer(1),
    )
    .addOption(
      new Option(
        "--size <name>",
        "clips of instruments, key, style and tempo: some hundreds, or about a thousand",
      ).choices(["quick", "study"]),
    )
    .option(
      "--task-seed <n>",
      "draws other clips of these tasks, on which nothing was tuned (default: 0)",
      integer(0),
    )
    .option("--evaluations <n>", "end every head of a grid after so many evaluations", integer(1))
    .option(
      "--no-hand-features",
      "leave out MFCC, chroma, tempogram and modulation, which read the audio again",
    )
    .option("--json <file>", "write the table as JSON too")
    .addHelpText("after", gridHelp())
    .allowExcessArguments(false)
    .action(runProbe);
  addAdapterOptions(command);
  addTuneOption(command);
}

function gridHelp(): string {
  const lines = gridNames.map((name) => `  ${name.padEnd(8)} ${gridOf(name).note}`);
  return `
Grids:
  linear   Logistic or ridge regression on whitened features, five folds, every clip tested once: quick, the default.
${lines.join("\n")}
The heads of a grid are trained all at once on the device. Public tasks are printed beside published rows.`;
}

async function runProbe(options: ProbeOptions): Promise<void> {
  const { checkpoint, task, data, grid, evaluations, handFeatures, json, adapter, unchecked, tune } = options;
  checkSource(options);
  // Tasks are judged together, by one process; making features is what several share.
  const shard = shardHere();
  if (shard && shard.index > 0 && options.features) return;
  const seeds = options.seeds ?? (grid === "linear" ? 5 : 1);
  if (evaluations !== undefined && grid === "linear") {
    throw new UsageError(
      "--evaluations ends the heads of a grid: write --grid fast, jukemir or marble with it.",
    );
  }
  const ofSets = task?.filter((name) => SET_TASKS.includes(name)) ?? [];
  if (data !== undefined && task && ofSets.length === 0) {
    throw new UsageError(`The tasks ${TASKS.join(", ")} bring their own music: leave out --data.`);
  }
  if (data === undefined && ofSets.length > 0) {
    throw new UsageError(`The task ${ofSets[0]} needs the folder of its data set: write --data FOLDER.`);
  }
  const taskNames = data !== undefined && !task ? await tasksIn(data) : task;
  if (
    json &&
    (await stat(json).then(
      (found) => found.isDirectory(),
      () => false,
    ))
  ) {
    throw new UsageError(`--json ${json} is a folder: write the name of a file.`);
  }
  const chosen = options.features ? undefined : await chooseModel(checkpoint);
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const { note, progress: onProgress } = display;
  const fetchDriver = driverFetch({ note, onProgress, signal: stopping.signal });
  const gpu = await open({ adapter, unchecked, tune, fetchDriver }).catch((error: unknown) => {
    display.stop();
    throw error;
  });
  try {
    display.note(adapterLine(gpu.host));
    turnChecksOn(gpu, display.note);
    const loaded = chosen && (await openModel(gpu, chosen, display.note));
    const features: FeatureFile[] = [];
    for (const path of options.features ?? []) features.push(await readFeatures(path));
    display.note(`probing ${loaded?.path ?? features.map(({ path }) => path).join(", ")}`);
    const probing: ProbeRunOptions = {
      gpu,
      model: loaded?.model,
      modelConfig: loaded?.config.model,
      normalisation: loaded?.config.normalisation,
      seed: loaded?.config.seed ?? features[0].header.seed,
      features: loaded ? undefined : features,
      pool: options.pool,
      taskNames,
      folder: data,
      seeds,
      size: options.size,
      taskSeed: options.taskSeed,
      grid,
      mostEvaluations: evaluations,
      handFeatures,
      onProgress,
      note,
      phase: loaded && tellPhases(probingPhases, note),
      signal: stopping.signal,
    };
    if (shard && loaded) {
      for (const { task: name, own, all } of await keepFeatures(probing, shard)) {
        display.note(
          `${name}: kept features of ${own} of ${all} clips, share ${shard.index + 1} of ${shard.count}`,
        );
      }
      display.stop();
      if (shard.index === 0) {
        const cache = cacheFolder();
        process.stderr.write(
          `when all have ended: the same command alone, where ${cache} is seen, probes what they kept\n`,
        );
      }
      loaded.model.dispose();
      return;
    }
    const { table } = await runProbes(probing);
    display.stop();
    process.stdout.write(tableText(table));
    if (json) {
      await writeWhole(json, `${JSON.stringify(table, null, 2)}\n`).catch((error: unknown) => {
        throw new DataError(`${json} cannot be written: ${reasonOf(error)}.`);
      });
    }
    loaded?.model.dispose();
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

/** Features come from a model and audio, or from files: throws UsageError where both are named. */
function checkSource({ checkpoint, features, task, data, pool }: ProbeOptions): void {
  if (features === undefined) return;
  const other = Object.entries({ checkpoint, task, data, pool }).find(([, value]) => value !== undefined);
  if (other) {
    throw new UsageError(
      `--features brings its own clips and vectors: leave out --${other[0]}, or --features.`,
    );
  }
}

/** The tables and the verdict as text. */
function tableText({ tasks, verdict }: ProbeTable): string {
  const lines = tasks.flatMap((task) => [
    `${task.task} (${task.metric}${task.chance === undefined ? "" : `, chance ${task.chance.toFixed(3)}`})`,
    ...task.rows.map(({ features, mean, std, ci95, chosen }) => {
      const spread = task.interval !== "splits" && std === 0 ? "        " : ` ± ${std.toFixed(3)}`;
      const interval = ci95 ? `   95 % ${ci95.map((value) => value.toFixed(3)).join(" to ")}` : "";
      const found = task.contrasts?.find(({ against }) => against === features);
      const ahead = found
        ? `   first row ahead by ${found.difference.toFixed(3)} ± ${found.halfWidth.toFixed(3)}, p ${found.p.toFixed(3)}, seen from ${found.detectable.toFixed(3)}`
        : "";
      return `  ${features.padEnd(18)} ${mean.toFixed(3)}${spread}${interval}${ahead}${chosen ? `   ${chosen}` : ""}`;
    }),
    ...publishedLines(task),
  ]);
  return `${[...lines, verdict].join("\n")}\n`;
}

/** Our rows, the published ones and what guessing scores, in percent. */
function publishedLines({ published, rows, metrics = [] }: ProbeTask): string[] {
  if (!published) return [];
  const at = published.metrics.map((name) => metrics.indexOf(name));
  const line = (name: string, values: (number | undefined)[], words: string) =>
    `  ${name.padEnd(20)}${values.map((value) => (value === undefined ? "–" : value.toFixed(1)).padStart(8)).join("")}   ${words}`;
  return [
    `  ${published.name}, percent: ${published.metrics.join(", ")}`,
    ...rows.map(({ features, scores = [] }) =>
      line(
        features,
        at.map((metric) => (metric < 0 ? undefined : 100 * scores[metric])),
        "this run",
      ),
    ),
    ...published.rows.map(({ model, protocol, values }) =>
      line(model, values, `as published, ${protocol} protocol`),
    ),
    ...published.guesses.map(({ how, value }) => line("(guess)", [value], how)),
  ];
}

function names(text: string): string[] {
  const list = text.split(",").map((name) => name.trim());
  const known: readonly string[] = [...TASKS, ALL_TASKS, ...SET_TASKS];
  const unknown = list.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no task '${unknown}': write one or more of ${known.join(", ")}`);
  }
  return [...new Set(list)];
}
