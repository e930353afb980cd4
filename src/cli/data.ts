// `melgrad data check`: says which data sets a folder holds, counts their clips by part beside the published counts, and lists
// what is missing or broken. The looking is in src/data/sets/check.ts.
import type { Command } from "commander";
import { Option } from "commander";
import { type CheckedSet, type CheckedTask, checkSets } from "../data/sets/check.js";
import { SETS } from "../data/sets/index.js";
import { partNames, spaced } from "../data/sets/parts.js";
import { problemLines } from "../data/sets/problems.js";
import { onInterrupt } from "./interrupt.js";
import { openProgress } from "./progress.js";
import { alignTable } from "./table.js";

interface DataOptions {
  dataset?: string;
  decode?: boolean;
  all?: boolean;
}

/** Faults of a kind that are listed without --all. */
const listed = 12;

export function registerData(program: Command): void {
  program
    .command("data")
    .description("look at folders of music with labels")
    .command("check")
    .description(
      "say which data sets a folder holds, count clips by part, and list what is missing or broken",
    )
    .argument("<folder>", "the folder, which may hold several sets in subfolders")
    .addOption(new Option("--dataset <name>", "look at it as this set").choices(SETS))
    .option("--decode", "decode every audio file instead of looking at its first bytes")
    .option("--all", "list every fault, not the first of each kind")
    .allowExcessArguments(false)
    .action(check);
}

async function check(folder: string, { dataset, decode, all }: DataOptions): Promise<void> {
  const display = openProgress(process.stderr);
  const stopping = new AbortController();
  const release = onInterrupt(() => stopping.abort());
  try {
    const sets = await checkSets(folder, {
      dataset,
      decode,
      onProgress: display.progress,
      signal: stopping.signal,
    });
    display.stop();
    process.stdout.write(`${sets.map((set) => setText(folder, set, all ?? false)).join("\n\n")}\n`);
    if (sets.some(({ failure, problems }) => failure || problems.faults.length > 0)) process.exitCode = 1;
  } finally {
    display.stop();
    release();
  }
}

function setText(folder: string, set: CheckedSet, all: boolean): string {
  const { format, found, tasks, subsets, problems, failure } = set;
  const lines = [`${folder}: ${format.title} (${format.name})`, ...found.map((line) => `  ${line}`)];
  if (failure) lines.push(`  It cannot be used. ${failure}`);
  for (const task of tasks) lines.push("", ...taskLines(task));
  if (subsets.length > 0) {
    const rows = subsets.map(({ name, rule, clips, published }) => [
      `  ${name}`,
      rule,
      spaced(clips),
      published === undefined ? "" : spaced(published),
    ]);
    lines.push("", alignTable(["  --subset", "to pre-train on", "clips", "whole set"], rows, 2));
  }
  const kinds = [
    ["missing", "missing"],
    ["broken", "broken"],
    ["label", "lists and labels"],
    ["remark", "remarks"],
  ] as const;
  for (const [kind, heading] of kinds) {
    const own = problems.list.filter((problem) => problem.kind === kind);
    if (own.length === 0) continue;
    lines.push("", `${heading}: ${spaced(own.length)}`);
    lines.push(...problemLines(own, all ? own.length : listed).map((line) => `  ${line}`));
  }
  if (failure || problems.faults.some(({ kind }) => kind === "missing")) {
    lines.push(
      "",
      "It is laid out like this, in any subfolder:",
      ...format.layout.map((line) => `  ${line}`),
    );
  } else if (problems.faults.length === 0) {
    lines.push("", "Nothing is missing or broken.");
  }
  return lines.join("\n");
}

function taskLines({ name, kind, classes, rows, undivided, remarks }: CheckedTask): string[] {
  const lines = [
    `--task ${name}: ${kind}, ${classes.length} ${kind === "regression" ? "targets" : "classes"}`,
  ];
  const differs = rows.some(
    ({ counts, published }) => published && partNames.some((part) => counts[part] !== published[part]),
  );
  const split = rows.some(({ counts }) => partNames.some((part) => counts[part] > 0));
  if (split) {
    const body = rows.flatMap(({ what, counts, published }) => [
      [`  ${what}`, ...partNames.map((part) => spaced(counts[part]))],
      ...(published ? [[`  ${what}, published`, ...partNames.map((part) => spaced(published[part]))]] : []),
    ]);
    lines.push(alignTable(["  part", ...partNames], body));
    if (differs)
      lines.push(
        "  The counts are not those of the published split: scores cannot be compared with published ones.",
      );
  }
  if (undivided > 0)
    lines.push(`  ${spaced(undivided)} clips without a split of their own; probes draw splits by piece`);
  lines.push(...remarks.map((remark) => `  ${remark}`));
  return lines;
}
