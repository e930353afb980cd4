// Turning chroma from key to key, so that a head trained on all turns hears every key alike. Keys are numbered as in key-score.ts.
import type { Augmentation } from "./cross-validation.js";

/** The twelve turns of a vector that is made of blocks of twelve pitch classes, with the keys that they are in. */
export const turnedChroma: Augmentation = {
  copies: 12,
  make(features, [key], copy, out) {
    for (let at = 0; at < out.length; at += 12) {
      for (let k = 0; k < 12; k++) out[at + ((k + copy) % 12)] = features[at + k];
    }
    return [12 * Math.floor(key / 12) + (((key % 12) + copy) % 12)];
  },
};
