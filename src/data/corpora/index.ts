// The corpora by name, and what is taken where none is named: recorded, composed and generated music together where both Debian's
// and npm's packages can be had, else what there is.

import { UsageError } from "../../gpu/errors.js";
import { cacheFolder } from "../../host/cache.js";
import { machinePackages, PackagesUnavailableError } from "../../host/packages.js";
import type { Corpus } from "../types.js";
import { openArrangedCorpus } from "./arranged.js";
import { openComposed } from "./composed.js";
import { openGenerated } from "./generated.js";
import { joined, mixed, openMixed } from "./mixed.js";
import type { CorpusOptions, ResolvedCorpusOptions } from "./options.js";
import { openOpen, openRecorded, openStarter } from "./recorded.js";

export type { CorpusOptions } from "./options.js";

/** The names that openCorpus takes. */
export const CORPORA = [
  "auto",
  "starter",
  "mixed",
  "open",
  "recorded",
  "composed",
  "generated",
  "arranged",
] as const;

type OneName = (typeof CORPORA)[number];

/** One of CORPORA, or several with a plus between: mixed+arranged. */
export type CorpusName = OneName | `${OneName}+${string}`;

/** Whether a text names a corpus (anything else that a user writes is a folder). */
export function isCorpusName(text: string): text is CorpusName {
  return text.split("+").every((part) => (CORPORA as readonly string[]).includes(part));
}

/**
 * Opens a corpus, fetching it into the cache on first use. `auto` never fails for want of a network: it takes mixed, or where
 * a part of it cannot be had starter, else composed, else generated, and `why` says which and why.
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
  const names = name.split("+");
  if (new Set(names).size < names.length) throw new UsageError(`--data ${name} names a corpus twice`);
  if (names.length === 1) return openOne(name as OneName, resolved);
  const parts: Corpus[] = [];
  for (const part of names) parts.push(await openOne(part as OneName, resolved));
  return joined(name, parts);
}

async function openOne(name: OneName, resolved: ResolvedCorpusOptions): Promise<Corpus> {
  switch (name) {
    case "auto":
      return openFirst(resolved);
    case "starter":
      return asked("starter", openStarter(resolved));
    case "mixed":
      return asked("mixed", openMixed(resolved));
    case "open":
      return asked("open", openOpen(resolved));
    case "recorded":
      return asked("recorded", openRecorded(resolved));
    case "composed":
      return asked("composed", openComposed(resolved));
    case "generated":
      return openGenerated(resolved.seed);
    case "arranged":
      return asked("arranged", openArrangedCorpus(resolved));
    default:
      throw new UsageError(`there is no corpus "${name}"; write one of ${CORPORA.join(", ")}`);
  }
}

async function openFirst(options: ResolvedCorpusOptions): Promise<Corpus> {
  const failures: string[] = [];
  const attempt = async (open: typeof openStarter, packages: string) => {
    try {
      return await open(options);
    } catch (error) {
      if (!(error instanceof PackagesUnavailableError)) throw error;
      failures.push(`${packages} packages could not be had (${error.message})`);
      return undefined;
    }
  };
  const starter = await attempt(openStarter, "Debian's");
  const composed = await attempt(openComposed, "npm's");
  const corpus =
    starter && composed
      ? mixed([starter, composed], options)
      : (starter ?? composed ?? openGenerated(options.seed));
  const because = failures.length > 0 ? `, because ${failures.join(" and ")}` : ", the default";
  return { ...corpus, why: corpus.why.replace(/\.$/, `${because}.`) };
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
