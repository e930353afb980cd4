// Option values: numbers that are numbers, and the adapter option that every command shares.
import { type Command, InvalidArgumentError, Option } from "commander";
import { tuneModes } from "../gpu/tuner.js";

/** A whole number of at least `least`. */
export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || text.trim() === "") {
      throw new InvalidArgumentError(`Write a whole number of at least ${least}`);
    }
    return value;
  };
}

/** A number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || text.trim() === "") {
    throw new InvalidArgumentError("Write a number above zero");
  }
  return value;
}

/** --checkpoint: whose encoder is used. */
export function checkpointOption(): Option {
  return new Option(
    "--checkpoint <folder>",
    "a run's folder, its checkpoint folder, or a released model by name (default: the one that comes with melgrad)",
  );
}

/** --adapter and --profile. */
export function addAdapterOptions(command: Command): Command {
  return command
    .option("--adapter <name>", "auto, embedded (software, from npm alone), or part of an adapter's name")
    .addOption(
      new Option("--profile <name>", "fast turns bounds checks and validation off")
        .choices(["safe", "fast"])
        .default("safe"),
    );
}

/** --tune: whether kernels are measured before the work begins. */
export function addTuneOption(command: Command): Command {
  return command.addOption(
    new Option(
      "--tune <mode>",
      "choice of kernels: off takes what is known of this adapter; on first measures what is not; force measures all anew",
    )
      .choices([...tuneModes])
      .default("off"),
  );
}

/** What --profile asks for, on commands that can also list a step's dispatches. */
export interface ProfileChoice {
  /** Dawn's checks on or off. */
  checks: "safe" | "fast";
  dispatches: boolean;
}

/** --adapter, and a --profile that without a word lists the dispatches of a step; it may be given twice. */
export function addProfilingOptions(command: Command): Command {
  return command
    .option("--adapter <name>", "auto, embedded (software, from npm alone), or part of an adapter's name")
    .addOption(
      new Option(
        "--profile [name]",
        "without a name: list a step's dispatches by time; fast turns bounds checks and validation off (default: safe)",
      )
        .preset("dispatches")
        .argParser(profileChoice)
        .default(defaultProfile, "safe"),
    );
}

const defaultProfile: ProfileChoice = { checks: "safe", dispatches: false };

function profileChoice(text: string, before: ProfileChoice = defaultProfile): ProfileChoice {
  if (text === "dispatches") return { ...before, dispatches: true };
  if (text !== "safe" && text !== "fast") {
    throw new InvalidArgumentError("Allowed choices are safe, fast, or no word to list a step's dispatches");
  }
  return { ...before, checks: text };
}
