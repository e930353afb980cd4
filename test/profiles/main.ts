// One process of the profile matrix: opens the named profiles on the adapter that MELGRAD_ADAPTER names, runs everything on
// them and writes what came out as JSON. scripts/profiles.mjs builds and starts it, once for each adapter and width.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readSafetensors } from "../../src/io/safetensors.js";
import { serialise } from "../../src/train/checkpoint.js";
import { families } from "../ops/all-cases.js";
import { coverageOf } from "./coverage.js";
import { type OpenProfile, openProfile } from "./open.js";
import { profiles } from "./profiles.js";
import {
  newTallies,
  parts,
  runGolden,
  runOthers,
  runSteps,
  runTable,
  trainedWeights,
  type Weights,
} from "./session.js";

const { values: options } = parseArgs({
  options: {
    profiles: { type: "string", default: "" },
    /** Only rows and cases whose name matches. */
    filter: { type: "string", default: "" },
    part: { type: "string", multiple: true, default: [...parts] },
    seed: { type: "string" },
    /** The ordinary device's weights after the steps: read, or written where there is no such file. */
    weights: { type: "string", default: "" },
    json: { type: "string", default: "" },
    root: { type: "string", default: "." },
  },
});

const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const wanted = new Set<string>(options.part);
const filter = new RegExp(options.filter);

async function expectedWeights(): Promise<Weights> {
  if (options.weights && existsSync(options.weights)) {
    const tensors = readSafetensors(readFileSync(options.weights));
    return new Map(
      [...tensors].flatMap(([name, { data }]) => (data instanceof Float32Array ? [[name, data]] : [])),
    );
  }
  const ordinary = await openProfile(profiles[0]);
  const weights = await trainedWeights(ordinary, seed);
  ordinary.gpu.close();
  const named = new Map([...weights].map(([name, data]) => [name, { shape: [data.length], data }]));
  if (options.weights) writeFileSync(options.weights, serialise(named));
  return weights;
}

const started = performance.now();
const since = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const names = options.profiles.split(",").filter((name) => name !== "");
const opened: OpenProfile[] = [];
for (const name of names) {
  const profile = profiles.find((each) => each.name === name);
  if (!profile)
    throw new Error(`There is no profile "${name}": ${profiles.map((each) => each.name).join(", ")}.`);
  opened.push(await openProfile(profile));
}
const tallies = newTallies(opened);
console.error(`seed ${seed}: ${names.join(", ")}`);
const differences = wanted.has("training steps")
  ? await runSteps(opened, await expectedWeights(), seed, tallies)
  : new Map<string, number>();
console.error(`training steps: ${since()}`);
if (wanted.has("op table")) {
  const rows = Object.values(families).flat();
  await runTable(
    opened,
    rows.filter(({ op, label }) => filter.test(`${op} ${label}`)),
    seed,
    tallies,
  );
  console.error(`op table: ${since()}`);
}
if (wanted.has("golden sets")) {
  const own = `${options.root}/test/golden/set`;
  const larger = process.env.MELGRAD_GOLDEN;
  await runGolden(opened, larger ? [larger, own] : [own], tallies);
  console.error(`golden sets: ${since()}`);
}
if (wanted.has("other kernels")) {
  await runOthers(opened, seed, tallies);
  console.error(`other kernels: ${since()}`);
}
// Kernels that only benchmarks dispatch, and those that try an adapter when it is opened, are no part of the matrix.
const covered = (kernels: OpenProfile["kernels"]) => coverageOf(kernels.values(), /^(bench\/.*|half|lanes)$/);
const report = {
  seed,
  variants: covered(new Map()).variants,
  seconds: Math.round((performance.now() - started) / 1000),
  profiles: opened.map(({ profile: { name, about }, gpu, kernels }) => ({
    ...{ name, about },
    adapter: gpu.device.capabilities.adapterName,
    parts: Object.fromEntries(Object.entries(tallies.get(name) ?? {}).filter(([part]) => wanted.has(part))),
    weights: differences.get(name),
    ran: covered(kernels).ran,
  })),
};
if (options.json) writeFileSync(options.json, JSON.stringify(report));
let failed = 0;
for (const { name, parts: counts } of report.profiles) {
  for (const [part, { passed, failed: wrong, problems }] of Object.entries(counts)) {
    failed += wrong;
    console.error(`${name}, ${part}: ${passed} passed, ${wrong} failed`);
    for (const problem of problems.slice(0, 12)) console.error(`  ${problem}`);
  }
}
for (const { gpu } of opened) gpu.close();
process.exit(failed > 0 ? 1 : 0);
