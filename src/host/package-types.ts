// What a package is to melgrad, and what having fetched one means. Types and one error; the clients are in debian.ts and npm.ts.

import type { OnProgress } from "../data/types.js";
import { MelgradError } from "../gpu/errors.js";

/** A package that melgrad knows: the version, size and SHA-256 that were looked at when its use was written. */
export interface PackageSpec {
  name: string;
  version?: string;
  /** Size of the package file in bytes. */
  bytes?: number;
  sha256?: string;
}

/** A package whose files lie in `dir`. */
export interface FetchedPackage {
  name: string;
  version: string;
  dir: string;
  /** One line, as the package's own copyright or package.json states it. */
  licence: string;
  /** Set where the package is not the one that was looked at (another version, other bytes). */
  warning?: string;
}

export interface FetchOptions {
  /** The cache folder (see cacheFolder). */
  cacheDir: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** Why the network is not to be tried; what the cache has is still served. */
  offline?: string;
}

/** Packages could not be had (no package client, no network, no such package). The message is one clause without a full stop. */
export class PackagesUnavailableError extends MelgradError {
  override name = "PackagesUnavailableError";
  constructor(
    message: string,
    /** True where asking again for anything else would fail the same way (no client, no network). */
    readonly lasting = false,
  ) {
    super(message);
  }
}
