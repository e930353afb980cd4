// Resampling on the GPU against the closed form in float64, whole and in pieces, on fresh random signals.
import { describe, expect, test } from "vitest";
import {
  resample,
  resampledLength,
  resampleKernel,
  resamplePart,
  resampleSignal,
} from "../../src/audio/resample.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { referenceResample } from "./reference.js";

const gpu = useGpu();
const random = new Random(freshSeed("audio/resample"));
const noise = (n: number) => Float32Array.from({ length: n }, () => 0.3 * random.normal());

function largestError(got: Float32Array, expected: Float64Array): number {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  expected.forEach((value, i) => {
    const error = Math.abs(got[i] - value);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
  return worst;
}

describe("resample", () => {
  for (const [from, to] of [
    [44100, 16000],
    [22050, 16000],
    [16000, 22050],
    [48000, 16000],
    [16000, 48000],
    [8000, 16000],
    [44099, 16001], // no common divisor
  ]) {
    test(`${from} → ${to} Hz`, async () => {
      const clips = [noise(1501), noise(1501)];
      const batch = gpu().tensor(Float32Array.from([...clips[0], ...clips[1]]), [2, 1501]);
      const y = resample(batch, from, to);
      const length = resampledLength(1501, from, to);
      expect(y.shape).toEqual([2, length]);
      const data = await y.data();
      clips.forEach((clip, b) => {
        const expected = referenceResample(clip, from, to);
        expect(largestError(data.slice(b * length, (b + 1) * length), expected)).toBeLessThan(3e-6);
      });
    });
  }

  test("signals shorter than the kernel", async () => {
    for (const n of [1, 2, 7]) {
      const x = noise(n);
      const y = await resample(gpu().tensor(x), 44100, 16000).data();
      expect(largestError(y, referenceResample(x, 44100, 16000))).toBeLessThan(3e-6);
    }
  });

  test("equal rates change nothing", async () => {
    const x = noise(100);
    expect(await resample(gpu().tensor(x), 16000, 16000).data()).toEqual(x);
  });

  test("a tone below both Nyquist frequencies keeps its level", async () => {
    const x = Float32Array.from({ length: 44100 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 44100));
    const y = await resample(gpu().tensor(x), 44100, 16000).data();
    const middle = y.slice(1000, 15000);
    const level = Math.sqrt((2 * middle.reduce((sum, v) => sum + v * v, 0)) / middle.length);
    expect(Math.abs(level - 1)).toBeLessThan(2e-3);
  });

  test("rates that are not whole positive numbers are refused", () => {
    for (const rate of [0, -16000, 22050.5, Number.NaN]) {
      expect(() => resampleKernel(rate, 16000)).toThrow(/positive whole number/);
    }
  });

  test("rates whose kernel would be absurdly large are refused, those of recordings never", () => {
    for (const [from, to] of [
      [4294967295, 16000],
      [16000, 4294967295],
      [2_000_003, 16000],
    ]) {
      expect(() => resampleKernel(from, to)).toThrow(/taps, more than/);
    }
    for (const from of [1009, 11025, 44100, 352_800, 999_983, 1_000_000]) {
      expect(resampleKernel(from, 16000).taps.length).toBeLessThanOrEqual(2 ** 24);
    }
  });
});

describe("resamplePart", () => {
  test.each([8000, 11025, 16001, 22050, 44099, 44100, 48000, 16000])(
    "is the whole's, wherever it lies: %i Hz",
    async (rate) => {
      const x = noise(Math.round(1.7 * rate));
      const whole = await resample(gpu().tensor(x), rate, 16000).data();
      const places = [0, 1, 159, 160, 4000 + random.integer(5000), whole.length - 1];
      for (const begin of places) {
        for (const size of [1, 512, 20_000, whole.length]) {
          const end = Math.min(begin + size, whole.length);
          const part = await resamplePart(gpu(), x, rate, 16000, begin, end).data();
          expect(part).toEqual(whole.subarray(begin, end));
        }
      }
    },
  );
});

describe("resampleSignal", () => {
  for (const [from, to] of [
    [44100, 16000],
    [16000, 22050],
    [48000, 16000],
  ]) {
    test(`pieces equal the whole, ${from} → ${to} Hz`, async () => {
      const x = noise(20_011);
      const whole = await resample(gpu().tensor(x), from, to).data();
      const pieces = await resampleSignal(gpu(), x, from, to, { samplesAtOnce: 1000 + random.integer(3000) });
      expect(pieces).toEqual(whole);
    });
  }

  test("five minutes at 44.1 kHz", async () => {
    const n = 300 * 44100;
    const x = new Float32Array(n);
    for (let i = 0; i < n; i++) x[i] = Math.sin(i * 0.05 + 3e-9 * i * i);
    const y = await resampleSignal(gpu(), x, 44100, 16000);
    expect(y.length).toBe(300 * 16000);
    const base = 123_456 * 441; // a window somewhere inside, aligned to the ratio's blocks of 441 → 160
    const at = Math.min(base, n - 44100) - (Math.min(base, n - 44100) % 441);
    const expected = referenceResample(x.slice(at - 441, at + 882), 44100, 16000).slice(160, 320);
    expect(largestError(y.slice((at / 441) * 160, (at / 441) * 160 + 160), expected)).toBeLessThan(3e-6);
  });
});
