// `npm run test:golden -- DIR`: runs every case of a reference set and prints, by op, how many passed, failed and were
// skipped, with the largest error in units of the tolerance. Exit code 1 if anything failed or nothing ran.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MelgradError, UsageError } from "../../src/gpu/errors.js";
import { open } from "../../src/node.js";
import { referenceFolder } from "./default-set.js";
import { type Outcome, runCase } from "./runner.js";
import { GoldenSet } from "./set.js";

const usage = "Usage: npm run test:golden -- [DIR] [--filter REGEXP] [--adapter NAME] [--json]";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  worst: number;
}

async function main(): Promise<number> {
  const { positionals, values } = readArguments();
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const set = new GoldenSet(fromHere(referenceFolder(root, positionals[0])));
  const filter = values.filter === undefined ? undefined : new RegExp(values.filter);
  const gpu = await open({ adapter: values.adapter });
  console.error(`${set.folder}: ${set.cases.length} cases on ${gpu.device.capabilities.adapterName}`);

  const failures: Outcome[] = [];
  const tallies = new Map<string, Tally>();
  for (const [index, { id, op }] of set.cases.entries()) {
    const tally = tallies.get(op) ?? { passed: 0, failed: 0, skipped: 0, worst: 0 };
    tallies.set(op, tally);
    if (filter && !filter.test(id)) {
      tally.skipped++;
      continue;
    }
    const outcome = await runCase(gpu, set, index);
    if (!(outcome.worst <= tally.worst)) tally.worst = outcome.worst;
    if (outcome.problems.length === 0) tally.passed++;
    else {
      tally.failed++;
      failures.push(outcome);
    }
  }
  const problems = set.problems();
  gpu.close();

  const total: Tally = { passed: 0, failed: problems.length, skipped: 0, worst: 0 };
  for (const { passed, failed, skipped, worst } of tallies.values()) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    total.worst = Math.max(total.worst, worst);
  }
  if (values.json) {
    console.log(JSON.stringify({ total, ops: Object.fromEntries(tallies), failures, problems }));
  } else {
    console.log(table([...tallies, ["total", total]]));
    for (const problem of problems) console.log(`FAILED ${problem}`);
    for (const failure of failures) {
      for (const problem of failure.problems) console.log(`FAILED ${failure.id}: ${problem}`);
    }
    if (total.passed + total.failed === 0) console.log("FAILED nothing ran");
  }
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

function readArguments() {
  try {
    const parsed = parseArgs({
      allowPositionals: true,
      options: {
        filter: { type: "string" },
        adapter: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    if (parsed.positionals.length > 1) throw new Error("one folder at most");
    if (parsed.values.filter !== undefined) new RegExp(parsed.values.filter);
    return parsed;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}. ${usage}`);
  }
}

/** npm runs scripts in the package's folder: a path that is not there may be meant from where npm was called. */
function fromHere(folder: string): string {
  const caller = process.env.INIT_CWD;
  if (existsSync(folder) || !caller) return folder;
  const moved = join(caller, folder);
  return existsSync(moved) ? moved : folder;
}

function table(rows: readonly [string, Tally][]): string {
  const width = Math.max(...rows.map(([op]) => op.length));
  const head = `${"op".padEnd(width)}  passed  failed  skipped  worst error / tolerance`;
  const lines = rows.map(([op, { passed, failed, skipped, worst }]) => {
    const counts = [passed, failed, skipped].map((n, i) => String(n).padStart([6, 6, 7][i]));
    return `${op.padEnd(width)}  ${counts.join("  ")}  ${worst.toPrecision(3)}`;
  });
  return [head, ...lines].join("\n");
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (!(error instanceof MelgradError)) throw error;
    console.error(error.message);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
