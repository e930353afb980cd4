// The log that a run of the command leaves, read while it is written and afterwards.
import { existsSync, readFileSync } from "node:fs";

export interface LogLine {
  step: number;
  loss: number;
  [name: string]: number;
}

/** The lines of a log without what a clock decides. */
export function readLog(path: string): LogLine[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => {
      const { stepMs: _ms, clipsPerSecond: _speed, ...line } = JSON.parse(text) as LogLine;
      return line as LogLine;
    });
}

/** Resolves when a log has `count` lines, within a minute. */
export async function hasLogged(path: string, count: number): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (existsSync(path) && readFileSync(path, "utf8").split("\n").length > count) return;
    await new Promise((wake) => setTimeout(wake, 10));
  }
  throw new Error(`${path} did not get ${count} lines within a minute`);
}
