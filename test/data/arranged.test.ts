// `style` and `tempo` with an arranger made here in place of mma: labels, windows, blocks and what happens where a style fails.
// Nothing here needs a network.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BasicSoundBank } from "spessasynth_core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TIMGM6MB } from "../../src/data/sources.js";
import { openArranged } from "../../src/data/tasks/arranged.js";
import type { Arrangement, Arranger, Style } from "../../src/data/tasks/mma.js";
import type { ResolvedTaskOptions } from "../../src/data/tasks/options.js";
import { STYLE_FAMILIES, STYLE_FILES } from "../../src/data/tasks/style-families.js";
import type { LabelledTask } from "../../src/data/types.js";
import { PackagesUnavailableError } from "../../src/host/packages.js";
import { type Event, midiFile, tempo } from "./midi-bytes.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-arranged-"));
  const soundfont = join(dir, "deb", TIMGM6MB);
  await mkdir(dirname(soundfont), { recursive: true });
  await writeFile(soundfont, new Uint8Array(await BasicSoundBank.getSampleSoundBankFile()));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const fails = async (): Promise<never> => {
  throw new PackagesUnavailableError("no packages here", true);
};

const style = (id: string, beats = 4): Style => ({ id, beats, grooves: ["A", "B"] });

/** Two eighth notes in every beat, as long as the arrangement says, times `stretch`. */
function play({ style: { beats }, sections }: Arrangement, stretch = 1): Uint8Array {
  const events: Event[] = [];
  for (const section of sections) {
    events.push(tempo(0, section.tempo));
    const notes = Math.round(section.bars.length * beats * 2 * stretch);
    for (let i = 0; i < notes; i++) events.push([0, 0x90, 60 + (i % 5), 100], [240, 0x80, 60 + (i % 5), 0]);
  }
  return midiFile([events]);
}

/** Styles of two families; one file of each fails in its own way. */
class FakeArranger implements Arranger {
  readonly warning = "another arranger";
  readonly asked: Arrangement[] = [];
  async styles(): Promise<Style[]> {
    return [
      style("stdlib/bebop"),
      style("stdlib/swing"),
      style("stdlib/easyswing"),
      style("stdlib/waltz", 3),
      style("stdlib/frenchwaltz", 3),
      style("stdlib/rockwaltz", 3),
      style("stdlib/latinwaltz", 6), // not of two, three or four beats
      style("stdlib/metronomes"), // of no family
    ];
  }
  async arrange(arrangement: Arrangement): Promise<Uint8Array | undefined> {
    this.asked.push(arrangement);
    if (arrangement.style.id === "stdlib/bebop") return undefined;
    return play(arrangement, arrangement.style.id === "stdlib/rockwaltz" ? 0.5 : 1);
  }
}

function options(cache: string, seed = 0): ResolvedTaskOptions {
  return {
    cacheDir: join(dir, cache),
    seed,
    size: "quick",
    packages: {
      debian: async (specs) =>
        specs.map(({ name }) => ({ name, version: "1", dir: join(dir, "deb"), licence: "" })),
      npm: fails,
    },
  };
}

const facts = (task: LabelledTask) =>
  task.clips.map(({ id, label, groups, title }) => [id, label, groups, title]);

describe("style and tempo", () => {
  it("label the same clips, rendered once, and open again without packages", async () => {
    const arranger = new FakeArranger();
    const tasks = [
      await openArranged("style", options("a"), async () => arranger),
      await openArranged("tempo", { ...options("a"), packages: { debian: fails, npm: fails } }, fails),
    ];
    const [families, tempi] = tasks;
    expect(arranger.asked.length).toBe(6);
    expect([families.kind, families.classes]).toEqual(["classification", [...STYLE_FAMILIES]]);
    expect([tempi.kind, tempi.classes]).toEqual(["regression", ["log2 BPM"]]);
    expect(tempi.clips.map((clip) => clip.id)).toEqual(families.clips.map((clip) => clip.id));
    expect(new Set(tempi.clips.map((clip) => clip.id)).size).toBe(tempi.clips.length);
    // Swing and its kin give in turn, each waltz that keeps time gives alone: four clips each.
    const counts = new Map<string, number>();
    for (const clip of families.clips) counts.set(clip.piece, (counts.get(clip.piece) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      "stdlib/swing": 2,
      "stdlib/easyswing": 2,
      "stdlib/waltz": 4,
      "stdlib/frenchwaltz": 4,
    });
    for (const task of tasks) expect(task.note).toContain("another arranger");
    for (const [i, clip] of families.clips.entries()) {
      const family = clip.piece.includes("waltz") ? "waltz" : "jazz";
      expect(families.classes[clip.label[0]]).toBe(family);
      const bpm = Number(/ (\d+)$/.exec(clip.id)?.[1]);
      expect(bpm >= 70 && bpm <= 180).toBe(true);
      expect(tempi.clips[i].label[0]).toBeCloseTo(Math.log2(bpm), 12);
    }
    const swing = new Set(
      families.clips.filter((clip) => clip.piece.includes("swing")).flatMap((clip) => clip.groups),
    );
    expect(swing.size).toBe(1); // one set of kin

    const wave = await tempi.clips[4].load();
    expect(wave.channels[0].length).toBe(8 * wave.sampleRate);
    expect(wave.channels[0].some((sample) => Math.abs(sample) > 0.005)).toBe(true);
  });

  it("ask for whole turns of chords, each section with a tempo and groove of its own", async () => {
    const arranger = new FakeArranger();
    await openArranged("tempo", options("a", 3), async () => arranger);
    for (const { style: asked, sections, seed } of arranger.asked) {
      expect(seed > 0).toBe(true);
      for (const { bars, tempo: bpm, groove } of sections) {
        const seconds = (bars.length * asked.beats * 60) / bpm;
        const bar = (asked.beats * 60) / bpm;
        expect(bars.length % 4).toBe(0);
        expect(seconds - bar >= 8).toBe(true); // the first bar is not heard
        expect(asked.grooves).toContain(groove);
        expect(bars.slice(0, bars.length - 4)).toEqual(bars.slice(4));
      }
      expect(new Set(sections.map((section) => section.tempo)).size).toBeGreaterThan(1);
    }
  });

  it("has the quick clips among the larger ones", async () => {
    const open = (size: "quick" | "study") =>
      openArranged("tempo", { ...options("c", 4), size }, async () => new FakeArranger());
    const quick = await open("quick");
    const study = await open("study");
    expect([quick.clips.length, study.clips.length]).toEqual([12, 30]);
    const known = facts(study).map((fact) => JSON.stringify(fact));
    for (const fact of facts(quick)) expect(known).toContain(JSON.stringify(fact));
  });

  it("are the same for the same seed and others for another", async () => {
    const arranged = (cache: string, seed: number) =>
      openArranged("style", options(cache, seed), async () => new FakeArranger());
    const first = facts(await arranged("a", 0));
    expect(facts(await arranged("b", 0))).toEqual(first);
    expect(facts(await arranged("b", 3))).not.toEqual(first);
  });
});

describe("style families", () => {
  it("name each file once, and have enough kin for every block", () => {
    expect(STYLE_FAMILIES.length).toBe(9);
    expect(new Set(STYLE_FILES.map(({ id }) => id)).size).toBe(STYLE_FILES.length);
    for (const { id } of STYLE_FILES) expect(id).toMatch(/^[a-z]+\/[\w.+-]+$/);
    STYLE_FAMILIES.forEach((family, index) => {
      const kin = new Set(STYLE_FILES.filter((file) => file.family === index).map((file) => file.kin));
      expect(kin.size, family).toBeGreaterThanOrEqual(8);
    });
  });
});
