// `npm run bench:peers`: the same work in melgrad, jax-js and TensorFlow.js on one adapter in one run. Each library has a
// process of its own; they take turns, so that whatever else the machine does falls on all of them.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command, Option } from "commander";
import { suites } from "./cases/index.mjs";
import { melCases } from "./cases/mel.mjs";
import { coldStart } from "./cold.mjs";
import { contest } from "./contest.mjs";
import { ensurePeers } from "./install.mjs";
import { align, figure, remarksOf, tableOf } from "./report.mjs";
import { Side } from "./side.mjs";
import { judge } from "./verdict.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(folder));
const ours = "melgrad";
const peers = ["jax-js", "tfjs"];

const program = new Command("bench:peers")
  .description("time melgrad, jax-js and TensorFlow.js at the same work on the same adapter, taking turns")
  .addOption(
    new Option("--suite <names...>", "what is timed")
      .choices([...Object.keys(suites), "cold"])
      .default(Object.keys(suites)),
  )
  .option("--filter <regex>", "only cases whose name matches")
  .option("--rounds <n>", "turns of each library, at least", "10")
  .option("--adapter <name>", "auto, embedded (software, from npm alone), or part of an adapter's name")
  .option("--long", "the log-mel of clips of 30 s too")
  .option("--peers <names...>", "the peers to compare with; none for melgrad alone", peers)
  .option("--cold-peers", "in the suite cold, start the peers too (minutes)")
  .option("--json <file>", "also write the numbers to a file");

const options = program.parse().opts();
const started = performance.now();

function note(text) {
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(`${String(seconds).padStart(4)} s  ${text}\n`);
}

function versionIn(...path) {
  return JSON.parse(readFileSync(join(...path, "package.json"), "utf8")).version;
}

/** The adapter's ceilings, as `melgrad bench` measures them. */
async function measureCeilings() {
  note("the adapter's ceilings");
  const scratch = await mkdtemp(join(tmpdir(), "melgrad-peers-"));
  const file = join(scratch, "roofline.json");
  try {
    const adapter = options.adapter ? ["--adapter", options.adapter] : [];
    const command = [
      join(root, "dist", "cli.js"),
      "bench",
      "--suite",
      "roofline",
      "--json",
      file,
      ...adapter,
    ];
    await promisify(execFile)(process.execPath, command);
    return JSON.parse(await readFile(file, "utf8")).suites.roofline.ceilings;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runContests(names, filter) {
  const chosen = options.suite.filter((suite) => suite !== "cold");
  const cases = chosen.flatMap((suite) =>
    (suite === "mel" ? melCases({ long: options.long }) : suites[suite]())
      .filter(({ name }) => !filter || filter.test(name))
      .map((found) => ({ ...found, suite })),
  );
  if (cases.length === 0) return { rows: [] };
  const sides = names.map((name) => new Side({ name, adapter: options.adapter }));
  const rows = [];
  try {
    let adapter;
    for (const side of sides) {
      note(`opening ${side.name}`);
      const opened = await side.open();
      adapter ??= opened.adapter;
      if (opened.adapter.name !== adapter.name) {
        throw new Error(`${side.name} runs on ${opened.adapter.name}, not on ${adapter.name}.`);
      }
    }
    console.log(`adapter: ${adapter.name} [${adapter.kind}]`);
    const ceilings = await measureCeilings();
    const { gflops, copyGBs } = ceilings;
    console.log(`ceilings: ${figure(gflops)} GFLOP/s, ${figure(copyGBs)} GB/s\n`);
    for (const found of cases) {
      const entries = await contest(found, sides, { rounds: Number(options.rounds), note });
      rows.push({ found, entries, verdict: judge(found, entries, { ceilings, adapterName: adapter.name }) });
    }
    return { rows, adapter, ceilings };
  } finally {
    for (const side of sides) await side.close();
  }
}

async function runCold() {
  const names = options.coldPeers ? [ours, ...options.peers] : [ours];
  const results = [];
  for (const name of names) {
    results.push(await coldStart(name, { adapter: options.adapter, runs: name === ours ? 3 : 1, note }));
  }
  return results;
}

async function main() {
  if (!existsSync(join(root, "dist", "node.js"))) throw new Error("melgrad is not built: run npm run build.");
  const filter = options.filter ? new RegExp(options.filter, "i") : undefined;
  const wanted = options.peers.filter((name) => name !== "none");
  const versions = wanted.length > 0 ? await ensurePeers(note) : {};
  const names = [ours, ...wanted];
  const { rows, adapter, ceilings } = await runContests(names, filter);
  if (rows.length > 0) {
    console.log(tableOf(rows, names).join("\n"));
    console.log(
      "\nMedians of one call until an element of its result is here. ratio: the faster peer's time over ours.",
    );
    console.log(
      "of ceiling: the least time that this adapter's multiply-adds and copy allow, over ours. ~: one trial call.",
    );
    const remarks = remarksOf(rows);
    if (remarks.length > 0) console.log(`\n${remarks.join("\n")}`);
  }
  const cold = options.suite.includes("cold") ? await runCold() : [];
  if (cold.length > 0) {
    const lines = cold.map(({ name, off, warm }) => [name, figure(off), figure(warm)]);
    console.log(
      `\n${align([["to the first step's end", "no cache, s", "warm cache, s"], ...lines]).join("\n")}`,
    );
  }
  if (options.json) {
    const report = {
      date: new Date().toISOString(),
      versions: {
        melgrad: versionIn(root),
        node: process.version,
        webgpu: versionIn(root, "node_modules", "webgpu"),
        ...versions,
      },
      adapter,
      ceilings,
      rows: rows.map(({ found: { suite, name, shape, flops, bytes, seconds }, entries, verdict }) => ({
        ...{ suite, name, shape, flops, bytes, seconds },
        ...verdict,
        entries,
      })),
      cold,
    };
    await writeFile(options.json, `${JSON.stringify(report, null, 1)}\n`);
  }
  note("done");
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
