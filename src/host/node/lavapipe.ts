// lavapipe (Mesa's software Vulkan) from Debian's or Ubuntu's packages, unpacked into the cache folder: no root, nothing
// installed. Several times faster than the embedded adapter. Here it is fetched and found; when to use it is adapter.ts's.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, join } from "node:path";
import { MelgradError, NoAdapterError } from "../../gpu/errors.js";
import { cacheFolder, createFolderWhole } from "../cache.js";
import { CommandError, runCommand } from "../command.js";
import { loadLibrary } from "./vulkan.js";

export interface FetchedDriver {
  /** The driver's manifest, for VK_ICD_FILENAMES. */
  icd: string;
  /** Shared libraries that the driver needs and this system lacks, the driver itself not among them. */
  libraries: string[];
}

const oldestMesa = 24; // Dawn refuses 22.3
const manifest = "lvp_icd.json";
const listing = "libraries.json";

function folder(): string {
  return join(cacheFolder(), `lavapipe-${process.arch}`);
}

/** The driver that was fetched earlier, if one was. */
export function findFetchedDriver(): FetchedDriver | undefined {
  const dir = folder();
  try {
    const names = JSON.parse(readFileSync(join(dir, listing), "utf8")) as string[];
    return { icd: join(dir, manifest), libraries: names.map((name) => join(dir, name)) };
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
 * Downloads lavapipe and what it needs beyond what is installed (30 to 50 MB), and unpacks it. Debian 12 gets it from its
 * backports, on the mirror that the machine's own apt sources name.
 *
 * @param note is told, in a few words, what is being done
 * @throws NoAdapterError where there is no apt, no network, or only a Mesa that WebGPU refuses
 */
export async function fetchLavapipe(
  note: (what: string) => void = () => {},
  signal?: AbortSignal,
): Promise<FetchedDriver> {
  if (process.platform !== "linux") throw new NoAdapterError("lavapipe can be fetched on Linux only.");
  const found = findFetchedDriver();
  if (found) return found;
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(join(cacheFolder(), "lavapipe-work-"));
  try {
    note("reading the package lists");
    const options = await aptOptions(work, signal);
    const run = (program: string, args: string[]) =>
      runCommand(program, args, {
        cwd: work,
        env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
        signal,
        stallMs: 120_000,
      });
    await run("apt-get", [...options, "-q", "update"]);
    note("downloading");
    // Packages that are installed already are taken as they are, except the driver itself.
    const install = [
      "-q",
      "-y",
      "--no-install-recommends",
      "--download-only",
      "--reinstall",
      "install",
      "mesa-vulkan-drivers",
    ];
    await run("apt-get", [...options, ...install]);
    const archives = (await readdir(join(work, "archives"))).filter((name) => name.endsWith(".deb"));
    checkVersion(archives);
    note("unpacking");
    await createFolderWhole(folder(), async (dir) => {
      for (const name of archives)
        await run("dpkg", ["-x", join(work, "archives", name), join(work, "root")]);
      await keep(join(work, "root"), dir);
    });
  } catch (error) {
    if (error instanceof MelgradError || signal?.aborted) throw error;
    throw new NoAdapterError(explain(error));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const driver = findFetchedDriver();
  if (!driver) throw new NoAdapterError(`lavapipe could not be unpacked into ${folder()}.`);
  return driver;
}

/** apt with lists, archives and sources of its own, so that it needs no root and changes nothing of the system. */
async function aptOptions(work: string, signal?: AbortSignal): Promise<string[]> {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "archives", "partial"), { recursive: true });
  const sources = join(work, "sources.list");
  const own = existsSync("/etc/apt/sources.list") ? await readFile("/etc/apt/sources.list", "utf8") : "";
  const release = /^VERSION_CODENAME=(\w+)/m.exec(await readFile("/etc/os-release", "utf8"))?.[1];
  const set = [
    `Dir::Etc::sourcelist=${sources}`,
    `Dir::State::lists=${join(work, "lists")}`,
    `Dir::Cache=${work}`,
    "Dir::Cache::archives=archives",
    "Debug::NoLocking=true",
    `APT::Sandbox::User=${userInfo().username}`,
    "Acquire::Languages=none",
    "Acquire::Retries=2",
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

/** Refuses a Mesa that Dawn would refuse, by the names of the downloaded packages. */
function checkVersion(archives: readonly string[]): void {
  const name = archives.find((each) => each.startsWith("mesa-vulkan-drivers_"));
  if (!name) throw new NoAdapterError("apt-get brought no mesa-vulkan-drivers.");
  const version = decodeURIComponent(name.split("_")[1]).replace(/^\d+:/, "");
  if (Number.parseInt(version, 10) < oldestMesa) {
    throw new NoAdapterError(
      `This system's packages have Mesa ${version}; WebGPU needs ${oldestMesa} or newer.`,
    );
  }
}

/** Copies the driver and the libraries of an unpacked tree into one flat folder, with a manifest that names them there. */
async function keep(tree: string, dir: string): Promise<void> {
  const libraries = new Map<string, string>();
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (/\.so(\.\d+)*$/.test(entry.name)) libraries.set(entry.name, join(entry.parentPath, entry.name));
  }
  const driver = "libvulkan_lvp.so";
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
    // Other drivers of the package are not wanted, nor is the loader, which the embedded package has.
    if (name !== driver && (/^lib(vulkan|VkLayer)/.test(name) || !/\.so\.\d+/.test(name))) continue;
    await writeFile(join(dir, name), await readFile(path)); // follows links, so that every soname is a file
    if (name !== driver) others.push(name);
  }
  const icd = { ICD: { api_version: "1.3.0", library_path: `./${driver}` }, file_format_version: "1.0.0" };
  await writeFile(join(dir, manifest), JSON.stringify(icd));
  await writeFile(join(dir, listing), JSON.stringify(others.map((name) => basename(name)).sort()));
}

function explain(error: unknown): string {
  if (error instanceof CommandError) {
    if (error.kind === "missing") return `lavapipe cannot be fetched: ${error.message}.`;
    const reason = /^E: (.*)$/m.exec(error.output)?.[1];
    return `lavapipe cannot be fetched: ${reason ?? error.message}.`;
  }
  return `lavapipe cannot be fetched: ${error instanceof Error ? error.message : String(error)}.`;
}
