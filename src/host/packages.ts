// Packages as sources of data: what one is, what having fetched one means, and who fetches (Debian's apt-get and dpkg, or
// npm). Nothing is installed and nothing of a package is run from here; its files are unpacked into the cache folder.

import { fetchDebian } from "./debian.js";
import { fetchNpm } from "./npm.js";
import type { FetchedPackage, FetchOptions, PackageSpec } from "./package-types.js";
import { PackagesUnavailableError } from "./package-types.js";

export { type FetchedPackage, type FetchOptions, type PackageSpec, PackagesUnavailableError };

/** Who fetches packages; tests put their own in. */
export interface PackageClient {
  debian(specs: PackageSpec[], options: FetchOptions): Promise<FetchedPackage[]>;
  npm(specs: PackageSpec[], options: FetchOptions): Promise<FetchedPackage[]>;
}

type Fetch = PackageClient["debian"];

/** Once a client has failed for want of a program or a network, this process does not wait for it a second time. */
function waitOnce(fetch: Fetch): Fetch {
  let down: string | undefined;
  return async (specs, options) => {
    const offline =
      options.offline ?? down ?? (process.env.MELGRAD_OFFLINE ? "MELGRAD_OFFLINE is set" : undefined);
    try {
      return await fetch(specs, { ...options, offline });
    } catch (error) {
      if (error instanceof PackagesUnavailableError && error.lasting) down = error.message;
      if (isFileError(error))
        throw new PackagesUnavailableError(
          `the cache folder ${options.cacheDir} cannot be written (${error.code}; MELGRAD_CACHE names another)`,
          true,
        );
      throw error;
    }
  };
}

/** A failed call to the file system. (Node says ENOENT for a folder that cannot be made on a full disk.) */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}

/** The real clients of this machine. */
export const machinePackages: PackageClient = { debian: waitOnce(fetchDebian), npm: waitOnce(fetchNpm) };
