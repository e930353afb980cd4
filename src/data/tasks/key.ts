// `key`: the key of 10 seconds of music, 24 classes. Chord progressions of our own, arranged by Debian's mma with its hand-written
// style files and rendered. Labels are exact. The music is made by rule; it is not the recordings that key finders are judged on.

import { join } from "node:path";
import { chordName, KEYS, PROGRESSIONS, type Progression, romanChord } from "../compose/harmony.js";
import { midiNotes, parseMidi } from "../midi/notes.js";
import { Seeded } from "../seeded.js";
import { DEBIAN, TIMGM6MB } from "../sources.js";
import type { LabelledTask } from "../types.js";
import { eachOf } from "./each-of.js";
import { Mma, type Style } from "./mma.js";
import type { ResolvedTaskOptions } from "./options.js";
import { CLIP_SECONDS, renderClips } from "./render-clips.js";
import { fileName, openStored, type StoredClip, storeTask, taskFolder } from "./store.js";

/** Bars that a style plays for each progression: three turns of four. */
const SECTION = 12;

/** A planned clip. */
export interface KeyPlan {
  block: number;
  progression: Progression;
  /** Which style, counted over all blocks. */
  style: number;
  /** Index into KEYS. */
  key: number;
}

/** Progressions of each mode, and styles, in a block. */
const PER_MODE = 2;
const STYLES_PER_BLOCK = 6;

/**
 * The clips, in blocks that share neither progressions nor styles: a block has 2 major and 2 minor progressions and 6 styles in
 * all 24 combinations, and the 24 keys once each. So a split that keeps progressions and styles apart is a split of blocks, and
 * no clip has to be dropped for lying between the two sides.
 */
export function planKeys(random: Seeded): KeyPlan[] {
  const major = random.shuffled(PROGRESSIONS.filter((progression) => progression.mode === "major"));
  const minor = random.shuffled(PROGRESSIONS.filter((progression) => progression.mode === "minor"));
  const plans: KeyPlan[] = [];
  for (let block = 0; block * PER_MODE < major.length; block++) {
    for (const [mode, list] of [major, minor].entries()) {
      const tonics = random.shuffled(Array.from({ length: 12 }, (_, tonic) => tonic));
      for (let i = 0; i < PER_MODE; i++) {
        for (let slot = 0; slot < STYLES_PER_BLOCK; slot++) {
          const progression = list[block * PER_MODE + i];
          const key = mode * 12 + tonics[i * STYLES_PER_BLOCK + slot];
          plans.push({ block, progression, style: block * STYLES_PER_BLOCK + slot, key });
        }
      }
    }
  }
  return plans;
}

/** Opens the task, preparing it (fetching 10 MB, arranging and rendering 288 clips) on first use. Throws PackagesUnavailableError. */
export async function openKey(options: ResolvedTaskOptions): Promise<LabelledTask> {
  const folder = taskFolder(options.cacheDir, "key", "v1", options.seed);
  const stored = await openStored(folder);
  if (stored) return stored;

  const [timgm] = await options.packages.debian([DEBIAN["timgm6mb-soundfont"]], options);
  const mma = await Mma.open(options);
  const random = new Seeded(`key ${options.seed}`);
  const plans = planKeys(random);
  const groups: KeyPlan[][] = [];
  for (const plan of plans) {
    groups[plan.style] ??= [];
    groups[plan.style].push(plan);
  }
  const styles = random.shuffled((await mma.styles()).filter(grooveOf));
  const soundfont = join(timgm.dir, TIMGM6MB);

  let done = 0;
  const chosen = await eachOf(groups, async (group, index) => {
    const made = await arrangeGroup(mma, styles[index], group, options.seed);
    options.onProgress?.({
      what: "arranging music for key",
      done: ++done,
      total: groups.length,
      unit: "styles",
    });
    return made;
  });
  // Styles that were not to be used are replaced one at a time, so that the outcome does not depend on who was faster.
  let spare = groups.length;
  for (const [index, group] of groups.entries()) {
    while (!chosen[index] && spare < styles.length) {
      chosen[index] = await arrangeGroup(mma, styles[spare++], group, options.seed);
    }
  }
  const kept = chosen.flatMap((entries) =>
    (entries ?? []).map((entry) => ({ ...entry, job: { ...entry.job, soundfont } })),
  );
  await renderClips(folder, "rendering clips for key", kept, options);
  return storeTask(folder, {
    name: "key",
    kind: "classification",
    classes: [...KEYS],
    clips: kept.map(({ clip }) => clip),
    note:
      `${kept.length} clips of 10 s: ${PROGRESSIONS.length} chord progressions of melgrad's own in all keys, arranged by Debian's mma ` +
      `with ${groups.length} of its style files and rendered with TimGM6mb. A split keeps every progression and every style file ` +
      `on one side.${mma.warning ? ` Note: ${mma.warning}.` : ""}`,
  });
}

/** The groove that a style plays here. Names like CountrySwing are passed over too, as when the clips of this recipe were chosen. */
function grooveOf({ grooves }: Style): string | undefined {
  return grooves.find((name) => !/intro|end|fill|count|metro/i.test(name));
}

/**
 * Arranges all progressions that one style plays, one after the other, and places a window of ten seconds in each. Undefined
 * where mma does not take the style, or it does not keep time as it says, or it plays hardly any pitched notes.
 */
async function arrangeGroup(mma: Mma, style: Style, group: readonly KeyPlan[], seed: number) {
  const draw = new Seeded(`key ${seed} ${style.id}`);
  // A bar of 1.5 to 2.3 s: ten seconds hold at least one whole turn of a progression.
  const tempo = Math.round((60 * style.beats) / draw.between(1.5, 2.3));
  const barSeconds = (60 * style.beats) / tempo;
  const bars = group.flatMap((plan) => {
    const turn = plan.progression.bars.map((numeral) => chordName(romanChord(numeral, plan.key % 12)));
    return Array.from({ length: SECTION }, (_, bar) => turn[bar % turn.length]);
  });
  const midi = await mma.arrange({
    style,
    sections: [{ bars, tempo, groove: grooveOf(style) ?? style.grooves[0] }],
    seed: 1 + draw.int(1e6),
  });
  if (!midi) return undefined;
  const notes = midiNotes(parseMidi(midi));
  const end = notes.reduce((most, note) => Math.max(most, note.end), 0);
  if (Math.abs(end / barSeconds - bars.length) > 1.5) return undefined;
  if (notes.filter((note) => !note.drum).length < bars.length * 2) return undefined;

  return group.map((plan, section) => {
    // Not the first bar, into which the last key still rings.
    const begins = section * SECTION * barSeconds;
    const start = begins + draw.between(barSeconds, SECTION * barSeconds - CLIP_SECONDS);
    const id = `${KEYS[plan.key]} ${plan.progression.id} ${style.id}`;
    const clip: StoredClip = {
      id,
      piece: id,
      title: `${KEYS[plan.key]}: ${plan.progression.id}, ${style.id}, ${tempo} BPM`,
      groups: [`progression:${plan.progression.id}`, `style:${style.id}`],
      label: [plan.key],
      file: `${fileName(id)}.wav`,
    };
    return { clip, file: clip.file, job: { midi, start, seconds: CLIP_SECONDS } };
  });
}
