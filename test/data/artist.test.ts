// `artist` on packages made here: which files belong to whom, what is left out, and how tracks are dealt. Nothing here needs a
// network.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { openTask, openTasks } from "../../src/data/tasks/index.js";
import { type PackageClient, PackagesUnavailableError } from "../../src/host/packages.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-artist-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const fails = async (): Promise<never> => {
  throw new PackagesUnavailableError("no packages here", true);
};

/** A sine as a 16-bit file; its pitch tells files apart. */
function song(seconds: number, hertz: number, rate = 8000): Uint8Array {
  const samples = Float32Array.from(
    { length: seconds * rate },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate),
  );
  return encodeWav16(samples, rate);
}

/** Files by package, under usr/share. */
const files: Record<string, Record<string, Uint8Array>> = {
  "wesnoth-1.16-music": {
    "games/wesnoth/1.16/data/core/music/battle.ogg": song(48, 200),
    "games/wesnoth/1.16/data/core/music/battle-epic.ogg": song(48, 210),
    "games/wesnoth/1.16/data/core/music/silvan_sanctuary.ogg": song(48, 220),
    "games/wesnoth/1.16/data/core/music/wanderer.ogg": song(48, 230), // of somebody with too few tracks
  },
  "singularity-music": {
    "games/singularity/music/Nebula.ogg": song(48, 240),
    "games/singularity/music/lose/Again.ogg": song(48, 240), // the same bytes
    "games/singularity/music/lose/Short.ogg": song(32, 250), // has no room for four clips
    "games/singularity/music/Broken.ogg": new Uint8Array(400_000),
  },
  "colobot-common-sounds": {
    "games/colobot/music/Humanitarian.ogg": song(48, 260),
    "games/colobot/music/Hv2.ogg": song(48, 270),
    "games/colobot/music/music004.ogg": song(48, 280),
    "games/colobot/sounds/boom.wav": song(48, 290),
  },
  "marsshooter-data": { "games/marsshooter/audio/menu.ogg": song(48, 300) },
  "hyperrogue-music": { "hyperrogue/music/hr3-caves.ogg": song(48, 310, 44_100) },
  "amoebax-data": { "games/amoebax/music/menu.ogg": song(48, 320) },
  "fretsonfire-songs-muldjord": {
    "games/fretsonfire/data/songs/muldjord/mime/song.ogg": song(48, 330),
    "games/fretsonfire/data/songs/muldjord/mime/guitar.ogg": song(48, 340),
  },
};

const debian: PackageClient["debian"] = async (specs, options) => {
  if (options.offline) throw new PackagesUnavailableError(options.offline);
  return Promise.all(
    specs.map(async ({ name, version }) => {
      const root = join(dir, "debian", name);
      for (const [file, bytes] of Object.entries(files[name])) {
        const path = join(root, "usr/share", file);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, bytes);
      }
      return { name, version: version ?? "", dir: root, licence: "GPL-2+" };
    }),
  );
};

describe("artist", () => {
  it("cuts four clips of each artist's track, and opens again without packages", async () => {
    const task = await openTask("artist", { cacheDir: dir, packages: { debian, npm: fails } });
    expect(task.kind).toBe("classification");
    expect(task.classes.length).toBe(10);
    const byPiece = new Map<string, string[]>();
    for (const clip of task.clips) {
      expect(clip.groups).toContain(`piece:${clip.piece}`);
      byPiece.set(clip.piece, [...(byPiece.get(clip.piece) ?? []), task.classes[clip.label[0]]]);
    }
    const artists = [...byPiece.values()].map(
      (names) => `${new Set(names).size} ${names[0]} ${names.length}`,
    );
    expect(artists).toEqual([
      "1 Mattias Westlund 4",
      "1 Doug Kaufman 4",
      "1 Aleksi Aubry-Carlson 4",
      "1 Maxstack 4", // one of two that are the same, without the short and the broken
      "1 Emxx52 8", // two versions of one piece
      "1 Daniel Roux 4",
      "1 Obsidian Shell 4",
      "1 NeonCorridor 4",
      "1 Alex Almarza 4",
      "1 Muldjord 4", // both files of a song added up
    ]);
    expect(task.note).toContain("album effect");
    expect(task.note).toContain("2 tracks too short or not decoded");
    const blocks = [...byPiece.keys()].map((piece) => {
      const own = task.clips.filter((clip) => clip.piece === piece).map((clip) => clip.groups[0]);
      expect(new Set(own).size).toBe(1);
      return own[0];
    });
    expect(new Set(blocks).size).toBe(7); // twelve pieces were dealt, those left out among them

    const folder = join(dir, "tasks", (await readdir(join(dir, "tasks")))[0]);
    expect((await readdir(folder)).filter((file) => file.endsWith(".wav")).length).toBe(task.clips.length);
    const again = await openTask("artist", { cacheDir: dir, packages: { debian: fails, npm: fails } });
    expect(again.clips.map(({ id, label }) => [id, label])).toEqual(
      task.clips.map(({ id, label }) => [id, label]),
    );
  });

  it("brings every clip to one rate, keeping pitch and loudness", async () => {
    const task = await openTask("artist", { cacheDir: dir, packages: { debian, npm: fails } });
    for (const [piece, hertz] of [
      ["caves", 310],
      ["amoebax", 320],
    ] as const) {
      const clip = task.clips.find(({ id }) => id.includes(piece));
      const wave = await clip?.load();
      const samples = wave?.channels[0] ?? new Float32Array();
      expect([wave?.sampleRate, samples.length]).toEqual([22_050, 220_500]);
      let crossings = 0;
      let squares = 0;
      for (let i = 1; i < samples.length; i++) {
        if (samples[i - 1] < 0 && samples[i] >= 0) crossings++;
        squares += samples[i] ** 2;
      }
      expect(Math.abs(crossings / 10 - hertz) < 0.2, `${crossings} crossings`).toBe(true);
      expect(Math.abs(Math.sqrt(squares / samples.length) - 0.5 / Math.SQRT2) < 0.002).toBe(true);
    }
  });

  it("is fetched only where it is asked for by name", async () => {
    const asked: string[][] = [];
    const counting: PackageClient = {
      debian: (specs, options) => {
        if (!options.offline) asked.push(specs.map(({ name }) => name));
        return options.offline ? debian(specs, options) : fails();
      },
      npm: fails,
    };
    const notes: string[] = [];
    const options = {
      cacheDir: join(dir, "empty"),
      packages: counting,
      note: (text: string) => notes.push(text),
    };
    const tasks = await openTasks(["all"], options);
    expect(tasks.map((task) => task.name)).toEqual(["gen-instruments", "gen-key", "gen-tempo"]);
    expect(notes.map((note) => note.split(":")[0])).toEqual(
      ["instruments", "key", "style", "tempo", "artist"].map((name) => `without the task ${name}`),
    );
    expect(notes.at(-1)).toContain("436 MB to fetch; write --task artist");
    expect(asked.flat()).not.toContain("wesnoth-1.16-music");
    await expect(openTasks(["all", "artist"], options)).rejects.toThrow(PackagesUnavailableError);
    expect(asked.flat()).toContain("wesnoth-1.16-music");
    // Where it was prepared before it belongs to all.
    const here = await openTasks(["all"], { cacheDir: dir, packages: { debian: fails, npm: fails } });
    expect(here.map((task) => task.name)).toContain("artist");
  });
});
