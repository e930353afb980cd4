// Opens the device of a profile on the adapter that MELGRAD_ADAPTER names, and notes which kernels it dispatches.
import { Device } from "../../src/gpu/device.js";
import type { Defines } from "../../src/gpu/preprocess.js";
import { openNodeGpu, prepare } from "../../src/host/node/adapter.js";
import { createInstance, dawnOptions, releaseInstance } from "../../src/host/node/dawn.js";
import { withDrivers } from "../../src/host/node/vulkan.js";
import { adapterName, type HostGpu } from "../../src/host/types.js";
import { open as openOrdinary } from "../../src/node.js";
import "../../src/ops/cut/index.js";
import { checkIndices } from "../../src/ops/indices.js";
import { makeTuner } from "../../src/ops/tuning-families.js";
import { Gpu } from "../../src/tensor/gpu.js";
import { limitAdapter, limitGpu } from "../support/adapters.js";
import { PoisonedMemory } from "./poisoned-memory.js";
import type { Profile } from "./profiles.js";

/** A kernel that was dispatched, by its key. */
export interface Dispatched {
  shader: string;
  defines: Defines;
}

export interface OpenProfile {
  profile: Profile;
  gpu: Gpu;
  kernels: Map<string, Dispatched>;
  memory?: PoisonedMemory;
}

export async function openProfile(profile: Profile): Promise<OpenProfile> {
  const gpu = await (profile.less ? openLess(profile) : openOrdinary());
  const opened: OpenProfile = { profile, gpu, kernels: new Map() };
  watch(gpu.device, opened.kernels);
  if (profile.poisoned) opened.memory = new PoisonedMemory(gpu.device);
  return opened;
}

async function openLess({ less = {}, rewrite, toggles }: Profile): Promise<Gpu> {
  const host = await openNodeGpu();
  const chosen = toggles ? await withToggles(host, toggles) : host;
  const device = await Device.open(limitGpu(chosen.gpu, less), limitAdapter(chosen.adapter, less), {
    adapterName: host.name,
    software: host.software,
    rewrite,
    tuner: makeTuner,
    ...less.options,
  });
  return new Gpu(device, () => chosen.release(), checkIndices);
}

type Opened = Pick<HostGpu, "gpu" | "adapter" | "release">;

/** The same adapter from an instance of Dawn with further toggles. */
async function withToggles(host: HostGpu, toggles: NonNullable<Profile["toggles"]>): Promise<Opened> {
  host.release();
  for (const source of host.kind === "embedded"
    ? (["embedded"] as const)
    : (["system", "fetched"] as const)) {
    const ready = await prepare(source);
    if (typeof ready === "string") continue;
    const options = dawnOptions(false).map((option) => {
      const [key, value] = option.split("=");
      if (key === "enable-dawn-features") return `${key}=${[value, ...toggles.enable].join(",")}`;
      if (key === "disable-dawn-features") return `${key}=${[value, ...toggles.disable].join(",")}`;
      return option;
    });
    const gpu = await withDrivers(ready.drivers, () => createInstance(options));
    const adapter = await withDrivers(ready.drivers, () => gpu.requestAdapter());
    if (adapter && adapterName(adapter.info) === host.name) {
      return { gpu, adapter, release: () => releaseInstance(gpu) };
    }
    releaseInstance(gpu);
  }
  throw new Error(`${host.name} does not open with Dawn's toggles`);
}

/** Notes what is dispatched, recorded programs included. */
function watch(device: Device, kernels: Map<string, Dispatched>): void {
  const run = device.run.bind(device);
  device.run = (kernel, blocks, params, groups) => {
    kernels.set(kernel.key, { shader: kernel.name, defines: kernel.defines });
    run(kernel, blocks, params, groups);
  };
}
