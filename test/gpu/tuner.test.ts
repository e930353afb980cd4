// The tuner's memory without a device: which table a choice comes from, what makes a table count for nothing, and that a choice
// never changes by itself. What is measured stands in test/ops/tuning.test.ts.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Capabilities } from "../../src/gpu/capabilities.js";
import { type TunedFamily, Tuner } from "../../src/gpu/tuner.js";
import { hashText, MemoryTuningStore, readTable, type TuningTable } from "../../src/gpu/tuner-store.js";
import { TuningFiles } from "../../src/host/tuning-files.js";

const capabilities = {
  adapterName: "imagined (driver 1)",
  software: true,
  immediates: true,
  subgroups: true,
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  f16: false,
  timestamps: false,
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
  maxStorageBindings: 8,
} satisfies Capabilities;

/** Cases are numbers, buckets their tens; a choice is a kernel's name. */
const family: TunedFamily<number, string> = {
  name: "toy",
  version: 1,
  shaders: ["matmul/plain"],
  keep: (shape) => shape,
  bucket: (shape) => String(Math.floor(shape / 10)),
  candidates: () => ["plain", "fast", "safe"],
  rule: (_, shape) => (shape < 50 ? "plain" : "safe"),
  nameOf: (choice) => choice,
  parse: (name) => (["plain", "fast", "safe"].includes(name) ? name : undefined),
  kernelOf: (choice) => choice,
};

const changed: TunedFamily<number, string> = { ...family, version: 2 };

/** A tuner whose bucket 1 was measured. */
function measured(): Tuner {
  const tuner = new Tuner(capabilities);
  tuner.put(family, "1", "fast", 1.5);
  return tuner;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "melgrad-tuner-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("choose", () => {
  it("follows the rule for each case where nothing is known", () => {
    const tuner = new Tuner(capabilities);
    expect(tuner.choose(family, 12)).toBe("plain");
    expect(tuner.choose(family, 50)).toBe("safe");
    expect(tuner.used().map(({ bucket, source }) => [bucket, source])).toEqual([
      ["1", "rule"],
      ["5", "rule"],
    ]);
  });

  it("takes what was measured for the whole bucket, before what is shipped", () => {
    const tuner = measured();
    const sources = tuner.sourcesOf(family);
    tuner.ship({ toy: { sources, entries: { 1: ["safe", 2], 2: ["safe", 2] } } });
    expect([11, 19, 21, 31].map((shape) => tuner.choose(family, shape))).toEqual([
      "fast",
      "fast",
      "safe",
      "plain",
    ]);
    expect(tuner.used().map(({ source }) => source)).toEqual(["measured", "shipped", "rule"]);
  });

  it("passes over names that this adapter cannot run, and tables of other shaders", () => {
    const tuner = new Tuner(capabilities);
    const sources = tuner.sourcesOf(family);
    tuner.ship({ toy: { sources, entries: { 1: ["unheard-of", 2] } } });
    expect(tuner.choose(family, 11)).toBe("plain");
    tuner.ship({ toy: { sources: `${sources}0`, entries: { 1: ["fast", 2] } } });
    expect(tuner.choose(family, 11)).toBe("plain");
    expect(tuner.outdated(family)).toEqual(["shipped"]);
  });

  it("never takes a vetoed kernel: not from a table, and not by rule", () => {
    const tuner = measured();
    tuner.veto(family, "fast", "off by 1");
    expect(tuner.choose(family, 11)).toBe("plain");
    tuner.veto(family, "plain", "NaN");
    expect(tuner.choose(family, 11)).toBe("safe");
    expect(tuner.vetoed(family, "fast")).toBe("off by 1");
    tuner.forgive(family);
    expect(tuner.choose(family, 11)).toBe("fast");
  });
});

describe("modes", () => {
  const asked = (tuner: Tuner) => {
    for (const shape of [11, 12, 21]) tuner.choose(family, shape);
    return tuner.wanted().map(({ bucket, shape }) => [bucket, shape]);
  };

  it("off wants no measurement, on wants what no table knows, force wants all", () => {
    expect(asked(measured())).toEqual([]);
    expect(asked(Object.assign(measured(), { mode: "on" }))).toEqual([["2", 21]]);
    const tuner = new Tuner(capabilities);
    tuner.ship({ toy: { sources: tuner.sourcesOf(family), entries: { 1: ["fast", 2], 2: ["", 1] } } });
    expect(asked(Object.assign(tuner, { mode: "on" }))).toEqual([]);
    expect(asked(Object.assign(tuner, { mode: "force" }))).toEqual([
      ["1", 11],
      ["2", 21],
    ]);
  });

  it("what was just measured is not wanted again", () => {
    const tuner = Object.assign(new Tuner(capabilities), { mode: "force" });
    asked(tuner);
    tuner.put(family, "1", undefined, 1); // the rule's choice was the best
    tuner.put(family, "2", "fast", 2);
    expect(asked(tuner)).toEqual([]);
    expect(tuner.choose(family, 11)).toBe("plain");
  });
});

describe("a choice in use", () => {
  it("stays while others write the same store", async () => {
    const store = new MemoryTuningStore();
    const tuner = new Tuner(capabilities);
    await tuner.open(store);
    expect(tuner.choose(family, 11)).toBe("plain");
    const other = measured();
    await other.open(store);
    other.put(family, "1", "fast", 2);
    await other.save();
    expect(tuner.choose(family, 11)).toBe("plain");
    tuner.put(family, "3", "safe", 2);
    await tuner.save();
    expect(tuner.choose(family, 11)).toBe("plain");
    const later = new Tuner(capabilities);
    await later.open(store);
    expect([11, 31].map((shape) => later.choose(family, shape))).toEqual(["fast", "safe"]);
  });

  it("is followed by a later run, the rule's choice too", () => {
    const first = new Tuner(capabilities);
    first.put(family, "1", "fast", 1.5);
    first.choose(family, 11);
    first.choose(family, 21);
    const record = JSON.parse(JSON.stringify(first.record())) as TuningTable;
    const second = new Tuner(capabilities);
    second.put(family, "1", "safe", 3);
    second.put(family, "2", "safe", 3);
    second.follow(record);
    expect([11, 21].map((shape) => second.choose(family, shape))).toEqual(["fast", "plain"]);
    expect(second.record()).toEqual(record);
  });

  it("is not followed on another adapter, and that is said", () => {
    const second = new Tuner({ ...capabilities, adapterName: "another" });
    second.follow(measured().record());
    expect(second.notes.join()).toMatch(/not followed: it was measured on another adapter/);
  });

  it("holds for all cases while it is forced", () => {
    const tuner = measured();
    tuner.using(family, "safe", () => expect(tuner.choose(family, 11)).toBe("safe"));
    expect(() =>
      tuner.using(family, "safe", () => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(tuner.choose(family, 11)).toBe("fast");
  });
});

describe("tables in files", () => {
  /** The choice of a tuner that reads what the folder holds. */
  async function reopened(dir: string, device: Capabilities = capabilities, of = family) {
    const tuner = new Tuner(device);
    await tuner.open(new TuningFiles(dir));
    return { choice: tuner.choose(of, 11), notes: tuner.notes.join() };
  }

  async function saved(name: string): Promise<{ dir: string; file: string }> {
    const dir = join(folder, name);
    const tuner = new Tuner(capabilities);
    await tuner.open(new TuningFiles(dir));
    tuner.put(family, "1", "fast", 1.5);
    tuner.veto(family, "safe", "off by 2");
    await tuner.save();
    const files = await readdir(dir);
    expect(files).toEqual([`${hashText(tuner.key)}.json`]); // and no part of anything
    return { dir, file: join(dir, files[0]) };
  }

  it("are read again, with their vetoes", async () => {
    const { dir } = await saved("round-trip");
    expect(await reopened(dir)).toEqual({ choice: "fast", notes: "" });
    const tuner = new Tuner(capabilities);
    await tuner.open(new TuningFiles(dir));
    expect(tuner.vetoed(family, "safe")).toBe("off by 2");
  });

  it("count for nothing with other shaders, or another driver", async () => {
    const { dir } = await saved("foreign");
    expect((await reopened(dir, capabilities, changed)).choice).toBe("plain");
    const newer = { ...capabilities, adapterName: "imagined (driver 2)" };
    expect(await reopened(dir, newer)).toEqual({ choice: "plain", notes: "" });
  });

  it.each([
    ["cut off", (text: string) => text.slice(0, text.length / 2), /not JSON/],
    ["empty", () => "", /not JSON/],
    ["of another version", (text: string) => text.replace('"format": 1', '"format": 7'), /this version/],
    ["of another adapter", (text: string) => text.replace("driver 1", "driver 9"), /another adapter/],
    ["with a broken entry", (text: string) => text.replace("1.5", '"much"'), /damaged/],
    ["of another kind", () => "[1, 2]", /this version/],
  ])("%s: ignored with a note, and written anew", async (name, damage, note) => {
    const { dir, file } = await saved(`damaged-${name}`);
    const tuner = new Tuner(capabilities);
    await tuner.open(new TuningFiles(dir));
    await tuner.save();
    const text = JSON.stringify({ format: 1, adapter: tuner.key, families: tuner.measurements }, null, 1);
    await writeFile(file, damage(text));
    const found = await reopened(dir);
    expect(found.choice).toBe("plain");
    expect(found.notes).toMatch(note);
    const again = new Tuner(capabilities);
    await again.open(new TuningFiles(dir));
    again.put(family, "1", "safe", 2);
    await again.save();
    expect(await reopened(dir)).toEqual({ choice: "safe", notes: "" });
  });

  it("that cannot be written are no error", async () => {
    const file = join(folder, "in-the-way");
    await writeFile(file, "");
    const tuner = new Tuner(capabilities);
    await tuner.open(new TuningFiles(join(file, "below")));
    tuner.put(family, "1", "fast", 2);
    await tuner.save();
    expect(tuner.notes.join()).toMatch(/cannot be kept in/);
    expect(tuner.choose(family, 11)).toBe("fast");
  });
});

describe("readTable", () => {
  it("gives back what was written", () => {
    const table = measured().record();
    expect(readTable(JSON.stringify(table), table.adapter)).toEqual(table);
  });
});
