// GTZAN's reader. Facts: a hundred excerpts a genre, and the counts of the fault-filtered split, over all and by genre. The audio is
// made up.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { excerptName, faultFilteredParts, genres, gtzan } from "../../../src/data/sets/gtzan.js";
import { openSetCorpus, openSetTask } from "../../../src/data/sets/index.js";
import { countParts } from "../../../src/data/sets/parts.js";
import { problemText } from "../../../src/data/sets/problems.js";
import { audioFile, put, readFrom, shadedWav, textFile } from "../../support/sets.js";

const dir = mkdtempSync(join(tmpdir(), "melgrad-gtzan-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const whole = (ending = "wav") =>
  genres.flatMap((genre) =>
    Array.from({ length: 100 }, (_, i) => audioFile(`genres/${genre}/${excerptName(genre, i)}.${ending}`)),
  );

describe("GTZAN", () => {
  it.each(["wav", "au"])("divides a whole copy of %s files as published", async (ending) => {
    const { set, problems } = await readFrom(gtzan, whole(ending), dir);
    const [task] = set.tasks;
    expect(countParts(task.clips).clips).toEqual({ train: 443, valid: 197, test: 290 });
    expect(task.published?.clips).toEqual({ train: 443, valid: 197, test: 290 });
    expect(problems.list).toEqual([]);
    const byGenre = (part: string) =>
      genres.map((_, g) => task.clips.filter((clip) => clip.part === part && clip.label?.[0] === g).length);
    // In the order of the genres: blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock.
    expect(byGenre("train")).toEqual([46, 48, 45, 42, 47, 43, 44, 41, 43, 44]);
    expect(byGenre("test")).toEqual([31, 31, 30, 29, 27, 27, 27, 30, 26, 32]);
    expect(set.subsets.map(({ name, clips }) => [name, clips.length])).toEqual([
      ["train", 443],
      ["train+valid", 640],
      ["all", 1000],
    ]);
    expect(faultFilteredParts().get("jazz.00054")).toBe("train");
    expect(faultFilteredParts().size).toBe(930);
  });

  it("takes lists that lie beside the audio, and says which of their lines are wrong", async () => {
    const list = (...lines: string[]) => `${lines.join("\n")}\n`;
    const { set, problems } = await readFrom(
      gtzan,
      [
        ...whole(),
        textFile(
          "train_filtered.txt",
          list("blues/blues.00001.wav", "polka/polka.00001.wav", "rock/rock.00007.wav"),
        ),
        textFile("valid_filtered.txt", list("jazz/jazz.00002.wav", "blues/blues.00001.wav")),
        textFile("test_filtered.txt", list("pop/pop.00003.wav", "", "pop/pop.00099.wav")),
      ],
      dir,
    );
    expect(countParts(set.tasks[0].clips).clips).toEqual({ train: 2, valid: 1, test: 2 });
    expect(set.tasks[0].published).toBeUndefined();
    expect(problems.list.map(problemText)).toEqual([
      'train_filtered.txt:2: "polka/polka.00001.wav" is no excerpt of GTZAN; left out',
      "valid_filtered.txt:2: blues.00001 is in the train part already; it stays there",
    ]);
  });

  it("passes macOS's ._ files over, names what is missing, and goes on without a damaged jazz.00054", async () => {
    const folder = join(dir, "copy/Data/genres_original");
    for (const genre of genres) {
      for (const n of [0, 10, 29, 54, 77]) {
        const name = excerptName(genre, n);
        const broken = name === "jazz.00054";
        put(folder, `${genre}/${name}.wav`, broken ? new Uint8Array(3000).fill(7) : shadedWav(n, 0.3, 0.6));
        put(folder, `${genre}/._${name}.wav`, new Uint8Array(211));
      }
    }
    const notes: string[] = [];
    const task = await openSetTask("gtzan", join(dir, "copy"), {
      cacheDir: dir,
      note: (text) => notes.push(text),
    });
    expect(task.clips.length).toBeGreaterThan(30);
    expect(task.clips.every(({ id }) => !id.startsWith("."))).toBe(true);
    expect(notes[0]).toMatch(/^\d+ faults in .*copy \(melgrad data check .*copy lists them all\):$/);
    expect(notes[1]).toMatch(/blues\/blues\.\d{5}\.wav: not there \(train part\)/);
    const jazz = task.clips.find(({ id }) => id === "jazz.00054");
    await expect(jazz?.load()).rejects.toThrow(/jazz\.00054\.wav: not audio/);
    expect((await openSetCorpus("gtzan", join(dir, "copy"), "all", { cacheDir: dir })).tracks).toHaveLength(
      50,
    );
  });
});
