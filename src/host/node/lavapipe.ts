// lavapipe (Mesa's software Vulkan) from Debian's or Ubuntu's packages, unpacked into the cache folder: no root, nothing
// installed. Several times faster than the embedded adapter. Here it is fetched and found; when to fetch it is fetch-driver.ts's,
// when to use it adapter.ts's.
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { NoAdapterError } from "../../gpu/errors.js";
import { cacheFolder, createFolderWhole, exists } from "../cache.js";
import { CommandError, runCommand } from "../command.js";
import { aptEnvironment, aptSettings, bytesUnder, downloadArchives, parseCandidates } from "../debian.js";
import { licenceLine } from "../licence.js";
import type { FetchOptions } from "../package-types.js";
import { PackagesUnavailableError } from "../package-types.js";
import { loadLibrary } from "./vulkan.js";

export interface FetchedDriver {
  /** The driver's manifest, for VK_ICD_FILENAMES. */
  icd: string;
  /** Shared libraries that the driver needs and this system lacks, the driver itself not among them. */
  libraries: string[];
  /** A Vulkan loader, where the system had none when the driver was fetched. */
  loader?: string;
  /** Mesa's version and licence, as its package states them; empty where it was fetched before these were kept. */
  version: string;
  licence: string;
}

/** The system's packages have a Mesa that WebGPU refuses: so it stays until they are upgraded. */
export class OldMesaError extends NoAdapterError {}

const oldestMesa = 24; // Dawn refuses 22.3
const driver = "libvulkan_lvp.so";
const driverPackage = "mesa-vulkan-drivers";
const loaderName = "libvulkan.so.1";
const manifest = "lvp_icd.json";
const listing = "libraries.json";
const about = "fetched.json";

function folder(): string {
  return join(cacheFolder(), `lavapipe-${process.arch}`);
}

/** The driver that was fetched earlier, if one was and is whole. */
export function findFetchedDriver(): FetchedDriver | undefined {
  const dir = folder();
  const read = (name: string) => JSON.parse(readFileSync(join(dir, name), "utf8"));
  try {
    const libraries = (read(listing) as string[]).map((name) => join(dir, name));
    if (![join(dir, manifest), join(dir, driver), ...libraries].every(existsSync)) return undefined;
    const { version, licence } = existsSync(join(dir, about)) ? read(about) : { version: "", licence: "" };
    const loader = existsSync(join(dir, loaderName)) ? join(dir, loaderName) : undefined;
    return { icd: join(dir, manifest), libraries, loader, version, licence };
  } catch {
    return undefined;
  }
}

/** Loads what the driver needs, in whatever order works; false where something stays unloadable. */
export function loadLibraries(paths: readonly string[]): boolean {
  let waiting = [...paths];
  while (waiting.length > 0) {
    const left = waiting.filter((path) => !loadLibrary(path));
    if (left.length === waiting.length) return false;
    waiting = left;
  }
  return true;
}

/**
 * Downloads lavapipe and what it needs beyond what is installed (30 to 55 MB), and unpacks it. Debian 12 gets it from its
 * backports, on the mirror that the machine's own apt sources name. Sizes and checksums are compared with apt's lists. The
 * driver appears in the cache whole or not at all.
 *
 * @throws NoAdapterError in one line where there is no apt or no network; OldMesaError where there is only a Mesa that WebGPU refuses
 * @throws the signal's reason when it aborts
 */
export async function fetchLavapipe(
  options: Pick<FetchOptions, "onProgress" | "signal"> = {},
): Promise<FetchedDriver> {
  const { onProgress, signal } = options;
  if (process.platform !== "linux") throw new NoAdapterError("lavapipe can be fetched on Linux only.");
  const found = findFetchedDriver();
  if (found) return found;
  let work: string | undefined;
  try {
    await mkdir(cacheFolder(), { recursive: true });
    await removeStale();
    work = await mkdtemp(join(cacheFolder(), `${workPrefix}${process.pid}-`));
    const tree = join(work, "root");
    const settings = await aptOptions(work, signal);
    onProgress?.({ what: "lavapipe: reading the package lists", done: 0, total: 0 });
    const lists = join(work, "lists");
    const apt = (args: string[]) =>
      runCommand("apt-get", [...settings, "-q", ...args], {
        cwd: work,
        env: aptEnvironment(),
        signal,
        pulse: () => bytesUnder(lists),
      });
    await apt(["update"]);
    // `apt-get update` ends with code 0 even where it reached nothing.
    if (!(await readdir(lists)).some((entry) => entry.includes("_Packages")))
      throw new PackagesUnavailableError("apt-get could not reach its mirror");
    // Packages that are installed already are taken as they are, except the driver itself.
    const plan = ["-y", "--no-install-recommends", "--print-uris", "--reinstall", "install", driverPackage];
    const wanted = parseCandidates(await apt(plan));
    const version = checkVersion(wanted);
    const archives = await downloadArchives(
      wanted.map((each) => `${each.name}=${each.version}`),
      { work, settings, signal, onProgress, what: `fetching lavapipe, ${wanted.length} packages` },
    );
    if (await exists(folder())) await rm(folder(), { recursive: true, force: true }); // half cleaned up, as it was not found
    for (const [done, { file }] of archives.entries()) {
      onProgress?.({ what: "unpacking lavapipe", done, total: archives.length, unit: "packages" });
      const pulse = () => bytesUnder(tree);
      await runCommand("dpkg", ["-x", join(work, file), tree], { signal, pulse, stallMs: 60_000 });
    }
    onProgress?.({
      what: "unpacking lavapipe",
      done: archives.length,
      total: archives.length,
      unit: "packages",
    });
    await createFolderWhole(folder(), (dir) => keep(tree, dir, version));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof NoAdapterError) throw error;
    throw new NoAdapterError(explain(error));
  } finally {
    if (work) await rm(work, { recursive: true, force: true });
  }
  const fetched = findFetchedDriver();
  if (!fetched) throw new NoAdapterError(`lavapipe could not be unpacked into ${folder()}.`);
  return fetched;
}

const workPrefix = "lavapipe-work-";

/** Removes what processes that were killed while fetching left behind. */
async function removeStale(): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    const pid = name.startsWith(workPrefix) ? Number.parseInt(name.slice(workPrefix.length), 10) : 0;
    if (!(pid > 0) || isRunning(pid)) continue;
    await rm(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** apt with lists, archives and sources of its own, so that it needs no root and changes nothing of the system. */
async function aptOptions(work: string, signal?: AbortSignal): Promise<string[]> {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "archives", "partial"), { recursive: true });
  const sources = join(work, "sources.list");
  const own = existsSync("/etc/apt/sources.list") ? await readFile("/etc/apt/sources.list", "utf8") : "";
  const release = /^VERSION_CODENAME=(\w+)/m.exec(await readFile("/etc/os-release", "utf8"))?.[1];
  const set = [
    ...aptSettings(work),
    `Dir::Etc::sourcelist=${sources}`,
    `Dir::State::lists=${join(work, "lists")}`,
    "Dir::Cache::archives=archives",
    "Debug::NoLocking=true",
  ];
  let added = "";
  if (release === "bookworm") {
    const targets = await runCommand("apt-get", ["indextargets", "--format", "$(REPO_URI) $(RELEASE)"], {
      signal,
    });
    const lines = targets.split("\n").map((line) => line.split(" "));
    const mirror = lines.find(([, name]) => name === release)?.[0];
    if (!mirror) throw new NoAdapterError(`The apt sources of this machine name no mirror of ${release}.`);
    if (!lines.some(([, name]) => name === "bookworm-backports"))
      added = `deb ${mirror} bookworm-backports main\n`;
    set.push("APT::Default-Release=bookworm-backports");
  }
  await writeFile(sources, `${own}\n${added}`);
  return set.map((entry) => `-o${entry}`);
}

/** The driver's version; refuses a Mesa that Dawn would refuse, before it is downloaded. */
function checkVersion(packages: readonly { name: string; version: string }[]): string {
  const found = packages.find(({ name }) => name === driverPackage);
  if (!found) throw new NoAdapterError(`lavapipe cannot be fetched: apt-get offers no ${driverPackage}.`);
  const version = found.version.replace(/^\d+:/, "");
  if (Number.parseInt(version, 10) < oldestMesa) {
    throw new OldMesaError(
      `lavapipe cannot be fetched: this system's packages have Mesa ${version}, and WebGPU needs ${oldestMesa} or newer.`,
    );
  }
  return version;
}

/**
 * Copies the driver and the libraries of an unpacked tree into one flat folder, with a manifest that names them there, and the
 * copyright files of their packages.
 */
async function keep(tree: string, dir: string, version: string): Promise<void> {
  const libraries = new Map<string, string>();
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (/\.so(\.\d+)*$/.test(entry.name)) libraries.set(entry.name, join(entry.parentPath, entry.name));
  }
  if (!libraries.has(driver))
    throw new NoAdapterError("mesa-vulkan-drivers holds no lavapipe on this system.");
  const others: string[] = [];
  for (const [name, path] of libraries) {
    // One name for each library: libx.so.1 is a link to libx.so.1.2.3.
    if (
      [...libraries.keys()].some(
        (each) => name.startsWith(`${each}.`) && each !== driver && /\.so\.\d+/.test(each),
      )
    )
      continue;
    // Other drivers of the package are not wanted.
    const needed = name === driver || name === loaderName;
    if (!needed && (/^lib(vulkan|VkLayer)/.test(name) || !/\.so\.\d+/.test(name))) continue;
    await writeFile(join(dir, name), await readFile(path)); // follows links, so that every soname is a file
    if (!needed) others.push(name);
  }
  const icd = { ICD: { api_version: "1.3.0", library_path: `./${driver}` }, file_format_version: "1.0.0" };
  await writeFile(join(dir, manifest), JSON.stringify(icd));
  await mkdir(join(dir, "copyright"));
  for (const name of await readdir(join(tree, "usr/share/doc"))) {
    const path = join(tree, "usr/share/doc", name, "copyright");
    if ((await stat(path).catch(() => undefined))?.isFile())
      await copyFile(path, join(dir, "copyright", name));
  }
  const licence = licenceLine(await readFile(join(dir, "copyright", driverPackage), "utf8").catch(() => ""));
  await writeFile(join(dir, about), JSON.stringify({ version, licence }));
  await writeFile(join(dir, listing), JSON.stringify(others.map((name) => basename(name)).sort()));
}

function explain(error: unknown): string {
  return `lavapipe cannot be fetched: ${reason(error)}.`;
}

function reason(error: unknown): string {
  if (error instanceof CommandError) {
    if (error.kind === "missing") return error.message;
    return /^E: (.*?)\.?$/m.exec(error.output)?.[1] ?? error.message;
  }
  if (error instanceof Error && "syscall" in error && "code" in error)
    return `the cache folder ${cacheFolder()} cannot be written (${error.code}; MELGRAD_CACHE names another)`;
  return error instanceof Error ? error.message : String(error);
}
