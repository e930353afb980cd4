// `mixed`: starter, composed and generated together, for music of more kinds than the seven songs of starter alone at little
// more cost. What the labelled tasks share with it: no clip of any task is made from a track of it. But generated and gen-*, key, style
// and tempo draw from the same list of chord progressions, and generated and gen-* from the same styles, instruments and
// synthesiser, the pieces being others; so a model trained on it knows the sound of the gen-* tasks.

import type { Corpus } from "../types.js";
import { openComposed } from "./composed.js";
import { openGenerated } from "./generated.js";
import type { ResolvedCorpusOptions } from "./options.js";
import { openStarter } from "./recorded.js";

/** Opens all three; throws PackagesUnavailableError where one cannot be had. */
export async function openMixed(options: ResolvedCorpusOptions): Promise<Corpus> {
  return mixed([await openStarter(options), await openComposed(options)], options);
}

/** Open corpora with the generated one. */
export function mixed(opened: readonly Corpus[], { seed }: ResolvedCorpusOptions): Corpus {
  return joined("mixed", [...opened, openGenerated(seed)]);
}

/** Several corpora as one; tracks that two of them have are taken once. */
export function joined(name: string, parts: readonly Corpus[]): Corpus {
  const tracks = new Map(parts.flatMap((part) => part.tracks.map((track) => [track.id, track] as const)));
  return {
    name,
    why: parts.map((part) => `${part.tracks.length} tracks: ${part.why}`).join(" "),
    tracks: [...tracks.values()],
    skipped: parts.flatMap(({ skipped }) => skipped),
    licences: parts.flatMap(({ licences }) => licences),
  };
}
