// What a run of the benchmark leaves: one JSON file an adapter, in which each suite stands as it was last run, with when, on
// what and beside how much other load. The tables of docs/benchmarks.md are made from these files (scripts/bench-readme.mjs).
import { mkdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { writeWhole } from "../host/cache.js";
import type { FeatureRow } from "./features.js";
import type { GrowthRow } from "./growth.js";
import type { ProbeRow } from "./probes.js";
import type { StepProfile } from "./profile.js";
import type { Ceilings, Row, SuiteName } from "./suites.js";

/** One suite's numbers. */
export interface SuiteResult {
  date: string;
  melgrad: string;
  /** False while it runs and after it was interrupted. */
  complete: boolean;
  ceilings: Ceilings;
  /** Cores that other processes took: before the run, and on average beside the cases. */
  othersCores: { before: number; during: number };
  rows?: Row[];
  growth?: GrowthRow[];
  probes?: ProbeRow[];
  features?: FeatureRow[];
  profile?: StepProfile;
}

/** A file of bench/results. */
export interface BenchReport {
  adapter: { name: string; kind: string; software: boolean; unchecked: boolean };
  machine: { cpu: string; cores: number; platform: string };
  versions: { melgrad: string; webgpu: string; node: string };
  /** When it was last written. */
  date: string;
  /** Of the last run. */
  ceilings: Ceilings;
  suites: Partial<Record<SuiteName, SuiteResult>>;
  /** What `npm run bench:peers` wrote on this adapter: the same work in other libraries. */
  peers?: unknown;
  /** What bench/gpu/torch_bench.py wrote on the same device. */
  torch?: unknown;
}

/** `lavapipe`, `swiftshader`, or a GPU's name in small letters and dashes. Pure. */
export function resultName(adapter: string): string {
  if (/llvmpipe|lavapipe/i.test(adapter)) return "lavapipe";
  if (/swiftshader/i.test(adapter)) return "swiftshader";
  const device = adapter.replace(/\(.*$/s, "");
  return (
    device
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "adapter"
  );
}

/** This machine, as far as a time depends on it. */
export function machine(): BenchReport["machine"] {
  const found = cpus();
  const cpu = found[0]?.model.trim() || "unknown processor";
  return { cpu, cores: found.length, platform: `${process.platform} ${process.arch}` };
}

/** What an earlier run left, with the newer one's suites in place of its own. Of another adapter nothing is kept. Pure. */
export function mergeReports(before: BenchReport | undefined, now: BenchReport): BenchReport {
  if (before?.adapter.name !== now.adapter.name) return now;
  const { peers = before.peers, torch = before.torch } = now;
  return { ...before, ...now, suites: { ...before.suites, ...now.suites }, peers, torch };
}

/** Reads a report; undefined where there is none or it is none. */
export async function readReport(path: string): Promise<BenchReport | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const report: unknown = JSON.parse(text);
    return isReport(report) ? report : undefined;
  } catch {
    return undefined;
  }
}

function isReport(value: unknown): value is BenchReport {
  return typeof value === "object" && value !== null && "adapter" in value && "suites" in value;
}

/** Writes a report whole: a run that is killed meanwhile leaves the old one. */
export async function writeReport(path: string, report: BenchReport): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, reportText(report));
}

/** JSON with numbers of four significant digits. Pure. */
export function reportText(report: unknown): string {
  const round = (_key: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  return `${JSON.stringify(report, round, 1)}\n`;
}
