// What people get wrong, and what goes wrong around them: each case must end in one clear line, a non-zero exit code, no
// stack trace, and nothing written over.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { type Finished, useCommand } from "../support/cli.js";
import { chords, writeMusic } from "../support/music.js";

const command = useCommand();
const inside = (...parts: string[]) => join(command.folder, ...parts);
const train = (...args: string[]) =>
  command.run(["train", "--no-probe", "--steps", "2", "--batch", "2", ...args]);

beforeAll(async () => {
  writeMusic(inside("music"), 3, 5);
  mkdirSync(inside("empty"));
  const { code, stderr } = await train("--data", "music", "--out", "done");
  expect(code, stderr).toBe(0);
});

/** One line (after the notes that say what is being done), no stack trace, the exit code. */
function expectLine({ code, stderr }: Finished, exit: number, text: RegExp): void {
  const lines = stderr.trimEnd().split("\n");
  expect(stderr).not.toMatch(/^\s+at .*:\d+/m);
  expect(lines.at(-1)).toMatch(text);
  expect(code, stderr).toBe(exit);
}

describe("the command line", () => {
  it("refuses an unknown flag", async () => {
    const result = await train("--stpes", "3");
    expectLine(result, 2, /Unknown option '--stpes'.*--steps/);
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it.each([
    ["--preset", "huge", /huge.*demo, small, base/],
    ["--objective", "gan", /gan.*joint/],
    ["--patches", "round", /round.*grid, frame/],
    ["--steps", "many", /--steps.*whole number/],
    ["--batch", "0", /--batch.*at least 1/],
    ["--lr", "-1", /--lr.*above zero/],
    ["--dataset", "imagenet", /imagenet/],
    ["--profile", "fast", /write --unchecked/],
    ["--profile", "safe", /checks are on unless --unchecked/],
  ])("refuses %s %s", async (flag, value, text) => {
    const result = await train("--data", "music", flag, value);
    expectLine(result, 2, text);
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("refuses an unknown command and a stray word", async () => {
    expectLine(await command.run(["trian"]), 2, /Unknown command 'trian'.*train/);
    expectLine(await train("music"), 2, /[Tt]oo many arguments/);
  });

  it("refuses to resume with settings that may not change, each with its reason", async () => {
    const other = ["--seed", "9", "--objective", "mae"];
    const result = await train("--data", "music", "--resume", "--out", "done", ...other);
    expectLine(
      result,
      2,
      /--objective \(the run's: targets\), because .*; --seed \(the run's: 0\), because .*--lr/,
    );
  });
});

describe("the music", () => {
  it("must be there", async () => {
    expectLine(await train("--data", "nowhere", "--out", "a"), 1, /no folder 'nowhere'/);
    expectLine(await train("--data", "empty", "--out", "b"), 1, /empty.*audio/);
    expect(existsSync(inside("a"))).toBe(false);
  });

  it("names, counts and skips broken files and trains on the rest", async () => {
    writeMusic(inside("some-broken"), 3, 5);
    const whole = encodeWav16(chords(9, 5), 16000);
    writeFileSync(inside("some-broken", "cut.wav"), whole.subarray(0, whole.length / 2));
    writeFileSync(inside("some-broken", "zero.mp3"), "");
    writeFileSync(inside("some-broken", "letter.flac"), "Dear musician, this is not a recording.");
    writeFileSync(inside("some-broken", "blip.wav"), encodeWav16(chords(9, 0.1), 16000));
    writeFileSync(inside("some-broken", "notes.txt"), "not audio, and does not say so");
    const { code, stderr } = await train("--data", "some-broken", "--out", "some-broken-run");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("skipped 4 of 7 files");
    for (const text of [
      /cut\.wav: .*trunc|cut\.wav: .*cut/i,
      /zero\.mp3: /,
      /letter\.flac: /,
      /blip\.wav: .*0\.1 s/,
    ]) {
      expect(stderr).toMatch(text);
    }
    const config = JSON.parse(readFileSync(inside("some-broken-run", "config.json"), "utf8"));
    expect(config.corpus.tracks).toBe(3);
    expect(config.corpus.skipped).toHaveLength(4);
  });

  it("says why when nothing is left", async () => {
    mkdirSync(inside("broken"));
    writeFileSync(inside("broken", "zero.wav"), "");
    expectLine(await train("--data", "broken", "--out", "c"), 1, /zero\.wav/);
  });
});

describe("the run's folder", () => {
  it("is not written over", async () => {
    const before = readFileSync(inside("done", "log.jsonl"), "utf8");
    expectLine(await train("--data", "music", "--out", "done"), 2, /done exists already.*--resume/);
    expect(readFileSync(inside("done", "log.jsonl"), "utf8")).toBe(before);
  });

  it("must hold a run, the beginning of one or nothing to be resumed", async () => {
    const result = await train("--data", "music", "--resume", "--out", "music");
    expectLine(result, 2, /music is not a run's folder/);
    expect(readdirSync(inside("music"))).toHaveLength(3);
  });

  it.each(["model.safetensors", "optimizer.safetensors", "state.json"])(
    "is not resumed with a truncated %s",
    async (name) => {
      const run = `truncated-${name}`;
      cpSync(inside("done"), inside(run), { recursive: true });
      truncateSync(inside(run, "checkpoint", name), 100);
      const files = readdirSync(inside(run, "checkpoint"));
      expectLine(await command.run(["train", "--resume", "--out", run]), 1, /damaged/);
      expect(readdirSync(inside(run, "checkpoint"))).toEqual(files);
    },
  );

  it("is not resumed with the checkpoint of another model", async () => {
    cpSync(inside("done"), inside("other"), { recursive: true });
    const path = inside("other", "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    config.model.width = 64;
    writeFileSync(path, JSON.stringify(config));
    expectLine(await command.run(["train", "--resume", "--out", "other"]), 1, /another model/);
  });

  it("keeps the old checkpoint when the disk is full", async () => {
    // A disk of our own with room for the run but not for a second checkpoint: root mounts one, others may in a namespace.
    const config = JSON.parse(readFileSync(inside("done", "config.json"), "utf8"));
    config.pretrain.steps = 4;
    writeFileSync(inside("longer.json"), JSON.stringify(config));
    const before = readFileSync(inside("done", "checkpoint", "state.json"), "utf8");
    const disk = [
      "mkdir full",
      "mount -t tmpfs -o size=$(( $(du -sk done | cut -f1) + 1500 ))k tmpfs full || exit 99",
      'trap "umount full" EXIT',
      "cp -r done/. full/",
      "cp longer.json full/config.json",
      'status=0; "$@" || status=$?',
      "test ! -e full/checkpoint.new && cat full/checkpoint/state.json; exit $status",
    ];
    const namespace = process.getuid?.() === 0 ? "" : "unshare -rm";
    const result = await command.run(["train", "--resume", "--out", "full", "--no-probe"], {
      shell: `set -- ${namespace} bash -c '${disk.join("\n")}' bash "$@"`,
    });
    expectLine(result, 1, /checkpoint could not be written.*the disk is full.*untouched/);
    expect(result.stdout).toBe(before);
  });

  /** Bash for a small disk of our own at `at`, and the command in a namespace where we may mount it. */
  const onDisk = (at: string, options: string, then: string[] = []) => {
    const disk = [
      `mkdir ${at}`,
      `mount -t tmpfs -o ${options} tmpfs ${at} || exit 99`,
      `trap "umount ${at}" EXIT`,
    ];
    const work = [...disk, ...then, 'status=0; "$@" || status=$?', `find ${at} -name "*.part"; exit $status`];
    const namespace = process.getuid?.() === 0 ? "" : "unshare -rm";
    return { shell: `set -- ${namespace} bash -c '${work.join("\n")}' bash "$@"` };
  };
  const start = (out: string) => [
    "train",
    "--no-probe",
    "--steps",
    "2",
    "--batch",
    "2",
    "--data",
    "music",
    "--out",
    out,
  ];

  it("is not begun where the cache's disk is full, and no track is left out for it", async () => {
    const result = await command.run(start("no-cache"), {
      ...onDisk("small", "size=64k"),
      env: { MELGRAD_CACHE: inside("small") },
    });
    expectLine(result, 1, /small\/log-mel\/.* cannot be written: the disk is full\.$/);
    expect(result.stderr).not.toContain("skipped");
    expect(result.stdout).toBe(""); // nothing half written
    expect(readdirSync(inside("no-cache"))).toEqual([]);
  });

  it("is said to be read-only", async () => {
    const result = await command.run(start("fixed/run"), onDisk("fixed", "size=64k,ro"));
    expectLine(result, 1, /run's folder fixed\/run cannot be made: the file system is read-only\.$/);
  });
});

describe("the adapter", () => {
  it("is named where the one asked for does not exist", async () => {
    const result = await train("--data", "music", "--out", "d", "--adapter", "voodoo");
    expectLine(result, 1, /No adapter is named "voodoo"/);
  });

  it("may be missing altogether", async () => {
    // A copy of the command beside all of its packages but the embedded adapter's, and no driver.
    mkdirSync(inside("bare", "node_modules"), { recursive: true });
    for (const name of readdirSync("node_modules")) {
      if (name.startsWith(".") || name === "@sparticuz") continue;
      symlinkSync(resolve("node_modules", name), inside("bare", "node_modules", name));
    }
    copyFileSync(command.entry, inside("bare", "cli.js"));
    const result = await command.run(["train", "--data", "music", "--out", "e"], {
      entry: inside("bare", "cli.js"),
      env: {
        MELGRAD_ADAPTER: "auto",
        VK_ICD_FILENAMES: inside("none.json"),
        VK_DRIVER_FILES: inside("none.json"),
      },
    });
    expectLine(result, 1, /No WebGPU adapter: .*npm ci/);
  });
});
