// Which corpus is taken when package clients fail, and what a corpus out of packages looks like; nothing here needs a network.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BasicSoundBank } from "spessasynth_core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CORPORA, isCorpusName, openCorpus } from "../../src/data/corpora/index.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { NPM, SONIVOX } from "../../src/data/sources.js";
import { UsageError } from "../../src/gpu/errors.js";
import {
  type FetchedPackage,
  type PackageClient,
  PackagesUnavailableError,
} from "../../src/host/packages.js";
import { storedZip } from "../support/sets.js";
import { midiFile, tempo } from "./midi-bytes.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-corpora-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const fails = (why: string) => async (): Promise<FetchedPackage[]> => {
  throw new PackagesUnavailableError(why, true);
};
const nothing: PackageClient = { debian: fails("no apt here"), npm: fails("no npm here") };

async function put(path: string, data: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
}

const tone = (seconds: number, value: number) =>
  encodeWav16(new Float32Array(Math.round(seconds * 22_050)).fill(value), 22_050);

/** Debian packages as folders: one plain song, one song in two files, one jingle. */
const debian: PackageClient["debian"] = async (specs) =>
  Promise.all(
    specs.map(async ({ name, version }) => {
      const root = join(dir, "debian", name);
      const games = join(root, "usr/share/games");
      if (name.startsWith("fretsonfire")) {
        await put(join(games, "songs/b/song.ogg"), tone(8, 0.25));
        await put(join(games, "songs/b/guitar.ogg"), tone(9, 0.5));
      } else {
        await put(join(games, "music/a.ogg"), tone(10, 0.125));
        await put(join(games, "music/jingle.ogg"), tone(1, 0.1));
      }
      return { name, version: version ?? "", dir: root, licence: "GPL-2+" };
    }),
  );

const npm: PackageClient["npm"] = async () => {
  const pieces = join(dir, "npm/pieces");
  const alphatab = join(dir, "npm/alphatab");
  const song = midiFile([[tempo(0, 120), [0, 0x90, 69, 100], [960, 0x80, 69, 0]]]);
  await put(join(pieces, "songs/library/ragtime/one-rag.mid"), song);
  await put(join(pieces, "songs/library/classical/two-dance.mid"), song);
  await put(join(alphatab, SONIVOX), new Uint8Array(await BasicSoundBank.getSampleSoundBankFile()));
  return [
    { name: NPM.pieces.name, version: "2.6.1", dir: pieces, licence: "MIT" },
    { name: NPM.soundfont.name, version: "1.8.4", dir: alphatab, licence: "MPL-2.0", warning: "other bytes" },
  ];
};

describe("openCorpus", () => {
  it("takes recorded, composed and generated music together where all can be had", async () => {
    const corpus = await openCorpus("auto", { cacheDir: dir, packages: { debian, npm } });
    expect(corpus.name).toBe("mixed");
    expect(corpus.why).toMatch(/recorded music from .*, the default\.$/s);
    expect(corpus.tracks.length).toBe(2 + 2 + 40);
    expect(new Set(corpus.tracks.map(({ id }) => id)).size).toBe(corpus.tracks.length);
    const alone = await openCorpus("auto", { cacheDir: dir, packages: { debian, npm: nothing.npm } });
    expect(alone.name).toBe("starter");
    expect(alone.why).toContain("because npm's packages could not be had (no npm here)");
  });

  it("recorded takes all that can be had, also out of archives, but neither doubles nor what a task plays", async () => {
    const tunes = join(dir, "recorded");
    const files: Record<string, Record<string, [number, number]>> = {
      "wesnoth-1.16-music": {
        "games/wesnoth/music/battle.ogg": [11, 0.1],
        "games/wesnoth/music/vengeful.ogg": [12, 0.2],
      },
      "hedgewars-data": {
        "games/hedgewars/Data/Music/a.ogg": [10, 0.3],
        "games/hedgewars/Data/Music/double.ogg": [10, 0.3],
        "games/hedgewars/Data/Music/battle-too.ogg": [11, 0.1],
        "games/hedgewars/Data/Sounds/long.ogg": [15, 0.4],
      },
      "freedroidrpg-data": { "freedroidrpg/data/sound/music/b.ogg": [10, 0.5] },
    };
    const debianOf: PackageClient["debian"] = async ([{ name }]) => {
      const root = join(tunes, name);
      const found = { name, version: "1", dir: root, licence: "GPL-2+" };
      if (name === "nexuiz-music") {
        const pack = storedZip([
          { name: "sound/cdtracks/c.ogg", data: tone(10, 0.6) },
          { name: "sound/short.ogg", data: tone(1, 0.6) },
          { name: "readme.txt", data: tone(9, 0) },
        ]);
        await put(join(root, "usr/share/games/nexuiz/data/music.pk3"), pack);
        return [found];
      }
      if (!files[name]) throw new PackagesUnavailableError(`apt-get knows no package ${name}`);
      for (const [path, [seconds, value]] of Object.entries(files[name]))
        await put(join(root, "usr/share", path), tone(seconds, value));
      return [found];
    };
    const corpus = await openCorpus("recorded", { cacheDir: dir, packages: { debian: debianOf, npm } });
    expect(corpus.tracks.map(({ id }) => id)).toEqual([
      "wesnoth-1.16-music/wesnoth/music/vengeful.ogg",
      "nexuiz-music/nexuiz/data/music.pk3/sound/cdtracks/c.ogg",
      "hedgewars-data/hedgewars/Data/Music/a.ogg",
      "freedroidrpg-data/freedroidrpg/data/sound/music/b.ogg",
    ]);
    const reasons = new Map(corpus.skipped.map(({ path, reason }) => [path, reason]));
    expect(reasons.get("wesnoth-1.16-music/wesnoth/music/battle.ogg")).toMatch(/the task artist plays it/);
    expect(reasons.get("hedgewars-data/hedgewars/Data/Music/battle-too.ogg")).toMatch(
      /the task artist plays it/,
    );
    expect(reasons.get("hedgewars-data/hedgewars/Data/Music/double.ogg")).toMatch(
      /the same file as .*a\.ogg/,
    );
    expect(reasons.get("hedgewars-data/hedgewars/Data/Sounds/long.ogg")).toBe("a sound, not a piece");
    expect(reasons.get("naev-data")).toBe("apt-get knows no package naev-data");
    const wave = await corpus.tracks[1].load();
    expect(wave.channels[0].length).toBe(10 * 22_050);
    expect(wave.channels[0][100]).toBeCloseTo(0.6, 4);
  });

  it("adds the two files of one song and leaves jingles out", async () => {
    const corpus = await openCorpus("starter", { cacheDir: dir, packages: { debian, npm } });
    expect(corpus.name).toBe("starter");
    expect(corpus.tracks.map((track) => track.piece)).toEqual([
      "asc-music/music/a.ogg",
      "fretsonfire-songs-sectoid/b",
    ]);
    expect(corpus.skipped).toEqual([{ path: "asc-music/music/jingle.ogg", reason: "a jingle, not a piece" }]);
    expect(corpus.licences.map((entry) => entry.licence)).toEqual(["GPL-2+", "GPL-2+"]);
    const [plain, sum] = await Promise.all(corpus.tracks.map((track) => track.load()));
    expect(plain.channels[0].length).toBe(220_500);
    expect(sum.channels.length).toBe(1);
    expect(sum.channels[0].length).toBe(9 * 22_050);
    expect(sum.channels[0][0]).toBeCloseTo(0.75, 4);
    expect(sum.channels[0].at(-1)).toBeCloseTo(0.5, 4);
  });

  it("takes composed where Debian fails, and says why", async () => {
    const corpus = await openCorpus("auto", { cacheDir: dir, packages: { debian: nothing.debian, npm } });
    expect(corpus.name).toBe("composed");
    expect(corpus.why).toContain("because Debian's packages could not be had (no apt here)");
    expect(corpus.why).toContain("other bytes");
    expect(corpus.tracks.map((track) => track.title)).toEqual(["two dance", "one rag"]);
    const wave = await corpus.tracks[0].load();
    expect(wave.sampleRate).toBe(22_050);
    expect(Math.abs(wave.channels[0].length / wave.sampleRate - 3) < 0.01).toBe(true);
    expect(wave.channels[0].some((sample) => Math.abs(sample) > 0.01)).toBe(true);
  });

  it("takes generated where both fail; it is the same for the same seed", async () => {
    const corpus = await openCorpus("auto", { cacheDir: dir, packages: nothing });
    expect(corpus.name).toBe("generated");
    expect(corpus.why).toContain("(no apt here)");
    expect(corpus.why).toContain("(no npm here)");
    expect(new Set(corpus.tracks.map((track) => track.id)).size).toBe(corpus.tracks.length);
    const again = await openCorpus("generated", { cacheDir: dir, packages: nothing });
    expect(again.tracks.map((track) => track.id)).toEqual(corpus.tracks.map((track) => track.id));
    const [a, b] = [await corpus.tracks[3].load(), await again.tracks[3].load()];
    expect(a.channels[0]).toEqual(b.channels[0]);
    expect(a.channels[0].length / a.sampleRate).toBeGreaterThan(45);
    const other = await openCorpus("generated", { cacheDir: dir, packages: nothing, seed: 1 });
    expect(other.tracks[0].id).not.toBe(corpus.tracks[0].id);
  });

  it("mixed is starter, composed and generated together", async () => {
    const options = { cacheDir: dir, packages: { debian, npm } };
    const corpus = await openCorpus("mixed", options);
    const parts = await Promise.all(
      (["starter", "composed", "generated"] as const).map((name) => openCorpus(name, options)),
    );
    expect(corpus.name).toBe("mixed");
    expect(corpus.tracks.map(({ id, piece }) => [id, piece])).toEqual(
      parts.flatMap(({ tracks }) => tracks.map(({ id, piece }) => [id, piece])),
    );
    expect(new Set(corpus.tracks.map((track) => track.id)).size).toBe(corpus.tracks.length);
    expect(corpus.skipped.length).toBe(1);
    expect(corpus.licences).toEqual(parts.flatMap(({ licences }) => licences));
    for (const { tracks } of parts) expect(corpus.why).toContain(`${tracks.length} `);
  });

  it("joins corpora by their names, a track that two have once", async () => {
    const options = { cacheDir: dir, packages: { debian, npm } };
    const corpus = await openCorpus("composed+mixed", options);
    const all = await openCorpus("mixed", options);
    expect(corpus.name).toBe("composed+mixed");
    expect(isCorpusName(corpus.name)).toBe(true);
    expect(corpus.tracks.map(({ id }) => id).sort()).toEqual(all.tracks.map(({ id }) => id).sort());
    await expect(openCorpus("composed+composed", options)).rejects.toThrow(UsageError);
    await expect(openCorpus("composed+tunes", options)).rejects.toThrow(UsageError);
  });

  it("does not put another corpus in the place of one asked for by name", async () => {
    for (const name of ["starter", "mixed", "open", "recorded", "composed", "arranged"] as const)
      await expect(openCorpus(name, { cacheDir: dir, packages: nothing })).rejects.toThrow(
        new RegExp(`the corpus "${name}" cannot be had: no (apt|npm) here; take --data generated`),
      );
  });

  it("knows its names, and stops at once when aborted", async () => {
    expect(CORPORA.every(isCorpusName)).toBe(true);
    for (const name of ["music", "mixed+music", "mixed+", ""]) expect(isCorpusName(name), name).toBe(false);
    const unknown = openCorpus("music" as "auto", { cacheDir: dir, packages: nothing });
    await expect(unknown).rejects.toThrow(UsageError);
    const reason = new Error("enough");
    const aborted = openCorpus("auto", { cacheDir: dir, signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
  });

  it("lets other errors through instead of falling back", async () => {
    const broken: PackageClient = {
      debian: async () => {
        throw new TypeError("a bug");
      },
      npm,
    };
    await expect(openCorpus("auto", { cacheDir: dir, packages: broken })).rejects.toThrow(TypeError);
  });
});
