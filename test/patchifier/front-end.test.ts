// The log-mel of a whole recording: in pieces it must equal one centred transform of the whole signal, whatever the rate.
import { describe, expect, it } from "vitest";
import { LogMel } from "../../src/audio/log-mel.js";
import { resample } from "../../src/audio/resample.js";
import { DataError } from "../../src/gpu/errors.js";
import { preset } from "../../src/patchifier/config.js";
import { FrontEnd } from "../../src/patchifier/front-end.js";
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

  it("refuses a recording that is too short to be mirrored, whatever its rate", async () => {
    const own = new FrontEnd(gpu(), frontEnd);
    const of = (samples: number, sampleRate: number) =>
      own.transform({ sampleRate, channels: [new Float32Array(samples)] });
    await expect(of(512, 16000)).rejects.toThrow(DataError);
    await expect(of(512, 16000)).rejects.toThrow("512 samples at 16000 Hz are too few: at least 513");
    await expect(of(705, 22050)).rejects.toThrow(DataError);
    expect((await of(513, 16000)).frames).toBe(2);
    expect((await of(707, 22050)).frames).toBe(2);
    own.dispose();
  });
});
