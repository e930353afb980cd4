// Many tracks through the pass over the audio: kept vectors are not made again, broken tracks are named, audio that waits is bounded.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { sharedDecodePool } from "../../src/data/decode-pool.js";
import { listFolder } from "../../src/data/folder.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import type { LabelledClip, Track } from "../../src/data/types.js";
import { VectorsInMemory } from "../../src/data/vector-store.js";
import { DataError } from "../../src/gpu/errors.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { HandFeatures, handNames, handSizes } from "../../src/probe/hand-features.js";
import { Random } from "../../src/tensor/random.js";
import { keptValues, type PassOptions, passOver } from "../../src/train/feature-pass.js";
import { encoderStore, openBaselines } from "../../src/train/feature-stores.js";
import { taskFeatures } from "../../src/train/task-features.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { chords } from "../support/music.js";
import { tinyModel, tinyNormalisation } from "../support/run-folder.js";

const gpu = useGpu();
const seed = freshSeed("feature pass");
const root = mkdtempSync(join(tmpdir(), "melgrad-pass-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const recipe = {
  model: tinyModel,
  normalisation: tinyNormalisation,
  pool: "mean",
  crops: Number.POSITIVE_INFINITY,
} as const;

function encoder(stream = 0): Patchifier {
  return new Patchifier(gpu(), encoderSizes(tinyModel), new Random(seed, stream));
}

/** A track of made-up audio, which counts how often it is asked for. */
function track(id: string, samples: Float32Array, asked: string[] = [], failure?: Error): Track {
  return {
    id,
    piece: id,
    title: id,
    async load() {
      asked.push(id);
      if (failure) throw failure;
      return { sampleRate: 16000, channels: [samples] };
    },
  };
}

describe("passOver", () => {
  it("makes nothing twice, even after a kill", async () => {
    const folder = join(root, "music");
    mkdirSync(folder);
    for (let i = 0; i < 8; i++) {
      writeFileSync(join(folder, `${i}.wav`), encodeWav16(chords(seed + i, 1 + 0.2 * i), 16000));
    }
    const cacheDir = join(root, "cache");
    const model = encoder();
    const run = async () => {
      const { tracks } = await listFolder(folder);
      const kept = await encoderStore(model, recipe, cacheDir);
      const result = await passOver(tracks, { ...recipe, gpu: gpu(), encoders: [{ encoder: model, kept }] });
      const values = keptValues(result.keys, kept);
      kept.close();
      return { result, values, folder: kept.folder };
    };
    const first = await run();
    expect(first.result.speed.decoded).toBe(8);
    expect(first.result.speed.busy).toBeGreaterThan(0);
    expect(first.result.speed.audioSeconds).toBeCloseTo(8 * 1.7, 1);
    const again = await run();
    expect(again.result.speed).toMatchObject({ decoded: 0, audioSeconds: 0 });
    expect(again.values).toEqual(first.values);

    // The file ends in the middle of the sixth record, as a kill leaves it.
    const [file] = readdirSync(first.folder).filter((name) => name.endsWith(".vectors"));
    const record = 16 + 4 * 16 + 8;
    truncateSync(join(first.folder, file), 12 + 5 * record + 30);
    const resumed = await run();
    expect(resumed.result.speed.decoded).toBe(3);
    resumed.values.forEach((value, i) => {
      expect(value).toBeCloseTo(first.values[i], 5);
    });

    // Under another name the content is known; other weights, or a changed file, are not.
    writeFileSync(join(folder, "copy.wav"), readFileSync(join(folder, "3.wav")));
    expect((await run()).result.speed.decoded).toBe(0);
    writeFileSync(join(folder, "3.wav"), encodeWav16(chords(seed + 99, 1), 16000));
    expect((await run()).result.speed.decoded).toBe(1);
    model.dispose();
    const other = encoder(1);
    const kept = await encoderStore(other, recipe, cacheDir);
    expect(kept.count).toBe(0);
    kept.close();
    other.dispose();
  });

  it("names what is broken, goes on, and keeps the order", async () => {
    const model = encoder();
    const good = (i: number) => chords(seed + i, 1);
    const tracks = [
      track("a", good(0)),
      track("b", good(1), [], new DataError("b: not audio")),
      track("c", good(2).subarray(0, 200)),
      track("d", good(3)),
    ];
    const kept = new VectorsInMemory(16);
    const { keys, skipped } = await passOver(tracks, {
      ...recipe,
      gpu: gpu(),
      encoders: [{ encoder: model, kept }],
    });
    expect(skipped).toEqual([
      { track: 1, reason: "b: not audio" },
      { track: 2, reason: "200 samples at 16000 Hz are too few: at least 257 are needed." },
    ]);
    expect(keys.map((key) => key !== undefined)).toEqual([true, false, false, true]);
    expect(keptValues(keys, kept)).toHaveLength(32);
    const broken = new Error("out of order");
    const failing = passOver([...tracks, track("e", good(4), [], broken)], {
      ...recipe,
      gpu: gpu(),
      encoders: [{ encoder: model, kept }],
    });
    await expect(failing).rejects.toBe(broken);
    model.dispose();
  });

  it("lets no more audio wait than it may, and stops when told to", async () => {
    const model = encoder();
    const samples = chords(seed, 2);
    const asked: string[] = [];
    const tracks = Array.from({ length: 40 }, (_, i) => track(`${i}`, samples, asked));
    let most = 0;
    const options: PassOptions = {
      ...recipe,
      gpu: gpu(),
      encoders: [{ encoder: model, kept: new VectorsInMemory(16) }],
      waiting: 2 * samples.byteLength,
      onProgress: ({ done }) => {
        most = Math.max(most, asked.length - done);
      },
    };
    const { keys } = await passOver(tracks, options);
    expect(new Set(keys).size).toBe(1); // the same samples
    expect(most).toBeLessThanOrEqual(sharedDecodePool().size + 2);
    expect(most).toBeGreaterThan(0);
    const stop = new AbortController();
    const stopped = passOver(tracks, {
      ...options,
      encoders: [{ encoder: model, kept: new VectorsInMemory(16) }],
      signal: stop.signal,
      onProgress: ({ done }) => done === 5 && stop.abort(),
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    model.dispose();
  });
});

describe("baselines", () => {
  it("are kept like the encoders' vectors", async () => {
    const model = encoder();
    const cacheDir = join(root, "baselines");
    const task = { name: "made up", kind: "classification", classes: ["a", "b"], note: "" } as const;
    const asked: string[] = [];
    const clips = Array.from({ length: 5 }, (_, i): LabelledClip => {
      const samples = i === 4 ? new Float32Array(200) : chords(seed + i, 1.5);
      return { ...track(`clip ${i}`, samples, asked), groups: [`${i}`], label: [i % 2] };
    });
    const options = {
      ...recipe,
      gpu: gpu(),
      encoder: model,
      randomSeeds: [1, 2],
      baselines: "all",
      cacheDir,
    } as const;
    const first = await taskFeatures({ ...task, classes: [...task.classes] }, clips, options);
    expect(first.tables.map(([name, of]) => [name, of.map(({ n, d }) => [n, d])])).toEqual([
      ["pretrained", [[4, 16]]],
      ["random", [4, 4].map((n) => [n, 16])],
      ["log-mel mean+std", [[4, 64]]],
      ...handNames.map((name) => [name, [[4, handSizes[name]]]]),
    ]);
    expect(first.lost).toEqual([
      {
        ...{ id: "clip 4", title: "clip 4", piece: "clip 4", groups: ["4"], label: [0] },
        reason: "200 samples at 16000 Hz are too few: at least 257 are needed.",
      },
    ]);
    const again = await taskFeatures({ ...task, classes: [...task.classes] }, clips.slice(0, 4), options);
    expect(again.tables).toEqual(first.tables);
    const hand = new HandFeatures(gpu());
    const vectors = await hand.transform(await clips[2].load());
    hand.dispose();
    const row = (name: string) => {
      const [{ d, values }] = first.tables.find(([each]) => each === name)?.[1] ?? [];
      return values.subarray(2 * d, 3 * d);
    };
    for (const name of handNames) expect([...row(name)]).toEqual([...vectors[name]]);
    const stores = await openBaselines(gpu(), tinyModel.frontEnd, { hand: true, cacheDir });
    expect(stores.extras).toHaveLength(2);
    stores.dispose();
    model.dispose();
  });
});
