// The log-mel of a whole recording: in pieces it must equal one centred transform of the whole signal, whatever the rate.
import { describe, expect, it } from "vitest";
import { LogMel } from "../../src/audio/log-mel.js";
import { resample } from "../../src/audio/resample.js";
import { DataError } from "../../src/gpu/errors.js";
import { preset } from "../../src/patchifier/config.js";
import { FrontEnd, reflectPad } from "../../src/patchifier/front-end.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("front end");
const { frontEnd } = preset("demo").model;

function noise(samples: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed, samples);
  return Float32Array.from({ length: samples }, () => 0.3 * random.normal());
}

describe("the front end", () => {
  it.each([
    ["of several pieces", 2100 * 512 + 77, 16000],
    ["of one piece", 20 * 512, 16000],
    ["at another rate", 22050 * 3 + 5, 22050],
  ])("equals one centred transform of a recording %s", async (_, samples, sampleRate) => {
    const signal = noise(samples);
    const own = new FrontEnd(gpu(), frontEnd);
    const { frames, values } = await own.transform({ sampleRate, channels: [signal] });
    const whole = gpu().scope(() => {
      const wave = gpu().tensor(signal, [1, samples]);
      const at16k = sampleRate === 16000 ? wave : resample(wave, sampleRate, 16000);
      const { nFft, hopLength, nMels, gain } = frontEnd;
      const logMel = new LogMel(gpu(), {
        sampleRate: 16000,
        nFft,
        hopLength,
        nMels,
        center: true,
        padMode: "reflect",
        log: { kind: "log10", gain },
      });
      return logMel.forward(at16k);
    });
    expect(whole.shape).toEqual([1, frontEnd.nMels, frames]);
    const expected = await whole.data();
    let worst = 0;
    for (let m = 0; m < frontEnd.nMels; m++) {
      for (let f = 0; f < frames; f++) {
        const difference = Math.abs(values[f * frontEnd.nMels + m] - expected[m * frames + f]);
        if (!(difference <= worst)) worst = difference; // a NaN becomes the worst
      }
    }
    expect(worst).toBeLessThan(1e-5);
    whole.dispose();
    own.dispose();
  });

  it("mixes channels down", async () => {
    const [left, right] = [noise(8192), noise(8000 + 192).map((value) => -0.5 * value)];
    const own = new FrontEnd(gpu(), frontEnd);
    const stereo = await own.transform({ sampleRate: 16000, channels: [left, right] });
    const mono = await own.transform({
      sampleRate: 16000,
      channels: [left.map((value, i) => (value + right[i]) / 2)],
    });
    expect(stereo.values).toEqual(mono.values);
    own.dispose();
  });

  it("mirrors the ends and refuses a signal that is too short to be mirrored", () => {
    expect([...reflectPad(Float32Array.of(1, 2, 3, 4), 2)]).toEqual([3, 2, 1, 2, 3, 4, 3, 2]);
    expect(() => reflectPad(new Float32Array(512), 512)).toThrow(DataError);
  });
});
