// Vectors on disk: found again, shared by several writers, and after a file was cut at any byte or damaged, all but what was lost.
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { shardOf, sourceKey, waveformKey } from "../../src/data/content.js";
import { VectorStore } from "../../src/data/vector-store.js";
import { DataError } from "../../src/gpu/errors.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("vector store"));
const root = mkdtempSync(join(tmpdir(), "melgrad-vectors-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const keyOf = (i: number) => waveformKey({ sampleRate: i + 1, channels: [] });
const vector = (size: number) => Float32Array.from({ length: size }, () => random.normal());
const files = (store: VectorStore) =>
  readdirSync(store.folder)
    .filter((name) => name.endsWith(".vectors"))
    .map((name) => join(store.folder, name));

describe("VectorStore", () => {
  it("keeps vectors by what they depend on, from several writers", async () => {
    const settings = { what: "first", a: 1 };
    const [one, two] = [await VectorStore.open(root, settings, 7), await VectorStore.open(root, settings, 7)];
    const vectors = Array.from({ length: 40 }, () => vector(7));
    for (const [i, each] of vectors.entries()) (i % 2 === 0 ? one : two).put(keyOf(i), each);
    one.put(keyOf(0), vector(7)); // there already
    expect(one.get(keyOf(0))).toEqual(vectors[0]);
    one.close();
    two.close();
    expect(files(one)).toHaveLength(2);
    const again = await VectorStore.open(root, settings, 7);
    expect([again.count, again.damaged]).toEqual([40, 0]);
    for (const [i, each] of vectors.entries()) expect(again.get(keyOf(i))).toEqual(each);
    expect(again.get(keyOf(99))).toBeUndefined();
    for (const [other, size] of [
      [{ what: "first", a: 2 }, 7],
      [settings, 8],
    ] as const) {
      const store = await VectorStore.open(root, other, size);
      expect(store.count).toBe(0);
      store.close();
    }
    again.close();
  });

  it("loses no more than what was cut off, wherever that was", async () => {
    const settings = { what: "cut" };
    const vectors = Array.from({ length: 6 }, () => vector(3));
    const store = await VectorStore.open(root, settings, 3);
    for (const [i, each] of vectors.entries()) store.put(keyOf(i), each);
    store.close();
    const [file] = files(store);
    const whole = readFileSync(file);
    const record = 16 + 12 + 8;
    expect(whole).toHaveLength(12 + 6 * record);
    for (let length = whole.length - 1; length >= 0; length--) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      const cut = await VectorStore.open(root, settings, 3);
      const left = Math.max(0, Math.floor((length - 12) / record));
      expect(cut.count).toBe(left);
      expect(cut.damaged > 0).toBe(length < 12 || (length - 12) % record !== 0);
      for (let i = 0; i < left; i++) expect(cut.get(keyOf(i))).toEqual(vectors[i]);
      cut.close();
    }
    const again = await VectorStore.open(root, settings, 3);
    for (const [i, each] of vectors.entries()) again.put(keyOf(i), each); // goes on in a file of its own
    again.close();
    const healed = await VectorStore.open(root, settings, 3);
    expect(healed.count).toBe(6);
    healed.close();
  });

  it("passes over a record with a wrong byte and keeps its neighbours", async () => {
    const settings = { what: "rot" };
    const store = await VectorStore.open(root, settings, 5);
    const vectors = Array.from({ length: 3 }, () => vector(5));
    for (const [i, each] of vectors.entries()) store.put(keyOf(i), each);
    store.close();
    const [file] = files(store);
    const bytes = readFileSync(file);
    bytes[12 + 44 + random.integer(44)] ^= 1;
    writeFileSync(file, bytes);
    const again = await VectorStore.open(root, settings, 5);
    expect([again.count, again.damaged]).toEqual([2, 1]);
    expect(again.get(keyOf(2))).toEqual(vectors[2]);
    expect(again.has(keyOf(1))).toBe(false);
    again.close();
  });

  it("says where it cannot be", async () => {
    writeFileSync(join(root, "a file"), "");
    await expect(VectorStore.open(join(root, "a file"), {}, 3)).rejects.toThrow(DataError);
  });
});

describe("keys", () => {
  const source = (content: string, start?: number, seconds?: number) =>
    sourceKey({ file: "whatever", digest: async () => content, start, seconds });

  it("depend on the content and on which part of it is meant", async () => {
    expect(await source("a")).toBe(await source("a", 0));
    const different = [await source("a"), await source("b"), await source("a", 1), await source("a", 0, 30)];
    expect(new Set(different).size).toBe(4);
    for (const key of different) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });

  it("deal names out evenly and always alike", () => {
    const counts = new Array(8).fill(0);
    for (let i = 0; i < 8000; i++) counts[shardOf(`clip ${i}.mp3`, 8)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
    expect([0, 1, 2, 3, 4].map((i) => shardOf(`clip ${i}.mp3`, 8))).toEqual(
      [0, 1, 2, 3, 4].map((i) => shardOf(`clip ${i}.mp3`, 8)),
    );
  });
});
