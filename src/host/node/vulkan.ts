// What Vulkan there is on a Linux machine: the loader, the drivers' manifests, and the environment variables that choose
// among them. It looks and sets; which driver to take is adapter.ts's decision.
import { readdirSync, statSync } from "node:fs";
import { constants, homedir } from "node:os";
import { join } from "node:path";

const RTLD_NODELETE = 0x1000; // <dlfcn.h> of glibc; Node does not name it
const variables = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"] as const;

/** The manifests that the loader would read by itself, or that VK_DRIVER_FILES or VK_ICD_FILENAMES name. */
export function systemDrivers(env: NodeJS.ProcessEnv = process.env): string[] {
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  if (named) return named.split(":").flatMap(manifests);
  const home = env.HOME || homedir();
  const list = (value: string | undefined, fallback: string) =>
    (value || fallback).split(":").filter(Boolean);
  const roots = [
    env.XDG_CONFIG_HOME || join(home, ".config"),
    ...list(env.XDG_CONFIG_DIRS, "/etc/xdg"),
    "/etc",
    env.XDG_DATA_HOME || join(home, ".local/share"),
    ...list(env.XDG_DATA_DIRS, "/usr/local/share:/usr/share"),
  ];
  const added = list(env.VK_ADD_DRIVER_FILES, "").flatMap(manifests);
  return [...added, ...roots.flatMap((root) => manifests(join(root, "vulkan/icd.d")))];
}

/** Manifests in places that some systems use and the loader does not search: GPU containers, NixOS. */
export function extraDrivers(): string[] {
  return ["/usr/local/nvidia/share/vulkan/icd.d", "/run/opengl-driver/share/vulkan/icd.d"].flatMap(manifests);
}

/** The .json files of a folder, or the one file. */
function manifests(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => join(path, name));
  } catch {
    return []; // absent, or not ours to read
  }
}

/** Runs `task` while the loader sees only these drivers (undefined: its own choice), and restores the environment. */
export async function withDrivers<T>(drivers: string[] | undefined, task: () => Promise<T>): Promise<T> {
  return withVariables(
    drivers && Object.fromEntries(variables.map((name) => [name, drivers.join(":")])),
    task,
  );
}

/** Runs `task` with these environment variables set (undefined: none), and restores them. */
export async function withVariables<T>(
  values: Readonly<Record<string, string>> | undefined,
  task: () => Promise<T>,
): Promise<T> {
  if (!values) return task();
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  try {
    return await task();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Whether the system's library search finds a Vulkan loader, or one was preloaded. */
export function hasVulkanLoader(): boolean {
  return loadLibrary("libvulkan.so.1");
}

/** Loads a shared library for good, so that others find it by its soname. */
export function loadLibrary(path: string): boolean {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return true;
  } catch (error) {
    // Node only wants modules of its own kind and says so, after the library was loaded.
    return error instanceof Error && error.message.includes("did not self-register");
  }
}
