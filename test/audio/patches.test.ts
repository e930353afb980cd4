// Patches against their definition, index by index, and back.
import { describe, expect, test } from "vitest";
import { patchify, patchLayout, unpatchify } from "../../src/audio/patches.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("audio/patches");

describe("patchify", () => {
  for (const [clips, mels, frames, patchMels, patchFrames] of [
    [3, 128, 93, 16, 16],
    [1, 128, 37, 128, 2],
    [2, 6, 11, 3, 5],
    [1, 1, 1, 1, 1],
  ]) {
    test(`${clips} × ${mels} × ${frames} in patches of ${patchMels} × ${patchFrames}`, async () => {
      gpu().seed(seed);
      const [mean, std] = [-1.25, 0.75];
      const options = { patchMels, patchFrames, mean, std };
      const source = gpu().randn([clips, mels, frames]);
      const x = await source.data();
      const { bands, columns, tokens, patchSize } = patchLayout(mels, frames, options);
      const patches = patchify(source, options);
      expect(patches.shape).toEqual([clips, tokens, patchSize]);
      const y = await patches.data();
      const back = await unpatchify(patches, mels, frames, options).data();
      let worst = 0;
      for (let b = 0; b < clips; b++) {
        for (let m = 0; m < mels; m++) {
          for (let t = 0; t < frames; t++) {
            const value = x[(b * mels + m) * frames + t];
            const returned = back[(b * mels + m) * frames + t];
            const column = Math.floor(t / patchFrames);
            if (column >= columns) {
              expect(returned).toBe(mean);
              continue;
            }
            const token = column * bands + Math.floor(m / patchMels);
            const at = (m % patchMels) * patchFrames + (t % patchFrames);
            const got = y[(b * tokens + token) * patchSize + at];
            const error = Math.max(Math.abs(got - (value - mean) / (2 * std)), Math.abs(returned - value));
            if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
          }
        }
      }
      expect(worst).toBeLessThan(2e-6);
    });
  }

  test("what does not fit is refused", () => {
    const x = gpu().zeros([128, 20]);
    expect(() => patchify(x, { patchMels: 24, patchFrames: 4 })).toThrow(/patchMels that does/);
    expect(() => patchify(x, { patchMels: 16, patchFrames: 21 })).toThrow(/longer audio/);
    expect(() => patchify(x, { patchMels: 16, patchFrames: 4, std: 0 })).toThrow(/positive/);
    expect(() => unpatchify(x, 128, 20, { patchMels: 16, patchFrames: 4 })).toThrow(/Patches of 128/);
  });
});
