// The browser as a host: navigator.gpu and one adapter from it, or an error that names the browser's own switch. Not the
// device (src/gpu), and nothing about pages or files.
import { NoAdapterError, UsageError } from "../gpu/errors.js";
import { adapterName, adapterText, type HostGpu, type HostOptions, isSoftware } from "./types.js";

/**
 * Opens the page's WebGPU.
 *
 * `adapter` may be `auto` or part of what the browser tells of its adapter's name; browsers have no embedded adapter and
 * offer no list, so a name can only confirm or refuse. `unchecked` is not to be had in a browser and changes nothing.
 *
 * @throws NoAdapterError where the page has no WebGPU, no adapter, or another one than asked for
 */
export async function openBrowserGpu(options: HostOptions = {}): Promise<HostGpu> {
  const wanted = options.adapter ?? "auto";
  if (wanted === "embedded") {
    throw new UsageError('The embedded adapter exists in Node only: in a page use adapter: "auto".');
  }
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (!gpu) throw new NoAdapterError(missingGpu());
  const adapter =
    (await gpu.requestAdapter({ powerPreference: "high-performance" })) ??
    (await gpu.requestAdapter()) ??
    (await gpu.requestAdapter({ forceFallbackAdapter: true }));
  if (!adapter) throw new NoAdapterError(missingAdapter());
  const name = adapterName(adapter.info);
  if (wanted !== "auto" && !adapterText(adapter.info).toLowerCase().includes(wanted.toLowerCase())) {
    throw new NoAdapterError(
      `No adapter named "${wanted}" here: this browser offers only ${name}. Use adapter: "auto".`,
    );
  }
  const software = isSoftware(adapter.info);
  const kind = software ? "system-software" : "hardware";
  const runtime = browserVersion(globalThis.navigator.userAgent);
  return { gpu, adapter, name, software, kind, runtime, keepAlive: gpu, release: () => {} };
}

/** `Firefox 153`, `Chrome 147`, `Edge 147`, `Safari 26.1`; the whole text where it is none of them. */
export function browserVersion(agent: string): string {
  for (const [name, pattern] of [
    ["Firefox", /Firefox\/([\d.]+)/],
    ["Edge", /Edg\w*\/([\d.]+)/],
    ["Chrome", /Chrome\/([\d.]+)/],
    ["Safari", /Version\/([\d.]+).*Safari\//],
  ] as const) {
    const version = pattern.exec(agent)?.[1];
    if (version) return `${name} ${version.replace(/(\.0)+$/, "")}`;
  }
  return agent;
}

function missingGpu(): string {
  if (globalThis.isSecureContext === false) {
    return "This page has no WebGPU because it is not a secure context: open it over https:// or from http://localhost.";
  }
  return `This browser has no WebGPU. ${advice()}`;
}

function missingAdapter(): string {
  return `This browser has WebGPU but no adapter (no GPU, a blocked driver, or acceleration turned off). ${advice()}`;
}

/** What to do in the browser at hand. */
function advice(): string {
  const agent = globalThis.navigator?.userAgent ?? "";
  if (/Firefox\//.test(agent)) {
    return "In Firefox use version 141 or newer on Windows or macOS, or set dom.webgpu.enabled in about:config.";
  }
  if (/Chrome\//.test(agent)) {
    return (
      "In Chrome and Edge use version 113 or newer, look at chrome://gpu, and on Linux or without a GPU start it with " +
      "--enable-unsafe-webgpu (and --use-webgpu-adapter=swiftshader for software)."
    );
  }
  if (/Safari\//.test(agent)) {
    return "In Safari use version 26 or newer, or turn WebGPU on under Settings, Feature Flags.";
  }
  return "Use a current Chrome, Edge, Firefox or Safari.";
}
