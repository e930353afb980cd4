// `instruments`: which of 15 instrument families sound in 10 seconds of one voice of a composed piece. The pieces are the MIDI music of two
// free games (Debian's freedoom and openttd-openmsx), played by instruments that are drawn anew for every clip; the labels are exact, from
// the note events. It stands beside tagging on recordings, and is not that: one soundfont plays everything.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FAMILIES, familyLabels, familySeconds } from "../midi/families.js";
import { midiNotes, type Note, parseMidi } from "../midi/notes.js";
import { reorchestrated } from "../midi/orchestrate.js";
import { midiLumps } from "../midi/wad.js";
import { Seeded } from "../seeded.js";
import { DEBIAN, TIMGM6MB } from "../sources.js";
import type { LabelledTask } from "../types.js";
import type { ResolvedTaskOptions } from "./options.js";
import { CLIP_SECONDS, renderClips } from "./render-clips.js";
import { fileName, openStored, type StoredClip, type StoredTask, storeTask, taskFolder } from "./store.js";

/** Clips of one piece, by the size of the task. */
const PER_PIECE = { quick: 3, study: 10 } as const;

/**
 * Pitched channels that are heard in a clip, at most, beside the drums. Of three an encoder of the same size that is trained with the labels
 * tells no more than hand-made features do (NOTES.md), so nothing could be won there.
 */
const VOICES = 1;

/** A composed piece as MIDI. */
export interface MidiPiece {
  id: string;
  bytes: Uint8Array;
}

/** Opens the task, preparing it (fetching 21 MB, rendering its clips) on first use. Throws PackagesUnavailableError. */
export async function openInstruments(options: ResolvedTaskOptions): Promise<LabelledTask> {
  const { seed, size } = options;
  const folder = taskFolder(options.cacheDir, "instruments", "v4", seed);
  const file = `${size}.json`;
  const stored = await openStored(folder, file);
  if (stored) return stored;

  const packages = await options.packages.debian(
    [DEBIAN.freedoom, DEBIAN["openttd-openmsx"], DEBIAN["timgm6mb-soundfont"]],
    options,
  );
  const [freedoom, openmsx, timgm] = packages;
  const found = distinct([...(await wadPieces(freedoom.dir)), ...(await openmsxPieces(openmsx.dir))]);
  const pieces = found.map((piece) => ({ ...piece, notes: midiNotes(parseMidi(piece.bytes)) }));
  const soundfont = join(timgm.dir, TIMGM6MB);
  const chosen = pieces.flatMap((piece) =>
    Array.from({ length: PER_PIECE[size] }, (_, round) => round).flatMap((round) => {
      const draw = new Seeded(`instruments ${seed} ${piece.id} ${round}`);
      const start = clipStart(piece.notes, draw);
      if (start === undefined) return [];
      const voices = draw.shuffled(voicesIn(piece.notes, start)).slice(0, VOICES);
      const midi = reorchestrated(piece.bytes, draw, voices);
      const label = familyLabels(midiNotes(parseMidi(midi)), start, CLIP_SECONDS);
      if (!label.includes(1)) return []; // drums alone, which this draw leaves out
      const id = `${piece.id} ${round}@${start.toFixed(1)}`;
      const clip: StoredClip = {
        id,
        piece: piece.id,
        title: `${piece.id}, orchestration ${round + 1}, ${start.toFixed(0)} s`,
        groups: [`piece:${piece.id}`],
        label,
        file: `${fileName(id)}.wav`,
      };
      return [{ clip, file: clip.file, job: { midi, soundfont, start, seconds: CLIP_SECONDS } }];
    }),
  );
  await renderClips(folder, "rendering clips for instruments", chosen, options);
  const warnings = packages.flatMap((entry) => entry.warning ?? []);
  const task: StoredTask = {
    name: "instruments",
    kind: "multilabel",
    classes: [...FAMILIES],
    clips: chosen.map(({ clip }) => clip),
    note:
      `${chosen.length} clips of 10 s from ${pieces.length} pieces of MIDI music that people composed for free games (Debian's ` +
      `freedoom and openttd-openmsx), rendered with TimGM6mb; for every clip one voice was chosen and its instrument drawn anew, ` +
      "so that the notes do not tell it, and a family is on when its notes sound for more than 1 s. " +
      `A split keeps every piece on one side.${warnings.length > 0 ? ` Note: ${warnings.join("; ")}.` : ""}`,
  };
  return storeTask(folder, task, file);
}

/** The pitched channels with notes for more than 2 s of a clip. */
function voicesIn(notes: readonly Note[], start: number): number[] {
  const seconds = new Map<number, number>();
  for (const { channel, drum, start: from, end } of notes) {
    const heard = Math.min(end, start + CLIP_SECONDS) - Math.max(from, start);
    if (heard > 0 && !drum) seconds.set(channel, (seconds.get(channel) ?? 0) + heard);
  }
  return [...seconds].flatMap(([channel, sum]) => (sum > 2 ? [channel] : [])).sort((a, b) => a - b);
}

/**
 * Where a clip of a piece begins, in seconds: a window in which at least 3 s of some family sound. Undefined where the piece is shorter
 * than one clip, or eight windows were too quiet.
 */
export function clipStart(notes: readonly Note[], random: Seeded): number | undefined {
  const first = notes.reduce((least, note) => Math.min(least, note.start), Number.POSITIVE_INFINITY);
  const last = notes.reduce((most, note) => Math.max(most, note.end), 0);
  if (!(last - first >= CLIP_SECONDS)) return undefined;
  for (let attempt = 0; attempt < 8; attempt++) {
    const start = Math.floor(random.between(first, last - CLIP_SECONDS) * 10) / 10;
    if (Math.max(...familySeconds(notes, start, CLIP_SECONDS)) >= 3) return start;
  }
  return undefined;
}

async function wadPieces(dir: string): Promise<MidiPiece[]> {
  const pieces: MidiPiece[] = [];
  for (const wad of ["freedoom1", "freedoom2"]) {
    const bytes = await readFile(join(dir, "usr/share/games/doom", `${wad}.wad`));
    for (const lump of midiLumps(bytes)) pieces.push({ id: `${wad}/${lump.name}`, bytes: lump.bytes });
  }
  return pieces;
}

async function openmsxPieces(dir: string): Promise<MidiPiece[]> {
  const folder = join(dir, "usr/share/games/openttd/baseset/openmsx");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".mid")).sort();
  return Promise.all(
    files.map(async (file) => ({
      id: `openmsx/${file.slice(0, -4)}`,
      bytes: new Uint8Array(await readFile(join(folder, file))),
    })),
  );
}

/** Drops pieces whose bytes came before. */
function distinct(pieces: MidiPiece[]): MidiPiece[] {
  const seen = new Set<string>();
  return pieces.filter((piece) => {
    const hash = createHash("sha256").update(piece.bytes).digest("hex");
    if (seen.has(hash)) return false;
    seen.add(hash);
    return true;
  });
}
