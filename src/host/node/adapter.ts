// Chooses an adapter in Node: hardware, else the system's software Vulkan, else a lavapipe that was fetched, else the
// embedded SwiftShader, or the one that was asked for by name. It ends at WebGPU's adapter object; the device on it is made by src/gpu.
import { dirname } from "node:path";
import { NoAdapterError, UsageError } from "../../gpu/errors.js";
import { adapterName, adapterText, type HostGpu, type HostOptions, isSoftware } from "../types.js";
import { createInstance, dawnOptions, listAdapterNames, loadDawn, releaseInstance } from "./dawn.js";
import { findEmbeddedPackage, unpackEmbeddedDriver } from "./embedded.js";
import type { DriverFetch } from "./fetch-driver.js";
import { findFetchedDriver, loadLibraries } from "./lavapipe.js";
import { localChoice } from "./local-gpu.js";
import { quietly } from "./quiet.js";
import {
  extraDrivers,
  hasVulkanLoader,
  loadLibrary,
  systemDrivers,
  withDrivers,
  withVariables,
} from "./vulkan.js";

/** Where adapters can come from, in the order in which `auto` tries them. */
export const sources = ["system", "fetched", "embedded"] as const;
export type Source = (typeof sources)[number];

/** What the Vulkan loader has to be told for a source; undefined leaves it to its own search. */
interface Ready {
  drivers: string[] | undefined;
}

/** What only Node can be asked for. */
export interface NodeHostOptions extends HostOptions {
  /** What `auto` may do where it finds neither hardware nor a system's software adapter, before it looks for a fetched one. */
  fetchDriver?: DriverFetch;
}

const aliases: Readonly<Record<string, string>> = { lavapipe: "llvmpipe" };
const embeddedAdvice = "run npm ci with its dev dependencies for the embedded software adapter (Linux x64)";
const driverAdvice =
  "install a Vulkan driver (Debian, Ubuntu: apt-get install mesa-vulkan-drivers; without root: melgrad doctor --fetch-lavapipe)";

/**
 * Opens an adapter through Dawn.
 *
 * `options.adapter` defaults to $MELGRAD_ADAPTER, then `auto`. A NAME is compared, without regard to case, with the names
 * that the system's driver and the embedded one give. `unchecked` turns Dawn's bounds checks and validation off.
 * Of several processes on a machine with several GPUs each takes its own (local-gpu.ts).
 *
 * @throws NoAdapterError in one line: what was tried, and what to install or write
 * @throws UsageError for the option that `unchecked` replaced, or a backend that computes nothing
 */
export function openNodeGpu(options: NodeHostOptions = {}): Promise<HostGpu> {
  return exclusively(async () => {
    const wanted = (options.adapter || process.env.MELGRAD_ADAPTER || "auto").trim();
    const { unchecked = false } = options;
    if ("profile" in options && options.profile !== undefined) {
      throw new UsageError(
        'The option profile has another name: write unchecked: true for "fast", nothing for "safe".',
      );
    }
    if (/^null$/i.test(process.env.DAWNNODE_BACKEND ?? "") || wanted.toLowerCase() === "null") {
      throw new UsageError(
        "The null backend computes nothing: unset DAWNNODE_BACKEND, and use the adapter auto or embedded.",
      );
    }
    await loadDawn();
    const { words, remark } = localChoice();
    const host = await withVariables(words, () =>
      wanted === "auto" || wanted === "embedded"
        ? openFirst(wanted, unchecked, options.fetchDriver)
        : openNamed(wanted, unchecked),
    );
    return remark && host.kind === "hardware" ? { ...host, remark } : host;
  });
}

async function openFirst(
  wanted: "auto" | "embedded",
  unchecked: boolean,
  fetchDriver?: DriverFetch,
): Promise<HostGpu> {
  const tried: string[] = [];
  for (const source of wanted === "auto" ? sources : (["embedded"] as const)) {
    if (source === "fetched" && fetchDriver && !findFetchedDriver()) await fetchDriver();
    const ready = await prepare(source);
    const host = typeof ready === "string" ? ready : await open(source, ready, unchecked);
    if (typeof host !== "string") return host;
    tried.push(host);
  }
  const advice =
    wanted === "auto"
      ? `${capital(embeddedAdvice)}, or ${driverAdvice}.`
      : `${capital(embeddedAdvice)}, or use the adapter auto.`;
  throw new NoAdapterError(`No WebGPU adapter: ${tried.join("; ")}. ${advice}`);
}

async function openNamed(wanted: string, unchecked: boolean): Promise<HostGpu> {
  const part = (aliases[wanted.toLowerCase()] ?? wanted).toLowerCase();
  const listed: string[] = [];
  const tried: string[] = [];
  for (const source of sources) {
    const ready = await prepare(source);
    const host = typeof ready === "string" ? ready : await open(source, ready, unchecked);
    if (typeof host === "string" || typeof ready === "string") {
      tried.push(String(host));
      continue;
    }
    if (adapterText(host.adapter.info).toLowerCase().includes(part)) return host;
    host.release();
    const names = await withDrivers(ready.drivers, listAdapterNames);
    const name = names.find((each) => each.toLowerCase().includes(part));
    if (name) {
      const named = await open(source, ready, unchecked, name);
      if (typeof named !== "string") return named;
      tried.push(named);
    }
    listed.push(...names.map((each) => (source === "embedded" ? `${each} (write embedded)` : each)));
  }
  if (listed.length === 0) {
    throw new NoAdapterError(
      `No adapter "${wanted}", and none at all: ${tried.join("; ")}. ${capital(embeddedAdvice)}, or ${driverAdvice}.`,
    );
  }
  throw new NoAdapterError(`No adapter is named "${wanted}". There is: ${listed.join("; ")}. Or write auto.`);
}

/** Makes a source's driver reachable, or says in a clause why it cannot be. */
export async function prepare(source: Source): Promise<Ready | string> {
  if (source === "embedded") {
    const found = findEmbeddedPackage();
    if (typeof found === "string") return `no embedded adapter (${found})`;
    try {
      const { icd, loader } = await unpackEmbeddedDriver();
      if (!hasVulkanLoader() && !loadLibrary(loader)) {
        return `no embedded adapter (${loader} cannot be loaded; set MELGRAD_CACHE to a folder where programs may run)`;
      }
      return { drivers: [icd] };
    } catch (error) {
      if (error instanceof NoAdapterError) return error.message.replace(/\.$/, "");
      throw error;
    }
  }
  if (source === "fetched") {
    const driver = findFetchedDriver();
    if (!driver) return "no lavapipe was fetched";
    if (!(await ensureLoader()) && !(driver.loader && loadLibrary(driver.loader))) return noLoader;
    if (!loadLibraries(driver.libraries))
      return `the fetched lavapipe does not load from ${dirname(driver.icd)}`;
    return { drivers: [driver.icd] };
  }
  if (process.platform !== "linux" || process.env.DAWNNODE_BACKEND) return { drivers: undefined };
  // Asking Dawn without a driver or a loader only makes it print warnings.
  const named = Boolean(process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES);
  const found = systemDrivers();
  const extra = named ? [] : extraDrivers();
  if (found.length + extra.length === 0) {
    return named
      ? "no file of VK_DRIVER_FILES or VK_ICD_FILENAMES exists"
      : "the system has no Vulkan driver";
  }
  if (!(await ensureLoader())) return noLoader;
  return { drivers: extra.length > 0 ? [...found, ...extra] : undefined };
}

const noLoader =
  "there is a Vulkan driver but no loader, libvulkan.so.1 (Debian, Ubuntu: apt-get install libvulkan1)";

/** Whether a Vulkan loader is there: the system's, or else the embedded package's. */
async function ensureLoader(): Promise<boolean> {
  if (hasVulkanLoader()) return true;
  return typeof findEmbeddedPackage() !== "string" && loadLibrary((await unpackEmbeddedDriver()).loader);
}

/** The source's best adapter, or the one of exactly that name; a clause where it gives none. */
export async function open(
  source: Source,
  ready: Ready,
  unchecked: boolean,
  name?: string,
): Promise<HostGpu | string> {
  return withDrivers(ready.drivers, async () => {
    const gpu = await createInstance(dawnOptions(unchecked, name));
    const adapter = await quietly(() =>
      gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null),
    );
    if (!adapter) {
      releaseInstance(gpu);
      return source === "embedded"
        ? `the embedded adapter does not start from ${ready.drivers?.[0]} (set MELGRAD_CACHE to a folder where programs may run)`
        : source === "fetched"
          ? "the fetched lavapipe gives no adapter"
          : "the system's Vulkan drivers give no adapter that WebGPU can use (no GPU in reach, or Mesa older than 24)";
    }
    const software = isSoftware(adapter.info);
    const kind = source === "embedded" ? "embedded" : software ? "system-software" : "hardware";
    const release = () => releaseInstance(gpu);
    const fetched = source === "fetched";
    const title = adapterName(adapter.info);
    return { gpu, adapter, name: title, software, kind, fetched, keepAlive: gpu, release };
  });
}

let queue: Promise<unknown> = Promise.resolve();

/** One at a time: the choice of a driver passes through the process's environment. */
export function exclusively<T>(task: () => Promise<T>): Promise<T> {
  const result = queue.then(task);
  queue = result.catch(() => undefined);
  return result;
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
