// `instruments`: which of 15 instrument families sound in 10 seconds of a composed piece. The pieces are the MIDI music of two
// free games (Debian's freedoom and openttd-openmsx), the labels are exact, from the note events. It stands beside tagging on
// recordings, and is not that: one soundfont plays everything.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FAMILIES, familyLabels, familySeconds } from "../midi/families.js";
import { midiNotes, type Note, parseMidi } from "../midi/notes.js";
import { midiLumps } from "../midi/wad.js";
import { Seeded } from "../seeded.js";
import { DEBIAN, TIMGM6MB } from "../sources.js";
import type { LabelledTask } from "../types.js";
import type { ResolvedTaskOptions } from "./options.js";
import { CLIP_SECONDS, renderClips } from "./render-clips.js";
import { fileName, openStored, type StoredClip, storeTask, taskFolder } from "./store.js";

/** Clips taken from one piece. */
const PER_PIECE = 3;

/** A composed piece as MIDI. */
export interface MidiPiece {
  id: string;
  bytes: Uint8Array;
}

/** Opens the task, preparing it (fetching 21 MB, rendering about 290 clips) on first use. Throws PackagesUnavailableError. */
export async function openInstruments(options: ResolvedTaskOptions): Promise<LabelledTask> {
  const folder = taskFolder(options.cacheDir, "instruments", "v1", options.seed);
  const stored = await openStored(folder);
  if (stored) return stored;

  const packages = await options.packages.debian(
    [DEBIAN.freedoom, DEBIAN["openttd-openmsx"], DEBIAN["timgm6mb-soundfont"]],
    options,
  );
  const [freedoom, openmsx, timgm] = packages;
  const pieces = distinct([...(await wadPieces(freedoom.dir)), ...(await openmsxPieces(openmsx.dir))]);
  const soundfont = join(timgm.dir, TIMGM6MB);
  const chosen = pieces.flatMap((piece) => {
    const notes = midiNotes(parseMidi(piece.bytes));
    return segments(notes, new Seeded(`instruments ${options.seed} ${piece.id}`)).map((start) => {
      const id = `${piece.id}@${start.toFixed(1)}`;
      const clip: StoredClip = {
        id,
        piece: piece.id,
        title: `${piece.id}, ${start.toFixed(0)} s`,
        groups: [`piece:${piece.id}`],
        label: familyLabels(notes, start, CLIP_SECONDS),
        file: `${fileName(id)}.wav`,
      };
      return { clip, file: clip.file, job: { midi: piece.bytes, soundfont, start, seconds: CLIP_SECONDS } };
    });
  });
  await renderClips(folder, "rendering clips for instruments", chosen, options);
  const warnings = packages.flatMap((entry) => entry.warning ?? []);
  return storeTask(folder, {
    name: "instruments",
    kind: "multilabel",
    classes: [...FAMILIES],
    clips: chosen.map(({ clip }) => clip),
    note:
      `${chosen.length} clips of 10 s from ${pieces.length} pieces of MIDI music that people composed for free games (Debian's ` +
      "freedoom and openttd-openmsx), rendered with TimGM6mb; a family is on when its notes sound for more than 1 s. " +
      `A split keeps every piece on one side.${warnings.length > 0 ? ` Note: ${warnings.join("; ")}.` : ""}`,
  });
}

/**
 * Where the clips of a piece begin, in seconds: the piece is cut into up to three equal parts and one window is drawn in each,
 * where at least 3 s of some family sound. Pieces shorter than one clip give none.
 */
export function segments(notes: readonly Note[], random: Seeded): number[] {
  const first = notes.reduce((least, note) => Math.min(least, note.start), Number.POSITIVE_INFINITY);
  const last = notes.reduce((most, note) => Math.max(most, note.end), 0);
  const room = last - first - CLIP_SECONDS;
  if (!(room >= 0)) return [];
  const count = Math.max(1, Math.min(PER_PIECE, Math.floor((last - first) / (CLIP_SECONDS * 1.2))));
  const starts: number[] = [];
  for (let part = 0; part < count; part++) {
    const low = first + (part * (last - first)) / count;
    const high = Math.min(first + room, first + ((part + 1) * (last - first)) / count - CLIP_SECONDS);
    for (let attempt = 0; attempt < 8; attempt++) {
      const start = Math.floor(random.between(low, Math.max(low, high)) * 10) / 10;
      if (Math.max(...familySeconds(notes, start, CLIP_SECONDS)) < 3) continue;
      starts.push(start);
      break;
    }
  }
  return starts;
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
