// `melgrad/engine`: the engine alone in a browser, for what needs neither audio nor the model. It opens devices without a tuner and
// without checks of indices, and takes every kernel by rule.
/**
 * The engine alone, for a page.
 *
 * @module melgrad/engine
 */

import { Device } from "./gpu/device.js";
import { openBrowserGpu } from "./host/browser.js";
import type { HostOptions } from "./host/types.js";
import { Gpu } from "./tensor/gpu.js";

export * from "./engine.js";

/** Opens the page's adapter and a device on it. Close it with `gpu.close()`. Throws NoAdapterError where the browser has none. */
export async function open(options: HostOptions = {}): Promise<Gpu> {
  const host = await openBrowserGpu(options);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
    runtime: host.runtime,
  });
  return new Gpu(device, () => host.release());
}
