// Dawn (npm `webgpu`) brought into the process: its import with errors that say what to do, WebGPU's global constants, and
// instances that are held for as long as a device may live. Which adapter to ask an instance for is adapter.ts's.
import { NoAdapterError } from "../../gpu/errors.js";
import { quietly } from "./quiet.js";

/** Dawn dies when the object that create() returned is collected while a device lives; a global keeps them. */
declare global {
  var melgradInstances: Set<object> | undefined;
}

/** The optional peer dependency as `npm install` takes it; package.json names the same version. */
export const dawnPackage = "webgpu@0.6.2";

type Dawn = typeof import("webgpu");
let loading: Promise<Dawn> | undefined;

/** Loads Dawn once. @throws NoAdapterError with what to do where it cannot be loaded */
export function loadDawn(): Promise<Dawn> {
  loading ??= import("webgpu").then(
    (dawn) => {
      // GPUBufferUsage and its kin, as a browser has them.
      for (const [name, value] of Object.entries(dawn.globals)) {
        if (!(name in globalThis))
          Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      }
      return dawn;
    },
    (error: unknown) => {
      throw new NoAdapterError(explainLoadError(error instanceof Error ? error : new Error(String(error))));
    },
  );
  return loading;
}

/** One line for the ways in which the native module fails to load. */
export function explainLoadError(error: Error & { code?: string }): string {
  const host = `${process.platform} on ${process.arch}`;
  const needed = /version `(GLIBC\w*_[\d.]+)' not found/.exec(error.message)?.[1];
  if (needed) {
    return `WebGPU for Node (npm webgpu) needs ${needed}, this system's C library is older: use Debian 12, Ubuntu 22.04 or newer.`;
  }
  if (/musl|ld-linux/.test(error.message)) {
    return "WebGPU for Node (npm webgpu) needs a glibc system (Debian, Ubuntu, Fedora); Alpine and other musl systems do not run it.";
  }
  if (/dawn\.node/.test(error.message) && /Cannot find module|no such file/i.test(error.message)) {
    return `WebGPU for Node (npm webgpu) has no build for ${host}, or its files are missing: run npm ci again on Linux, macOS or Windows, x64 or arm64.`;
  }
  if (error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND") {
    return (
      `WebGPU for Node is the npm package webgpu, which is not installed: run npm install ${dawnPackage} ` +
      "(in melgrad's own folder: npm ci). Pages do not need it."
    );
  }
  return `WebGPU for Node (npm webgpu) could not be loaded on ${host}: ${error.message.split("\n")[0]}`;
}

/** The options for create(): Dawn's toggles, with bounds checks and validation or without, and the exact name of an adapter. */
export function dawnOptions(unchecked: boolean, adapter?: string): string[] {
  const enable = [
    "vulkan_enable_f16_on_nvidia", // shader-f16 is off there otherwise
    "allow_unsafe_apis", // the subgroup-matrix feature
    "use_vulkan_memory_model", // which that feature builds on
    ...(unchecked ? ["disable_robustness", "skip_validation"] : []),
  ];
  return [
    `enable-dawn-features=${enable.join(",")}`,
    "disable-dawn-features=timestamp_quantization", // a profiler needs the nanoseconds
    ...(adapter === undefined ? [] : [`adapter=${adapter}`]),
  ];
}

/** An instance, held until it is released. */
export async function createInstance(options: string[]): Promise<GPU> {
  const { create } = await loadDawn();
  const gpu = create(options);
  globalThis.melgradInstances ??= new Set();
  globalThis.melgradInstances.add(gpu);
  return gpu;
}

/** Milliseconds that an instance is still held after its release. */
const afterglow = 1000;

/**
 * Lets go of an instance, but not at once: as long as a promise of it is open, Dawn's binding looks for it in every turn of the event loop,
 * and would do so on memory that is gone. The process need not wait for that.
 */
export function releaseInstance(gpu: object): void {
  const release = () => globalThis.melgradInstances?.delete(gpu);
  setTimeout(() => setImmediate(() => setImmediate(release)), afterglow).unref();
}

/** Names of the adapters that Dawn's default backend lists under the present environment. */
export async function listAdapterNames(): Promise<string[]> {
  const impossible = "\u0001"; // no name holds it, so Dawn refuses and lists what there is
  const gpu = await createInstance(dawnOptions(false, impossible));
  try {
    await quietly(() => gpu.requestAdapter());
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [...message.matchAll(/name: '(.*)'$/gm)].map((match) => match[1]);
  } finally {
    releaseInstance(gpu);
  }
}
