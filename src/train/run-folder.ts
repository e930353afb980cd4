// A run's folder: its paths, its config.json and its log. A run never writes over another: a folder that exists is an
// error unless it is being resumed.
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists, makeFolder, reasonOf, unwritable, writeWhole } from "../host/cache.js";

export { reasonOf } from "../host/cache.js";

/** One line of log.jsonl. */
export interface LogLine {
  step: number;
  /** Absent where it was not finite, like the objective's parts. */
  loss?: number;
  lr: number;
  /** Absent where it was not finite; then nothing was updated, and `skipped` is 1. */
  gradNorm?: number;
  skipped?: number;
  stepMs: number;
  clipsPerSecond: number;
  /** Further parts of the objective by name. */
  [part: string]: number | undefined;
}

/** One line of heldout.jsonl. */
export interface HeldOutLine {
  step: number;
  loss: number;
  [part: string]: number | undefined;
}

/** A run's folder on the disk. */
export class RunFolder {
  constructor(readonly path: string) {}

  get configPath(): string {
    return join(this.path, "config.json");
  }

  get logPath(): string {
    return join(this.path, "log.jsonl");
  }

  get checkpointPath(): string {
    return join(this.path, "checkpoint");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes a new run's folder. Throws UsageError if something is there already. */
  static async create(path: string): Promise<RunFolder> {
    const found = await stat(path).catch(() => undefined);
    const occupied = found && (!found.isDirectory() || (await readdir(path)).length > 0);
    if (occupied) {
      throw new UsageError(`${path} exists already: write --resume to go on with it, or another --out.`);
    }
    return RunFolder.make(path);
  }

  /** Makes a new run's folder below `root`, which `newest` finds again whatever the clock says meanwhile. */
  static async createBelow(root: string, name: string): Promise<RunFolder> {
    let path = join(root, name);
    for (let i = 2; await exists(path); i++) path = join(root, `${name}-${i}`); // two within a second
    const run = await RunFolder.make(path);
    await writeFile(join(root, newestName), `${basename(path)}\n`).catch(() => {}); // the newest by time will do
    return run;
  }

  /**
   * Opens the run at `path`, or makes its folder where there is none yet: no folder, an empty one, or what a run left that
   * was killed while it began. Throws UsageError where something else is there.
   */
  static async openOrCreate(path: string): Promise<{ run: RunFolder; begun: boolean }> {
    const run = new RunFolder(path);
    if (await exists(run.configPath)) return { run, begun: true };
    const found = await stat(path).catch(() => undefined);
    if (!found) return { run: await RunFolder.make(path), begun: false };
    if (!found.isDirectory() || !(await isBeginning(path))) {
      throw new UsageError(
        `${path} is not a run's folder (no config.json) and is not empty: write the folder of a run, or of a new one, as --out.`,
      );
    }
    for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
    return { run, begun: false };
  }

  /** The newest run below `root`, begun or about to begin, for --resume without --out; undefined where there is none. */
  static async newest(root: string): Promise<string | undefined> {
    const named = await readFile(join(root, newestName), "utf8").catch(() => "");
    const names = await readdir(root).catch(() => [] as string[]);
    let best: { path: string; time: number } | undefined;
    for (const name of names) {
      const path = join(root, name);
      const config = await stat(join(path, "config.json")).catch(() => undefined);
      const found =
        config ?? ((await isBeginning(path)) ? await stat(path).catch(() => undefined) : undefined);
      if (found && name === named.trim()) return path;
      if (found && (!best || found.mtimeMs > best.time)) best = { path, time: found.mtimeMs };
    }
    return best?.path;
  }

  private static async make(path: string): Promise<RunFolder> {
    try {
      await makeFolder(path);
    } catch (error) {
      throw new DataError(`The run's folder ${path} cannot be made: ${reasonOf(error)}.`);
    }
    return new RunFolder(path);
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await writeWhole(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  async readJson(name: string): Promise<unknown> {
    const path = this.file(name);
    try {
      return JSON.parse(await readFile(path, "utf8"));
    } catch (error) {
      throw new DataError(`${path} cannot be read: ${reasonOf(error)}.`);
    }
  }

  appendLog(line: LogLine): void {
    append(this.logPath, line);
  }

  /** Adds a measurement on held-out pieces to heldout.jsonl. */
  appendHeldOut(line: HeldOutLine): void {
    append(this.file("heldout.jsonl"), line);
  }

  /** Every whole line of the log. */
  readLog(): LogLine[] {
    return readLines<LogLine>(this.logPath);
  }

  /** Every held-out measurement. */
  readHeldOut(): HeldOutLine[] {
    return readLines(this.file("heldout.jsonl"));
  }

  /** Cuts both logs after `steps` steps: what a checkpoint does not cover is done again. */
  cutLog(steps: number): void {
    cutLines(this.logPath, steps);
    cutLines(this.file("heldout.jsonl"), steps === 0 ? -1 : steps); // the first measurement comes before the first step
  }
}

function append(path: string, line: object): void {
  try {
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  } catch (error) {
    throw unwritable(path, error); // half a line is cut off when the run goes on
  }
}

/** Below the folder of all runs: the name of the one that was started last. */
const newestName = ".newest";

/** What a run writes before its config.json, which comes last. */
const beginnings = /^(kernels\.json|music\.json|checkpoint(\.new|\.old)?|.*\.part)$/;

/** Whether a folder holds nothing but what a run that was killed while it began leaves behind. */
async function isBeginning(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => undefined);
  return names?.every((name) => beginnings.test(name)) ?? false;
}

/** The whole lines of a JSONL file; none where it does not exist. A last line that a killed run left half is dropped. */
function readLines<Line>(path: string): Line[] {
  return wholeLines(path).map((line, i) => parseLine(path, line, i) as Line);
}

/** A line of a log. Throws DataError that names it where it is none. */
function parseLine(path: string, line: string, index: number): { step: number } {
  try {
    const value = JSON.parse(line) as { step: number } | null;
    if (typeof value?.step === "number") return value;
  } catch {
    // said below
  }
  throw new DataError(
    `${path}:${index + 1} is damaged: it is not a line that melgrad train wrote. Delete the line.`,
  );
}

function cutLines(path: string, steps: number): void {
  let end = 0;
  for (const [i, line] of wholeLines(path).entries()) {
    if (parseLine(path, line, i).step > steps) break;
    end += Buffer.byteLength(line) + 1;
  }
  if (existsSync(path)) truncateSync(path, end);
}

function wholeLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
