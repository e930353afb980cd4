// `melgrad`: the engine in a browser.
import { Device } from "./gpu/device.js";
import { openBrowserGpu } from "./host/browser.js";
import type { HostOptions } from "./host/types.js";
import { Gpu } from "./tensor/gpu.js";

export * from "./engine.js";
export * from "./music.js";

/** Opens an adapter and a device on it. Close it with `gpu.close()`. */
export async function open(options: HostOptions = {}): Promise<Gpu> {
  const host = await openBrowserGpu(options);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
  });
  return new Gpu(device, () => host.release());
}
