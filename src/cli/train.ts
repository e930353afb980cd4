// `melgrad train`: pre-train, then probe, then report. It reads the options, opens the adapter and the run's folder, and
// shows progress; the work is in src/train.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { profileStep } from "../bench/step.js";
import { turnChecksOn } from "../checks/use.js";
import { CORPORA, isCorpusName } from "../data/corpora/index.js";
import { SETS } from "../data/sets/index.js";
import { DataError, DeviceLostError, UsageError } from "../gpu/errors.js";
import type { TuneMode } from "../gpu/tuner.js";
import { meet, share } from "../host/group.js";
import { driverFetch } from "../host/node/fetch-driver.js";
import { type AdapterKind, adapterLine } from "../host/types.js";
import { type NodeGpu, open } from "../node.js";
import { type PatchShape, patchShapes, presetNames } from "../patchifier/config.js";
import { objectiveNames } from "../patchifier/objectives.js";
import { type DataChoice, type RunSettings, resolveSettings, withUsual } from "../train/config.js";
import { finishRun } from "../train/finish.js";
import { type Phase, probingPhases, tellPhases, trainingPhases } from "../train/phases.js";
import { type KeptBetween, pretrain } from "../train/pretrain.js";
import { chooseModel } from "../train/released.js";
import type { GivenSettings } from "../train/resume-rules.js";
import { RunFolder } from "../train/run-folder.js";
import { cropOf } from "../train/start-from.js";
import { smallerParts, survive, wasLost } from "../train/survive.js";
import { version } from "../version.js";
import { profileTable } from "./bench-tables.js";
import { onInterrupt, requeueLine, type StopSignal } from "./interrupt.js";
import { addAdapterOptions, addTuneOption, integer, positive } from "./options.js";
import { openProgress, type ProgressDisplay } from "./progress.js";
import { silent, type Together, together } from "./together.js";

interface TrainOptions {
  preset: string;
  data?: string;
  tracks?: number;
  dataset?: string;
  subset?: string;
  objective?: string;
  init?: string;
  patches?: PatchShape;
  crop?: number;
  steps?: number;
  batch?: number;
  lr?: number;
  accumulate?: number;
  seed: number;
  out?: string;
  resume?: boolean;
  probe: boolean;
  adapter?: string;
  tune: TuneMode;
  unchecked?: boolean;
  profile?: boolean;
  json?: boolean;
}

export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("pre-train Patchifier on music, probe what it learnt, and write a report")
    .addOption(new Option("--preset <name>", "size of the model").choices([...presetNames]).default("demo"))
    .option(
      "--data <folder>",
      `a folder of audio, or a corpus by name, or several with a plus between: ${CORPORA.join(", ")}`,
    )
    .option("--tracks <n>", "how many pieces the corpus arranged is to have (default: 300)", integer(1))
    .addOption(
      new Option("--dataset <name>", "what --data is: any audio, or a data set").choices(["folder", ...SETS]),
    )
    .option("--subset <name>", "which clips of the data set (melgrad data check lists them)")
    .option(
      "--objective <name>",
      `what is asked of the encoder: ${objectiveNames.join(", ")}, or several joined by + (default: the preset's; demo: ${usual("hardware").pretrain.objective})`,
    )
    .addOption(
      new Option("--patches <shape>", "grid: 16 mels × 16 frames; frame: all mels × 2 frames").choices([
        ...patchShapes,
      ]),
    )
    .option(
      "--crop <frames>",
      `frames of a crop (default: the preset's, or with --init that of the encoder; demo on a corpus: ${usual("hardware").model.cropFrames}, on the embedded adapter ${usual("embedded").model.cropFrames})`,
      integer(8),
    )
    .option("--steps <n>", `optimiser steps (default: the preset's; demo: ${defaults("steps")})`, integer(1))
    .option("--batch <n>", `clips a step (default: the preset's; demo: ${defaults("batch")})`, integer(1))
    .option("--accumulate <k>", "micro-batches that a batch is computed in, to save memory", integer(1))
    .option("--lr <x>", "peak learning rate", positive)
    .option(
      "--init <folder>",
      "begin with the encoder of a run's folder, or with pretrained, the released model (default: newly drawn weights)",
    )
    .option("--seed <n>", "seed of weights, crops and masks", integer(0), 0)
    .option("--out <folder>", "the run's folder (default: runs/PRESET-DATE)")
    .option("--resume", "go on with the run in --out, or with the newest one; start where there is none yet")
    .option("--no-probe", "stop after pre-training")
    .option("--json", "print one JSON object a step on stdout")
    .allowExcessArguments(false)
    .action((options: TrainOptions) => together((processes) => train(options, command, processes)));
  addAdapterOptions(command, { profiles: true });
  addTuneOption(command);
}

/** What all attempts at a run share, on whichever device. */
interface Session extends Together {
  options: TrainOptions;
  command: Command;
  run: RunFolder;
  display: ProgressDisplay;
  stop: Stop;
  /** As the command line says. */
  wanted: RunSettings;
  /** Those of a new run; a resumed one has its own. */
  settings: RunSettings | undefined;
  phase(phase: Phase): void;
  kept: KeptBetween;
  isTrained: boolean;
}

async function train(options: TrainOptions, command: Command, together: Together): Promise<void> {
  const { group, lead } = together;
  const wanted = await readSettings(options);
  const { path, begun } = await share(group, async () => {
    const found = await findRun(options);
    return { path: found.run.path, begun: found.begun };
  });
  const run = new RunFolder(path);
  const settings = begun ? undefined : wanted;

  const display = lead ? openProgress(process.stderr) : silent;
  if (options.resume && !begun) display.note(`there is no run in ${run.path} yet: starting one`);
  const stop = listenForStop(run.path, lead, display);
  const opening = () =>
    open({
      adapter: options.adapter,
      unchecked: options.unchecked,
      tune: options.tune,
      // A resumed run keeps the adapter that it began on.
      fetchDriver: settings
        ? driverFetch({ note: display.note, onProgress: display.progress, signal: stop.signal })
        : undefined,
    });
  if (!lead) await meet(group); // the first may fetch a driver
  let gpu = await opening().catch((error: unknown) => {
    display.stop();
    throw error;
  });
  if (lead && group.size > 1) await meet(group);
  const phase = tellPhases(
    options.probe ? [...trainingPhases, ...probingPhases] : trainingPhases,
    display.note,
  );
  const kept: KeptBetween = {};
  const session: Session = {
    ...together,
    ...{ options, command, run, display, stop, wanted, settings, phase, kept, isTrained: false },
  };
  try {
    display.note(adapterLine(gpu.host));
    if (gpu.host.remark) display.note(gpu.host.remark);
    display.note(`run: ${run.path}`);
    // Of several processes none can go back alone: the job is run again, with --resume.
    if (group.size > 1) {
      return await attempt(session, gpu).catch(async (error: unknown) => {
        if (stop.signal.aborted || !(await wasLost(gpu))) throw error;
        throw new DeviceLostError(
          `The adapter ${gpu.host.name} lost its device, which ends the run on all: start it again with --resume, and without this ` +
            "machine where it happens again.",
        );
      });
    }
    const done = await survive(
      {
        gpu,
        open: opening,
        note: display.note,
        progress: () => (session.isTrained ? Number.POSITIVE_INFINITY : (kept.furthest ?? -1)),
        smaller: (parts) =>
          session.isTrained ? undefined : smallerParts(kept.batch ?? 1, parts ?? kept.accumulate),
        signal: stop.signal,
      },
      (device, accumulate) => attempt(session, device, accumulate),
    );
    gpu = done.gpu;
  } catch (error) {
    if (!stop.signal.aborted || (error as Error).name !== "AbortError") throw error;
    const where = session.isTrained ? "after the last step" : "before the first step";
    display.note(`stopped ${where}: go on with --resume --out ${run.path}`);
    stop.end(where);
  } finally {
    display.stop();
    stop.release();
    gpu.close();
  }
}

/** Trains on a device, or goes on; the process that leads then probes, reports, and prints the summary. */
async function attempt(session: Session, gpu: NodeGpu, accumulate?: number): Promise<void> {
  const { options, run, group, lead, part, display, stop, wanted, settings, phase, kept } = session;
  turnChecksOn(gpu, display.note);
  const words = process.argv.slice(2).map((word) => (/[\s'"]/.test(word) ? JSON.stringify(word) : word));
  const trained = await pretrain({
    gpu,
    run,
    group,
    settings: settings && withUsual(settings, gpu.host.kind),
    given: settings ? undefined : only(wanted, options, session.command),
    accumulate,
    kept,
    version,
    command: `melgrad ${words.join(" ")}`,
    signal: stop.signal,
    events: {
      note: display.note,
      phase,
      progress: display.progress,
      step(line, steps) {
        display.step(line, steps);
        if (options.json && lead) process.stdout.write(`${JSON.stringify(line)}\n`);
      },
      heldOut: () => {},
    },
  });
  await part();
  if (trained.interrupted) {
    display.note(`saved after step ${trained.trainer.step}: go on with --resume --out ${run.path}`);
    stop.end(`after step ${trained.trainer.step} of ${trained.config.pretrain.steps}`);
    return;
  }
  if (!lead) return;
  session.isTrained = true;
  let profiled = "";
  if (options.profile) {
    // On a model of its own, so that the run is the same with and without.
    const { model, pretrain: plan } = trained.config;
    const profile = await profileStep(gpu, { model, pretrain: plan, batch: plan.batch });
    await run.writeJson("profile.json", profile);
    profiled = `${profileTable(profile)}\n\n`;
  }
  const summary = await finishRun({
    gpu,
    run,
    trained,
    probe: options.probe,
    events: { note: display.note, phase, progress: display.progress },
    signal: stop.signal,
  });
  display.stop();
  if (!options.json) process.stdout.write(`${profiled}${summary}\n`);
}

/** How a run is asked to stop. */
interface Stop {
  signal: AbortSignal;
  /** Says where the run stands now that it has stopped, by what the process exits with. */
  end(where: string): void;
  /** Listens no more. */
  release(): void;
}

/** Ctrl-C ends with 130. A scheduler asks with SIGTERM: the work is not lost, so that ends with 0 and a line that says so. */
function listenForStop(path: string, lead: boolean, { note }: ProgressDisplay): Stop {
  const stopping = new AbortController();
  let by: StopSignal = "SIGINT";
  const release = onInterrupt((signal) => {
    by = signal;
    const what = signal === "SIGTERM" ? signal : "Ctrl-C";
    note(`${what}: saving after this step (once more to stop at once)`);
    stopping.abort();
  });
  return {
    signal: stopping.signal,
    end(where) {
      if (by === "SIGTERM" && lead) process.stdout.write(`${requeueLine(where, path)}\n`);
      process.exitCode = by === "SIGTERM" ? 0 : 130;
    },
    release,
  };
}

/** The run's folder, and whether there is a run in it to go on with. */
async function findRun({ resume, out, preset }: TrainOptions): Promise<{ run: RunFolder; begun: boolean }> {
  const root = "runs";
  const name = `${preset}-${timestamp()}`;
  if (resume) {
    const path = out ?? (await RunFolder.newest(root));
    if (path) return RunFolder.openOrCreate(path);
  }
  return { run: await (out ? RunFolder.create(out) : RunFolder.createBelow(root, name)), begun: false };
}

/** Of the settings, those that stand on the command line. */
function only(settings: RunSettings, options: TrainOptions, command: Command): GivenSettings {
  const given = (name: string) => command.getOptionValueSource(name) === "cli";
  const { preset, data, ...rest } = settings;
  return {
    ...rest, // without a default
    preset: given("preset") ? preset : undefined,
    seed: given("seed") ? settings.seed : undefined,
    data: ["data", "tracks", "dataset", "subset"].some(given) && options.data ? data : undefined,
  };
}

async function readSettings(options: TrainOptions): Promise<RunSettings> {
  const { preset, objective, patches, crop, steps, batch, accumulate, lr, seed } = options;
  const init = options.init === undefined ? undefined : (await chooseModel(options.init)).folder;
  const settings = {
    preset,
    data: await readData(options),
    seed,
    objective,
    patches,
    crop: crop ?? (init === undefined ? undefined : await cropOf(init)),
    steps,
    batch,
    accumulate,
    lr,
    init,
  };
  resolveSettings(settings); // throws now rather than after the music has been fetched
  return settings;
}

async function readData({ data = "auto", tracks, dataset, subset }: TrainOptions): Promise<DataChoice> {
  const arranged = isCorpusName(data) && data.split("+").includes("arranged");
  if (tracks !== undefined && !arranged)
    throw new UsageError("--tracks says how many pieces to arrange: write --data arranged with it.");
  const ofSet = dataset !== undefined && dataset !== "folder";
  if (subset !== undefined && !ofSet)
    throw new UsageError("--subset needs --dataset: write which data set it is of.");
  if (ofSet && data === "auto")
    throw new UsageError(`--dataset ${dataset} needs its folder: write --data FOLDER.`);
  if (isCorpusName(data) && dataset === undefined) return { kind: "corpus", name: data, tracks };
  const found = await stat(data).catch(() => undefined);
  if (!found) {
    throw new DataError(
      `There is no folder '${data}': write one that holds audio, or a corpus (${CORPORA.join(", ")}).`,
    );
  }
  const path = resolve(data); // so that the run can go on from elsewhere
  return ofSet ? { kind: "set", set: dataset, path, subset } : { kind: "folder", path };
}

/** What demo is by default on such an adapter. */
function usual(kind: AdapterKind) {
  return resolveSettings(
    withUsual({ preset: "demo", data: { kind: "corpus", name: "auto" }, seed: 0 }, kind),
  );
}

/** demo's default on a usual adapter and on the embedded one. */
function defaults(name: "steps" | "batch"): string {
  return `${usual("hardware").pretrain[name]}, on the embedded adapter ${usual("embedded").pretrain[name]}`;
}

function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
}
