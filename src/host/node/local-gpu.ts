// Which of a machine's GPUs a process takes that a launcher started beside others there: its number among them counts the GPUs of one
// kind by their places on the bus. WebGPU tells GPUs of one name apart by nothing, so Vulkan is told before Dawn asks it, by Mesa's
// device selection layer, which stands above every driver. Not here: the adapter (adapter.ts), and schedulers that show each task one GPU.
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Launch, launchOf } from "./launch.js";

type Environment = Readonly<Record<string, string | undefined>>;

export interface LocalGpu {
  /** Place on the bus: `0000:65:00.0`. */
  address: string;
  /** Vendor and device, as the bus says them. */
  id: string;
}

/** By which somebody has chosen already. */
const choices = ["DRI_PRIME", "MESA_VK_DEVICE_SELECT", "NODEVICE_SELECT"] as const;

/** The GPUs of a Linux machine that this process may open, by address. A scheduler's others are listed by the system, but cannot be opened. */
export function usableGpus(root = "/"): LocalGpu[] {
  const bus = join(root, "sys/bus/pci/devices");
  return names(bus)
    .filter((address) => /^0x03/.test(read(join(bus, address, "class")))) // a display controller
    .filter((address) => nodesOf(root, address).some(opens))
    .map((address) => ({
      address,
      id: `${read(join(bus, address, "vendor"))}:${read(join(bus, address, "device"))}`,
    }));
}

/** The GPU of a process; undefined where it is alone on its machine, or there are no two of one kind. */
export function gpuOf(launch: Launch | undefined, gpus: readonly LocalGpu[]): LocalGpu | undefined {
  if (!launch || launch.size === 1 || launch.localSize === 1) return undefined;
  const kinds = [...new Set(gpus.map(({ id }) => id))].map((id) => gpus.filter((gpu) => gpu.id === id));
  const most = kinds.sort((a, b) => b.length - a.length)[0] ?? [];
  return most.length > 1 ? most[launch.localRank % most.length] : undefined;
}

/** The variables by which Vulkan shows that GPU alone. */
export function wordsFor({ address }: LocalGpu): Record<string, string> {
  return {
    DRI_PRIME: `pci-${address.replace(/[:.]/g, "_")}`,
    MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
  };
}

/** Whether Mesa's device selection layer is installed where Vulkan looks for layers. */
export function hasSelectionLayer(env: Environment = process.env): boolean {
  const home = env.HOME || homedir();
  const shared = env.XDG_DATA_DIRS || "/usr/local/share:/usr/share";
  const roots = ["/etc", env.XDG_DATA_HOME || join(home, ".local/share"), ...shared.split(":")];
  return roots.some((each) =>
    existsSync(join(each, "vulkan/implicit_layer.d/VkLayer_MESA_device_select.json")),
  );
}

/** What to tell Vulkan here, if anything; or a sentence on why it cannot be told. */
export function localChoice(
  env: Environment = process.env,
  gpus: () => readonly LocalGpu[] = usableGpus,
  hasLayer: () => boolean = () => hasSelectionLayer(env),
): { words?: Record<string, string>; remark?: string } {
  if (process.platform !== "linux" || choices.some((name) => env[name])) return {};
  const launch = launchOf(env);
  const own = launch && launch.size > 1 ? gpuOf(launch, gpus()) : undefined;
  if (!own) return {};
  if (hasLayer()) return { words: wordsFor(own) };
  return {
    remark:
      "the processes of this machine share one of its GPUs, because nothing can tell Vulkan which to take: install Mesa's device " +
      "selection layer (Debian, Ubuntu: apt-get install mesa-vulkan-drivers), or let the scheduler show each one (srun --gpus-per-task=1)",
  };
}

/** Device files of a GPU: NVIDIA's own, and those of the system's drivers. */
function nodesOf(root: string, address: string): string[] {
  const minor = /Device Minor:\s*(\d+)/.exec(
    read(join(root, "proc/driver/nvidia/gpus", address, "information")),
  )?.[1];
  if (minor !== undefined) return [join(root, `dev/nvidia${minor}`)];
  return names(join(root, "sys/bus/pci/devices", address, "drm"))
    .filter((name) => name.startsWith("renderD"))
    .map((name) => join(root, "dev/dri", name));
}

/** Whether a device file can be opened: control groups refuse it only then. */
function opens(path: string): boolean {
  try {
    closeSync(openSync(path, "r+"));
    return true;
  } catch {
    return false;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
