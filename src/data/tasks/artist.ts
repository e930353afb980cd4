// `artist`: which of ten artists made ten seconds of a recording: the one task here on recorded music, out of seven Debian
// packages (436 MB), so it is fetched only where it is asked for by name. The corpora starter and mixed have none of it. Most
// artists come with one game, mastered in one way: what tells artists apart may be the album as much as the hand.

import { join } from "node:path";
import { resampleKernel } from "../../audio/resample.js";
import { DataError } from "../../gpu/errors.js";
import { exists, writeWhole } from "../../host/cache.js";
import { tracksOf } from "../corpora/recorded.js";
import { encodeWav16 } from "../pcm16.js";
import { Seeded } from "../seeded.js";
import { DEBIAN } from "../sources.js";
import type { LabelledTask, Track } from "../types.js";
import { ARTISTS } from "./artists.js";
import { eachOf } from "./each-of.js";
import type { ResolvedTaskOptions } from "./options.js";
import { CLIP_SECONDS } from "./render-clips.js";
import { fileName, openStored, type StoredClip, storeTask, taskFolder } from "./store.js";

/** Clips taken from one track, and their rate in Hz: a track must be long enough for all. */
const PER_TRACK = 4;
const RATE = 22_050;

/** A split is one of so many blocks, to which each artist's tracks are dealt in turn. */
const BLOCKS = 8;

/** Tracks that are versions of one piece, by the ends of their paths: they stand on one side of a split. */
const VERSIONS = [["music/Humanitarian.ogg", "music/Hv2.ogg"]];

interface ArtistTrack {
  track: Track;
  artist: number;
  piece: string;
  block: number;
}

/** What is said where the task would have to be fetched without having been asked for by name. */
export const artistOffline = "its music is 436 MB to fetch; write --task artist to have it";

/** Opens the task, preparing it (fetching 436 MB, decoding about 90 tracks) on first use. Throws PackagesUnavailableError. */
export async function openArtist(options: ResolvedTaskOptions): Promise<LabelledTask> {
  const folder = taskFolder(options.cacheDir, "artist", "v1", options.seed);
  const stored = await openStored(folder);
  if (stored) return stored;

  const names = [...new Set(ARTISTS.map(({ from }) => from))];
  const packages = await options.packages.debian(
    names.map((name) => DEBIAN[name]),
    options,
  );
  const found = new Map<string, Track[]>();
  for (const { name, dir } of packages)
    found.set(name, await unique((await tracksOf(name, join(dir, "usr/share"))).tracks));
  const tracks = dealTracks(
    ARTISTS.map(({ from, files }) => (found.get(from) ?? []).filter(({ id }) => files.test(id))),
  );

  let done = 0;
  const skipped: string[] = [];
  const clips = await eachOf(tracks, async (entry) => {
    options.signal?.throwIfAborted();
    const made = await cutTrack(folder, entry, options.seed).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      return [];
    });
    if (made.length === 0) skipped.push(entry.track.id);
    options.onProgress?.({
      what: "cutting clips for artist",
      done: ++done,
      total: tracks.length,
      unit: "tracks",
    });
    return made;
  });
  if (tracks.length === skipped.length)
    throw new DataError(
      `no music was found in ${packages.map(({ dir }) => dir).join(", ")}; delete these folders`,
    );
  const warnings = packages.flatMap((entry) => entry.warning ?? []);
  if (skipped.length > 0) warnings.push(`${skipped.length} tracks too short or not decoded are left out`);
  const task = {
    name: "artist",
    kind: "classification" as const,
    classes: ARTISTS.map(({ name }) => name),
    // Track after track, so that a part of the list taken evenly has all of them.
    clips: clips.flat(),
    note:
      `${clips.flat().length} clips of ${CLIP_SECONDS} s from ${tracks.length - skipped.length} recordings of ${ARTISTS.length} artists ` +
      `(Debian's ${names.join(", ")}). A split keeps every track, and versions of one piece, on one side. Most artists come with one ` +
      "game, so a part of what is told apart is the album's sound (the album effect). The corpus open has many of these tracks: " +
      `a model trained on it has heard them, without labels.${warnings.length > 0 ? ` Note: ${warnings.join("; ")}.` : ""}`,
  };
  return storeTask(folder, task);
}

/** Gives each track its artist, piece and block; each artist's pieces go round, the next artist going on where the last ended. */
function dealTracks(byArtist: readonly (readonly Track[])[]): ArtistTrack[] {
  let next = 0;
  return byArtist.flatMap((tracks, artist) => {
    const blocks = new Map<string, number>();
    return tracks.map((track) => {
      const versions = VERSIONS.find((files) => files.some((file) => track.id.endsWith(file)));
      const piece = versions ? `${artist}/${versions[0]}` : track.piece;
      if (!blocks.has(piece)) blocks.set(piece, next++ % BLOCKS);
      return { track, artist, piece, block: blocks.get(piece) ?? 0 };
    });
  });
}

/** Writes a track's clips; none where it is too short. One whose clips are there is decoded no more. */
async function cutTrack(
  folder: string,
  { track, artist, piece, block }: ArtistTrack,
  seed: number,
): Promise<StoredClip[]> {
  const clips = Array.from({ length: PER_TRACK }, (_, part): StoredClip => {
    const id = `${track.id}#${part}`;
    return {
      id,
      piece,
      title: `${ARTISTS[artist].name}: ${track.title}`,
      groups: [`block:${block}`, `piece:${piece}`],
      label: [artist],
      file: `${fileName(id)}.wav`,
    };
  });
  if (await exists(join(folder, clips[PER_TRACK - 1].file))) return clips;
  const { channels, sampleRate } = await track.load();
  const [samples] = channels;
  const length = CLIP_SECONDS * sampleRate;
  const room = samples.length / PER_TRACK - length;
  if (room < 0) return [];
  const draw = new Seeded(`artist ${seed} ${track.id}`);
  for (const [part, { file }] of clips.entries()) {
    let start = 0;
    for (let attempt = 0; attempt < 8; attempt++) {
      start = Math.floor((part * samples.length) / PER_TRACK + draw.between(0, room));
      if (loudness(samples.subarray(start, start + length)) > 0.003) break;
    }
    const window = resampled(samples.subarray(start, start + length), sampleRate);
    await writeWhole(join(folder, file), encodeWav16(window, RATE));
  }
  return clips;
}

/** Root of the mean square. */
function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** At RATE. */
function resampled(samples: Float32Array, sampleRate: number): Float32Array {
  if (sampleRate === RATE) return samples;
  const { from, to, length, taps, first } = resampleKernel(sampleRate, RATE);
  return Float32Array.from({ length: CLIP_SECONDS * RATE }, (_, m) => {
    const at = Math.floor(m / to) * from + first[m % to];
    let sum = 0;
    for (let u = 0; u < length; u++) sum += taps[u * to + (m % to)] * (samples[at + u] ?? 0);
    return sum;
  });
}

/** Drops tracks whose file is, byte for byte, one that came before. Sums of several files are left as they are. */
async function unique(tracks: readonly Track[]): Promise<Track[]> {
  const digests = await eachOf(tracks, async (track) => (await track.source?.digest()) ?? track.id);
  return tracks.filter((_, i) => digests.indexOf(digests[i]) === i);
}
