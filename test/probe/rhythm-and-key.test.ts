// Tempograms, tempi and modulation on clicks and waves whose answers are known, Krumhansl's keys on chords and scales, and chroma that is
// turned: against what the signals were made with.
import { describe, expect, it } from "vitest";
import { keyCorrelations } from "../../src/audio/key-profiles.js";
import {
  autocorrelation,
  lagOf,
  modulationSpectrum,
  onsetCurves,
  rhythmSizes,
  tempogram,
  tempoOf,
} from "../../src/audio/rhythm.js";
import { HandFeatures, handNames, handSizes } from "../../src/probe/hand-features.js";
import { turnedChroma } from "../../src/probe/key-finder.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("rhythm and key"));
const between = (low: number, high: number) => low + (high - low) * random.uniform();

/** Ten seconds of noise bursts at a tempo, every fourth louder. */
function clicks(bpm: number, rate: number): Float32Array {
  const samples = new Float32Array(10 * rate);
  const period = (60 / bpm) * rate;
  const offset = between(0, period);
  for (let beat = 0; offset + beat * period < samples.length; beat++) {
    const at = Math.round(offset + beat * period);
    for (let i = 0; i < 0.03 * rate && at + i < samples.length; i++)
      samples[at + i] = (beat % 4 === 0 ? 0.5 : 0.35) * random.normal() * Math.exp((-6 * i) / (0.03 * rate));
  }
  return samples;
}

describe("tempogram", () => {
  it("finds the period of an onset curve, and the tempo", () => {
    for (let round = 0; round < 20; round++) {
      const bpm = between(70, 180);
      const rate = 100;
      const curve = new Float64Array(1000);
      for (let t = between(0, 60); t < 1000; t += (60 / bpm) * rate) {
        // A peak between two frames.
        const at = Math.floor(t);
        curve[at] += 1 - (t - at);
        if (at + 1 < 1000) curve[at + 1] += t - at;
      }
      const values = tempogram([curve], rate);
      const found = tempoOf(values);
      const off = Math.min(...[0.5, 1, 2].map((factor) => Math.abs(Math.log2((found * factor) / bpm))));
      expect(off, `${bpm} BPM, found ${found}`).toBeLessThan(0.04);
      if (bpm > 90 && bpm < 150) expect(Math.abs(Math.log2(found / bpm)), `${bpm}`).toBeLessThan(0.04);
    }
  });

  it("is the autocorrelation, at lags between frames by the straight line", () => {
    const curve = Float64Array.from({ length: 300 }, () => random.uniform());
    const rate = 60;
    const values = tempogram([curve], rate);
    const mean = curve.reduce((a, b) => a + b, 0) / 300;
    const product = (lag: number) => {
      let sum = 0;
      for (let t = 0; t + lag < 300; t++) sum += (curve[t] - mean) * (curve[t + lag] - mean);
      return sum / (300 - lag);
    };
    for (const i of [0, 17, 50, 95]) {
      const lag = lagOf(i) * rate;
      const left = Math.floor(lag);
      const wanted = (product(left) + (lag - left) * (product(left + 1) - product(left))) / product(0);
      expect(values[i]).toBeCloseTo(wanted, 5);
    }
    expect(lagOf(0)).toBeCloseTo(0.2, 12);
    expect(lagOf(95)).toBeCloseTo(2, 12);
    expect([...autocorrelation(Float64Array.of(1, 1), 3)]).toEqual([0, 0, 0, 0]);
    expect(tempogram([new Float64Array(0)], rate).every((value) => value === 0)).toBe(true);
  });

  it("counts what grows, in its quarter of the bands and in the sum", () => {
    const mel = new Float32Array(8 * 3);
    mel.set([0, 2, 1], 0); // band 0 grows by 2, then falls
    mel.set([1, 1, 5], 7 * 3); // band 7 grows by 4
    expect(onsetCurves(mel, 8).map((curve) => [...curve])).toEqual([
      [2, 4],
      [2, 0],
      [0, 0],
      [0, 0],
      [0, 4],
    ]);
  });
});

describe("modulationSpectrum", () => {
  it("is strongest at the rate with which a band rises and falls", () => {
    const [bands, frames, rate] = [16, 1000, 100];
    for (let round = 0; round < 10; round++) {
      const hz = between(0.7, 7);
      const band = random.integer(bands);
      const mel = new Float32Array(bands * frames);
      for (let t = 0; t < frames; t++) mel[band * frames + t] = Math.sin((2 * Math.PI * hz * t) / rate);
      const values = modulationSpectrum(mel, bands, rate);
      expect(values.length).toBe(rhythmSizes.modulation);
      const group = Math.floor(band / 2);
      const own = [...values.subarray(16 * group, 16 * group + 16)];
      const wanted = (16 * Math.log(hz / 0.5)) / Math.log(16);
      const most = own.indexOf(Math.max(...own));
      expect(Math.abs(most + 0.5 - wanted), `${hz} Hz`).toBeLessThan(0.9);
      for (let g = 0; g < 8; g++) if (g !== group) expect(values[16 * g + most]).toBeLessThan(own[most] - 5);
    }
  });
});

describe("keys", () => {
  it("are those whose scale sounds, most of all the tonic and its fifth", () => {
    for (let key = 0; key < 24; key++) {
      const scale = key < 12 ? [0, 2, 4, 5, 7, 9, 11] : [0, 2, 3, 5, 7, 8, 10];
      const chroma = Array.from({ length: 12 }, () => 0.05 * random.uniform());
      for (const step of scale) chroma[(key + step) % 12] += 0.5;
      for (const step of [0, 0, 7, key < 12 ? 4 : 3]) chroma[(key + step) % 12] += 0.4;
      const found = keyCorrelations(chroma);
      expect(found.indexOf(Math.max(...found)), `key ${key}`).toBe(key);
      for (const value of found) expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-12);
    }
    expect([...keyCorrelations(new Float32Array(12).fill(0.4))]).toEqual(new Array(24).fill(0));
  });

  it("turn with the chroma", () => {
    const chroma = Float64Array.from({ length: 24 }, () => random.uniform());
    const before = keyCorrelations(chroma);
    for (let copy = 0; copy < 12; copy++) {
      const out = new Float64Array(24);
      expect(turnedChroma.make(chroma, [2], copy, out)).toEqual([(2 + copy) % 12]);
      expect(turnedChroma.make(chroma, [23], copy, out)).toEqual([12 + ((11 + copy) % 12)]);
      expect([...out.slice(12)].sort()).toEqual([...chroma.slice(12)].sort());
      const after = keyCorrelations(out);
      for (let key = 0; key < 12; key++) {
        expect(after[(key + copy) % 12]).toBeCloseTo(before[key], 10);
        expect(after[12 + ((key + copy) % 12)]).toBeCloseTo(before[12 + key], 10);
      }
    }
  });
});

describe("HandFeatures", () => {
  it("hears the tempo of clicks and the key of chords in audio", async () => {
    const features = new HandFeatures(gpu());
    for (const bpm of [between(95, 115), between(120, 145)]) {
      const rate = random.uniform() < 0.5 ? 22050 : 16000;
      const vectors = await features.transform({ sampleRate: rate, channels: [clicks(bpm, rate)] });
      for (const name of handNames) {
        expect(vectors[name].length).toBe(handSizes[name]);
        expect(vectors[name].every(Number.isFinite)).toBe(true);
      }
      const found = tempoOf(vectors.tempogram);
      expect(Math.abs(Math.log2(found / bpm)), `${bpm} BPM, found ${found}`).toBeLessThan(0.05);
    }
    const key = random.integer(24);
    const triads =
      key < 12
        ? [
            [0, 4, 7],
            [5, 9, 0],
            [7, 11, 2],
            [0, 4, 7],
          ]
        : [
            [0, 3, 7],
            [5, 8, 0],
            [7, 11, 2],
            [0, 3, 7],
          ];
    const samples = new Float32Array(8 * 22050);
    for (const [bar, triad] of triads.entries()) {
      for (const note of triad) {
        for (const octave of [48, 60]) {
          const hz = 440 * 2 ** ((octave + (((key % 12) + note) % 12) - 69) / 12);
          for (let i = 0; i < 2 * 22050; i++)
            samples[bar * 2 * 22050 + i] += 0.1 * Math.sin((2 * Math.PI * hz * i) / 22050);
        }
      }
    }
    const { chroma } = await features.transform({ sampleRate: 22050, channels: [samples] });
    const scores = keyCorrelations(chroma);
    expect(scores.indexOf(Math.max(...scores))).toBe(key);
    features.dispose();
  });
});
