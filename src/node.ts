// `melgrad/node`: the engine in Node, on Dawn.
/**
 * The package in Node, on Dawn (npm `webgpu`). It has the names of `melgrad`, too.
 *
 * @module melgrad/node
 */

import { Device } from "./gpu/device.js";
import { type NodeHostOptions, openNodeGpu } from "./host/node/adapter.js";
import { halfFault } from "./host/node/half.js";
import { pauseDuring } from "./host/node/pause.js";
import { TuningFiles } from "./host/tuning-files.js";
import type { HostGpu, OpenOptions } from "./host/types.js";
import "./ops/cut/index.js";
import { checkIndices } from "./ops/indices.js";
import { makeTuner, startTuner } from "./ops/tuning-families.js";
import { Gpu } from "./tensor/gpu.js";

export * from "./engine.js";
export * from "./engine-extras.js";
export type { AdapterKind, HostGpu, OpenOptions } from "./host/types.js";
export * from "./music.js";

/** A Gpu that says which adapter it is on. */
export type NodeGpu = Gpu & {
  /** The adapter: name, kind, whether it is software. */
  readonly host: HostGpu;
};

/**
 * Opens an adapter and a device on it. Close it with `gpu.close()`. Throws NoAdapterError where there is none or Dawn is not installed,
 * with what to install, and UsageError for a backend that computes nothing.
 */
export async function open(options: OpenOptions & NodeHostOptions = {}): Promise<NodeGpu> {
  const host = await openNodeGpu(options);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
    tuner: makeTuner,
    halfFault: host.software ? undefined : halfFault, // software adapters are tested as builds
  });
  pauseDuring(device.waiting);
  await startTuner(device, new TuningFiles(), options.tune);
  return Object.assign(new Gpu(device, () => host.release(), checkIndices), { host });
}
export { type NodeHostOptions, openNodeGpu } from "./host/node/adapter.js";
export { type LoadedModel, loadModel } from "./train/load-model.js";
