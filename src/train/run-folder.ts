// A run's folder: its paths, its config.json and its log. A run never writes over another: a folder that exists is an
// error unless it is being resumed.
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists, writeWhole } from "../host/cache.js";

/** One line of log.jsonl. */
export interface LogLine {
  step: number;
  loss: number;
  lr: number;
  gradNorm: number;
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
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw new DataError(`The run's folder ${path} cannot be made: ${reasonOf(error)}.`);
    }
    return new RunFolder(path);
  }

  /** Opens an existing run. */
  static async open(path: string): Promise<RunFolder> {
    const run = new RunFolder(path);
    if (!(await exists(run.configPath))) {
      throw new UsageError(
        `There is no run to resume in ${path} (no config.json): leave out --resume to start one.`,
      );
    }
    return run;
  }

  /** The newest run below `root`, for --resume without --out. */
  static async newest(root: string): Promise<RunFolder> {
    const names = await readdir(root).catch(() => [] as string[]);
    let best: { path: string; time: number } | undefined;
    for (const name of names) {
      const path = join(root, name);
      const found = await stat(join(path, "config.json")).catch(() => undefined);
      if (found && (!best || found.mtimeMs > best.time)) best = { path, time: found.mtimeMs };
    }
    if (!best)
      throw new UsageError(`There is no run to resume below ${root}: leave out --resume to start one.`);
    return new RunFolder(best.path);
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
    appendFileSync(this.logPath, `${JSON.stringify(line)}\n`);
  }

  /** Adds a measurement on held-out pieces to heldout.jsonl. */
  appendHeldOut(line: HeldOutLine): void {
    appendFileSync(this.file("heldout.jsonl"), `${JSON.stringify(line)}\n`);
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
    cutLines(this.file("heldout.jsonl"), steps);
  }
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

/** A system error in a few words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const known: Record<string, string> = {
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOENT: "it does not exist",
    ENOTDIR: "a part of the path is not a folder",
    EISDIR: "it is a folder",
  };
  if (code && known[code]) return known[code];
  return error instanceof Error ? error.message : String(error);
}
