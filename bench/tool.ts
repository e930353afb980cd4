// How a tool of the project's own ends: what it cannot do is said in a line, with the command's exit codes.
import type { Command } from "commander";
import { MelgradError, UsageError } from "../src/gpu/errors.js";

/** Carries out the command line: exit code 2 where it was misused, 1 where it failed. Errors of other kinds are thrown. */
export async function runTool(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    if (!(error instanceof MelgradError)) throw error;
    console.error(error.message);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
