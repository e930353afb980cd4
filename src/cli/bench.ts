// `melgrad bench`: times the kernels, the log-mel, the training step and the adapter's own ceilings, prints a table, and
// writes the numbers as JSON. What is timed stands in bench/; here are the options and the table.
import { writeFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Ceilings,
  casesOf,
  measureCeilings,
  type Row,
  runCase,
  type SuiteName,
  suiteNames,
} from "../../bench/suites.js";
import { DataError, UsageError } from "../gpu/errors.js";
import { adapterLine } from "../host/types.js";
import { open } from "../node.js";
import { version } from "../version.js";
import { addAdapterOptions } from "./options.js";
import { alignTable } from "./table.js";

interface BenchOptions {
  suite: SuiteName;
  filter?: RegExp;
  json?: string;
  adapter?: string;
  profile: "safe" | "fast";
}

export function registerBench(program: Command): void {
  const command = program
    .command("bench")
    .description("time kernels, log-mel and training step against what this adapter can do at most")
    .addOption(new Option("--suite <name>", "what is timed").choices([...suiteNames]).default("kernels"))
    .option("--filter <regex>", "only cases whose name or shape matches", regularExpression)
    .option("--json <file>", "also write the numbers to a file")
    .allowExcessArguments(false)
    .action(bench);
  addAdapterOptions(command);
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch {
    throw new InvalidArgumentError("Write a regular expression, for example matmul or '^softmax$'");
  }
}

async function bench({ suite, filter, json, adapter, profile }: BenchOptions): Promise<void> {
  const gpu = await open({ adapter, profile });
  try {
    const { software } = gpu.device.capabilities;
    const cases = casesOf(suite, { software }).filter(
      ({ name, shape }) => !filter || filter.test(name) || filter.test(`${name} ${shape}`),
    );
    if (cases.length === 0 && suite !== "roofline") {
      throw new UsageError(
        `No case of the suite '${suite}' matches ${filter}: leave --filter out to see them.`,
      );
    }
    console.log(adapterLine(gpu.host));
    process.stderr.write("measuring the ceilings …\n");
    const ceilings = await measureCeilings(gpu);
    console.log(`${ceilingLines(ceilings).join("\n")}\n`);
    const rows: Row[] = [];
    for (const [i, each] of cases.entries()) {
      process.stderr.write(`${i + 1}/${cases.length} ${each.name} ${each.shape}\n`);
      rows.push(await runCase(gpu, each, ceilings));
    }
    if (rows.length > 0) {
      console.log(alignTable(header, rows.map(cells), 2));
      console.log(`\n${legend}`);
    }
    if (json !== undefined) {
      const { kind, name } = gpu.host;
      const report = {
        melgrad: version,
        node: process.version,
        date: new Date().toISOString(),
        adapter: { name, kind, software, profile },
        suite,
        ceilings,
        rows,
      };
      await writeFile(json, `${JSON.stringify(report, null, 1)}\n`).catch((error: Error) => {
        throw new DataError(`The numbers cannot be written to ${json}: ${error.message}.`);
      });
    }
  } finally {
    gpu.close();
  }
}

function ceilingLines(ceilings: Ceilings): string[] {
  const { gflops, copies, dispatchUs, submitUs, readbackUs } = ceilings;
  const copied = copies.map(({ MiB, GBs }) => `${figure(GBs)} over ${MiB} MiB`).join(", ");
  return [
    `multiply-adds: ${figure(gflops)} GFLOP/s`,
    `copy:          GB/s read and written: ${copied}`,
    `dispatch:      ${figure(dispatchUs)} µs each in a submission; one alone, waited for: ${figure(submitUs)} µs, with readback ${figure(readbackUs)} µs`,
  ];
}

const header = [
  "case",
  "shape",
  "ms",
  "min",
  "each ms",
  "GFLOP/s",
  "GB/s",
  "rate",
  "of ceiling",
  "calls",
  "first ms",
];
const legend =
  "ms, min: median and least time of one call until the device is done. each ms: per call when `calls` of them are submitted\n" +
  "together; rates and share follow from it. of ceiling: the least time that multiply-adds or copy allow, over the time taken;\n" +
  "above 100% where reading is cheaper than copying. first ms: with the compilation of the kernels.";

function cells(row: Row): string[] {
  const { name, shape, ms, minMs, eachMs, gflops, gbs, rate, share, bound, together, runs, firstMs } = row;
  return [
    name,
    shape,
    figure(ms),
    figure(minMs),
    figure(eachMs),
    figure(gflops),
    figure(gbs),
    rate ? `${figure(rate.perSecond)} ${rate.unit}/s` : "",
    share === undefined ? "" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}% ${bound}`,
    `${together}, ${runs} times`,
    figure(firstMs),
  ];
}

/** Three significant digits, without an exponent. */
function figure(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}
