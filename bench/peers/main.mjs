// `npm run bench:peers`: the same work in melgrad, jax-js and TensorFlow.js on one adapter in one run. Here are the options,
// what is printed and what is kept; the turns are contest.mjs's, what a library does sides/'s.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command, Option } from "commander";
import { suites } from "./cases/index.mjs";
import { coldStart } from "./cold.mjs";
import { contest } from "./contest.mjs";
import { ensurePeers } from "./install.mjs";
import { coldTable, figure, remarksOf, tableOf } from "./report.mjs";
import { Side } from "./side.mjs";
import { distFolder, root } from "./sides/engine.mjs";
import { betterCeilings, judge, judgeCold } from "./verdict.mjs";

const ours = "melgrad";
const peers = ["jax-js", "tfjs"];

const options = new Command("bench:peers")
  .description("time melgrad, jax-js and TensorFlow.js at the same work on the same adapter, taking turns")
  .addOption(
    new Option("--suite <names...>", "what is timed")
      .choices([...Object.keys(suites), "cold"])
      .default(Object.keys(suites)),
  )
  .option("--filter <regex>", "only cases whose name matches", (text) => new RegExp(text, "i"))
  .option("--rounds <n>", "turns of each library, at least", Number, 10)
  .option("--adapter <name>", "auto, embedded (software, from npm alone), or part of an adapter's name")
  .option("--long", "the log-mel of clips of 30 s too")
  .addOption(
    new Option("--peers <names...>", "the peers to compare with").choices([...peers, "none"]).default(peers),
  )
  .option("--cold-peers", "in the suite cold, start the peers too (minutes)")
  .option("--json <file>", "also write the numbers to a file, after every case")
  .parse()
  .opts();

const started = performance.now();
let stopping = false;

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
    const command = [join(distFolder, "cli.js"), "bench", "--suite", "roofline", "--json", file, ...adapter];
    await promisify(execFile)(process.execPath, command);
    return JSON.parse(await readFile(file, "utf8")).suites.roofline.ceilings;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Opens all libraries. @throws where they do not run on the same adapter */
async function openAll(sides) {
  let adapter;
  for (const side of sides) {
    note(`opening ${side.name}`);
    const opened = await side.open();
    adapter ??= opened.adapter;
    if (opened.adapter.name !== adapter.name) {
      throw new Error(`${side.name} runs on ${opened.adapter.name}, not on ${adapter.name}.`);
    }
  }
  return adapter;
}

/** Runs the chosen cases; `keep` is told of what there is after each of them. */
async function runContests(names, cases, keep) {
  const sides = names.map((name) => new Side({ name, adapter: options.adapter }));
  try {
    const adapter = await openAll(sides);
    console.log(`adapter: ${adapter.name} [${adapter.kind}]`);
    let ceilings = await measureCeilings();
    const results = [];
    const rows = () =>
      results.map(({ found, entries }) => {
        return { found, entries, verdict: judge(found, entries, { ceilings, adapterName: adapter.name }) };
      });
    for (const found of cases) {
      if (stopping) break;
      results.push({ found, entries: await contest(found, sides, { rounds: options.rounds, note }) });
      await keep({ adapter, ceilings, rows: rows() });
    }
    // Something else may have had the machine at either time: the better one is the ceiling.
    if (!stopping) ceilings = betterCeilings(ceilings, await measureCeilings());
    await keep({ adapter, ceilings, rows: rows() });
    return { adapter, ceilings, rows: rows() };
  } finally {
    for (const side of sides) await side.close();
  }
}

async function runCold(names) {
  const results = [];
  for (const name of names) {
    if (stopping) break;
    const runs = name === ours ? 3 : 1;
    results.push(await coldStart(name, { adapter: options.adapter, runs, note }));
  }
  return judgeCold(results);
}

/** Writes what there is to the file that was asked for. */
function keeper(versions) {
  const report = { date: new Date().toISOString(), versions };
  return async ({ rows, ...rest }) => {
    Object.assign(report, rest);
    if (rows) {
      report.rows = rows.map(({ found: { suite, name, shape, flops, bytes, seconds }, entries, verdict }) => {
        return { suite, name, shape, flops, bytes, seconds, ...verdict, entries };
      });
    }
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 1)}\n`);
  };
}

function printContests({ rows, ceilings }, names) {
  const { gflops, copyGBs } = ceilings;
  console.log(`ceilings: ${figure(gflops)} GFLOP/s, ${figure(copyGBs)} GB/s\n`);
  console.log(tableOf(rows, names).join("\n"));
  console.log(
    "\nMedians of one call until an element of its result is here. ratio: the faster peer's time over ours. by CPU: the same of\n" +
      "the processor time of all threads, which on a software adapter is the work done, whatever else the machine does.\n" +
      "of ceiling: the least time that this adapter's multiply-adds and copy allow, over ours. ~: trial calls only.",
  );
  const remarks = remarksOf(rows);
  if (remarks.length > 0) console.log(`\n${remarks.join("\n")}`);
}

async function main() {
  if (!existsSync(join(distFolder, "node.js"))) throw new Error("melgrad is not built: run npm run build.");
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      process.exitCode = 130;
      note("stopping after this case; once more to stop at once");
    });
  }
  const wanted = peers.filter((name) => options.peers.includes(name));
  const names = [ours, ...wanted];
  const packages = wanted.length > 0 ? await ensurePeers(note) : {};
  const webgpu = versionIn(root, "node_modules", "webgpu");
  const keep = keeper({ melgrad: versionIn(root), node: process.version, webgpu, ...packages });
  const cases = options.suite
    .filter((suite) => suite !== "cold")
    .flatMap((suite) => suites[suite](options).map((found) => ({ ...found, suite })))
    .filter(({ name }) => !options.filter || options.filter.test(name));
  if (cases.length === 0 && !options.suite.includes("cold")) {
    throw new Error(`No case matches ${options.filter}: leave --filter out to see them.`);
  }
  if (cases.length > 0) printContests(await runContests(names, cases, keep), names);
  if (options.suite.includes("cold")) {
    const cold = await runCold(options.coldPeers ? names : [ours]);
    await keep({ cold });
    console.log(`\n${coldTable(cold).join("\n")}`);
  }
  note("done");
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
