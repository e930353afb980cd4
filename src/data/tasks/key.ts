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
import { fileName, openStored, type StoredClip, type StoredTask, storeTask, taskFolder } from "./store.js";
import { familyStyles } from "./style-families.js";

/** Bars that a style plays for each clip: two turns of four. */
const SECTION = 8;

/** A planned clip. */
export interface KeyPlan {
  block: number;
  progression: Progression;
  /** Which style, counted over all blocks. */
  style: number;
  /** Index into KEYS. */
  key: number;
  /** The quick task has it too. */
  quick: boolean;
}

/** Styles in a block, and keys in which each of them plays each progression, with those that the quick task has. */
const STYLES_PER_BLOCK = 3;
const KEYS_PER_STYLE = 8;
const QUICK_KEYS = 2;

/**
 * The clips, in 24 blocks that share neither progressions nor styles: a block has a major and a minor progression and 3 styles, each
 * style plays each progression in 8 keys, and every key comes twice. So a split that keeps progressions and styles apart is a split of
 * blocks, and no clip has to be dropped for lying between the two sides.
 */
export function planKeys(random: Seeded): KeyPlan[] {
  const lists = (["major", "minor"] as const).map((mode) =>
    random.shuffled(PROGRESSIONS.filter((progression) => progression.mode === mode)),
  );
  const twelve = Array.from({ length: 12 }, (_, tonic) => tonic);
  return lists[0].flatMap((_, block) =>
    lists.flatMap((list, mode) => {
      const tonics = [...random.shuffled(twelve), ...random.shuffled(twelve)];
      return tonics.map((tonic, i) => ({
        block,
        progression: list[block],
        style: block * STYLES_PER_BLOCK + Math.floor(i / KEYS_PER_STYLE),
        key: mode * 12 + tonic,
        quick: i % KEYS_PER_STYLE < QUICK_KEYS,
      }));
    }),
  );
}

/** Opens the task, preparing it (fetching 10 MB, arranging and rendering) on first use. Throws PackagesUnavailableError. */
export async function openKey(options: ResolvedTaskOptions): Promise<LabelledTask> {
  const { seed, size } = options;
  const folder = taskFolder(options.cacheDir, "key", "v2", seed);
  const file = `${size}.json`;
  const stored = await openStored(folder, file);
  if (stored) return stored;

  const [timgm] = await options.packages.debian([DEBIAN["timgm6mb-soundfont"]], options);
  const mma = await Mma.open(options);
  const random = new Seeded(`key ${seed}`);
  const plans = planKeys(random);
  const groups: KeyPlan[][] = [];
  for (const plan of plans) {
    groups[plan.style] ??= [];
    groups[plan.style].push(plan);
  }
  // Of files that are kin one is taken. Files outside the families are left to whoever wants to train on other music than is probed on.
  const kin = new Set<string>();
  const styles = random.shuffled(familyStyles(await mma.styles())).flatMap((entry) => {
    if (kin.has(entry.kin) || !grooveOf(entry.style)) return [];
    kin.add(entry.kin);
    return [entry.style];
  });
  const soundfont = join(timgm.dir, TIMGM6MB);

  let done = 0;
  const chosen = await eachOf(groups, async (group, index) => {
    const made = await arrangeGroup(mma, styles[index], group, seed);
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
      chosen[index] = await arrangeGroup(mma, styles[spare++], group, seed);
    }
  }
  const kept = chosen.flatMap((entries) =>
    (entries ?? [])
      .filter(({ quick }) => quick || size === "study")
      .map(({ clip, job }) => ({ clip, file: clip.file, job: { ...job, soundfont } })),
  );
  await renderClips(folder, "rendering clips for key", kept, options);
  const task: StoredTask = {
    name: "key",
    kind: "classification",
    classes: [...KEYS],
    clips: kept.map(({ clip }) => clip),
    note:
      `${kept.length} clips of 10 s: ${PROGRESSIONS.length} chord progressions of melgrad's own in all keys, arranged by Debian's mma ` +
      `with ${groups.length} of its style files and rendered with TimGM6mb. A split keeps every progression and every style file ` +
      `on one side.${mma.warning ? ` Note: ${mma.warning}.` : ""}`,
  };
  return storeTask(folder, task, file);
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
    const id = `${KEYS[plan.key]} ${plan.progression.id} ${style.id} ${section}`;
    const clip: StoredClip = {
      id,
      piece: id,
      title: `${KEYS[plan.key]}: ${plan.progression.id}, ${style.id}, ${tempo} BPM`,
      groups: [`progression:${plan.progression.id}`, `style:${style.id}`],
      label: [plan.key],
      file: `${fileName(id)}.wav`,
    };
    return { clip, quick: plan.quick, job: { midi, start, seconds: CLIP_SECONDS } };
  });
}
