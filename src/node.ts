// `melgrad/node`: the engine in Node, on Dawn.
import { Device } from "./gpu/device.js";
import { type NodeHostOptions, openNodeGpu } from "./host/node/adapter.js";
import { halfFault } from "./host/node/half.js";
import { TuningFiles } from "./host/tuning-files.js";
import type { HostGpu, OpenOptions } from "./host/types.js";
import { startTuner } from "./ops/tuning-families.js";
import { Gpu } from "./tensor/gpu.js";

export * from "./engine.js";
export * from "./engine-extras.js";
export * from "./music.js";

/** Opens an adapter and a device on it. Close it with `gpu.close()`. */
export async function open(
  options: OpenOptions & NodeHostOptions = {},
): Promise<Gpu & { readonly host: HostGpu }> {
  const host = await openNodeGpu(options);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
    halfFault: host.software ? undefined : halfFault, // software adapters are tested as builds
  });
  await startTuner(device, new TuningFiles(), options.tune);
  return Object.assign(new Gpu(device, () => host.release()), { host });
}
export { openNodeGpu } from "./host/node/adapter.js";
export { type LoadedModel, loadModel } from "./train/load-model.js";
