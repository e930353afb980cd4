// `melgrad doctor`: what this machine offers, whether the kernels compute rightly on the chosen adapter, and what to install.
// Looking is done in host/node/doctor.ts and testing in self-test.ts; this prints both.
import { basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { CheckedWork } from "../checks/run.js";
import { checkedLine } from "../checks/use.js";
import { DataError, NoAdapterError, UsageError } from "../gpu/errors.js";
import type { TuneMode } from "../gpu/tuner.js";
import { writeWhole } from "../host/cache.js";
import { type HostReport, inspectHost } from "../host/node/doctor.js";
import { fetchedLine } from "../host/node/fetch-driver.js";
import { fetchLavapipe } from "../host/node/lavapipe.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { type PresetName, presetNames } from "../patchifier/config.js";
import type { Gpu } from "../tensor/gpu.js";
import { version } from "../version.js";
import { onInterrupt } from "./interrupt.js";
import { addAdapterOptions, addTuneOption } from "./options.js";
import { openProgress } from "./progress.js";
import { checkDemo, doctorReport } from "./report.js";
import { type SelfTestResult, selfTest } from "./self-test.js";
import { alignTable } from "./table.js";
import {
  resultLine,
  shippedSource,
  type TuningState,
  tuneEverything,
  tuningLines,
  tuningState,
} from "./tuning.js";

interface DoctorOptions {
  adapter?: string;
  unchecked?: boolean;
  json?: boolean;
  fetchLavapipe?: boolean;
  report?: boolean;
  tune: TuneMode;
  presets: PresetName[];
  table?: string;
}

/** The adapter that a run would take, and what the self-test found there. */
interface Chosen {
  name: string;
  kind: string;
  line: string;
  tests: SelfTestResult[];
  checks: CheckedWork;
  tuning: TuningState;
}

export function registerDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("show the adapters of this machine, test the kernels, and say what to install")
    .option("--json", "print one JSON object")
    .option(
      "--fetch-lavapipe",
      "first fetch lavapipe, a faster software adapter, into the cache (Debian, Ubuntu; no root)",
    )
    .option("--report", "print a text on the adapter for a bug report, and nothing else")
    .option("--presets <names>", "with --tune: also measure these training steps", presets, ["demo"])
    .option(
      "--table <file>",
      "with --tune: write what was measured as a table to ship (see scripts/tune.mjs)",
    )
    .allowExcessArguments(false)
    .action(doctor);
  addAdapterOptions(command);
  addTuneOption(command);
}

/** Names of presets with commas between. */
function presets(text: string): PresetName[] {
  return text.split(",").map((name) => {
    const known = presetNames.find((each) => each === name.trim());
    if (!known)
      throw new InvalidArgumentError(`Write one or more of ${presetNames.join(", ")}, with commas between`);
    return known;
  });
}

async function doctor(options: DoctorOptions): Promise<void> {
  const { adapter, unchecked, json, tune } = options;
  if (options.table !== undefined && tune === "off") {
    throw new UsageError("--table holds what --tune measures: write --tune force with it.");
  }
  if (options.fetchLavapipe) await fetchDriver();
  const host = await inspectHost();
  let chosen: Chosen | undefined;
  let failure: string | undefined;
  try {
    const gpu = await open({ adapter, unchecked, tune });
    const { name, kind } = gpu.host;
    const tests = await selfTest(gpu);
    const checks = await checkDemo(gpu);
    if (options.report) {
      process.stdout.write(await doctorReport(gpu, kind, checks));
      gpu.close();
      if (checks.wrong.length > 0) process.exitCode = 1;
      return;
    }
    if (tune !== "off") await measureKernels(gpu, options);
    chosen = {
      name,
      kind,
      line: adapterLine(gpu.host),
      tests,
      checks,
      tuning: tuningState(gpu.device.tuner),
    };
    gpu.close();
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    failure = error.message;
  }
  const ok = chosen?.tests.every((test) => test.ok) === true && isSound(chosen.checks);
  if (json) {
    const { line: _, ...rest } = chosen ?? { line: "" };
    const report = { melgrad: version, ok, ...host, chosen: chosen ? rest : null, failure: failure ?? null };
    console.log(JSON.stringify(report, null, 2));
  } else {
    console.log([...hostLines(host), ...testLines(chosen, failure), ...adviceLines(host.advice)].join("\n"));
  }
  if (!ok) process.exitCode = 1;
}

/** Measures what presets and benchmark ask for, telling each result on stderr. */
async function measureKernels(gpu: Gpu, { presets, table }: DoctorOptions): Promise<void> {
  const { tuner } = gpu.device;
  // A table to ship holds what this run measures, whatever tables say.
  if (table !== undefined) tuner.forget();
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  try {
    await tuneEverything(gpu, {
      presets,
      onPart: (name) => say(`measuring ${name}`),
      onResult: (result) => say(`  ${resultLine(result)}`),
      signal: stopping.signal,
    });
  } finally {
    release();
  }
  if (table === undefined) return;
  if (stopping.signal.aborted) throw new DataError("Interrupted: the table has not been written.");
  await writeWhole(table, shippedSource(tuner, basename(table, ".ts"))).catch((error: Error) => {
    throw new DataError(`The table cannot be written to ${table}: ${error.message}.`);
  });
}

async function fetchDriver(): Promise<void> {
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  try {
    const fetched = await fetchLavapipe({ onProgress: display.progress, signal: stopping.signal });
    display.note(fetchedLine(fetched));
  } finally {
    display.stop();
    release();
  }
}

function hostLines(host: HostReport): string[] {
  const { node, platform, cpus, memoryBytes, vulkan, embeddedPackage, adapters, missing } = host;
  const facts: [string, string][] = [
    ["melgrad", `${version}, Node ${node}, ${platform}`],
    ["machine", `${cpus} CPU cores, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB of memory`],
  ];
  if (vulkan) {
    const drivers = vulkan.drivers.length > 0 ? vulkan.drivers.join(", ") : "none";
    facts.push(["Vulkan", `loader ${vulkan.loader ? "found" : "missing"}; drivers: ${drivers}`]);
  }
  facts.push(["embedded", embeddedPackage]);
  const lines = [alignTable(["", ""], facts, 2).split("\n").slice(1).join("\n"), ""];
  if (adapters.length === 0) lines.push("No adapter.");
  for (const { name, kind, features, limits, subgroupSizes, subgroupMatrices } of adapters) {
    const [least, most] = subgroupSizes ?? [0, 0];
    lines.push(
      `${name} [${kind}]`,
      `  subgroups: ${subgroupSizes ? (least === most ? least : `${least} to ${most}`) : "none"}`,
      `  f16: ${features.includes("shader-f16") ? "yes" : "no"}; timestamps: ${features.includes("timestamp-query") ? "yes" : "no"}; ` +
        `subgroup matrices: ${subgroupMatrices.length > 0 ? subgroupMatrices.length : "none"}`,
      `  largest binding ${mebibytes(limits.maxStorageBufferBindingSize)}, buffer ${mebibytes(limits.maxBufferSize)}; ` +
        `workgroup: ${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize / 1024} KiB`,
    );
  }
  for (const { source, reason } of missing) lines.push(`${source}: ${reason}`);
  return lines;
}

function testLines(chosen: Chosen | undefined, failure: string | undefined): string[] {
  if (!chosen) return ["", failure ?? "No adapter could be opened."];
  const rows = chosen.tests.map(({ name, ok, error, tolerance, ms }) => [
    `  ${name}`,
    ok ? "ok" : "WRONG",
    `error ${error.toExponential(1)} of ${tolerance.toExponential(0)}`,
    `${ms.toFixed(0)} ms`,
  ]);
  const failed = chosen.tests.filter((test) => !test.ok).length;
  const verdict =
    failed === 0
      ? `All ${rows.length} checks of the kernels agree with float64.`
      : `${failed} of ${rows.length} checks failed: do not train on this adapter; try --adapter embedded, or update its driver.`;
  const table = alignTable(["", "", "", ""], rows, 3).split("\n").slice(1);
  return [
    "",
    `A run takes this one: ${chosen.line.replace(/^adapter: /, "")}`,
    ...table,
    verdict,
    `A training step of demo: ${checkedLine(chosen.checks)}.`,
    ...tuningLines(chosen.tuning),
  ];
}

/** Whether every kernel of a training step is right, or avoided. */
function isSound({ wrong, unchecked }: CheckedWork): boolean {
  return unchecked.length === 0 && wrong.every(({ avoided }) => avoided);
}

function adviceLines(advice: readonly string[]): string[] {
  return advice.length === 0 ? [] : ["", "To do:", ...advice.map((text) => `- ${text}`)];
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
