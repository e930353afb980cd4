// `style` and `tempo`: two tasks on the same clips, arranged by Debian's mma from its hand-written style files and rendered
// once. Keys, chords and tempi are drawn without regard to the style, so that neither label tells the other. The music is made by
// rule: families of styles are not the genres of recordings.

import { join } from "node:path";
import { chordName, PROGRESSIONS, romanChord } from "../compose/harmony.js";
import { midiNotes, type Note, parseMidi } from "../midi/notes.js";
import type { RenderJob } from "../midi/render-job.js";
import { Seeded } from "../seeded.js";
import { DEBIAN, TIMGM6MB } from "../sources.js";
import type { LabelledTask } from "../types.js";
import { eachOf } from "./each-of.js";
import { type Arranger, Mma, type Section } from "./mma.js";
import type { ResolvedTaskOptions } from "./options.js";
import { renderClips } from "./render-clips.js";
import { fileName, openStored, type StoredClip, type StoredTask, storeTask, taskFolder } from "./store.js";
import { type FamilyStyle, familyStyles, STYLE_FAMILIES } from "./style-families.js";

/** Clips of each set of style files that are kin, by the size of the task, and the length of a clip in seconds. */
const PER_KIN = { quick: 4, study: 10 } as const;
const SECONDS = 8;

/** Beats a minute, spread evenly by their logarithm. */
const SLOWEST = 70;
const FASTEST = 180;

/** A window of an arrangement. */
interface ArrangedClip {
  id: string;
  source: FamilyStyle;
  /** Beats a minute. */
  tempo: number;
  groove: string;
  midi: Uint8Array;
  /** Seconds from the beginning of the MIDI file. */
  start: number;
}

/**
 * Opens `style` or `tempo`, preparing both (fetching 10 MB, arranging and rendering) on first use. Throws
 * PackagesUnavailableError.
 * @param openArranger tests put another in
 */
export async function openArranged(
  name: "style" | "tempo",
  options: ResolvedTaskOptions,
  openArranger: (options: ResolvedTaskOptions) => Promise<Arranger> = Mma.open,
): Promise<LabelledTask> {
  const { size } = options;
  const folder = taskFolder(options.cacheDir, "arranged", "v2", options.seed);
  const stored = await openStored(folder, `${name}-${size}.json`);
  if (stored) return stored;

  const [timgm] = await options.packages.debian([DEBIAN["timgm6mb-soundfont"]], options);
  const arranger = await openArranger(options);
  const clips = await arrangeClips(familyStyles(await arranger.styles()), arranger, options);
  const soundfont = join(timgm.dir, TIMGM6MB);
  const jobs = clips.map(({ id, midi, start }) => {
    const job: RenderJob = { midi, soundfont, start, seconds: SECONDS };
    return { file: `${fileName(id)}.wav`, job };
  });
  await renderClips(folder, "rendering clips for style and tempo", jobs, options);

  const used = new Set(clips.map(({ source }) => source.style.id));
  const origin =
    `${clips.length} clips of ${SECONDS} s: chord progressions of melgrad's own in random keys and tempi, arranged by Debian's mma ` +
    `with ${used.size} of its style files and rendered with TimGM6mb`;
  const apart = `A split keeps every style file, and files that are kin, on one side.${arranger.warning ? ` Note: ${arranger.warning}.` : ""}`;
  const tasks: StoredTask[] = [
    {
      name: "style",
      kind: "classification",
      classes: [...STYLE_FAMILIES],
      metric: "roc-auc",
      clips: clips.map((clip) => storedClip(clip, [clip.source.family])),
      note: `${origin}; the style file tells the family. ${apart}`,
    },
    {
      name: "tempo",
      kind: "regression",
      classes: ["log2 BPM"],
      clips: clips.map((clip) => storedClip(clip, [Math.log2(clip.tempo)])),
      note: `${origin}; tempi are ${SLOWEST} to ${FASTEST} beats a minute in every style. ${apart}`,
    },
  ];
  const [style, tempo] = await Promise.all(
    tasks.map((task) => storeTask(folder, task, `${task.name}-${size}.json`)),
  );
  return name === "style" ? style : tempo;
}

function storedClip({ id, source, tempo, groove }: ArrangedClip, label: number[]): StoredClip {
  return {
    id,
    piece: source.style.id,
    title: `${STYLE_FAMILIES[source.family]}: ${source.style.id} (${groove}), ${tempo} BPM`,
    groups: [`style:${source.kin}`],
    label,
    file: `${fileName(id)}.wav`,
  };
}

/**
 * The clips, kin after kin. The style files that are kin give in turn, in random order, one clip each until they have their number;
 * files that mma does not take, or that do not keep time, give none. The quick task has the first clips of the larger one.
 */
async function arrangeClips(
  styles: readonly FamilyStyle[],
  arranger: Arranger,
  options: ResolvedTaskOptions,
): Promise<ArrangedClip[]> {
  const kin = new Map<string, FamilyStyle[]>();
  for (const source of styles) kin.set(source.kin, [...(kin.get(source.kin) ?? []), source]);
  let done = 0;
  const offered = await eachOf(styles, async (source) => {
    options.signal?.throwIfAborted();
    const files = kin.get(source.kin)?.length ?? 1;
    // One more than its share, for those that give none.
    const count = Math.min(PER_KIN.study, Math.ceil(PER_KIN.study / files) + 1);
    const clips = await arrangeStyle(arranger, source, count, options.seed);
    const what = "arranging music for style and tempo";
    options.onProgress?.({ what, done: ++done, total: styles.length, unit: "styles" });
    return clips;
  });
  return [...kin].flatMap(([name, files]) => {
    const order = new Seeded(`arranged ${options.seed} ${name}`).shuffled(files);
    const lists = order.map((source) => offered[styles.indexOf(source)]);
    const turns = Array.from({ length: PER_KIN.study }, (_, turn) =>
      lists.flatMap((list) => list[turn] ?? []),
    );
    return turns.flat().slice(0, PER_KIN[options.size]);
  });
}

/** Arranges sections in one style one after the other, each with a key, chords, tempo and groove of its own, a clip in each. */
async function arrangeStyle(
  arranger: Arranger,
  source: FamilyStyle,
  count: number,
  seed: number,
): Promise<ArrangedClip[]> {
  const { style } = source;
  const draw = new Seeded(`arranged ${seed} ${style.id}`);
  const [main, ...others] = style.grooves;
  const grooves = [main, ...draw.shuffled(others)];
  let begins = 0;
  const sections = Array.from({ length: count }, (_, index) => {
    const tempo = Math.round(2 ** draw.between(Math.log2(SLOWEST), Math.log2(FASTEST)));
    const groove = grooves[index % grooves.length];
    const { bars: turn } = draw.pick(PROGRESSIONS);
    const tonic = draw.int(12);
    const barSeconds = (60 * style.beats) / tempo;
    // Whole turns of the chords. The first bar, into which the last section rings, is not heard.
    const length = turn.length * Math.ceil((SECONDS / barSeconds + 1.1) / turn.length);
    const bars = Array.from({ length }, (_, bar) => chordName(romanChord(turn[bar % turn.length], tonic)));
    const start = begins + draw.between(barSeconds, length * barSeconds - SECONDS);
    begins += length * barSeconds;
    return { section: { bars, tempo, groove } satisfies Section, start, barSeconds };
  });
  const midi = await arranger.arrange({
    style,
    sections: sections.map(({ section }) => section),
    seed: 1 + draw.int(1e6),
  });
  if (!midi) return [];
  const notes = midiNotes(parseMidi(midi));
  const end = notes.reduce((most, note) => Math.max(most, note.end), 0);
  if (Math.abs(end - begins) > 1.5 * sections[count - 1].barSeconds) return [];
  return sections.flatMap(({ section, start }, index) => {
    if (!isMusic(notes, start)) return [];
    const { tempo, groove } = section;
    return [{ id: `${style.id} ${index} ${tempo}`, source, tempo, groove, midi, start }];
  });
}

/** Whether a clip has more than a few notes, some of them pitched. */
function isMusic(notes: readonly Note[], start: number): boolean {
  const heard = notes.filter((note) => note.start < start + SECONDS && note.end > start);
  return heard.length >= 2 * SECONDS && heard.filter((note) => !note.drum).length >= SECONDS / 2;
}
