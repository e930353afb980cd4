// Log-mels of a corpus: the same audio under two names is taken once, so that it cannot stand on both sides of a split.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { splitByPiece } from "../../src/data/batches.js";
import { MelStore } from "../../src/data/mel-store.js";
import type { Corpus, Track } from "../../src/data/types.js";
import { preset } from "../../src/patchifier/config.js";
import { useGpu } from "../support/gpu.js";
import { chords } from "../support/music.js";

const gpu = useGpu();
const cacheDir = mkdtempSync(join(tmpdir(), "melgrad-mel-store-"));
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

const track = (id: string, seed: number): Track => ({
  id,
  piece: id,
  title: id,
  load: async () => ({ sampleRate: 16_000, channels: [chords(seed, 5)] }),
});

it("takes audio that comes twice once, and says which is left out", async () => {
  const seed = Math.floor(Math.random() * 1e6);
  const tracks = [0, 1, 2, 0, 3, 1].map((other, i) => track(`piece ${i}`, seed + other));
  const corpus: Corpus = { name: "twins", why: "", tracks, skipped: [], licences: [] };
  for (const round of ["computed", "from the cache"]) {
    const store = await MelStore.build(gpu(), corpus, preset("demo").model.frontEnd, { cacheDir });
    expect(
      store.tracks.map(({ id }) => id),
      round,
    ).toEqual(["piece 0", "piece 1", "piece 2", "piece 4"]);
    expect(store.skipped).toEqual([
      { path: "piece 3", reason: "the same audio as piece 0" },
      { path: "piece 5", reason: "the same audio as piece 1" },
    ]);
    for (let split = 0; split < 20; split++) {
      const { train, heldOut } = splitByPiece(store.tracks, split);
      const files = (members: number[]) => members.map((i) => store.tracks[i].path);
      expect(files(train).filter((path) => files(heldOut).includes(path))).toEqual([]);
      expect(heldOut.length).toBe(1);
    }
    store.close();
  }
});
