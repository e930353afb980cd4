// Adapters that offer less than the one at hand, so that tests run on a device that really lacks what they are about: features
// withheld, limits at WebGPU's guaranteed minimum, another description. The shape is GPUAdapter's, for Device.open.
import { afterAll, beforeAll } from "vitest";
import { Device, type DeviceOptions } from "../../src/gpu/device.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import "../../src/ops/cut/index.js";
import { checkIndices } from "../../src/ops/indices.js";
import { makeTuner } from "../../src/ops/tuning-families.js";
import "../../src/ops/methods.js"; // operations as methods of tensors
import { Gpu } from "../../src/tensor/gpu.js";

export interface Less {
  /** Features that the adapter does not offer; `all` for a device with none. */
  without?: readonly string[] | "all";
  /** The limits that every WebGPU adapter has, and no higher ones. */
  defaultLimits?: boolean;
  /** WGSL language features that the implementation does not know. */
  withoutLanguage?: readonly string[];
  /** What the adapter says of itself, where that differs from the truth: `{ subgroupMaxSize: 32 }`. */
  info?: Partial<Record<keyof GPUAdapterInfo, unknown>>;
  /** What a device says of its limits, and a method that its compute passes lack, where that differs from the truth. */
  device?: { limits?: Record<string, number | undefined>; withoutMethod?: string };
  /** What Device.open is told: `{ software: false }` for the kernels that hardware takes. */
  options?: DeviceOptions;
}

/** An adapter that offers what `less` leaves of `adapter`; its devices were requested without the rest. */
export function limitAdapter(adapter: GPUAdapter, less: Less): GPUAdapter {
  const { without = [] } = less;
  const features = new Set(
    without === "all" ? [] : [...adapter.features].filter((name) => !without.includes(name)),
  ) as unknown as GPUSupportedFeatures;
  const requestDevice = async (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
    const missing = [...(descriptor.requiredFeatures ?? [])].filter((name) => !features.has(name));
    if (missing.length > 0) throw new TypeError(`This adapter lacks ${missing.join(", ")}.`);
    const device = await adapter.requestDevice(
      less.defaultLimits ? { ...descriptor, requiredLimits: {} } : descriptor,
    );
    return less.device ? limitDevice(device, less.device) : device;
  };
  return overlay(adapter, { features, requestDevice, info: overlay(adapter.info, less.info ?? {}) });
}

/** A device that says less of its limits and has passes without a method. */
function limitDevice(
  device: GPUDevice,
  { limits = {}, withoutMethod }: NonNullable<Less["device"]>,
): GPUDevice {
  const begin = (encoder: GPUCommandEncoder) => (descriptor?: GPUComputePassDescriptor) => {
    const pass = encoder.beginComputePass(descriptor);
    return new Proxy(pass, {
      has: (target, name) => name !== withoutMethod && Reflect.has(target, name),
      get(target, name) {
        const value: unknown = name === withoutMethod ? undefined : Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const createCommandEncoder = (descriptor?: GPUCommandEncoderDescriptor) => {
    const encoder = device.createCommandEncoder(descriptor);
    return withoutMethod
      ? overlay(encoder, { beginComputePass: begin(encoder), finish: () => encoder.finish() })
      : encoder;
  };
  return overlay(device, { limits: overlay(device.limits, limits), createCommandEncoder });
}

/** WebGPU's entry point without some of the language's features. */
export function limitGpu(gpu: GPU, less: Less): GPU {
  const names = [...gpu.wgslLanguageFeatures].filter((name) => !less.withoutLanguage?.includes(name));
  return overlay(gpu, { wgslLanguageFeatures: new Set(names) });
}

/** `object` with some properties replaced; methods keep the object that they belong to. */
function overlay<T extends object>(object: T, replaced: Readonly<Record<string, unknown>>): T {
  return new Proxy(object, {
    get(target, name) {
      if (typeof name === "string" && name in replaced) return replaced[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Opens a device on what is left of the adapter that MELGRAD_ADAPTER names. No measured choice is read: rules choose. */
export async function openLess(less: Less): Promise<Gpu> {
  const host = await openNodeGpu();
  const device = await Device.open(limitGpu(host.gpu, less), limitAdapter(host.adapter, less), {
    adapterName: host.name,
    software: host.software,
    tuner: makeTuner,
    ...less.options,
  });
  return new Gpu(device, () => host.release(), checkIndices);
}

/** As useGpu: a device for the tests of a describe or file, on less than the adapter at hand. */
export function useLess(less: Less): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    gpu = await openLess(less);
  });
  afterAll(() => {
    gpu?.close();
    gpu = undefined;
  });
  return () => {
    if (!gpu) throw new Error("The device is open inside tests only.");
    return gpu;
  };
}
