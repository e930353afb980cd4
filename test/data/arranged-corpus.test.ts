// The corpus `arranged` with an arranger made here in place of mma: that it shares neither style files nor chord progressions nor pieces
// with what the labelled tasks play, and that pieces are made once. Nothing here needs a network.

import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BasicSoundBank } from "spessasynth_core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chordName, PROGRESSIONS, ROOTS, romanChord } from "../../src/data/compose/harmony.js";
import { drawWalk, holdsTaskTurn, type WalkChord } from "../../src/data/compose/walk.js";
import { ARRANGED_SECONDS, openArrangedCorpus } from "../../src/data/corpora/arranged.js";
import { drawPiece } from "../../src/data/corpora/arranged-piece.js";
import type { ResolvedCorpusOptions } from "../../src/data/corpora/options.js";
import { Seeded } from "../../src/data/seeded.js";
import { SONIVOX, TIMGM6MB } from "../../src/data/sources.js";
import type { Arrangement, Arranger, Style } from "../../src/data/tasks/mma.js";
import { STYLE_FILES, stylesOutside } from "../../src/data/tasks/style-families.js";
import { PackagesUnavailableError } from "../../src/host/packages.js";
import { type Event, midiFile, tempo } from "./midi-bytes.js";

const seed = Math.floor(Math.random() * 1e9);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-arranged-corpus-"));
  for (const path of [TIMGM6MB, SONIVOX]) {
    await mkdir(dirname(join(dir, "packages", path)), { recursive: true });
    await writeFile(
      join(dir, "packages", path),
      new Uint8Array(await BasicSoundBank.getSampleSoundBankFile()),
    );
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const style = (id: string, patterns: string[] = []): Style => ({
  id,
  beats: 4,
  grooves: ["A", "B"],
  patterns: new Set(patterns),
});

/** Eighth notes as long as the arrangement says, from a key that its seed tells: other arrangements are other notes. */
function play({ style: { beats }, sections, seed: own }: Arrangement): Uint8Array {
  const events: Event[] = [];
  for (const section of sections) {
    events.push(tempo(0, section.tempo));
    for (let i = 0; i < section.bars.length * beats * 2; i++) {
      const key = 50 + ((own + i) % 24);
      events.push([0, 0x90, key, 100], [240, 0x80, key, 0]);
    }
  }
  return midiFile([events]);
}

class FakeArranger implements Arranger {
  readonly warning = undefined;
  readonly asked: Arrangement[] = [];
  constructor(readonly playing: (arrangement: Arrangement, call: number) => Uint8Array | undefined = play) {}
  async styles(): Promise<Style[]> {
    return [
      ...STYLE_FILES.map(({ id }) => style(id)),
      style("casio/pop"),
      style("stdlib/hymn"),
      style("zoom/dnb"),
    ];
  }
  async arrange(arrangement: Arrangement): Promise<Uint8Array | undefined> {
    this.asked.push(arrangement);
    return this.playing(arrangement, this.asked.length);
  }
}

const fetched = (name: string) => ({ name, version: "1", dir: join(dir, "packages"), licence: "free" });
function options(cache: string, tracks: number): ResolvedCorpusOptions {
  return {
    cacheDir: join(dir, cache),
    seed,
    tracks,
    packages: {
      debian: async (specs) => specs.map(({ name }) => fetched(name)),
      npm: async (specs) => specs.map(({ name }) => fetched(name)),
    },
  };
}
const fails = async (): Promise<never> => {
  throw new PackagesUnavailableError("no packages here", true);
};
const nowhere = { debian: fails, npm: fails };

describe("drawWalk", () => {
  it(`never plays a turn of the tasks' chords, in whatever key, from whatever bar (seed ${seed})`, () => {
    const random = new Seeded(seed);
    const drawn = Array.from({ length: 500 }, (_, i) => drawWalk(random, i % 2 ? "major" : "minor"));
    for (const walk of drawn) expect(walk.length).toBe(8);
    // Checked by chords as they are named, not by the module's own way of comparing them.
    const plain = (name: string) =>
      name.replace(/m7b5|dim7?/, "o").replace(/(m?)(6|7b9|7sus4|7|9|13|M7|M9|add9|sus2|sus4|\+)$/, "$1");
    const turns = new Set<string>();
    for (const { bars } of PROGRESSIONS)
      for (let tonic = 0; tonic < 12; tonic++) {
        const names = bars.map((bar) => plain(chordName(romanChord(bar, tonic))));
        for (let from = 0; from < 4; from++)
          turns.add([...names.slice(from), ...names.slice(0, from)].join(" "));
      }
    for (const walk of drawn) {
      const names = walk.map(({ root, suffix }) => plain(ROOTS[root] + suffix));
      for (let from = 0; from < names.length; from++) {
        const four = [0, 1, 2, 3].map((i) => names[(from + i) % names.length]).join(" ");
        expect(turns.has(four), `${four} of ${names.join(" ")}`).toBe(false);
      }
    }
    expect(new Set(drawn.map((walk) => JSON.stringify(walk))).size).toBeGreaterThan(490);
  });

  it("knows a task's turn when it is ornamented, transposed and begun elsewhere", () => {
    const random = new Seeded(seed);
    for (const { bars } of PROGRESSIONS) {
      const tonic = random.int(12);
      const turn = bars.map((bar): WalkChord => {
        const { root, quality } = romanChord(bar, tonic);
        const ornaments = {
          "": ["6", "sus4"],
          m: ["m9", "m7"],
          dim: ["m7b5"],
          "7": ["13"],
          m7: ["m6"],
          M7: [""],
        };
        return { root, suffix: random.pick(ornaments[quality]) };
      });
      const from = random.int(4);
      const other: WalkChord = { root: (tonic + 6) % 12, suffix: "m" };
      expect(holdsTaskTurn([other, ...turn.slice(from), ...turn.slice(0, from), other])).toBe(true);
      expect(holdsTaskTurn([other, turn[0], other, turn[1]])).toBe(false);
    }
  });
});

describe("stylesOutside", () => {
  it("leaves out the tasks' files, their kin by what is written in them, and drums alone", () => {
    const [probed] = STYLE_FILES;
    const shared = ["a long pattern of the task", "another one"];
    const own = Array.from({ length: 20 }, (_, i) => `own pattern ${i}`);
    const styles = [
      style(probed.id, shared),
      style("new/copy", [...shared, ...own.slice(0, 8)]),
      style("new/quoting", [shared[0], ...own]),
      style("new/own", own),
      style("stdlib/arpeggio68"),
      style("zoom/rock"),
    ];
    expect(stylesOutside(styles).map(({ id }) => id)).toEqual(["new/quoting", "new/own"]);
  });
});

describe("drawPiece", () => {
  it(`is long enough in whole bars, the same for the same seed, and as varied as it says (seed ${seed})`, () => {
    const draw = (i: number) => drawPiece(new Seeded(`${seed} ${i}`), style("casio/pop"), 24);
    const pieces = Array.from({ length: 200 }, (_, i) => draw(i));
    expect(draw(7)).toEqual(pieces[7]);
    for (const { arrangement, title } of pieces) {
      const seconds = arrangement.sections.reduce(
        (sum, { bars, tempo: bpm }) => sum + (bars.length * 4 * 60) / bpm,
        0,
      );
      expect(seconds >= 24, title).toBe(true);
      expect(new Set(arrangement.sections.map((section) => section.tempo)).size).toBe(1);
      for (const { bars } of arrangement.sections)
        for (const bar of bars) expect(bar).toMatch(/^[A-G]b?\S*( \/ \/ [A-G]b?\S*)?( \{[^{}]+;\})?$/);
    }
    const distinct = (of: (piece: (typeof pieces)[0]) => unknown) => new Set(pieces.map(of)).size;
    expect(distinct(({ title }) => title.split(",")[0])).toBe(24);
    expect(distinct(({ arrangement }) => arrangement.sections[0].tempo)).toBeGreaterThan(50);
    for (const share of [
      pieces.filter(({ redrawn }) => redrawn).length,
      pieces.filter(({ arrangement }) => arrangement.setup?.length).length,
    ])
      expect(share > 50 && share < 170).toBe(true);
  });
});

describe("openArrangedCorpus", () => {
  it("plays no style file of a task, and opens again without packages, more pieces being added to those there", async () => {
    const arranger = new FakeArranger();
    const few = await openArrangedCorpus(options("a", 3), async () => arranger);
    expect(few.tracks.length).toBe(3);
    const probed = new Set(STYLE_FILES.map(({ id }) => id));
    for (const { style: asked } of arranger.asked) expect(probed.has(asked.id)).toBe(false);
    expect(few.licences.map(({ source }) => source)).toEqual([
      "mma",
      "timgm6mb-soundfont",
      "@coderline/alphatab",
    ]);
    const wave = await few.tracks[0].load();
    expect(wave.channels[0].length).toBe(ARRANGED_SECONDS * wave.sampleRate);
    expect(wave.channels[0].some((sample) => Math.abs(sample) > 0.01)).toBe(true);

    const again = await openArrangedCorpus({ ...options("a", 3), packages: nowhere }, fails);
    expect(again.tracks.map(({ id, title }) => [id, title])).toEqual(
      few.tracks.map(({ id, title }) => [id, title]),
    );
    expect(again.licences).toEqual(few.licences);

    const folder = join(dir, "a/arranged", `v1-seed${seed}`);
    const before = (await stat(join(folder, "00001.wav"))).mtimeMs;
    const more = await openArrangedCorpus(options("a", 5), async () => new FakeArranger());
    expect(more.tracks.slice(0, 3).map(({ id }) => id)).toEqual(few.tracks.map(({ id }) => id));
    expect(more.tracks.length).toBe(5);
    expect((await stat(join(folder, "00001.wav"))).mtimeMs).toBe(before);
    // The same pieces as where all five were asked for at once.
    const atOnce = await openArrangedCorpus(options("b", 5), async () => new FakeArranger());
    expect(atOnce.tracks.map(({ title }) => title)).toEqual(more.tracks.map(({ title }) => title));
    const other = join(dir, "b/arranged", `v1-seed${seed}`);
    for (const name of await readdir(folder))
      expect(await readFile(join(folder, name))).toEqual(await readFile(join(other, name)));
  });

  it("goes on to another style where one gives no music, and takes a piece that comes twice once", async () => {
    const silent = new FakeArranger((arrangement, call) => (call % 2 ? undefined : play(arrangement)));
    expect((await openArrangedCorpus(options("c", 2), async () => silent)).tracks.length).toBe(2);
    expect(silent.asked.length).toBeGreaterThanOrEqual(4);
    let first: Uint8Array | undefined;
    const alike = new FakeArranger((arrangement) => {
      first ??= play({
        ...arrangement,
        sections: arrangement.sections.map((each) => ({ ...each, tempo: 60 })),
      });
      return first;
    });
    const corpus = await openArrangedCorpus(options("d", 6), async () => alike);
    // What was drawn anew differs in its instruments; what was not is one piece.
    const plain = Array.from({ length: 6 }, (_, i) => i).filter((i) => {
      const random = new Seeded(`arranged music ${seed} ${i}`);
      return !drawPiece(random, random.pick([style("casio/pop"), style("stdlib/hymn")]), ARRANGED_SECONDS)
        .redrawn;
    });
    expect(corpus.tracks.length).toBe(6 - Math.max(0, plain.length - 1));
  });

  it("keeps what was rendered before it was interrupted", async () => {
    const stopping = new AbortController();
    const opening = openArrangedCorpus(
      {
        ...options("e", 4),
        signal: stopping.signal,
        onProgress: ({ what, done }) => {
          if (what === "rendering music" && done === 2) stopping.abort(new Error("enough"));
        },
      },
      async () => new FakeArranger(),
    );
    await expect(opening).rejects.toThrow("enough");
    const arranger = new FakeArranger();
    expect((await openArrangedCorpus(options("e", 4), async () => arranger)).tracks.length).toBe(4);
    expect(arranger.asked.length).toBe(2);
  });

  it("says what would do where it cannot be had", async () => {
    await expect(openArrangedCorpus({ ...options("f", 2), packages: nowhere }, fails)).rejects.toThrow(
      PackagesUnavailableError,
    );
  });
});
