// `melgrad`: the engine, the audio front end, the model and its training in a browser.
/**
 * The package in a page: the engine, the audio front end, the model and its training.
 *
 * @module melgrad
 */

import { Device } from "./gpu/device.js";
import { openBrowserGpu } from "./host/browser.js";
import { openPageStore } from "./host/tuning-opfs.js";
import type { OpenOptions } from "./host/types.js";
import "./ops/cut/index.js";
import { checkIndices } from "./ops/indices.js";
import { makeTuner, startTuner } from "./ops/tuning-families.js";
import { Gpu } from "./tensor/gpu.js";

export * from "./engine.js";
export * from "./engine-extras.js";
export type { OpenOptions } from "./host/types.js";
export * from "./music.js";

/** Opens the page's adapter and a device on it. Close it with `gpu.close()`. Throws NoAdapterError where the browser has none. */
export async function open(options: OpenOptions = {}): Promise<Gpu> {
  const host = await openBrowserGpu(options);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
    tuner: makeTuner,
    runtime: host.runtime,
  });
  await startTuner(device, await openPageStore(), options.tune);
  return new Gpu(device, () => host.release(), checkIndices);
}
