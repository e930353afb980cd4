// Data sets in their real formats, made up here: lists of full size in memory, whose files are stubs, and small trees on disk with
// real audio. Names, tags, keys and artists are invented; what is a fact of the real set is said where it is used.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { top50 } from "../../src/data/sets/mtat.js";
import { Problems } from "../../src/data/sets/problems.js";
import { type SetFile, SetFiles } from "../../src/data/sets/set-files.js";
import type { ReadSet, SetFormat } from "../../src/data/sets/types.js";
import { Random } from "../../src/tensor/random.js";

/** A file that is there in memory only. */
export function textFile(path: string, text: string): SetFile {
  const bytes = new TextEncoder().encode(text);
  return {
    path,
    bytes: async () => bytes,
    head: async (count) => bytes.subarray(0, count),
    size: async () => bytes.length,
    load: async () => {
      throw new Error(`${path} is no audio`);
    },
  };
}

/** The first bytes of a WAV file: enough to be taken for one. */
const wavHead = encodeWav16(new Float32Array(1), 8000);

/** An audio file of so many seconds, without its samples until they are asked for (at 10 Hz). */
export function audioFile(path: string, seconds = 30): SetFile {
  return {
    path,
    bytes: async () => wavHead,
    head: async (count) => wavHead.subarray(0, count),
    size: async () => Math.round(seconds * 100),
    load: async () => ({ sampleRate: 10, channels: [new Float32Array(Math.round(seconds * 10))] }),
  };
}

/** Reads a set from files in memory. */
export async function readFrom(
  format: SetFormat,
  files: readonly SetFile[],
  cacheDir: string,
): Promise<{ set: ReadSet; problems: Problems }> {
  const listed = SetFiles.of("/a set", files);
  if (!format.recognise(listed)) throw new Error(`${format.name} is not recognised`);
  const problems = new Problems();
  return { set: await format.read(listed, problems, { cacheDir, seed: 0 }), problems };
}

/** MagnaTagATune's tags: the 50 of the task in an order of their own, and 138 others. */
export const mtatTags = [...[...top50].reverse(), ...Array.from({ length: 138 }, (_, i) => `other tag ${i}`)];

export interface MtatRow {
  id: number;
  path: string;
  tags: readonly string[];
}

/** annotations_final.csv: tabs, every cell in quotes, the path last. */
export function mtatAnnotations(rows: readonly MtatRow[]): string {
  const line = (cells: readonly (string | number)[]) => `${cells.map((cell) => `"${cell}"`).join("\t")}\n`;
  const body = rows.map(({ id, path, tags }) => {
    const own = new Set(tags);
    return line([id, ...mtatTags.map((tag) => (own.has(tag) ? 1 : 0)), path]);
  });
  return line(["clip_id", ...mtatTags, "mp3_path"]) + body.join("");
}

/** clip_info_final.csv; `silent` further rows have no path, as clips without audio have none. */
export function mtatInfo(rows: readonly MtatRow[], silent = 0): string {
  const line = (cells: readonly (string | number)[]) => `${cells.map((cell) => `"${cell}"`).join("\t")}\n`;
  const header =
    "clip_id track_number title artist album url segmentStart segmentEnd original_url mp3_path".split(" ");
  const info = (id: number, path: string) => {
    const song = Math.floor(id / 3);
    const start = (id % 3) * 29;
    return line([
      id,
      song % 20,
      `Title ${song}`,
      `Artist ${song % 97}`,
      "Album",
      `http://x/${song}`,
      start,
      start + 29,
      "",
      path,
    ]);
  };
  const none = Array.from({ length: silent }, (_, i) => info(100_000 + i, ""));
  return line(header) + rows.map(({ id, path }) => info(id, path)).join("") + none.join("");
}

/** Writes a file below a folder, making folders on the way. */
export function put(folder: string, path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), data);
}

/** A short WAV of noise whose level and tilt follow `shade`, so that a probe can tell shades apart. */
export function shadedWav(seed: number, shade: number, seconds = 1.2, sampleRate = 16000): Uint8Array {
  const random = new Random(seed);
  let last = 0;
  const samples = Float32Array.from({ length: Math.round(seconds * sampleRate) }, () => {
    last = shade * last + (1 - shade) * random.normal();
    return 0.2 * last;
  });
  return encodeWav16(samples, sampleRate);
}

/** A ZIP archive with its files stored as they are. Only what a reader looks at is filled in. */
export function storedZip(files: readonly { name: string; data: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data } of files) {
    const text = new TextEncoder().encode(name);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(4, 20, true);
    local.setUint32(18, data.length, true);
    local.setUint32(22, data.length, true);
    local.setUint16(26, text.length, true);
    const central = new DataView(new ArrayBuffer(46));
    central.setUint32(0, 0x02014b50, true);
    central.setUint16(6, 20, true);
    central.setUint32(20, data.length, true);
    central.setUint32(24, data.length, true);
    central.setUint16(28, text.length, true);
    central.setUint32(42, at, true);
    parts.push(new Uint8Array(local.buffer), text, data);
    directory.push(new Uint8Array(central.buffer), text);
    at += 30 + text.length + data.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  return new Uint8Array(Buffer.concat([...parts, ...directory, new Uint8Array(end.buffer)]));
}
