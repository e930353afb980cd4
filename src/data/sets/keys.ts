// Names of the 24 keys as data sets write them ("D# minor", "Eb min", "c major "), to the classes of this project: C, Db … B
// major, then the same in minor. Nothing here hears a key.
import { KEYS } from "../compose/harmony.js";

export { KEYS };

const flats: Readonly<Record<string, string>> = {
  "c#": "db",
  "d#": "eb",
  "f#": "gb",
  "g#": "ab",
  "a#": "bb",
  cb: "b",
  fb: "e",
  "e#": "f",
  "b#": "c",
};

const classes = new Map(KEYS.map((name, i) => [name.toLowerCase(), i]));

/** The class of a key's name: tonic and mode with blanks between and around, sharps or flats, in either case; else undefined. */
export function keyClass(text: string): number | undefined {
  const [tonic, mode, ...more] = text.trim().toLowerCase().split(/\s+/);
  if (!tonic || !mode || more.length > 0) return undefined;
  return classes.get(`${flats[tonic] ?? tonic} ${mode}`);
}
