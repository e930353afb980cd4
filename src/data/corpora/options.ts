// What every corpus can be asked to do the same way. Types only.

import type { PackageClient } from "../../host/packages.js";
import type { OnProgress } from "../types.js";

export interface CorpusOptions {
  /** The cache folder; see cacheFolder for the default. */
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** What `generated` and `arranged` are made from (default 0). */
  seed?: number;
  /** How many pieces `arranged` is to have (default 300). */
  tracks?: number;
  /** Who fetches packages; tests put their own in. */
  packages?: PackageClient;
}

/** The options with every default filled in. */
export interface ResolvedCorpusOptions extends CorpusOptions {
  cacheDir: string;
  seed: number;
  packages: PackageClient;
}
