// What every task can be asked to do the same way. Types only.

import type { PackageClient } from "../../host/packages.js";
import type { OnProgress } from "../types.js";

/** `quick` for a first look, `study` where differences of a few hundredths are to be seen. */
export type TaskSize = "quick" | "study";

export interface TaskOptions {
  /** The cache folder; see cacheFolder for the default. */
  cacheDir?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** The folder of a data set, for tasks that need one. */
  folder?: string;
  /** Sentences for whoever watches. */
  note?(text: string): void;
  /** Chooses the clips (default 0). What is tuned on one seed is reported on another. */
  seed?: number;
  /** How many clips a task has: a few hundred (the default), or about a thousand, of which those are a part. */
  size?: TaskSize;
  /** Who fetches packages; tests put their own in. */
  packages?: PackageClient;
  /** Why nothing is to be fetched; what the cache has is still taken. */
  offline?: string;
}

/** The options with every default filled in. */
export interface ResolvedTaskOptions extends TaskOptions {
  cacheDir: string;
  seed: number;
  size: TaskSize;
  packages: PackageClient;
}
