// `generated`: music made by melgrad's own composer and its own small synthesiser, the same on every machine, with nothing to
// fetch. Always called generated where it is shown.

import { compose } from "../compose/composer.js";
import { KEYS, PROGRESSIONS } from "../compose/harmony.js";
import { STYLES } from "../compose/styles.js";
import { synthesise } from "../compose/synth.js";
import { Seeded } from "../seeded.js";
import type { Corpus, Track } from "../types.js";

/** Pieces in the corpus, and the length in seconds of each (to the next whole turn of its chords). */
const PIECES = 40;
const SECONDS = 48;

/** The rate in Hz that generated music is made at. */
export const GENERATED_RATE = 22_050;

/** Composes the corpus; sound is made when a track is loaded (about 0.3 s each). */
export function openGenerated(seed: number): Corpus {
  const random = new Seeded(`generated ${seed}`);
  const progressions = random.shuffled(PROGRESSIONS);
  const tracks: Track[] = Array.from({ length: PIECES }, (_, index) => {
    const pieceSeed = random.int(2 ** 31);
    const style = STYLES[index % STYLES.length];
    const piece = compose({
      seed: pieceSeed,
      progression: progressions[index % progressions.length],
      style,
      seconds: SECONDS,
    });
    return {
      id: `generated/${pieceSeed}`,
      piece: `generated/${pieceSeed}`,
      title: `${piece.style} in ${KEYS[piece.key]}, ${piece.tempo} BPM`,
      load: async () => ({
        sampleRate: GENERATED_RATE,
        channels: [synthesise(piece.notes, 0, piece.seconds + 1, GENERATED_RATE, piece.colour)],
      }),
    };
  });
  return {
    name: "generated",
    why: `${tracks.length} pieces made by rule: melgrad's own composer and synthesiser, nothing to fetch.`,
    tracks,
    skipped: [],
    licences: [{ source: "melgrad's own composer and synthesiser", licence: "MIT" }],
  };
}
