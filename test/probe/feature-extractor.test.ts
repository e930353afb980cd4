// The pass over the audio: vectors of recordings of several rates against the encoder's own tokens pooled in float64, and memory over ten
// thousand clips.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { patchify } from "../../src/audio/patches.js";
import type { Waveform } from "../../src/audio/types.js";
import { DataError } from "../../src/gpu/errors.js";
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { FrontEnd } from "../../src/patchifier/front-end.js";
import { FeatureExtractor } from "../../src/probe/feature-extractor.js";
import { BusyMeter } from "../../src/probe/feature-meter.js";
import {
  ClipPool,
  type PoolName,
  poolColumns,
  poolLayout,
  poolNames,
  poolShape,
} from "../../src/probe/feature-pools.js";
import { cropStarts } from "../../src/probe/features.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("feature extractor"));

const tiny: ModelConfig = {
  frontEnd: { sampleRate: 16000, nFft: 512, hopLength: 320, nMels: 32, gain: 1e4 },
  patchMels: 16,
  patchFrames: 8,
  cropFrames: 48,
  width: 16,
  layers: 3,
  heads: 2,
  mlpRatio: 2,
};
const normalisation = { mean: 1.1, std: 0.7 };

function music(samples: number, sampleRate: number, channels = 1): Waveform {
  const [a, b] = [0.02 + 0.2 * random.uniform(), 0.02 + 0.2 * random.uniform()];
  const channel = () =>
    Float32Array.from(
      { length: samples },
      (_, i) => 0.4 * Math.sin(a * i) + 0.3 * Math.sin(b * i * (1 + i / samples)) + 0.1 * random.normal(),
    );
  return { sampleRate, channels: Array.from({ length: channels }, channel) };
}

/** Vectors of the recording's whole log-mel, cropped afterwards, the tokens read back and pooled in float64. */
async function expected(
  encoder: Patchifier,
  waveform: Waveform,
  pool: PoolName,
  hop?: number,
): Promise<Float64Array> {
  const { nMels } = tiny.frontEnd;
  const frontEnd = new FrontEnd(gpu(), tiny.frontEnd);
  const { frames, values } = await frontEnd.transform(waveform);
  frontEnd.dispose();
  const starts = cropStarts(frames, tiny.cropFrames, undefined, hop);
  const crops = new Float32Array(starts.length * nMels * tiny.cropFrames);
  for (const [c, start] of starts.entries()) {
    for (let m = 0; m < nMels; m++) {
      for (let f = 0; f < tiny.cropFrames; f++) {
        const from = start + f;
        crops[(c * nMels + m) * tiny.cropFrames + f] = from < frames ? values[from * nMels + m] : 0;
      }
    }
  }
  const traced = new Map<string, { shape: readonly number[]; data: Promise<Float32Array> }>();
  gpu().scope(() =>
    gpu().noGrad(() => {
      const patches = patchify(gpu().tensor(crops, [starts.length, nMels, tiny.cropFrames]), {
        ...tiny,
        ...normalisation,
      });
      encoder.encode(patches, undefined, (name, value) => {
        traced.set(name, { shape: value.shape, data: value.data() });
      });
    }),
  );
  for (const { data } of traced.values()) await data;
  const { width, layers } = tiny;
  const [rows, columns] = [nMels / tiny.patchMels, tiny.cropFrames / tiny.patchFrames];
  /** One value of one crop's tokens after a block, all in float64. */
  const course = (data: Float32Array, crop: number, j: number): number[] => {
    // Rows apart: number j is value j % width of row floor(j / width). Tokens are numbered column by column.
    const at = (c: number) => (crop * columns + c) * rows * width + j;
    return Array.from({ length: columns }, (_, c) => data[at(c)]);
  };
  const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const apart = Array.from({ length: rows * width }, (_, j) => j);
  const together = (of: (values: number[]) => number, data: Float32Array, crop: number) =>
    Array.from({ length: width }, (_, j) =>
      of(Array.from({ length: rows }, (_, row) => course(data, crop, row * width + j)).flat()),
    );
  const differences = (values: number[]) => values.slice(1).map((value, i) => Math.abs(value - values[i]));
  /** log(share + 1e-4) of each rate in the summed power of several courses. */
  const shares = (courses: number[][]) => {
    const length = courses[0].length;
    const power = Array.from({ length: columns / 2 }, (_, k) =>
      courses.reduce((sum, values) => {
        const mean = average(values);
        let [re, im] = [0, 0];
        values.forEach((value, t) => {
          const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * (t + 0.5)) / length);
          const angle = (2 * Math.PI * (k + 1) * (t + 0.5)) / length;
          re += window * (value - mean) * Math.cos(angle);
          im += window * (value - mean) * Math.sin(angle);
        });
        return sum + (re * re + im * im) / courses.length;
      }, 0),
    );
    const total = power.reduce((a, b) => a + b, 0);
    return power.map((value) => Math.log(value / (total + 1e-12) + 1e-4));
  };
  const how = {
    mean: (d: Float32Array, c: number) => apart.map((j) => average(course(d, c, j))),
    max: (d: Float32Array, c: number) => apart.map((j) => Math.max(...course(d, c, j))),
    deviation: (d: Float32Array, c: number) =>
      apart.map((j) => {
        const values = course(d, c, j);
        return Math.sqrt(average(values.map((value) => (value - average(values)) ** 2)));
      }),
    change: (d: Float32Array, c: number) => apart.map((j) => average(differences(course(d, c, j)))),
    modulation: (d: Float32Array, c: number) => {
      const courses = apart.map((j) => course(d, c, j));
      const changes = courses.map(differences);
      const curve = changes[0].map((_, t) => average(changes.map((change) => change[t])));
      return [...shares(courses), ...shares([curve])];
    },
  };
  type Of = (d: Float32Array, c: number) => number[];
  const blocks = Array.from({ length: layers }, (_, i) => `block_${i}`);
  const stats: Of[] = [how.mean, how.max, how.deviation, how.change];
  const meanOf: Of = (d, c) => together(average, d, c);
  const maxOf: Of = (d, c) => together((values) => Math.max(...values), d, c);
  const plan: Record<PoolName, [names: string[], of: Of[]]> = {
    mean: [["encoded"], [meanOf]],
    max: [["encoded"], [maxOf]],
    "mean+max": [["encoded"], [meanOf, maxOf]],
    layers: [blocks, [meanOf]],
    rows: [["encoded"], [how.mean]],
    stats: [blocks, stats],
    modulation: [blocks, [how.modulation]],
    time: [blocks, [...stats, how.modulation]],
  };
  const [names, of] = plan[pool];
  const parts: number[] = [];
  for (const name of names) {
    const data = await (traced.get(name)?.data as Promise<Float32Array>);
    for (const statistic of of) {
      const crops = starts.map((_, c) => statistic(data, c));
      const join = statistic === how.max || statistic === maxOf ? (v: number[]) => Math.max(...v) : average;
      parts.push(...crops[0].map((_, j) => join(crops.map((values) => values[j]))));
    }
  }
  return Float64Array.from(parts);
}

describe("FeatureExtractor", () => {
  it.each(poolNames)("gives what the whole recording gives, clip after clip: %s", async (pool) => {
    const encoders = [0, 1].map(() => new Patchifier(gpu(), encoderSizes(tiny), random));
    const hop = pool === "time" ? 20 : undefined;
    const options = { model: tiny, normalisation, pool, hop, batch: 5 };
    const extractor = new FeatureExtractor(gpu(), encoders, options);
    const clips = [
      music(30000, 16000),
      music(44100, 44100, 2),
      music(700, 16000),
      music(16000, 22050),
      music(61234, 44100),
      music(9000, 8000),
      music(23000, 48000),
      music(8001, 11025, 2),
    ];
    const vectors: Promise<Float32Array[]>[] = [];
    for (const clip of clips) vectors.push((await extractor.push(clip)).vectors);
    await extractor.flush();
    const shape = poolShape(pool, tiny);
    const size = shape.reduce((a, b) => a * b, 1);
    expect(extractor.size).toBe(size);
    for (const [i, clip] of clips.entries()) {
      const found = await vectors[i];
      for (const [k, encoder] of encoders.entries()) {
        const wanted = await expected(encoder, clip, pool, hop);
        expect(found[k]).toHaveLength(size);
        expect(wanted).toHaveLength(size);
        let off = 0;
        wanted.forEach((value, j) => {
          off = Math.max(off, Math.abs(found[k][j] - value) || (Number.isNaN(found[k][j]) ? 1 : 0));
        });
        expect(off, `clip ${i}, encoder ${k}`).toBeLessThan(2e-4);
      }
    }
    expect(extractor.meter.share).toBeGreaterThan(0);
    expect(extractor.meter.share).toBeLessThanOrEqual(1);
    extractor.dispose();
    for (const encoder of encoders) encoder.dispose();
  });

  it("serves only the encoders that are wanted, and names clips that are too short", async () => {
    const encoders = [0, 1].map(() => new Patchifier(gpu(), encoderSizes(tiny), random));
    const extractor = new FeatureExtractor(gpu(), encoders, { model: tiny, normalisation, crops: 1 });
    const clip = music(40000, 16000);
    const both = (await extractor.push(clip)).vectors;
    const second = (await extractor.push(clip, [1])).vectors;
    await expect(extractor.push(music(256, 16000))).rejects.toThrow(DataError);
    await expect(extractor.push(music(256, 16000))).rejects.toThrow(/256 samples at 16000 Hz are too few/);
    await extractor.flush();
    expect(await second).toHaveLength(1);
    const [a] = await second;
    const [, b] = await both;
    b.forEach((value, j) => {
      expect(a[j]).toBeCloseTo(value, 4);
    });
    extractor.dispose();
    for (const encoder of encoders) encoder.dispose();
  });

  it("holds no more after ten thousand clips than after two thousand", { timeout: 300_000 }, async () => {
    const small: ModelConfig = {
      ...tiny,
      frontEnd: { sampleRate: 2000, nFft: 64, hopLength: 64, nMels: 8, gain: 1e4 },
      patchMels: 8,
      cropFrames: 16,
      layers: 1,
      width: 8,
    };
    const encoder = new Patchifier(gpu(), encoderSizes(small), random);
    const extractor = new FeatureExtractor(gpu(), [encoder], { model: small, normalisation, batch: 256 });
    const noise = Float32Array.from({ length: 40000 }, () => 0.3 * random.normal());
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = () => {
      collect();
      const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
      const { tensors, arenas, free } = gpu().memoryReport();
      return { rss, js: heapUsed + arrayBuffers, device: tensors + arenas + free };
    };
    let checksum = 0;
    let done = 0;
    const feed = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const sampleRate = i % 3 === 0 ? 2500 : 2000;
        const samples = Math.floor((0.5 + 3.5 * random.uniform()) * sampleRate);
        const from = random.integer(noise.length - samples);
        const clip = { sampleRate, channels: [noise.slice(from, from + samples)] };
        const { vectors } = await extractor.push(clip);
        void vectors.then(([vector]) => {
          checksum += vector[0];
          done++;
        });
      }
    };
    const most = { rss: 0, js: 0, device: 0 };
    await feed(2000);
    for (let k = 0; k < 4; k++) {
      // What a warm-up held at most: the collector's saw-tooth is part of it.
      const now = held();
      for (const key of ["rss", "js", "device"] as const) most[key] = Math.max(most[key], now[key]);
      await feed(250);
    }
    await feed(7000);
    const after = held(); // before the last batches, whose smaller sizes have programs of their own
    await extractor.flush();
    expect(done).toBe(10_000);
    expect(Number.isFinite(checksum)).toBe(true);
    console.info("held before and after", most, after);
    expect(after.device).toBeLessThanOrEqual(most.device * 1.01);
    expect(after.js - most.js).toBeLessThan(8e6);
    expect(after.rss - most.rss).toBeLessThan(48e6);
    extractor.dispose();
    encoder.dispose();
  });
});

describe("poolColumns", () => {
  it("finds a pool among the values of one that holds it", () => {
    const stats = poolColumns("stats", "time", tiny);
    const modulation = poolColumns("modulation", "time", tiny);
    expect([...stats, ...modulation].sort((a, b) => a - b)).toEqual(
      Array.from({ length: poolShape("time", tiny)[0] }, (_, i) => i),
    );
    expect(() => poolColumns("mean", "time", tiny)).toThrow(RangeError);
  });
});

describe("ClipPool", () => {
  it("shows what is not a number", () => {
    const layout = poolLayout("mean+max", { ...tiny, width: 2 });
    const pool = new ClipPool(layout, 2);
    expect(pool.take([1, 2, 3, Number.NaN])).toBe(false);
    expect(pool.take([3, 4, 5, 6])).toBe(true);
    expect([...pool.vector]).toEqual([2, 3, 5, Number.NaN]);
  });
});

describe("BusyMeter", () => {
  it("counts time with something open, from the first begin to the last end", () => {
    let now = 0;
    const meter = new BusyMeter(() => now);
    expect(meter.share).toBeNaN();
    const at = (time: number, what: "begin" | "end") => {
      now = time;
      meter[what]();
    };
    at(10, "begin");
    at(20, "begin");
    at(30, "end");
    at(50, "end");
    at(60, "begin");
    at(70, "end");
    now = 100;
    expect(meter.busyMs).toBe(50);
    expect(meter.elapsedMs).toBe(60);
    expect(meter.share).toBeCloseTo(5 / 6, 12);
  });
});
