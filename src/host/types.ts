// What a host (Node or a browser) hands to the engine: WebGPU's entry point and one adapter, with enough said about it
// for people and for the kernel tuner. Not the device: src/gpu makes that. Nothing here touches Node or a page.

import type { TuneMode } from "../gpu/tuner.js";

/** Which adapter is opened, and how. */
export interface HostOptions {
  /** `auto` (hardware, else the system's software adapter, else the embedded one), `embedded`, or part of an adapter's name. */
  adapter?: string;
  /** Turns Dawn's bounds checks and validation off. A browser has them always. Default false. */
  unchecked?: boolean;
}

/** What `open()` takes. */
export interface OpenOptions extends HostOptions {
  /**
   * Which kernels are taken where several compute the same. `off` (default): those of the tables that come with melgrad or were
   * measured here before, else by rule; `on`: `tune()` measures what no table knows; `force`: it measures everything anew.
   */
  tune?: TuneMode;
}

/** Where an adapter comes from. */
export type AdapterKind = "hardware" | "system-software" | "embedded";

/** An adapter that was opened. */
export interface HostGpu {
  /** WebGPU's entry point. */
  gpu: GPU;
  /** The adapter itself. */
  adapter: GPUAdapter;
  /** For people and as a key: the device and its driver, for example `swiftshader-device-subzero (SwiftShader driver 5.0.0)`. */
  name: string;
  /** True where the "GPU" is the CPU. */
  software: boolean;
  /** Hardware, or which software. */
  kind: AdapterKind;
  /** Whether its driver is one that melgrad fetched. */
  fetched?: boolean;
  /** What whoever started several processes should know of how they share adapters. */
  remark?: string;
  /** The browser and its version, where it is one: its compiler decides what kernels become. */
  runtime?: string;
  /** Must stay reachable while a device of this adapter lives: Dawn ends the process otherwise. */
  keepAlive: object;
  /** Lets go of `keepAlive`. Call it after the device was destroyed. */
  release(): void;
}

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** Everything an adapter says of its identity, as one searchable text. */
export function adapterText(info: GPUAdapterInfo): string {
  return [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(" ");
}

/** Whether the adapter is a program that runs on the CPU. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter === true || softwareNames.test(adapterText(info));
}

/** `device (driver)`; browsers withhold both, then `vendor architecture`. */
export function adapterName(info: GPUAdapterInfo): string {
  const device = info.device.replace(/-+$/, "");
  const fallback = [info.vendor, info.architecture].filter(Boolean).join(" ");
  const title = device || fallback || "unnamed adapter";
  return info.description && info.description !== title ? `${title} (${info.description})` : title;
}

/** The line a run opens with: which adapter, and whether it is software. */
export function adapterLine(host: Pick<HostGpu, "name" | "kind" | "fetched">): string {
  const what = {
    hardware: "hardware",
    "system-software": host.fetched ? "software, fetched" : "software, the system's",
    embedded: "software, embedded",
  };
  return `adapter: ${host.name} [${what[host.kind]}]`;
}
