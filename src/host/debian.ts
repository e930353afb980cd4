// Debian packages as data: apt-get downloads, dpkg unpacks into the cache. Nothing is installed, root is not needed, the
// system's package lists are read where they exist and a private copy is fetched into the cache where they do not.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createFolderWhole, exists, writeWhole } from "./cache.js";
import { CommandError, runCommand } from "./command.js";
import { licenceLine } from "./licence.js";
import {
  type FetchedPackage,
  type FetchOptions,
  type PackageSpec,
  PackagesUnavailableError,
} from "./package-types.js";

/** One line of `apt-get --print-uris download`. The address is not kept. */
interface Candidate {
  file: string;
  name: string;
  version: string;
  bytes: number;
  sha256: string;
}

const MARK = "fetched.json";

/**
 * Fetches and unpacks packages; those already in the cache cost nothing. Throws PackagesUnavailableError within some tens of
 * seconds where there is no apt, no network, or no such package.
 */
export async function fetchDebian(specs: PackageSpec[], options: FetchOptions): Promise<FetchedPackage[]> {
  const root = join(options.cacheDir, "debian");
  const missing: PackageSpec[] = [];
  for (const spec of specs) if (!(await exists(join(root, spec.name, MARK)))) missing.push(spec);
  if (missing.length > 0) {
    if (options.offline) throw new PackagesUnavailableError(options.offline);
    const work = join(options.cacheDir, "tmp", `apt-${process.pid}-${Date.now()}`);
    await mkdir(work, { recursive: true });
    try {
      await download(missing, work, options);
      for (const spec of missing) await unpack(spec, work, root, options.signal);
    } catch (error) {
      throw explained(error, options.signal);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return Promise.all(specs.map((spec) => read(spec, join(root, spec.name))));
}

async function read(spec: PackageSpec, dir: string): Promise<FetchedPackage> {
  const mark = JSON.parse(await readFile(join(dir, MARK), "utf8")) as { version: string; sha256: string };
  const copyright = await readFile(join(dir, "usr/share/doc", spec.name, "copyright"), "utf8").catch(
    () => "",
  );
  const result: FetchedPackage = {
    name: spec.name,
    version: mark.version,
    dir,
    licence: licenceLine(copyright),
  };
  if (spec.version && spec.version !== mark.version)
    result.warning = `${spec.name} is version ${mark.version}, not ${spec.version}`;
  else if (spec.sha256 && spec.sha256 !== mark.sha256)
    result.warning = `${spec.name} has other bytes than expected`;
  return result;
}

/** Settings that every call shares: no sandbox user, private caches, short patience, nothing but package lists. */
function settings(work: string, lists?: string): string[] {
  const set = [...aptSettings(work), "APT::Get::List-Cleanup=false"];
  if (lists) set.push(`Dir::State::Lists=${lists}`);
  return set.map((entry) => `-o${entry}`);
}

/** Settings of apt for a person without root who does not want to wait long, without the -o before each. */
export function aptSettings(work: string): string[] {
  return [
    `APT::Sandbox::User=${userInfo().username}`,
    `Dir::Cache=${work}`,
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
    "Acquire::Retries=1",
    "Acquire::http::Timeout=10",
    "Acquire::https::Timeout=10",
    "Acquire::Languages=none",
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
  ];
}

async function download(specs: PackageSpec[], work: string, options: FetchOptions): Promise<void> {
  const { signal, onProgress } = options;
  const names = specs.map((spec) => spec.name);
  const privateLists = join(options.cacheDir, "apt-lists");

  const get = (lists?: string) =>
    downloadArchives(names, { ...options, work, settings: settings(work, lists) });

  // The machine's own lists, else (none there, or they name files that are gone) a private copy of today's.
  try {
    await get();
    return;
  } catch (error) {
    if (!(error instanceof CommandError) || error.kind !== "failed" || !listsAreToBlame(error.output))
      throw error;
  }
  onProgress?.({ what: "fetching Debian's package lists", done: 0, total: 0 });
  await mkdir(join(privateLists, "partial"), { recursive: true });
  await runCommand("apt-get", [...settings(work, privateLists), "-q", "update"], {
    env: aptEnvironment(),
    signal,
    pulse: () => bytesUnder(privateLists),
  });
  // `apt-get update` ends with code 0 even where it reached nothing.
  if (!(await readdir(privateLists)).some((entry) => entry.includes("_Packages")))
    throw new PackagesUnavailableError("apt-get could not reach its mirror", true);
  await get(privateLists);
}

/**
 * Downloads package files into `work` with apt-get under the given settings, and checks their sizes and checksums against its
 * lists. Names may carry a version, NAME=VERSION.
 */
export async function downloadArchives(
  names: readonly string[],
  {
    work,
    settings,
    signal,
    onProgress,
    what = `fetching ${names.length === 1 ? names[0] : `${names.length} Debian packages`}`,
  }: Pick<FetchOptions, "signal" | "onProgress"> & {
    work: string;
    settings: readonly string[];
    what?: string;
  },
): Promise<Candidate[]> {
  const run = (args: string[], pulse?: () => Promise<number>) =>
    runCommand("apt-get", [...settings, "-q", ...args, ...names], {
      cwd: work,
      env: aptEnvironment(),
      signal,
      pulse,
    });
  const candidates = parseCandidates(await run(["--print-uris", "download"]));
  const total = candidates.reduce((sum, candidate) => sum + candidate.bytes, 0);
  onProgress?.({ what, done: 0, total, unit: "B" });
  await run(["download"], async () => {
    const done = await bytesUnder(work, ".deb");
    onProgress?.({ what, done: Math.min(done, total), total, unit: "B" });
    return done;
  });
  onProgress?.({ what, done: total, total, unit: "B" });
  for (const candidate of candidates) await verify(join(work, candidate.file), candidate);
  return candidates;
}

/** The environment in which apt-get asks nothing and speaks English. */
export function aptEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
}

/** Whether a failure is one that fresh lists can cure: an unknown package, or a file that the mirror no longer has. */
function listsAreToBlame(output: string): boolean {
  return /Unable to locate|no installation candidate|Can't find a source|404 +Not Found|Hash Sum mismatch|unexpected size/i.test(
    output,
  );
}

/** Parses `'ADDRESS' FILE BYTES SHA256:HEX` lines. */
export function parseCandidates(output: string): Candidate[] {
  const candidates: Candidate[] = [];
  for (const line of output.split("\n")) {
    const match = /^'[^']*' (\S+) (\d+)(?: SHA256:([0-9a-f]{64}))?/.exec(line);
    if (!match) continue;
    const [name, version] = match[1].replace(/\.deb$/, "").split("_");
    candidates.push({
      file: match[1],
      name,
      version: decodeURIComponent(version ?? ""),
      bytes: Number(match[2]),
      sha256: match[3] ?? "",
    });
  }
  return candidates;
}

async function verify(path: string, candidate: Candidate): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    () => -1,
  );
  if (size !== candidate.bytes)
    throw new PackagesUnavailableError(`${candidate.name} came with ${size} of ${candidate.bytes} bytes`);
  if (candidate.sha256 && (await sha256(path)) !== candidate.sha256)
    throw new PackagesUnavailableError(`${candidate.name} came with a wrong checksum`);
}

async function unpack(spec: PackageSpec, work: string, root: string, signal?: AbortSignal): Promise<void> {
  const file = (await readdir(work)).find(
    (entry) => entry.startsWith(`${spec.name}_`) && entry.endsWith(".deb"),
  );
  if (!file) throw new PackagesUnavailableError(`apt-get brought no ${spec.name}`);
  const path = join(work, file);
  const mark = { version: decodeURIComponent(file.split("_")[1]), sha256: await sha256(path) };
  await createFolderWhole(join(root, spec.name), async (dir) => {
    // dpkg prints nothing: what it has written is its sign of life.
    await runCommand("dpkg", ["-x", path, dir], { signal, pulse: () => bytesUnder(dir), stallMs: 60_000 });
    await writeWhole(join(dir, MARK), JSON.stringify(mark));
  });
  await rm(path, { force: true });
}

/** Turns a failed command into one clause for people. */
function explained(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted || !(error instanceof CommandError)) return error;
  if (error.kind === "missing") return new PackagesUnavailableError(error.message, true);
  const unknown = /Unable to locate package (\S+)/.exec(error.output)?.[1];
  if (unknown) return new PackagesUnavailableError(`apt-get knows no package ${unknown}`);
  if (/No space left/i.test(error.output))
    return new PackagesUnavailableError("the disk of the cache folder is full");
  return new PackagesUnavailableError(
    error.kind === "stalled" ? error.message : "apt-get could not reach its mirror",
    true,
  );
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Bytes of all files under a folder (those with an ending, if one is given); 0 where it is not there. */
export async function bytesUnder(dir: string, ending = ""): Promise<number> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(() => []);
  let sum = 0;
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(ending)) continue;
    sum += await stat(join(entry.parentPath ?? entry.path, entry.name)).then(
      (info) => info.size,
      () => 0,
    );
  }
  return sum;
}
