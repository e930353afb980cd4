// Recorded music out of Debian packages: `starter` (39 MB) and `open` (273 MB). Files are found, named and paired here; the
// decoders are elsewhere.

import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { DataError } from "../../gpu/errors.js";
import type { FetchedPackage } from "../../host/packages.js";
import { sharedDecodePool } from "../decode-pool.js";
import { DEBIAN } from "../sources.js";
import type { Corpus, SkippedFile, Track, Waveform } from "../types.js";
import { walkFolder } from "../walk.js";
import type { ResolvedCorpusOptions } from "./options.js";

const STARTER = [DEBIAN["asc-music"], DEBIAN["fretsonfire-songs-sectoid"]];
const OPEN = [
  ...STARTER,
  DEBIAN["wesnoth-1.16-music"],
  DEBIAN["singularity-music"],
  DEBIAN["fretsonfire-songs-muldjord"],
];

/** Files smaller than this are jingles and silences, not pieces. */
const LEAST_BYTES = 300_000;

/** Seven recorded songs, about 32 minutes. Throws PackagesUnavailableError. */
export async function openStarter(options: ResolvedCorpusOptions): Promise<Corpus> {
  return recorded("starter", await options.packages.debian(STARTER, options));
}

/** 62 recorded songs, about 4 hours: orchestral, electronic and metal. Throws PackagesUnavailableError. */
export async function openOpen(options: ResolvedCorpusOptions): Promise<Corpus> {
  return recorded("open", await options.packages.debian(OPEN, options));
}

async function recorded(name: string, packages: readonly FetchedPackage[]): Promise<Corpus> {
  const tracks: Track[] = [];
  const skipped: SkippedFile[] = [];
  for (const entry of packages) {
    const found = await tracksOf(entry.name, join(entry.dir, "usr/share/games"));
    tracks.push(...found.tracks);
    skipped.push(...found.skipped);
  }
  if (tracks.length === 0)
    throw new DataError(
      `no music was found in ${packages.map((entry) => entry.dir).join(", ")}; delete these folders and it is fetched again`,
    );
  const warnings = packages.flatMap((entry) => entry.warning ?? []);
  const note = warnings.length > 0 ? ` (${warnings.join("; ")})` : "";
  return {
    name,
    why: `recorded music from ${packages.length} Debian packages: ${packages.map((entry) => entry.name).join(", ")}${note}.`,
    tracks,
    skipped,
    licences: packages.map(({ name: source, licence }) => ({ source, licence })),
  };
}

/**
 * The tracks under a folder, sorted by path. A folder with song.ogg (the band) and guitar.ogg (the lead guitar of the same song)
 * is one track: their sum.
 */
export async function tracksOf(
  source: string,
  root: string,
): Promise<{ tracks: Track[]; skipped: SkippedFile[] }> {
  const files = (await audioFiles(root)).sort();
  const tracks: Track[] = [];
  const skipped: SkippedFile[] = [];
  for (const path of files) {
    const folder = dirname(path);
    const id = `${source}/${relative(root, path).split(sep).join("/")}`;
    const guitar = join(folder, "guitar.ogg");
    const isStem = basename(path) === "song.ogg" && files.includes(guitar);
    if (basename(path) === "guitar.ogg" && files.includes(join(folder, "song.ogg"))) continue;
    if ((await stat(path)).size < LEAST_BYTES) {
      skipped.push({ path: id, reason: "a jingle, not a piece" });
      continue;
    }
    const title = isStem ? basename(folder) : basename(path, extname(path));
    const piece = isStem ? `${source}/${basename(folder)}` : id;
    const parts = isStem ? [path, guitar] : [path];
    const track: Track = { id: isStem ? piece : id, piece, title, load: () => loadSum(parts) };
    if (!isStem) track.source = { file: id, digest: () => sharedDecodePool().digestFile(path, { name: id }) };
    tracks.push(track);
  }
  return { tracks, skipped };
}

async function audioFiles(root: string): Promise<string[]> {
  const { files } = await walkFolder(root);
  return files
    .filter(({ id, linked }) => !linked && /\.(ogg|mp3|opus|flac|wav)$/i.test(id))
    .map(({ path }) => path);
}

/** Decodes files to one channel each and adds them up. */
async function loadSum(paths: readonly string[]): Promise<Waveform> {
  const pool = sharedDecodePool();
  const [first, ...others] = await Promise.all(paths.map((path) => pool.decodeFile(path, { mono: true })));
  if (others.length === 0) return first;
  const all = [first, ...others];
  const sum = new Float32Array(Math.max(...all.map((part) => part.channels[0].length)));
  for (const { sampleRate, channels } of all) {
    if (sampleRate !== first.sampleRate)
      throw new DataError(`${paths.join(" and ")} differ in sample rate and cannot be added`);
    for (let i = 0; i < channels[0].length; i++) sum[i] += channels[0][i];
  }
  return { sampleRate: first.sampleRate, channels: [sum] };
}
