// The adapter and the device on it: opened, watched, and opened again after a loss. What must be made anew on another device
// is the session's.
import { turnChecksOn } from "../../src/checks/use.js";
import { type Gpu, open } from "../../src/index.js";
import type { AdapterInfo } from "../protocol.js";

export interface Machine {
  gpu: Gpu;
  adapter: AdapterInfo;
}

/** Milliseconds before each further try to open a lost adapter: about half a minute in all. */
const waits = [100, 250, 500, 1000, 2000, 4000, 8000, 15_000];

/** Opens an adapter. Throws NoAdapterError where there is none; `onLost` is told when the device goes by itself, `onChecked` what checks of kernels find. */
export async function openMachine(
  wanted: string | undefined,
  onLost: (reason: string) => void,
  onChecked: (line: string) => void,
): Promise<Machine> {
  const gpu = await open({ adapter: wanted });
  turnChecksOn(gpu, onChecked);
  const { capabilities, gpu: device } = gpu.device;
  let closed = false;
  const close = gpu.close.bind(gpu);
  gpu.close = () => {
    closed = true;
    close();
  };
  device.lost.then((info) => {
    if (!closed) onLost(info.message || `the browser gives no reason beyond "${info.reason}"`);
  });
  return {
    gpu,
    adapter: {
      name: capabilities.adapterName,
      software: capabilities.software,
      features: [...device.features].sort(),
    },
  };
}

/** Opens an adapter again, with patience: a driver that was reset needs a moment. Throws what the last try did. */
export async function reopenMachine(
  wanted: string | undefined,
  onLost: (reason: string) => void,
  onChecked: (line: string) => void,
): Promise<Machine> {
  let failure: unknown;
  for (const wait of waits) {
    await new Promise((done) => setTimeout(done, wait));
    try {
      return await openMachine(wanted, onLost, onChecked);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
