// A text on an adapter for a bug report: what it is, what it offers, which kernels were checked and taken, and how long things took.
// Made of what the device says; nothing of the person or of the machine's files is in it.
import type { Gpu } from "../tensor/gpu.js";
import { shortKey } from "./use.js";

export interface ReportFacts {
  /** Where it ran, in lines: version, system, adapter's kind. */
  facts: readonly (readonly [name: string, value: string])[];
  /** Milliseconds by what was done. */
  timings?: Readonly<Record<string, number>>;
}

const limits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
] as const;

/** The report, in lines that stay readable in a monospaced block. */
export function adapterReport(gpu: Gpu, { facts, timings = {} }: ReportFacts): string {
  const { capabilities, gpu: device, tuner } = gpu.device;
  const { subgroups, subgroupMinSize, subgroupMaxSize, immediates, software } = capabilities;
  const { right, wrong } = tuner.verdicts.counts();
  const table = tuner.verdicts.table();
  const checked = Object.entries(table).flatMap(([shader, { right: keys, wrong: bad }]) => {
    const faults = Object.entries(bad).map(([key, reason]) => `  WRONG ${shortKey(key)}: ${reason}`);
    return keys.length > 0 ? [`  ${shader}: ${keys.length}`, ...faults] : faults;
  });
  const rows: (readonly [string, string])[] = [
    ...facts,
    ["adapter", `${capabilities.adapterName}${software ? " [software]" : ""}`],
    ["subgroups", subgroups ? `${subgroupMinSize} to ${subgroupMaxSize}` : "none"],
    ["immediates", immediates ? "yes" : "no"],
    ["features", [...device.features].sort().join(", ") || "none"],
    ...limits.map((name) => [name, String(device.limits[name])] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const used = tuner.used();
  return [
    "melgrad adapter report",
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    `checked kernels: ${right} right, ${wrong} wrong`,
    ...checked,
    `choices of kernels: ${used.length}`,
    ...used.map(
      ({ family, bucket, choice, source }) => `  ${family} ${bucket}: ${choice || "by rule"} (${source})`,
    ),
    ...tuner.notes.map((note) => `note: ${note}`),
    "timings",
    ...Object.entries(timings).map(([what, ms]) => `  ${what}: ${ms.toFixed(ms < 10 ? 2 : 0)} ms`),
    "",
  ].join("\n");
}
