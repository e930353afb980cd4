// What `melgrad doctor` tells about this machine: every adapter in reach with its features and limits, and what to install.
// It only looks; the self-test of the kernels and the printing are the command's.
import { availableParallelism, totalmem } from "node:os";
import { NoAdapterError } from "../../gpu/errors.js";
import { adapterName, isSoftware } from "../types.js";
import { exclusively, open, prepare, type Source, sources } from "./adapter.js";
import { listAdapterNames } from "./dawn.js";
import { findEmbeddedPackage } from "./embedded.js";
import { extraDrivers, hasVulkanLoader, systemDrivers, withDrivers } from "./vulkan.js";

export interface AdapterReport {
  source: Source;
  /** As the driver calls it: what --adapter is compared with. */
  listedName: string;
  name: string;
  kind: "hardware" | "system-software" | "embedded";
  software: boolean;
  features: string[];
  limits: Record<string, number>;
  subgroupSizes: [number, number] | null;
  /** Lines of GPUAdapterInfo.subgroupMatrixConfigs, where Dawn gives them. */
  subgroupMatrices: string[];
}

export interface HostReport {
  node: string;
  platform: string;
  cpus: number;
  memoryBytes: number;
  /** Linux only: the loader and the manifests of the drivers that were found. */
  vulkan: { loader: boolean; drivers: string[] } | null;
  embeddedPackage: string;
  adapters: AdapterReport[];
  /** Sources that gave nothing, with the reason. */
  missing: { source: Source; reason: string }[];
  /** What to do, most useful first; empty where a hardware adapter was found. */
  advice: string[];
}

const limitNames = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Looks at every source of adapters. Never throws for a missing one: `missing` and `advice` say what there is to say. */
export function inspectHost(): Promise<HostReport> {
  return exclusively(async () => {
    const adapters: AdapterReport[] = [];
    const missing: HostReport["missing"] = [];
    const linux = process.platform === "linux";
    const embedded = findEmbeddedPackage();
    const report: HostReport = {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      vulkan: linux ? { loader: hasVulkanLoader(), drivers: [...systemDrivers(), ...extraDrivers()] } : null,
      embeddedPackage: typeof embedded === "string" ? embedded : `@sparticuz/chromium ${embedded.version}`,
      adapters,
      missing,
      advice: [],
    };
    for (const source of sources) {
      try {
        const ready = await prepare(source);
        if (typeof ready === "string") {
          missing.push({ source, reason: ready });
          continue;
        }
        const names = await withDrivers(ready.drivers, listAdapterNames);
        for (const name of names) {
          const host = await open(source, ready, false, name);
          if (typeof host === "string") missing.push({ source, reason: host });
          else {
            adapters.push(describe(source, name, host.adapter));
            host.release();
          }
        }
        if (names.length === 0)
          missing.push({ source, reason: "the drivers give no adapter that WebGPU can use" });
      } catch (error) {
        if (!(error instanceof NoAdapterError)) throw error;
        missing.push({ source, reason: error.message });
      }
    }
    report.advice = advise(report);
    return report;
  });
}

function describe(source: Source, listedName: string, adapter: GPUAdapter): AdapterReport {
  const { info } = adapter;
  const software = isSoftware(info);
  const configs = (info as GPUAdapterInfo & { subgroupMatrixConfigs?: Iterable<Record<string, unknown>> })
    .subgroupMatrixConfigs;
  return {
    source,
    listedName,
    name: adapterName(info),
    kind: source === "embedded" ? "embedded" : software ? "system-software" : "hardware",
    software,
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(limitNames.map((name) => [name, Number(adapter.limits[name])])),
    subgroupSizes: adapter.features.has("subgroups")
      ? [info.subgroupMinSize ?? 0, info.subgroupMaxSize ?? 0]
      : null,
    subgroupMatrices: configs ? [...configs].map((config) => JSON.stringify(config)) : [],
  };
}

/** What would make this machine faster, or usable at all. Exported for its tests. */
export function advise(
  report: Pick<HostReport, "adapters" | "embeddedPackage" | "vulkan" | "platform">,
): string[] {
  const kinds = new Set(report.adapters.map((adapter) => adapter.kind));
  const advice: string[] = [];
  if (kinds.has("hardware")) return advice;
  if (report.vulkan && !kinds.has("system-software")) {
    advice.push(
      "Install lavapipe, Mesa's software Vulkan, 4 to 12 times faster than the embedded adapter: apt-get install " +
        "mesa-vulkan-drivers libvulkan1 (Debian 13, Ubuntu 24.04 or newer; on Debian 12 from bookworm-backports), or, " +
        "without root, melgrad doctor --fetch-lavapipe.",
    );
  }
  if (report.platform === "linux x64" && !kinds.has("embedded")) {
    advice.push("For the embedded software adapter run npm ci without --omit=dev.");
  }
  advice.push(
    "With a GPU in this machine, install its maker's driver with Vulkan support: training is many times faster there.",
  );
  return advice;
}
