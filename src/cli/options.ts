// Option values that are numbers, and the options that several commands share.
import { type Command, InvalidArgumentError, Option } from "commander";
import { UsageError } from "../gpu/errors.js";
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

/** --adapter and --unchecked; --profile on commands that can list the dispatches of a training step (`profiles`). */
export function addAdapterOptions(command: Command, { profiles = false } = {}): Command {
  return command
    .option("--adapter <name>", "auto, embedded (software, from npm alone), or part of an adapter's name")
    .option("--unchecked", "turns bounds checks and validation off; Node only")
    .addOption(profileOption(profiles));
}

/**
 * --profile. Before 0.2 it took a word on every command with an adapter, so a word is read, and refused by saying what to write
 * now; --help tells of none.
 */
function profileOption(profiles: boolean): Option {
  const option = new Option("--profile", "list a training step's dispatches by time");
  option.optional = true;
  option.argParser((word) => {
    if (word === "fast") throw new UsageError("--profile fast has another name: write --unchecked.");
    if (word === "safe") {
      throw new UsageError(
        "--profile safe is no longer an option: checks are on unless --unchecked is written.",
      );
    }
    if (profiles) throw new InvalidArgumentError("It takes no value");
    throw new UsageError("--profile is an option of train and bench alone.");
  });
  return profiles ? option : option.preset("").hideHelp();
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
