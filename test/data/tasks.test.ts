// The labelled tasks: generated ones whole, `instruments` on a WAD made here, the plan behind `key`, and what is taken where
// packages cannot be had. Nothing here needs a network.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BasicSoundBank } from "spessasynth_core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEYS } from "../../src/data/compose/harmony.js";
import { INSTRUMENTS } from "../../src/data/compose/instruments.js";
import { openCorpus } from "../../src/data/corpora/index.js";
import { FAMILIES } from "../../src/data/midi/families.js";
import { Seeded } from "../../src/data/seeded.js";
import { TIMGM6MB } from "../../src/data/sources.js";
import { defaultTasks, openTask, openTasks, TASKS } from "../../src/data/tasks/index.js";
import { type KeyPlan, planKeys } from "../../src/data/tasks/key.js";
import type { LabelledTask } from "../../src/data/types.js";
import { UsageError } from "../../src/gpu/errors.js";
import { type PackageClient, PackagesUnavailableError } from "../../src/host/packages.js";
import { type Event, midiFile, tempo } from "./midi-bytes.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-tasks-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const fails = async (): Promise<never> => {
  throw new PackagesUnavailableError("no packages here", true);
};
const nothing: PackageClient = { debian: fails, npm: fails };

async function put(path: string, data: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
}

/** Forty seconds at 60 BPM, a note every second, of one program. */
function piece(program: number, channel = 0): Uint8Array {
  const events: Event[] = [tempo(0, 60)];
  if (channel !== 9) events.push([0, 0xc0 | channel, program]);
  for (let i = 0; i < 40; i++)
    events.push([0, 0x90 | channel, 60 + (i % 5), 100], [480, 0x80 | channel, 60 + (i % 5), 0]);
  return midiFile([events]);
}

function wad(songs: Uint8Array[]): Uint8Array {
  const size = songs.reduce((sum, song) => sum + song.length, 12);
  const bytes = new Uint8Array(size + 16 * songs.length);
  const view = new DataView(bytes.buffer);
  bytes.set([..."IWAD"].map((letter) => letter.charCodeAt(0)));
  view.setInt32(4, songs.length, true);
  view.setInt32(8, size, true);
  let offset = 12;
  songs.forEach((song, i) => {
    bytes.set(song, offset);
    view.setInt32(size + 16 * i, offset, true);
    view.setInt32(size + 16 * i + 4, song.length, true);
    bytes.set([0x44, 0x5f, 0x41 + i], size + 16 * i + 8); // D_A, D_B, …
    offset += song.length;
  });
  return bytes;
}

function checkTask(task: LabelledTask): void {
  expect(new Set(task.clips.map((clip) => clip.id)).size).toBe(task.clips.length);
  expect(task.note.length).toBeGreaterThan(40);
  for (const clip of task.clips) {
    expect(clip.groups.length).toBeGreaterThan(0);
    if (task.kind === "multilabel") {
      expect(clip.label.length).toBe(task.classes.length);
      expect(clip.label.every((value) => value === 0 || value === 1)).toBe(true);
    } else if (task.kind === "classification") {
      expect(clip.label.length).toBe(1);
      expect(task.classes[clip.label[0]]).toBeDefined();
    } else expect(clip.label.every(Number.isFinite) && clip.label.length === task.classes.length).toBe(true);
  }
}

describe("instruments", () => {
  it("labels, renders and stores its clips, and opens them again without packages", async () => {
    let calls = 0;
    const debian: PackageClient["debian"] = async (specs) => {
      calls++;
      const games = join(dir, "deb/usr/share/games");
      await put(join(games, "doom/freedoom1.wad"), wad([piece(0), piece(30)]));
      await put(join(games, "doom/freedoom2.wad"), wad([piece(0), piece(0, 9)])); // the first came before
      await put(join(games, "openttd/baseset/openmsx/tune.mid"), piece(33));
      await put(join(dir, "deb", TIMGM6MB), new Uint8Array(await BasicSoundBank.getSampleSoundBankFile()));
      return specs.map(({ name, version }) => ({
        name,
        version: version ?? "",
        dir: join(dir, "deb"),
        licence: "",
      }));
    };
    const progress: number[] = [];
    const options = {
      cacheDir: dir,
      packages: { debian, npm: fails },
      onProgress: ({ done }: { done: number }) => progress.push(done),
    };
    const task = await openTask("instruments", options);
    checkTask(task);
    expect(task.kind).toBe("multilabel");
    expect(task.classes).toEqual([...FAMILIES]);
    // Three from each of three pieces; one of drums alone gives some where the drums play.
    const drums = task.clips.filter((clip) => clip.piece === "freedoom2/D_B");
    expect(drums.length <= 3).toBe(true);
    for (const { label } of drums) expect(label.indexOf(1)).toBe(FAMILIES.indexOf("drums"));
    expect(task.clips.length).toBe(9 + drums.length);
    expect(progress.at(-1)).toBe(task.clips.length);
    for (const id of ["freedoom1/D_A", "freedoom1/D_B", "openmsx/tune"]) {
      const clips = task.clips.filter((clip) => clip.piece === id);
      expect(clips.length).toBe(3);
      for (const clip of clips) {
        // One channel: one family, whichever it is.
        expect(clip.label.reduce((sum, on) => sum + on, 0)).toBe(1);
        expect(clip.groups).toEqual([`piece:${id}`]);
      }
    }
    const wave = await task.clips[0].load();
    expect(wave.channels[0].length).toBe(10 * wave.sampleRate);
    expect(wave.channels[0].some((sample) => Math.abs(sample) > 0.005)).toBe(true);

    const again = await openTask("instruments", { cacheDir: dir, packages: nothing });
    expect(calls).toBe(1);
    expect(again.clips.map(({ id, label }) => [id, label])).toEqual(
      task.clips.map(({ id, label }) => [id, label]),
    );
    expect((await again.clips[0].load()).channels[0]).toEqual(wave.channels[0]);
    const [folder] = await readdir(join(dir, "tasks"));
    expect((await readdir(join(dir, "tasks", folder))).some((file) => file.endsWith(".part"))).toBe(false);
  });
});

describe("key", () => {
  it("is planned in blocks that share nothing, with every key twice in each", () => {
    const seed = Math.floor(Math.random() * 1e9);
    const plans = planKeys(new Seeded(seed));
    expect(plans.length).toBe(1152);
    expect(plans.filter(({ quick }) => quick).length).toBe(288);
    const named = ({ progression: { id, mode } }: KeyPlan) => `${id} ${mode}`;
    for (let block = 0; block < 24; block++) {
      const own = plans.filter((plan) => plan.block === block);
      const others = plans.filter((plan) => plan.block !== block);
      const twice = KEYS.flatMap((_, key) => [key, key]);
      expect(own.map((plan) => plan.key).sort((a, b) => a - b)).toEqual(twice);
      const styles = new Set(own.map((plan) => plan.style));
      const progressions = new Set(own.map(named));
      expect([styles.size, progressions.size]).toEqual([3, 2]);
      expect(others.some((plan) => styles.has(plan.style))).toBe(false);
      expect(others.some((plan) => progressions.has(named(plan)))).toBe(false);
      for (const plan of own) expect(plan.progression.mode === "minor").toBe(plan.key >= 12);
      const quick = own.filter((plan) => plan.quick);
      expect(quick.length).toBe(12);
      expect(new Set(quick.map((plan) => `${plan.style} ${named(plan)}`)).size).toBe(6);
    }
  });
});

describe("generated tasks", () => {
  it("have exact labels, sane groups and clips of ten seconds, the same for the same seed", async () => {
    for (const name of ["gen-instruments", "gen-key", "gen-tempo"]) {
      const task = await openTask(name, { cacheDir: dir, packages: nothing, seed: 5 });
      checkTask(task);
      expect(task.name).toBe(name);
      const again = await openTask(name, { cacheDir: dir, packages: nothing, seed: 5 });
      expect(again.clips.map(({ id, label }) => [id, label])).toEqual(
        task.clips.map(({ id, label }) => [id, label]),
      );
      const wave = await task.clips[7].load();
      expect(wave.channels[0].length).toBe(10 * wave.sampleRate);
      expect(wave.channels[0]).toEqual((await again.clips[7].load()).channels[0]);
    }
  });

  it("gen-key has every key equally often and every progression in six keys", async () => {
    const task = await openTask("gen-key", { cacheDir: dir, packages: nothing });
    expect(task.clips.length).toBe(288);
    for (let key = 0; key < 24; key++)
      expect(task.clips.filter((clip) => clip.label[0] === key).length).toBe(12);
    const progressions = new Set(task.clips.map((clip) => clip.groups[0]));
    expect(progressions.size).toBe(48);
  });

  it("gen-instruments has every instrument on and off often enough", async () => {
    const task = await openTask("gen-instruments", { cacheDir: dir, packages: nothing });
    INSTRUMENTS.forEach((name, i) => {
      const on = task.clips.filter((clip) => clip.label[i] === 1).length;
      expect(on >= 15 && on <= task.clips.length - 15, `${name}: ${on} of ${task.clips.length}`).toBe(true);
    });
  });
});

describe("openTasks", () => {
  it("opens what is named once, in order, and takes set tasks only with their folder", async () => {
    const options = { cacheDir: dir, packages: nothing };
    const tasks = await openTasks(["gen-tempo", "gen-key", "gen-tempo"], options);
    expect(tasks.map((task) => task.name)).toEqual(["gen-tempo", "gen-key"]);
    await expect(openTasks(["all", "key"], { ...options, cacheDir: join(dir, "empty") })).rejects.toThrow(
      'the task "key" cannot be had',
    );
    await expect(openTasks(["gtzan"], options)).rejects.toThrow("write --data FOLDER");
    await expect(openTasks(["everything"], options)).rejects.toThrow(UsageError);
  });

  it("lets other errors through instead of going without", async () => {
    const broken = async (): Promise<never> => {
      throw new TypeError("a bug");
    };
    const options = { cacheDir: join(dir, "empty"), packages: { debian: broken, npm: broken } };
    await expect(openTasks(["all"], options)).rejects.toThrow(TypeError);
  });
});

describe("what corpora and tasks share", () => {
  it("is no piece of the generated corpus", async () => {
    for (const seed of [0, 1, 2, 3]) {
      const options = { cacheDir: dir, packages: nothing, seed };
      const corpus = await openCorpus("generated", options);
      const heard = new Set(corpus.tracks.map((track) => track.piece.replace("generated/", "")));
      expect(heard.size).toBe(corpus.tracks.length);
      for (const task of await openTasks(["gen-instruments", "gen-key", "gen-tempo"], options))
        expect(task.clips.filter((clip) => heard.has(clip.piece))).toEqual([]);
    }
  });
});

describe("defaultTasks", () => {
  it("takes the generated kin where packages cannot be had, and says why", async () => {
    const { tasks, why } = await defaultTasks({ cacheDir: join(dir, "empty"), packages: nothing });
    expect(tasks.map((task) => task.name)).toEqual(["gen-instruments", "gen-key"]);
    expect(why).toContain("no packages here");
  });

  it("does not replace a task asked for by name, and names the tasks there are", async () => {
    const asked = openTask("key", { cacheDir: join(dir, "empty"), packages: nothing });
    await expect(asked).rejects.toThrow(PackagesUnavailableError);
    for (const name of ["style", "tempo", "instruments", "artist"])
      await expect(openTask(name, { cacheDir: join(dir, "empty"), packages: nothing })).rejects.toThrow(
        `the task "${name}" cannot be had: no packages here; take gen-instruments, gen-key, gen-tempo`,
      );
    await expect(openTask("genre")).rejects.toThrow(UsageError);
    await expect(openTask("genre")).rejects.toThrow(TASKS.join(", "));
    await expect(openTask("toString")).rejects.toThrow(UsageError);
  });
});
