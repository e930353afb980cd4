// `composed`: fourteen piano pieces that people wrote (eight rags and six classical pieces), as MIDI from npm, rendered here with
// a soundfont from npm. Both packages are read as data; none of their code runs.

import { mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataError } from "../../gpu/errors.js";
import { exists, writeWhole } from "../../host/cache.js";
import { sharedDecodePool } from "../decode-pool.js";
import { midiNotes, parseMidi } from "../midi/notes.js";
import { renderAll } from "../midi/render-pool.js";
import { NPM, SONIVOX } from "../sources.js";
import type { Corpus, Track } from "../types.js";
import { walkFolder } from "../walk.js";
import type { ResolvedCorpusOptions } from "./options.js";

/** Seconds left to ring after the last note. */
const TAIL = 2;

/** Opens the corpus; rendering (into the cache) takes some seconds on first use. Throws PackagesUnavailableError. */
export async function openComposed(options: ResolvedCorpusOptions): Promise<Corpus> {
  const [pieces, alphatab] = await options.packages.npm([NPM.pieces, NPM.soundfont], options);
  const library = join(pieces.dir, "songs/library");
  const found = (await walkFolder(library)).files.map(({ id }) => id);
  const files = found.filter((file) => file.endsWith(".mid"));
  if (files.length === 0)
    throw new DataError(`${library} holds no MIDI files; delete ${pieces.dir} and it is fetched again`);
  const folder = join(options.cacheDir, "composed", `v1-${pieces.version}-${alphatab.version}`);
  await mkdir(folder, { recursive: true });

  const jobs: { path: string; file: string }[] = [];
  const tracks: Track[] = files.map((file) => {
    const title = basename(file, ".mid");
    const path = join(folder, `${title}.wav`);
    jobs.push({ path, file: join(library, file) });
    return {
      id: `composed/${title}`,
      piece: title,
      title: title.replaceAll("-", " "),
      load: () => sharedDecodePool().decodeFile(path, { name: path }),
    };
  });
  await render(jobs, join(alphatab.dir, SONIVOX), options);
  const warnings = [pieces, alphatab].flatMap((entry) => entry.warning ?? []);
  return {
    name: "composed",
    why:
      `${tracks.length} piano pieces that people composed, as MIDI from npm, rendered with the sonivox soundfont` +
      `${warnings.length > 0 ? ` (${warnings.join("; ")})` : ""}.`,
    tracks,
    skipped: [],
    licences: [
      { source: pieces.name, licence: `${pieces.licence}; its MIDI: CC-BY-SA-3.0-DE and public domain` },
      { source: alphatab.name, licence: `${alphatab.licence}; its soundfont: Apache-2.0` },
    ],
  };
}

async function render(
  all: readonly { path: string; file: string }[],
  soundfont: string,
  options: ResolvedCorpusOptions,
): Promise<void> {
  const missing: { path: string; file: string }[] = [];
  for (const entry of all) if (!(await exists(entry.path))) missing.push(entry);
  const jobs = await Promise.all(
    missing.map(async ({ file }) => {
      const midi = new Uint8Array(await readFile(file));
      const end = midiNotes(parseMidi(midi)).reduce((most, note) => Math.max(most, note.end), 0);
      return { midi, soundfont, start: 0, seconds: end + TAIL };
    }),
  );
  let done = all.length - missing.length;
  const tell = () =>
    options.onProgress?.({ what: "rendering composed pieces", done, total: all.length, unit: "pieces" });
  if (missing.length > 0) tell();
  await renderAll(
    jobs,
    async (index, wav) => {
      await writeWhole(missing[index].path, wav);
      done++;
      tell();
    },
    options.signal,
  );
}
