// The demo music: pieces that melgrad's own composer writes and its own small synthesiser plays, here in the worker. The same
// piece number is the same music on every machine.
import { compose } from "../../src/data/compose/composer.js";
import { KEYS, PROGRESSIONS } from "../../src/data/compose/harmony.js";
import { STYLES } from "../../src/data/compose/styles.js";
import { synthesise } from "../../src/data/compose/synth.js";
import { breathe } from "./turns.js";

export interface DemoPiece {
  /** Stable name of the piece. */
  piece: string;
  title: string;
  samples: Float32Array;
  sampleRate: number;
}

/** Hz: what the front end takes, so that nothing is resampled. */
const rate = 16_000;
/** Seconds that are played before messages are looked at. */
const chunk = 3;

/** Composes piece number `index` of at least `seconds`. */
export async function demoPiece(index: number, seconds: number): Promise<DemoPiece> {
  const style = STYLES[index % STYLES.length];
  const progression = PROGRESSIONS[(7 * index) % PROGRESSIONS.length];
  const key = ((5 * index) % 12) + (progression.mode === "minor" ? 12 : 0);
  const piece = compose({ seed: 9001 + index, key, progression, style, seconds });
  const samples = new Float32Array(Math.round((piece.seconds + 1) * rate));
  for (let at = 0; at < samples.length; at += chunk * rate) {
    const length = Math.min(chunk * rate, samples.length - at);
    samples.set(synthesise(piece.notes, at / rate, length / rate, rate, piece.colour), at);
    await breathe();
  }
  return {
    piece: `demo/${index}/${seconds}`,
    title: `${capitalised(piece.style)} in ${KEYS[piece.key]}, ${piece.tempo} BPM`,
    samples,
    sampleRate: rate,
  };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
