// Sun/NeXT audio: every encoding that is read against the values written, and what is refused.
import { describe, expect, it } from "vitest";
import { decodeAu } from "../../src/audio/au.js";
import { decodeAudio } from "../../src/audio/decode.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

interface Layout {
  encoding: number;
  width: number;
  write(view: DataView, at: number, value: number): void;
}

const layouts: Layout[] = [
  { encoding: 2, width: 1, write: (v, at, x) => v.setInt8(at, x * 128) },
  { encoding: 3, width: 2, write: (v, at, x) => v.setInt16(at, x * 32768) },
  {
    encoding: 4,
    width: 3,
    write(v, at, x) {
      const whole = Math.floor(x * 8388608);
      v.setInt16(at, whole >> 8);
      v.setUint8(at + 2, whole & 255);
    },
  },
  { encoding: 5, width: 4, write: (v, at, x) => v.setInt32(at, x * 2147483648) },
  { encoding: 6, width: 4, write: (v, at, x) => v.setFloat32(at, x) },
  { encoding: 7, width: 8, write: (v, at, x) => v.setFloat64(at, x) },
];

function auFile(channels: Float32Array[], { encoding, width, write }: Layout, stated?: number): Uint8Array {
  const frames = channels[0].length;
  const size = frames * channels.length * width;
  const bytes = new Uint8Array(32 + size); // a comment of 8 bytes
  const view = new DataView(bytes.buffer);
  [0x2e736e64, 32, stated ?? size, encoding, 22050, channels.length].forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  for (let i = 0; i < frames; i++)
    for (const [c, channel] of channels.entries())
      write(view, 32 + (i * channels.length + c) * width, channel[i]);
  return bytes;
}

describe("decodeAu", () => {
  it.each(layouts)("reads encoding $encoding, with and without a stated length", async (layout) => {
    const random = new Random(freshSeed(`au ${layout.encoding}`));
    const channels = [0, 1].map(() => Float32Array.from({ length: 37 }, () => random.uniform() * 1.9 - 0.95));
    for (const stated of [undefined, 0xffffffff]) {
      const { sampleRate, channels: read } = await decodeAudio(auFile(channels, layout, stated));
      expect(sampleRate).toBe(22050);
      expect(read).toHaveLength(2);
      const step = 2 / 2 ** Math.min(24, 8 * layout.width);
      for (const [c, channel] of channels.entries())
        channel.forEach((value, i) => {
          expect(Math.abs(read[c][i] - value)).toBeLessThanOrEqual(step);
        });
    }
  });

  it("reads mu-law by the table of G.711", () => {
    const codes = [0x00, 0x0f, 0x7f, 0x80, 0x8f, 0xe7, 0xff];
    // Decoder output values of the recommendation's tables, on its scale of 8159, for the ends and steps of segments.
    const values = [-8031, -4191, 0, 8031, 4191, 65, 0];
    const bytes = new Uint8Array(24 + codes.length);
    const view = new DataView(bytes.buffer);
    [0x2e736e64, 24, codes.length, 1, 8000, 1].forEach((word, i) => {
      view.setUint32(4 * i, word);
    });
    bytes.set(codes, 24);
    const [samples] = decodeAu(bytes).channels;
    expect(Array.from(samples, (x) => Math.round(x * 8192) + 0)).toEqual(values);
  });

  it("refuses what is cut, senseless or of another encoding", async () => {
    const whole = auFile([new Float32Array(10)], layouts[1]);
    await expect(decodeAudio(whole.slice(0, 40), { name: "a.au" })).rejects.toThrow(/a\.au: truncated: 8 of/);
    await expect(decodeAudio(whole.slice(0, 20))).rejects.toThrow(/truncated/);
    const strange = whole.slice();
    strange[15] = 27;
    await expect(decodeAudio(strange)).rejects.toThrow(/encoding 27/);
    const silent = whole.slice();
    silent[19] = silent[18] = 0;
    await expect(decodeAudio(silent)).rejects.toThrow(/makes no sense/);
  });
});
