// The spectrogram front end on the GPU against float64 definitions, on fresh random signals: several FFT lengths, hops, paddings,
// scales, both variants of the kernel, batches, long signals and what must be refused.
import { describe, expect, test } from "vitest";
import {
  kaldiFbank,
  LogMel,
  melSpectrogram,
  Spectrogram,
  type SpectrumVariant,
  stftPower,
} from "../../src/audio/log-mel.js";
import { type LogScale, melPlan, stftPlan } from "../../src/audio/spectrogram-plan.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { referenceKaldi, referenceMel, referenceSlaneyBank, referenceStft } from "./reference.js";

const gpu = useGpu();
const random = new Random(freshSeed("audio/log-mel"));

/** Noise under a few tones whose level changes, at most 1. */
function signal(n: number): Float32Array {
  const tones = Array.from({ length: 3 }, () => [random.uniform() * Math.PI, random.uniform() * 0.2]);
  return Float32Array.from({ length: n }, (_, i) => {
    const tone = tones.reduce((sum, [step, level]) => sum + level * Math.sin(step * i), 0);
    return tone * (i / n) + 0.1 * random.normal();
  });
}

/** Every |got − expected| is within `atol` and `rtol` of expected; a NaN is not. */
function expectClose(got: Float32Array, expected: Float64Array[], rtol: number, atol: number, label: string) {
  const columns = expected[0].length;
  expect(got.length, label).toBe(expected.length * columns);
  let worst = 0;
  expected.forEach((row, r) => {
    row.forEach((value, c) => {
      const ratio = Math.abs(got[r * columns + c] - value) / (atol + rtol * Math.abs(value));
      if (!(ratio <= worst)) worst = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
    });
  });
  expect(worst, label).toBeLessThanOrEqual(1);
}

const transposed = (frames: Float64Array[]) =>
  Array.from(frames[0], (_, k) => Float64Array.from(frames, (frame) => frame[k]));

/** float32 rounding of an FFT, relative to the strongest bin of all frames. */
const floorOf = (rows: Float64Array[]) => 2e-6 * Math.max(...rows.map((row) => Math.max(...row)));

const settings = [
  { nFft: 400, winLength: 400, hopLength: 160, center: true, padMode: "reflect" },
  { nFft: 480, winLength: 480, hopLength: 240, center: true, padMode: "constant" },
  { nFft: 512, winLength: 400, hopLength: 128, center: true, padMode: "constant" },
  { nFft: 600, winLength: 600, hopLength: 150, center: false, padMode: "constant" },
  { nFft: 1000, winLength: 1000, hopLength: 333, center: true, padMode: "reflect" },
  { nFft: 1024, winLength: 1024, hopLength: 512, center: true, padMode: "constant" },
  { nFft: 2048, winLength: 1800, hopLength: 512, center: true, padMode: "reflect" },
  { nFft: 4096, winLength: 4096, hopLength: 1500, center: true, padMode: "constant" },
  { nFft: 375, winLength: 301, hopLength: 100, center: true, padMode: "reflect" }, // odd
  { nFft: 30, winLength: 30, hopLength: 7, center: true, padMode: "reflect" },
  { nFft: 2, winLength: 2, hopLength: 1, center: true, padMode: "constant" },
] as const;

describe("stftPower", () => {
  for (const s of settings) {
    test(`n_fft ${s.nFft}, hop ${s.hopLength}, ${s.center ? s.padMode : "not centred"}`, async () => {
      const samples = s.nFft < 100 ? 333 : 6007;
      const x = signal(samples);
      const expected = transposed(referenceStft(x, s));
      const y = stftPower(gpu().tensor(x), s);
      expect(y.shape).toEqual([1, Math.floor(s.nFft / 2) + 1, expected[0].length]);
      expectClose(await y.data(), expected, 1e-4, floorOf(expected), "power");
    });
  }

  const variants: SpectrumVariant[] = [
    { kind: "group", width: 8 },
    { kind: "group", width: 64 },
    { kind: "group", width: 256 },
    { kind: "lane", width: 8 },
  ];
  for (const variant of variants) {
    test(`variant ${variant.kind} ${variant.width}`, async () => {
      const s = { nFft: 240, winLength: 240, hopLength: 90, center: true, padMode: "reflect" } as const;
      const x = [signal(1500), signal(1500)];
      using spectrogram = new Spectrogram(gpu(), stftPlan(s), variant);
      const y = await spectrogram
        .forward(gpu().tensor(Float32Array.from([...x[0], ...x[1]]), [2, 1500]))
        .data();
      x.forEach((clip, b) => {
        const expected = transposed(referenceStft(clip, s));
        const size = y.length / 2;
        expectClose(y.slice(b * size, (b + 1) * size), expected, 1e-4, floorOf(expected), `clip ${b}`);
      });
    });
  }

  test("magnitude is the root of power", async () => {
    const x = gpu().tensor(signal(3000));
    const power = await stftPower(x, { nFft: 512 }).data();
    const magnitude = await stftPower(x, { nFft: 512, power: 1 }).data();
    magnitude.forEach((value, i) => {
      expect(Math.abs(value ** 2 - power[i])).toBeLessThanOrEqual(1e-5 * power[i] + 1e-9);
    });
  });

  test("more frames than one grid axis holds", async () => {
    const n = 70_001;
    const x = signal(n);
    const s = { nFft: 8, winLength: 8, hopLength: 1, center: true, padMode: "constant" } as const;
    const expected = transposed(referenceStft(x, s));
    expectClose(await stftPower(gpu().tensor(x), s).data(), expected, 1e-4, floorOf(expected), "power");
  });
});

describe("melSpectrogram", () => {
  const s = { nFft: 1024, winLength: 1024, hopLength: 512, center: true, padMode: "constant" } as const;
  const bank = referenceSlaneyBank(16000, 1024, 128);
  const decibels = (x: number) => 10 * Math.log10(Math.max(x, 1e-10));
  const scales: [string, LogScale, (x: number, max: number) => number, number][] = [
    ["power", { kind: "none" }, (x) => x, 0],
    ["log10(1 + 10⁴x)", { kind: "log10" }, (x) => Math.log10(1 + 1e4 * x), 2e-4],
    ["dB", { kind: "db", topDb: null, ref: 2 }, (x) => decibels(x) - decibels(2), 5e-3],
    ["dB, top 30", { kind: "db", topDb: 30 }, (x, max) => Math.max(decibels(x), decibels(max) - 30), 5e-3],
    ["ln", { kind: "ln", floor: 1e-3 }, (x) => Math.log(Math.max(x, 1e-3)), 1e-3],
  ];
  for (const [name, log, scale, atol] of scales) {
    test(`${name}, each clip of a batch by itself`, async () => {
      const clips = [signal(8000), signal(8000).map((x) => x * 0.05)];
      const batch = gpu().tensor(Float32Array.from([...clips[0], ...clips[1]]), [2, 8000]);
      const y = melSpectrogram(batch, { log });
      expect(y.shape).toEqual([2, 128, 16]);
      const data = await y.data();
      clips.forEach((clip, b) => {
        const mel = referenceMel(referenceStft(clip, s), bank);
        const max = Math.max(...mel.map((row) => Math.max(...row)));
        const expected = mel.map((row) => row.map((x) => scale(x, max)));
        const size = 128 * 16;
        expectClose(data.slice(b * size, (b + 1) * size), expected, 1e-4, atol || floorOf(mel), `clip ${b}`);
      });
    });
  }

  test("a silent clip is finite on every scale", async () => {
    const x = gpu().zeros([1, 4000]);
    for (const [, log, scale] of scales) {
      const data = await melSpectrogram(x, { log }).data();
      const expected = scale(0, 0);
      expect(data.every((value) => Math.abs(value - expected) < 1e-3)).toBe(true);
    }
  });

  test("LogMel is the default spectrogram and gives its memory back", async () => {
    const x = signal(5000);
    const before = gpu().device.pool.use.inUse;
    const logMel = new LogMel(gpu());
    expect(logMel.frames(160_000)).toBe(313);
    const y = logMel.forward(gpu().tensor(x));
    const expected = referenceMel(referenceStft(x, s), bank).map((row) =>
      row.map((v) => Math.log10(1 + 1e4 * v)),
    );
    expectClose(await y.data(), expected, 1e-4, 2e-4, "log-mel");
    logMel.dispose();
    y.dispose();
    expect(gpu().device.pool.use.inUse - before).toBeLessThanOrEqual(x.byteLength * 1.25);
  });
});

describe("kaldiFbank", () => {
  for (const snipEdges of [true, false]) {
    test(`snip_edges ${snipEdges}`, async () => {
      const x = signal(5003).map((v) => v + 0.3); // an offset that has to be removed
      const o = { sampleRate: 16000, win: 400, hop: 160, nFft: 512, nMels: 80, snipEdges };
      const expected = referenceKaldi(x, o);
      const y = kaldiFbank(gpu().tensor(x), { nMels: 80, snipEdges });
      expect(y.shape).toEqual([1, 80, expected[0].length]);
      expectClose(await y.data(), expected, 0, 5e-3, "fbank");
    });
  }
});

describe("what cannot be is refused in one sentence", () => {
  const x = () => gpu().tensor(signal(300));
  const cases: [string, () => unknown, RegExp][] = [
    ["a prime factor of 7", () => stftPower(x(), { nFft: 196 }), /prime factors are 2, 3 and 5/],
    [
      "a signal too short to mirror",
      () => stftPower(x(), { nFft: 1024, padMode: "reflect" }),
      /longer signal/,
    ],
    ["a signal shorter than a frame", () => stftPower(x(), { nFft: 512, center: false }), /longer signal/],
    ["a window longer than the FFT", () => stftPower(x(), { nFft: 256, winLength: 300 }), /does not fit/],
    ["no hop", () => stftPower(x(), { nFft: 256, hopLength: 0 }), /hopLength must be/],
    ["a rank of 3", () => stftPower(gpu().zeros([2, 2, 500])), /mix channels down/],
    ["bands upside down", () => melPlan({ fMin: 4000, fMax: 100 }), /fMin < fMax/],
  ];
  for (const [name, run, message] of cases) {
    test(name, () => {
      expect(run).toThrow(message);
    });
  }
});
