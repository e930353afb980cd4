// `melgrad probe`: probes the frozen features of a trained model on labelled tasks, beside baselines, and prints the table.
// The work is in src/train/probe.ts.
import { stat } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { SET_TASKS, tasksIn } from "../data/sets/index.js";
import { TASKS } from "../data/tasks/index.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { TuneMode } from "../gpu/tuner.js";
import { writeWhole } from "../host/cache.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { loadModel } from "../train/load-model.js";
import { runProbes } from "../train/probe.js";
import type { ProbeTable } from "../train/report/types.js";
import { reasonOf } from "../train/run-folder.js";
import { onInterrupt } from "./interrupt.js";
import { addAdapterOptions, addTuneOption, integer } from "./options.js";
import { openProgress } from "./progress.js";

interface ProbeOptions {
  checkpoint: string;
  task?: string[];
  data?: string;
  grid: string;
  seeds: number;
  json?: string;
  adapter?: string;
  tune: TuneMode;
  profile: "safe" | "fast";
}

export function registerProbe(program: Command): void {
  const command = program
    .command("probe")
    .description("probe the frozen features of a trained model on labelled tasks, beside baselines")
    .requiredOption("--checkpoint <folder>", "a run's folder, or its checkpoint folder")
    .option(
      "--task <names>",
      `tasks, with commas between: ${TASKS.join(", ")}; with --data ${SET_TASKS.join(", ")} (default: instruments,key, or what --data holds)`,
      names,
    )
    .option("--data <folder>", `the folder of the data sets that ${SET_TASKS.join(", ")} are made from`)
    .addOption(
      new Option("--grid <name>", "how heads are fitted and chosen")
        .choices(["fast", "jukemir", "marble"])
        .default("fast"),
    )
    .option("--seeds <n>", "splits", integer(1), 5)
    .option("--json <file>", "write the table as JSON too")
    .allowExcessArguments(false)
    .action(runProbe);
  addAdapterOptions(command);
  addTuneOption(command);
}

async function runProbe(options: ProbeOptions): Promise<void> {
  const { checkpoint, task, data, grid, seeds, json, adapter, profile, tune } = options;
  if (grid !== "fast") throw new UsageError(`The grid '${grid}' is not there yet: write --grid fast.`);
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
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter, profile, tune });
  try {
    display.note(adapterLine(gpu.host));
    const { model, config, path } = await loadModel(gpu, checkpoint);
    display.note(`probing ${path}`);
    const { table } = await runProbes({
      gpu,
      model,
      modelConfig: config.model,
      normalisation: config.normalisation,
      seed: config.seed,
      taskNames,
      folder: data,
      seeds,
      onProgress: display.progress,
      note: display.note,
      signal: stopping.signal,
    });
    display.stop();
    process.stdout.write(tableText(table));
    if (json) {
      await writeWhole(json, `${JSON.stringify(table, null, 2)}\n`).catch((error: unknown) => {
        throw new DataError(`${json} cannot be written: ${reasonOf(error)}.`);
      });
    }
    model.dispose();
  } finally {
    display.stop();
    release();
    gpu.close();
  }
}

/** The table and its verdict as text. */
function tableText({ tasks, verdict }: ProbeTable): string {
  const lines = tasks.flatMap(({ task, metric, chance, rows }) => [
    `${task} (${metric}${chance === undefined ? "" : `, chance ${chance.toFixed(3)}`})`,
    ...rows.map(({ features, mean, std, ci95 }) => {
      const interval = ci95 ? `   95 % ${ci95.map((value) => value.toFixed(3)).join(" to ")}` : "";
      return `  ${features.padEnd(18)} ${mean.toFixed(3)} ± ${std.toFixed(3)}${interval}`;
    }),
  ]);
  return `${[...lines, verdict].join("\n")}\n`;
}

function names(text: string): string[] {
  const list = text.split(",").map((name) => name.trim());
  const known: readonly string[] = [...TASKS, ...SET_TASKS];
  const unknown = list.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no task '${unknown}': write one or more of ${known.join(", ")}`);
  }
  return [...new Set(list)];
}
