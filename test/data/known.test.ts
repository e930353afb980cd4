// What is known of files by their bytes is not decoded again, unless bytes or decoders have changed.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DecodePool } from "../../src/data/decode-pool.js";
import { openFolder } from "../../src/data/folder.js";
import { Known } from "../../src/data/known.js";
import { MelStore } from "../../src/data/mel-store.js";
import { MelWriter } from "../../src/data/mel-writer.js";
import { preset } from "../../src/patchifier/config.js";
import { useGpu } from "../support/gpu.js";
import { writeMusic } from "../support/music.js";

const gpu = useGpu();
const folder = mkdtempSync(join(tmpdir(), "melgrad-known-"));
const before = process.env.MELGRAD_CACHE;
beforeAll(() => {
  process.env.MELGRAD_CACHE = join(folder, "cache");
});
afterAll(() => {
  if (before === undefined) delete process.env.MELGRAD_CACHE;
  else process.env.MELGRAD_CACHE = before;
  rmSync(folder, { recursive: true, force: true });
});

it("is kept by the decoders' code, and survives what is damaged", async () => {
  const known = new Known<{ seconds: number }>("test", "decoders 1");
  await known.put("a", { seconds: 3 });
  expect(await known.get("a")).toEqual({ seconds: 3 });
  expect(await known.get("b")).toBeUndefined();
  expect(await new Known("test", "decoders 2").get("a")).toBeUndefined();
  expect(await new Known("other", "decoders 1").get("a")).toBeUndefined();
  const root = join(folder, "cache", "known");
  const [file] = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((n) => n.endsWith(".json"));
  writeFileSync(join(root, file), '{"seco');
  expect(await known.get("a")).toBeUndefined();
  const none = new Known<{ seconds: number }>("test", undefined);
  await none.put("a", { seconds: 1 });
  expect(await none.get("a")).toBeUndefined();
});

/**
 * A pool whose workers write down in `log` what they decode, and answer as the real ones do for a WAV of one channel: with 1.25 s of
 * `sample`, an expression of the sample's number `i` and the bytes `hash` of the file's SHA-256.
 */
function loggingPool(log: string, sampleRate: number, sample: string, size: number): DecodePool {
  const entry = `${log}.mjs`;
  writeFileSync(
    entry,
    `import { parentPort } from "node:worker_threads";
    import { createHash } from "node:crypto";
    import { appendFileSync, readFileSync } from "node:fs";
    parentPort.on("message", ({ path, name, digest }) => {
      const hash = createHash("sha256").update(readFileSync(path)).digest();
      const content = hash.toString("hex");
      if (digest) return parentPort.postMessage({ digest: content });
      appendFileSync(${JSON.stringify(log)}, name + "\\n");
      const samples = Float32Array.from({ length: ${1.25 * sampleRate} }, (_, i) => (${sample}));
      parentPort.postMessage({ waveform: { sampleRate: ${sampleRate}, channels: [samples], content } });
    });`,
  );
  return new DecodePool({ entry, size });
}

it("the files of a new folder are decoded once, to be looked at and for their log-mels", async () => {
  writeMusic(join(folder, "new"), 4, 2);
  const log = join(folder, "decoded-once");
  const pool = loggingPool(log, 22_050, "0.5 * Math.sin(i * (0.1 + hash[0] / 256))", 2);
  const decoded = () => readFileSync(log, "utf8").trim().split("\n").length;
  const { frontEnd } = preset("demo").model;
  const values = (store: MelStore) =>
    store.tracks.map(({ id, frames }, track) => {
      const mel = new Float32Array(frames * frontEnd.nMels);
      store.crop(track, 0, frames, mel, 0);
      const chroma = new Float32Array(frames * 12);
      store.chroma?.(track, 0, frames, chroma, 0);
      return { id, mel, chroma };
    });
  const writer = await MelWriter.open(gpu(), frontEnd, { chroma: true, pool });
  expect(writer.keeps).toBe(true);
  const looked = await openFolder(join(folder, "new"), { pool, take: writer.take.bind(writer) });
  writer.dispose();
  const store = await MelStore.build(gpu(), looked, frontEnd, { chroma: true, pool });
  expect(store.tracks).toHaveLength(4);
  expect(decoded()).toBe(4);
  // Elsewhere, from each file's own load().
  const plain = await openFolder(join(folder, "new"), { pool, keepBytes: 0 });
  const cacheDir = join(folder, "another cache");
  const again = await MelStore.build(gpu(), plain, frontEnd, { chroma: true, pool, cacheDir });
  expect(decoded()).toBe(8);
  expect(values(store)).toEqual(values(again));
  store.close();
  again.close();
  await pool.close();
});

it("a folder that was checked before is not decoded again; a file that changed is", async () => {
  writeMusic(join(folder, "music"), 3, 1);
  const log = join(folder, "decoded");
  const pool = loggingPool(log, 16_000, "i % 32 < 16 ? 0.5 : -0.5", 1);
  const decoded = () => readFileSync(log, "utf8").trim().split("\n").length;
  const first = await openFolder(join(folder, "music"), { pool });
  expect(decoded()).toBe(3);
  const again = await openFolder(join(folder, "music"), { pool });
  expect(decoded()).toBe(3);
  expect(again.tracks.map(({ id, seconds }) => [id, seconds])).toEqual(
    first.tracks.map(({ id, seconds }) => [id, seconds]),
  );
  mkdirSync(join(folder, "moved"));
  cpSync(join(folder, "music"), join(folder, "moved", "elsewhere"), { recursive: true });
  writeFileSync(join(folder, "moved", "elsewhere", "piece-0.wav"), "other bytes");
  await openFolder(join(folder, "moved"), { pool });
  expect(decoded()).toBe(4);
  await pool.close();
});
