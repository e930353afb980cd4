// The `melgrad` command: reads the arguments, runs one subcommand, and turns every expected failure into one line on stderr
// and an exit code (0 done, 1 failed, 2 misused, 130 interrupted). Each subcommand stands in a file of its own.
import { Command, CommanderError } from "commander";
import { MelgradError, UsageError } from "../gpu/errors.js";
import { reasonOf } from "../host/cache.js";
import { version } from "../version.js";
import { registerBench } from "./bench.js";
import { registerData } from "./data.js";
import { registerDoctor } from "./doctor.js";
import { registerEmbed } from "./embed.js";
import { registerFeatures } from "./features.js";
import { registerProbe } from "./probe.js";
import { registerTrain } from "./train.js";

const program = new Command("melgrad")
  .description("A tensor engine on WebGPU, and Patchifier, a music model pre-trained on it without labels")
  .version(version)
  .exitOverride()
  .showSuggestionAfterError()
  .configureOutput({ outputError: () => {} });

registerTrain(program);
registerProbe(program);
registerEmbed(program);
registerFeatures(program);
registerData(program);
registerBench(program);
registerDoctor(program);

/** What to write instead, for a misused command line. */
function usageLine(error: CommanderError): string {
  const text = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}. See melgrad ${process.argv[2] ?? ""} --help.`;
}

/** Exit code for whatever a command threw, after saying it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // --help, --version
    if (error.code === "commander.help") return 2;
    console.error(usageLine(error));
    return 2;
  }
  if (error instanceof Error && error.name === "AbortError") {
    console.error("Interrupted.");
    return 130;
  }
  if (error instanceof UsageError) {
    console.error(error.message);
    return 2;
  }
  if (error instanceof MelgradError) {
    console.error(error.message);
    return 1;
  }
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code && syscall && ["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"].includes(code)) {
    console.error(`${path ?? "A file"} cannot be written or read: ${reasonOf(error)}.`);
    return 1;
  }
  console.error("melgrad met an error that it did not expect; please report it with what follows.");
  console.error(error);
  return 1;
}

let code = 0;
try {
  // Options of subcommands must inherit the behaviour above.
  for (const command of program.commands.flatMap((each) => [each, ...each.commands])) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({ outputError: () => {} });
  }
  await program.parseAsync();
} catch (error) {
  code = report(error);
}
process.exitCode = code || process.exitCode;
