// `melgrad bench`: times the kernels, the log-mel, the training step, its growth and the adapter's own ceilings, prints tables,
// and writes the numbers as JSON. What is timed stands in src/bench; here are the options and the order.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { version as webgpuVersion } from "../../node_modules/webgpu/package.json";
import { featureLegend, featurePlans, featureTable, measureFeatures } from "../bench/features.js";
import { growthAxes, growthPoints, measureGrowth } from "../bench/growth.js";
import { CpuMeter, disturbing, othersNow } from "../bench/load.js";
import { measureProbes, probeLegend, probePlans, probeTable } from "../bench/probes.js";
import {
  type BenchReport,
  machine,
  mergeReports,
  readReport,
  resultName,
  type SuiteResult,
  writeReport,
} from "../bench/results.js";
import { presetPlan, profileStep } from "../bench/step.js";
import {
  casesOf,
  describe,
  grouped,
  Roofline,
  runCases,
  type SuiteName,
  suiteNames,
  suites,
  type Timed,
} from "../bench/suites.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { TuneMode } from "../gpu/tuner.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { version } from "../version.js";
import {
  ceilingLines,
  countsLegend,
  countsTable,
  growthLegend,
  growthTable,
  profileTable,
  rowLegend,
  rowTable,
} from "./bench-tables.js";
import { onInterrupt } from "./interrupt.js";
import { addAdapterOptions, addTuneOption, integer } from "./options.js";
import { tuneCases } from "./tuning.js";

interface BenchOptions {
  suite: SuiteName | "all";
  filter?: RegExp;
  samples: number;
  json?: string;
  results?: string;
  peers?: string;
  torch?: string;
  adapter?: string;
  tune: TuneMode;
  unchecked?: boolean;
  profile?: boolean;
}

export function registerBench(program: Command): void {
  const command = program
    .command("bench")
    .description("time kernels, log-mel and training step against what this adapter can do at most")
    .addOption(
      new Option("--suite <name>", "what is timed, see below")
        .choices([...suiteNames, "all"])
        .default("kernels"),
    )
    .option("--filter <regex>", "only cases whose name or shape matches", regularExpression)
    .option("--samples <n>", "times that each case is measured", integer(1), 11)
    .option("--json <file>", "also write the numbers to a file")
    .option("--results <folder>", "also write them to FOLDER/ADAPTER.json, beside its other suites")
    .option("--peers <file>", "take the numbers that npm run bench:peers wrote into the report")
    .option("--torch <file>", "take the numbers that bench/gpu/torch_bench.py wrote into the report")
    .addHelpText("after", suiteHelp)
    .allowExcessArguments(false)
    .action(bench);
  addAdapterOptions(command, { profiles: true });
  addTuneOption(command);
}

function suiteHelp(): string {
  const lines = suiteNames.map((name) => `  ${name.padEnd(9)} ${suites[name]}`);
  return `
Suites:
${lines.join("\n")}
  all       all of them
Every row has its share of the nearest ceiling, which is measured in the same run. --profile with the suite step (or all) lists
one training step's dispatches by time. Ctrl-C ends a run; what was measured until then is printed and written.`;
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    throw new InvalidArgumentError("Write a regular expression, for example matmul or '^softmax$'");
  }
}

type OpenGpu = Awaited<ReturnType<typeof open>>;

interface Run {
  gpu: OpenGpu;
  roofline: Roofline;
  options: BenchOptions;
  stopped(): boolean;
  /** Keeps what a suite has so far. */
  save(
    name: SuiteName,
    part: Pick<SuiteResult, "complete" | "rows" | "growth" | "probes" | "features" | "profile">,
  ): Promise<void>;
}

async function bench(options: BenchOptions): Promise<void> {
  const { suite, adapter, unchecked, profile } = options;
  if (profile && suite !== "step" && suite !== "all") {
    throw new UsageError("--profile lists the dispatches of a training step: write --suite step with it.");
  }
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const gpu = await open({ adapter, unchecked, tune: options.tune });
  try {
    const { software } = gpu.device.capabilities;
    const names: SuiteName[] = suite === "all" ? suiteNames.filter((name) => name !== "roofline") : [suite];
    const { filter } = options;
    if (filter && names.every((name) => matching(name, software, filter) === 0)) {
      throw new UsageError(
        `No case of the suite '${suite}' matches ${filter}: leave --filter out to see them.`,
      );
    }
    console.log(adapterLine(gpu.host));
    const before = await othersNow();
    if (before > disturbing) warnOfLoad(before);
    process.stderr.write("measuring the ceilings …\n");
    const roofline = await Roofline.open(gpu);
    if (suite === "roofline") {
      for (let i = 0; i < 5; i++) await roofline.sampleAll();
    }
    const report = await openReport(gpu, options, roofline);
    const meter = new CpuMeter();
    const save: Run["save"] = async (name, part) => {
      const othersCores = { before, during: meter.others() };
      const date = new Date().toISOString();
      report.suites[name] = { date, melgrad: version, ceilings: roofline.ceilings, othersCores, ...part };
      report.date = date;
      report.ceilings = roofline.ceilings;
      await keep(report, options);
    };
    const run: Run = { gpu, roofline, options, stopped: () => stopping.signal.aborted, save };
    for (const name of names) {
      if (stopping.signal.aborted) break;
      if (names.length > 1) console.log(`\n== ${name}: ${suites[name]}`);
      if (name === "growth") await runGrowth(run);
      else if (name === "probes") await runProbes(run);
      else if (name === "features") await runFeatures(run);
      else if (name === "roofline") await save(name, { complete: true });
      else await runSuite(run, name);
    }
    console.log(`\nceilings of this run\n${ceilingLines(roofline.ceilings).join("\n")}`);
    const during = meter.others();
    if (during > disturbing) warnOfLoad(during);
    if (stopping.signal.aborted) process.exitCode = 130;
    roofline.dispose();
  } finally {
    release();
    gpu.close();
  }
}

function warnOfLoad(cores: number): void {
  console.error(
    `Other processes take ${cores.toFixed(1)} of this machine's ${machine().cores} cores: times are worth little, shares and ratios more.`,
  );
}

function casesFor(suite: SuiteName, software: boolean, filter: RegExp | undefined) {
  return casesOf(suite, { software }).filter(
    ({ name, shape }) => !filter || filter.test(name) || filter.test(`${name} ${shape}`),
  );
}

/** How many of a suite's cases a filter lets through. */
function matching(suite: SuiteName, software: boolean, filter: RegExp): number {
  if (suite === "roofline") return 1;
  if (suite === "probes") return probePlans({ software }).filter(({ name }) => filter.test(name)).length;
  if (suite === "features") {
    return featurePlans({ software }).filter(({ name }) => filter.test(name)).length;
  }
  if (suite === "growth") return growthAxes.filter((axis) => filter.test(axis)).length;
  return casesFor(suite, software, filter).length;
}

/** A suite of cases, and for the training steps their counts and a profile. */
async function runSuite({ gpu, roofline, options, stopped, save }: Run, suite: SuiteName): Promise<void> {
  const { software } = gpu.device.capabilities;
  const cases = casesFor(suite, software, options.filter);
  if (cases.length === 0) return;
  const timed: Timed[] = [];
  const rows = () => timed.map((each) => describe(each, roofline.ceilings));
  for (const group of grouped(cases)) {
    if (stopped()) break;
    const names = group.map(({ name }) => name).join(", ");
    process.stderr.write(`${timed.length + 1}/${cases.length} ${names} ${group[0].shape}\n`);
    await tuneCases(gpu, group);
    timed.push(...(await runCases(gpu, group, { roofline, samples: options.samples })));
    await save(suite, { complete: false, rows: rows() });
  }
  if (timed.length === 0) return;
  console.log(`\n${rowTable(rows())}\n\n${rowLegend}`);
  const complete = timed.length === cases.length;
  if (suite !== "step") {
    await save(suite, { complete, rows: rows() });
    return;
  }
  console.log(`\n${countsTable(rows())}\n\n${countsLegend}`);
  const profile = options.profile && !stopped() ? await profileStep(gpu, presetPlan("demo")) : undefined;
  if (profile) console.log(`\n${profileTable(profile)}`);
  await save(suite, { complete, rows: rows(), profile });
}

async function runGrowth({ gpu, options, stopped, save }: Run): Promise<void> {
  const { software } = gpu.device.capabilities;
  const wanted = growthAxes.filter((axis) => !options.filter || options.filter.test(axis));
  if (wanted.length === 0) return;
  const growth: SuiteResult["growth"] = [];
  for (const axis of wanted) {
    if (stopped()) break;
    const onProgress = (text: string) => process.stderr.write(`${text}\n`);
    const rows = await measureGrowth(gpu, growthPoints(axis, { software }), {
      runs: options.samples,
      onProgress,
      stopped,
    });
    if (rows.length === 0) break;
    growth.push(...rows);
    console.log(`\n${growthTable(rows)}`);
    await save("growth", { complete: false, growth });
  }
  console.log(`\n${growthLegend}`);
  await save("growth", { complete: !stopped(), growth });
}

async function runProbes({ gpu, options, stopped, save }: Run): Promise<void> {
  const { filter } = options;
  const plans = probePlans(gpu.device.capabilities).filter(({ name }) => !filter || filter.test(name));
  if (plans.length === 0) return;
  const onProgress = (text: string) => process.stderr.write(`${text}\n`);
  const probes = await measureProbes(gpu, plans, { rounds: options.samples, onProgress, stopped });
  if (probes.length === 0) return;
  console.log(`\n${probeTable(probes)}\n\n${probeLegend}`);
  await save("probes", { complete: probes.length === plans.length, probes });
}

async function runFeatures({ gpu, options, stopped, save }: Run): Promise<void> {
  const { filter } = options;
  const { capabilities } = gpu.device;
  const plans = featurePlans(capabilities).filter(({ name }) => !filter || filter.test(name));
  if (plans.length === 0) return;
  const onProgress = (text: string) => process.stderr.write(`${text}\n`);
  const features = await measureFeatures(gpu, plans, { onProgress, stopped });
  if (features.length === 0) return;
  console.log(`\n${featureTable(features)}\n\n${featureLegend(capabilities)}`);
  await save("features", { complete: features.length === plans.length, features });
}

async function openReport(
  gpu: OpenGpu,
  { unchecked = false, peers, torch }: BenchOptions,
  { ceilings }: Roofline,
): Promise<BenchReport> {
  const { name, kind } = gpu.host;
  const { software } = gpu.device.capabilities;
  const report: BenchReport = {
    adapter: { name, kind, software, unchecked },
    machine: machine(),
    versions: { melgrad: version, webgpu: webgpuVersion, node: process.version },
    date: new Date().toISOString(),
    ceilings,
    suites: {},
  };
  if (peers !== undefined) report.peers = await readNumbers(peers);
  if (torch !== undefined) report.torch = await readNumbers(torch);
  return report;
}

/** What another program measured. */
async function readNumbers(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new DataError(`The numbers in ${path} cannot be read: ${(error as Error).message}.`);
  }
}

/** Writes the report where it is wanted. */
async function keep(report: BenchReport, { json, results }: BenchOptions): Promise<void> {
  const write = (path: string, text: BenchReport) =>
    writeReport(path, text).catch((error: Error) => {
      throw new DataError(`The numbers cannot be written to ${path}: ${error.message}.`);
    });
  if (json !== undefined) await write(json, report);
  if (results !== undefined) {
    const path = join(results, `${resultName(report.adapter.name)}.json`);
    await write(path, mergeReports(await readReport(path), report));
  }
}
