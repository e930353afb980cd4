// `npm run fuzz -- --files N --graphs N --minutes M --seed S`: random cases for every suite, in a process of their own that this one watches: a case
// that takes too long, ends the process or makes it grow is a failure like one that throws. Prints counts and the seed, writes what failed
// to runs/fuzz/, and exits with 1 if anything did. Cases that were mended lie in test/fixtures/fuzz/ and are repeated by the tests.
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { watchAllocations } from "./allocations.js";
import type { Failure, Suite } from "./suite.js";

const usage =
  "Usage: npm run fuzz -- [--suite readers,graphs] [--files N] [--graphs N] [--minutes M] [--seed S] [--only TARGET] (without --files and --graphs: until the minutes are over)";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, "runs", "fuzz");

/** Suites by name; each is imported in the process that runs it, when allocations are watched already. */
const suites: Record<string, { unit: string; open(): Promise<Suite> }> = {
  readers: { unit: "files", open: async () => (await import("./readers.js")).readerSuite(root) },
  graphs: {
    unit: "graphs",
    async open() {
      const [{ graphSuite }, { open }] = await Promise.all([
        import("./graphs.js"),
        import("../../src/node.js"),
      ]);
      return graphSuite(() => open());
    },
  },
};

/** What the process of a suite is told, and what it answers. */
interface Order {
  suite: string;
  seed: number;
  count: number;
  milliseconds: number;
  filter: string | undefined;
  current: string;
}
type Answer =
  | { kind: "failure"; target: string; message: string; bytes: string }
  | { kind: "counts"; counts: [string, number][] }
  | { kind: "done" };

/** A case may take this long, on a machine that is busy. */
const caseSeconds = 30;
/** Bytes by which one case may make the process grow. */
const caseBytes = 2 ** 29;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      suite: { type: "string" },
      files: { type: "string" },
      graphs: { type: "string" },
      minutes: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const chosen = values.suite?.split(",") ?? Object.keys(suites);
  const unknown = chosen.find((name) => !(name in suites));
  if (unknown !== undefined)
    return misused(`There is no suite '${unknown}': write ${Object.keys(suites).join(", ")}.`);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const minutes = values.minutes === undefined ? 10 : Number(values.minutes);
  if (!Number.isSafeInteger(seed) || !(minutes > 0)) return misused(usage);
  let failures = 0;
  for (const name of chosen) {
    const { unit } = suites[name];
    const asked = values[unit as "files" | "graphs"];
    const count = asked === undefined ? Number.MAX_SAFE_INTEGER : Number(asked);
    if (!(count > 0)) return misused(usage);
    failures += await runSuite(name, unit, {
      seed,
      count,
      milliseconds: (minutes * 60_000) / chosen.length,
      filter: values.only,
    });
  }
  return failures > 0 ? 1 : 0;
}

function misused(line: string): number {
  console.error(line);
  return 2;
}

async function runSuite(
  suite: string,
  unit: string,
  { seed, count, milliseconds, filter }: Omit<Order, "suite" | "current">,
): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const current = join(folder, `current-${process.pid}`);
  const start = performance.now();
  const totals = new Map<string, number>();
  const sum = () => [...totals.values()].reduce((total, each) => total + each, 0);
  let failures = 0;
  const fail = ({ target, message, bytes }: Failure) => {
    failures++;
    const name = `${target}.${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}.bin`;
    writeFileSync(join(folder, name), bytes);
    console.log(`FAILED ${target} (${bytes.length} bytes, runs/fuzz/${name}): ${message}`);
  };
  // A process that died is followed by another with the next seeds, until all cases are run.
  for (let life = 0; sum() < count && failures < 50; life++) {
    const left = milliseconds - (performance.now() - start);
    if (left <= 0) break;
    const order: Order = {
      suite,
      seed: (seed + life * 1_000_003) % 2 ** 31,
      count: count - sum(),
      milliseconds: left,
      filter,
      current,
    };
    const before = new Map(totals);
    const ended = await watch(order, fail, (counts) => {
      for (const [name, number] of counts) totals.set(name, (before.get(name) ?? 0) + number);
      progress(
        `${suite}: ${sum()} ${unit}, ${failures} failed, ${Math.round((performance.now() - start) / 1000)} s`,
      );
    });
    if (ended === undefined) break;
    const [target, bytes] = readCurrent(current);
    fail({ target, message: ended, bytes });
  }
  rmSync(current, { force: true });
  progress("");
  const rows = [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, number]) => `${name} ${number}`);
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    `${suite}: ${sum()} ${unit}, ${failures} failed, seed ${seed}, ${seconds} s (${rows.join(", ")})`,
  );
  return failures;
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

/** Runs a suite in a process. Answers with undefined where it ended by itself, else with what ended it. */
function watch(
  order: Order,
  fail: (failure: Failure) => void,
  count: (counts: [string, number][]) => void,
): Promise<string | undefined> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ["--child"], {
    execArgv: ["--max-old-space-size=1500"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  return new Promise((resolve) => {
    let verdict: string | undefined;
    let isDone = false;
    let errors = "";
    child.stderr?.on("data", (data) => {
      errors = `${errors}${data}`.slice(-2000);
    });
    child.on("message", (answer: Answer) => {
      if (answer.kind === "failure")
        fail({ ...answer, bytes: new Uint8Array(Buffer.from(answer.bytes, "base64")) });
      else if (answer.kind === "counts") count(answer.counts);
      else isDone = true;
    });
    const clock = setInterval(() => {
      const begun = statSync(order.current, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - begun < caseSeconds * 1000) return;
      verdict = `no answer after ${caseSeconds} s`;
      child.kill("SIGKILL");
    }, 1000);
    child.on("exit", (code, signal) => {
      clearInterval(clock);
      resolve(verdict ?? (isDone ? undefined : `the process ended (${signal ?? code}): ${errors.trim()}`));
    });
    rmSync(order.current, { force: true });
    child.send(order);
  });
}

/** The target and the bytes of the case that was under way. */
function readCurrent(path: string): [string, Uint8Array] {
  try {
    const bytes = readFileSync(path);
    const end = bytes.indexOf(10);
    return [bytes.toString("utf8", 0, end), new Uint8Array(bytes.subarray(end + 1))];
  } catch {
    return ["none", new Uint8Array(0)];
  }
}

/** The process of a suite. */
function serve(): void {
  const answer = (message: Answer) => process.send?.(message);
  process.once("message", async (order: Order) => {
    watchAllocations();
    const suite = await suites[order.suite].open();
    const counts = new Map<string, number>();
    let grown = process.resourceUsage().maxRSS * 1024;
    let last: [string, Uint8Array] = ["none", new Uint8Array(0)];
    const report = setInterval(() => answer({ kind: "counts", counts: [...counts] }), 500);
    const fail = ({ target, message, bytes }: Failure) =>
      answer({ kind: "failure", target, message, bytes: Buffer.from(bytes).toString("base64") });
    await suite.run({
      ...order,
      begin(target, bytes) {
        const now = process.resourceUsage().maxRSS * 1024;
        if (now > grown + caseBytes)
          fail({ target: last[0], message: `it took ${now - grown} bytes`, bytes: last[1] });
        grown = Math.max(grown, now);
        last = [target, bytes];
        counts.set(target, (counts.get(target) ?? 0) + 1);
        writeFileSync(order.current, Buffer.concat([Buffer.from(`${target}\n`), bytes]));
      },
      fail,
    });
    clearInterval(report);
    answer({ kind: "counts", counts: [...counts] });
    answer({ kind: "done" });
    process.disconnect();
  });
}

if (process.argv.includes("--child")) serve();
else process.exitCode = await main();
