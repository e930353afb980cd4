// Whether and when lavapipe is fetched without being asked for: where a command that computes for minutes finds neither a GPU nor
// a system's Vulkan driver. How it is fetched is lavapipe.ts's; commands that are to be quick, and `open()`, never fetch.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OnProgress } from "../../data/types.js";
import { NoAdapterError } from "../../gpu/errors.js";
import { cacheFolder, writeWhole } from "../cache.js";
import { type FetchedDriver, fetchLavapipe, OldMesaError } from "./lavapipe.js";

/** Called where `auto` has found neither hardware nor a system's software adapter; afterwards a fetched one is looked for again. */
export type DriverFetch = () => Promise<void>;

export interface DriverFetchOptions {
  /** Told what is done and why, and why it failed, in one line each. */
  note(text: string): void;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** Tests put others in. */
  env?: Readonly<Record<string, string | undefined>>;
  fetch?: typeof fetchLavapipe;
}

/**
 * Fetches lavapipe into the cache; what fails is noted, and no reason to stop. Undefined where it must not: with
 * MELGRAD_FETCH=off or MELGRAD_OFFLINE set, and on systems other than Linux, which bring drivers of their own.
 */
export function driverFetch({
  note,
  onProgress,
  signal,
  env = process.env,
  fetch = fetchLavapipe,
}: DriverFetchOptions): DriverFetch | undefined {
  const off = /^(off|no|false|0)$/i.test(env.MELGRAD_FETCH ?? "");
  if (off || env.MELGRAD_OFFLINE || process.platform !== "linux") return undefined;
  return async () => {
    const refused = knownRefusal();
    if (refused)
      return note(`${refused}; not asked again for a month (melgrad doctor --fetch-lavapipe does)`);
    note(
      "no GPU and no Vulkan driver: fetching lavapipe, several times faster than the embedded adapter, from this system's packages (MELGRAD_FETCH=off prevents it)",
    );
    try {
      note(fetchedLine(await fetch({ onProgress, signal })));
    } catch (error) {
      if (signal?.aborted || !(error instanceof NoAdapterError)) throw error;
      const why = error.message.replace(/\.$/, "");
      if (error instanceof OldMesaError) await keepRefusal(why);
      note(`${why}; going on without it`);
    }
  };
}

const month = 30 * 24 * 3600 * 1000;
const refusalFile = () => join(cacheFolder(), `lavapipe-${process.arch}-too-old.json`);

/** What tells one release of a system from the next. */
function systemRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}

/** Why this release of the system had no lavapipe for WebGPU when it was asked in the last month. */
function knownRefusal(): string | undefined {
  try {
    const { release, why, at } = JSON.parse(readFileSync(refusalFile(), "utf8"));
    const isFresh = Math.abs(Date.now() - at) < month;
    return release === systemRelease() && isFresh && typeof why === "string" ? why : undefined;
  } catch {
    return undefined; // never asked, or not to be read
  }
}

/** Asking takes a download of the package lists; where the answer cannot be kept, the next run asks again. */
async function keepRefusal(why: string): Promise<void> {
  await writeWhole(refusalFile(), JSON.stringify({ release: systemRelease(), why, at: Date.now() })).catch(
    () => {},
  );
}

/** What was fetched, under which licence, and where it lies. */
export function fetchedLine({ icd, version, licence }: FetchedDriver): string {
  const folder = dirname(icd);
  const mesa = version ? `Mesa ${version}, ${licence}; ` : "";
  return `lavapipe: ${mesa}in ${folder}, licences in ${join(folder, "copyright")}`;
}
