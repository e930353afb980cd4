// `melgrad data check`, and training and probing on data sets in folders, end to end on small trees with real audio.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useCommand } from "../support/cli.js";
import { mtatAnnotations, mtatInfo, put, shadedWav } from "../support/sets.js";

const melgrad = useCommand();

/** Three clips in each of the sixteen folders, of two kinds that can be told apart. */
function writeMtat(folder: string): void {
  const rows = Array.from({ length: 48 }, (_, i) => ({
    id: i + 1,
    path: `${(i % 16).toString(16)}/artist_${i}-album-01-title_${i}-0-29.mp3`,
    tags: (i >> 4) % 2 ? ["guitar", "slow"] : ["techno"],
  }));
  put(folder, "annotations_final.csv", mtatAnnotations(rows));
  put(folder, "clip_info_final.csv", mtatInfo(rows));
  for (const { id, path } of rows)
    put(folder, `wav/${path.replace(".mp3", ".wav")}`, shadedWav(id, ((id - 1) >> 4) % 2 ? 0.9 : 0.1, 4.5));
}

describe("data check", () => {
  it("exits 0 for a set without faults, 1 with faults or without a set, 2 for a misused command line", async () => {
    const songs = join(melgrad.folder, "songs");
    put(songs, "manifest.csv", "path,label,split\na.wav,x,train\nb.wav,y,valid\nc.wav,x,test\n");
    for (const [i, name] of ["a", "b", "c"].entries()) put(songs, `${name}.wav`, shadedWav(i, 0.5, 0.7));
    const fine = await melgrad.run(["data", "check", songs]);
    expect(fine.stderr).not.toMatch(/error/i);
    expect(fine.stdout).toContain("a folder with a manifest (manifest)");
    expect(fine.stdout).toMatch(/clips +1 +1 +1/);
    expect(fine.stdout).toContain("Nothing is missing or broken.");
    expect(fine.code).toBe(0);

    put(
      songs,
      "manifest.csv",
      "path,label,split\na.wav,x,train\nb.wav,y,valid\nc.wav,x,test\nd.wav,x,sometimes\n",
    );
    const faulty = await melgrad.run(["data", "check", songs]);
    expect(faulty.stdout).toContain("manifest.csv:5: d.wav is not there");
    expect(faulty.stdout).toContain("It is laid out like this");
    expect(faulty.code).toBe(1);

    const nothing = await melgrad.run(["data", "check", join(melgrad.folder, "nowhere")]);
    expect(nothing.stderr).toMatch(/^There is no folder .*nowhere/);
    expect(nothing.code).toBe(1);
    for (const args of [["check"], ["check", songs, "--dataset", "toys"], ["chekc", songs], []]) {
      const { code, stdout } = await melgrad.run(["data", ...args]);
      expect(code, args.join(" ")).toBe(2);
      expect(stdout).toBe("");
    }
  });
});

describe("data sets in a folder", () => {
  it("are trained on by subset and probed on their own split", async () => {
    const folder = join(melgrad.folder, "mtat");
    writeMtat(folder);
    const train = [
      "train",
      "--dataset",
      "mtat",
      "--data",
      folder,
      "--subset",
      "top50",
      "--steps",
      "2",
      "--batch",
      "2",
    ];
    const trained = await melgrad.run([...train, "--no-probe", "--out", "run"]);
    expect(trained.stderr).toMatch(
      /music: mtat \(MagnaTagATune in .*, top50: .*, 36 clips, of 15 244 in the whole set\)/,
    );
    expect(trained.code).toBe(0);
    const config = JSON.parse(await readFile(join(melgrad.folder, "run/config.json"), "utf8"));
    expect(config.data).toEqual({ kind: "set", set: "mtat", path: folder, subset: "top50" });
    expect(config.corpus.tracks).toBe(36);

    const probed = await melgrad.run([
      "probe",
      "--checkpoint",
      "run",
      "--data",
      folder,
      "--json",
      "probe.json",
    ]);
    expect(probed.code).toBe(0);
    expect(probed.stderr).toMatch(/mtat: no clip of the train part has the tags classical/);
    const { tasks } = JSON.parse(await readFile(join(melgrad.folder, "probe.json"), "utf8"));
    // 36 clips to train on and 3 to validate on; 9 are tested on, once.
    expect(tasks[0]).toMatchObject({ task: "mtat", classes: 50, trainClips: 39, testClips: 9, seeds: 1 });
    const logMel = tasks[0].rows.find(
      ({ features }: { features: string }) => features === "log-mel mean+std",
    );
    expect(logMel.mean).toBeGreaterThan(0.95); // the two kinds differ in their spectra
    expect(logMel.ci95).toBeUndefined();
    expect(tasks[0].note).toContain("own split");
    expect(probed.stdout).toContain("One split");
  });

  it.each([
    [["train", "--subset", "train"], /--subset needs --dataset/],
    [["train", "--tracks", "9"], /--tracks says how many pieces to arrange: write --data arranged/],
    [["train", "--dataset", "gtzan"], /--dataset gtzan needs its folder: write --data FOLDER/],
    [["train", "--dataset", "toys", "--data", "."], /Allowed choices are folder, mtat, gtzan/],
    [["probe", "--checkpoint", "run", "--task", "gtzan"], /needs the folder of its data set/],
    [["probe", "--checkpoint", "run", "--task", "toys"], /There is no task 'toys'/],
    [["probe", "--checkpoint", "run", "--task", "gen-key", "--data", "."], /leave out --data/],
  ])("exits 2 for %j", async (args, message) => {
    const { code, stderr } = await melgrad.run(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
