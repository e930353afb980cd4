// Devices whose promises come late, as some browsers' do, with nothing else about them changed: each a fixed time after the device is done
// ("late"), or only when somebody looks, by a timer and at every submission ("polled", as Firefox does).
import { Device } from "../../src/gpu/device.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import { makeTuner } from "../../src/ops/tuning-families.js";
import { Gpu } from "../../src/tensor/gpu.js";

export type Promises = "prompt" | "late" | "polled";

/** Milliseconds of lateness, or between two looks of the timer. */
export const lateness = 100;

/** Opens a device of the adapter that MELGRAD_ADAPTER names, with such promises. */
export async function openSlow(promises: Promises): Promise<Gpu> {
  const host = await openNodeGpu();
  const { adapter, gpu, name: adapterName, software } = host;
  let stop = () => {};
  const requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
    const device = await adapter.requestDevice(descriptor);
    if (promises !== "prompt") stop = slowDown(device, promises);
    return device;
  };
  const { features, limits, info } = adapter;
  const slow = { features, limits, info, requestDevice } as unknown as GPUAdapter;
  const device = await Device.open(gpu, slow, { adapterName, software, tuner: makeTuner });
  return new Gpu(device, () => {
    stop();
    host.release();
  });
}

/** Delays onSubmittedWorkDone and mapAsync of a device, in place. Returns what stops the timer. */
function slowDown(device: GPUDevice, promises: "late" | "polled"): () => void {
  let held: (() => void)[] = [];
  const look = () => {
    for (const tell of held.splice(0)) tell();
  };
  const delay = async <T>(promise: Promise<T>): Promise<T> => {
    const settled = promise.then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    const result = await settled;
    await new Promise<void>((tell) => {
      if (promises === "late") setTimeout(tell, lateness);
      else held.push(tell);
    });
    return result();
  };
  const { queue } = device;
  const done = queue.onSubmittedWorkDone.bind(queue);
  const submit = queue.submit.bind(queue);
  const createBuffer = device.createBuffer.bind(device);
  Object.defineProperty(device, "queue", { value: queue });
  queue.onSubmittedWorkDone = () => delay(done());
  queue.submit = (buffers) => {
    submit(buffers);
    look();
  };
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const map = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (...range: Parameters<GPUBuffer["mapAsync"]>) => delay(map(...range));
    return buffer;
  };
  const timer = setInterval(look, lateness);
  return () => {
    clearInterval(timer);
    promises = "late";
    look();
    held = [];
  };
}
