// `arranged`: pieces made by rule and arranged by Debian's mma, for music of the kind that the labelled tasks are made of without any of
// what they play: other style files, other chord progressions. Half of the pieces are played by instruments drawn anew, each by one of
// two soundfonts. Pieces are rendered once; more of them may be asked for later, and those that are there stay as they are.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../gpu/errors.js";
import { exists, writeWhole } from "../../host/cache.js";
import { sharedDecodePool } from "../decode-pool.js";
import { midiNotes, parseMidi } from "../midi/notes.js";
import { reorchestrated } from "../midi/orchestrate.js";
import { renderAll } from "../midi/render-pool.js";
import { Seeded } from "../seeded.js";
import { DEBIAN, NPM, SONIVOX, TIMGM6MB } from "../sources.js";
import { eachOf } from "../tasks/each-of.js";
import { type Arranger, Mma, type Style } from "../tasks/mma.js";
import { stylesOutside } from "../tasks/style-families.js";
import type { Corpus, Track } from "../types.js";
import { drawPiece } from "./arranged-piece.js";
import type { ResolvedCorpusOptions } from "./options.js";

/** Pieces where no number is asked for, and the length of each in seconds. */
const PIECES = 300;
export const ARRANGED_SECONDS = 24;

/** Changes whenever the same seed would give other pieces. */
const RECIPE = "v1";

/** Styles tried for one piece: some play no notes with a pitch, and some chords are refused. */
const ATTEMPTS = 12;

/** A piece as it is written beside its sound, which then is there. */
interface StoredPiece {
  title: string;
  style: string;
  /** SHA-256 of the MIDI file: two pieces of the same notes are one. */
  midi: string;
}

/**
 * Opens the corpus: fetches 15 MB, arranges and renders what is not there yet (a third of a second a piece on two cores, in
 * the cache 1 MB each). Throws PackagesUnavailableError.
 * @param openArranger tests put another in
 */
export async function openArrangedCorpus(
  options: ResolvedCorpusOptions,
  openArranger: (options: ResolvedCorpusOptions) => Promise<Arranger> = Mma.open,
): Promise<Corpus> {
  const { seed, tracks: count = PIECES } = options;
  const folder = join(options.cacheDir, "arranged", `${RECIPE}-seed${seed}`);
  const indices = Array.from({ length: count }, (_, index) => index);
  const stored = await Promise.all(indices.map((index) => readPiece(folder, index)));
  const missing = indices.filter((index) => !stored[index]);
  const sources = (await readJson<Corpus["licences"]>(join(folder, "licences.json"))) ?? [];
  let warning = "";
  if (missing.length > 0 || sources.length === 0) {
    const [timgm] = await options.packages.debian([DEBIAN["timgm6mb-soundfont"]], options);
    const [alphatab] = await options.packages.npm([NPM.soundfont], options);
    const arranger = await openArranger(options);
    sources.splice(0, sources.length, ...licences(timgm, alphatab));
    await writeWhole(join(folder, "licences.json"), JSON.stringify(sources));
    const soundfonts = [join(timgm.dir, TIMGM6MB), join(alphatab.dir, SONIVOX)];
    const made = await make(folder, missing, arranger, soundfonts, options);
    made.forEach((piece, i) => {
      stored[missing[i]] = piece;
    });
    const warnings = [timgm.warning, alphatab.warning, arranger.warning].filter(Boolean);
    if (warnings.length > 0) warning = ` (${warnings.join("; ")})`;
  }
  const seen = new Set<string>();
  const tracks = indices.flatMap((index): Track[] => {
    const piece = stored[index];
    if (!piece || seen.has(piece.midi)) return [];
    seen.add(piece.midi);
    const path = join(folder, `${nameOf(index)}.wav`);
    const id = `arranged/${seed}/${nameOf(index)}`;
    const load = () => sharedDecodePool().decodeFile(path, { name: path });
    return [{ id, piece: id, title: piece.title, seconds: ARRANGED_SECONDS, load }];
  });
  if (tracks.length === 0)
    throw new DataError(`mma arranged none of ${count} pieces; delete ${folder} and they are made again`);
  const styles = new Set(stored.map((piece) => piece?.style));
  return {
    name: "arranged",
    why:
      `${tracks.length} pieces of ${ARRANGED_SECONDS} s made by rule, arranged by Debian's mma with ${styles.size} style files that no task ` +
      `plays and rendered with two soundfonts${warning}.`,
    tracks,
    skipped: [],
    licences: sources,
  };
}

function licences(...soundfonts: { name: string; licence: string }[]): Corpus["licences"] {
  const [timgm, alphatab] = soundfonts;
  return [
    {
      source: DEBIAN.mma.name,
      licence: "GPL-2+ (its style files; the pieces themselves are drawn by melgrad)",
    },
    { source: timgm.name, licence: timgm.licence },
    { source: alphatab.name, licence: `${alphatab.licence}; its soundfont: Apache-2.0` },
  ];
}

function nameOf(index: number): string {
  return String(index).padStart(5, "0");
}

async function readPiece(folder: string, index: number): Promise<StoredPiece | undefined> {
  const piece = await readJson<StoredPiece>(join(folder, `${nameOf(index)}.json`));
  return piece && (await exists(join(folder, `${nameOf(index)}.wav`))) ? piece : undefined;
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

/** Arranges and renders pieces, each by one soundfont in turn; what is written stays where the rest is interrupted. */
async function make(
  folder: string,
  indices: readonly number[],
  arranger: Arranger,
  soundfonts: readonly string[],
  { seed, onProgress, signal }: ResolvedCorpusOptions,
): Promise<(StoredPiece | undefined)[]> {
  const styles = stylesOutside(await arranger.styles());
  if (styles.length === 0) throw new DataError("mma has no style file outside those of the tasks");
  let done = 0;
  const arranged = await eachOf(indices, async (index) => {
    signal?.throwIfAborted();
    const piece = await arrangePiece(arranger, styles, new Seeded(`arranged music ${seed} ${index}`));
    onProgress?.({ what: "arranging music", done: ++done, total: indices.length, unit: "pieces" });
    return piece;
  });
  // One soundfont after the other: a worker reads one at a time.
  const order = indices
    .map((index, i) => ({ index, piece: arranged[i] }))
    .filter((entry) => entry.piece !== undefined)
    .sort((a, b) => (a.index % soundfonts.length) - (b.index % soundfonts.length) || a.index - b.index);
  const jobs = order.map(({ index, piece }) => ({
    midi: piece?.midi ?? new Uint8Array(),
    soundfont: soundfonts[index % soundfonts.length],
    start: 0,
    seconds: ARRANGED_SECONDS,
  }));
  done = 0;
  await renderAll(
    jobs,
    async (position, wav) => {
      const { index, piece } = order[position];
      await writeWhole(join(folder, `${nameOf(index)}.wav`), wav);
      await writeWhole(join(folder, `${nameOf(index)}.json`), JSON.stringify(piece?.stored));
      onProgress?.({ what: "rendering music", done: ++done, total: jobs.length, unit: "pieces" });
    },
    signal,
  );
  return arranged.map((piece) => piece?.stored);
}

/** Draws pieces until one is music; undefined where none of some is. The same generator gives the same piece. */
async function arrangePiece(
  arranger: Arranger,
  styles: readonly Style[],
  random: Seeded,
): Promise<{ midi: Uint8Array; stored: StoredPiece } | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { arrangement, title, redrawn } = drawPiece(random, random.pick(styles), ARRANGED_SECONDS);
    const played = await arranger.arrange(arrangement);
    if (!played || !isMusic(played)) continue;
    const midi = redrawn ? reorchestrated(played, random) : played;
    const sum = createHash("sha256").update(midi).digest("hex");
    return { midi, stored: { title, style: arrangement.style.id, midi: sum } };
  }
  return undefined;
}

/** Whether a piece is long enough, and has a pitched note a second. */
function isMusic(midi: Uint8Array): boolean {
  const notes = midiNotes(parseMidi(midi)).filter(({ drum }) => !drum);
  const end = notes.reduce((most, note) => Math.max(most, note.end), 0);
  return end > 0.9 * ARRANGED_SECONDS && notes.length >= ARRANGED_SECONDS;
}
