// WAV files whose headers contradict themselves or the file: what is read, by which rule, and what is refused.
import { describe, expect, test } from "vitest";
import { AudioError, decodeAudio, mixDown, toMono } from "../../src/audio/decode.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";
import { chunk, pcm16, type WavFields, wavBytes } from "../support/wav-bytes.js";

const random = new Random(freshSeed("wav"));
const sound = (count: number) => pcm16(count, (below) => random.integer(below));

async function failure(bytes: Uint8Array): Promise<AudioError> {
  const error = await decodeAudio(bytes, { name: "a.wav" }).then(
    (waveform) => new Error(`decoded ${waveform.channels[0].length} samples`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AudioError);
  expect((error as AudioError).message).toMatch(/^a\.wav: .*[^\n]$/);
  return error as AudioError;
}

/** The first channel and the remarks. */
async function read(data: Uint8Array, fields: Partial<WavFields> = {}) {
  const { channels, remarks = [] } = await decodeAudio(wavBytes(data, fields));
  return { samples: [...channels[0]], channels: channels.length, remarks };
}

describe("the width of a sample", () => {
  test("bits decide where the block align contradicts them", async () => {
    for (const channels of [1, 2, 3]) {
      const { bytes, values } = sound(600 * channels);
      const want = values.filter((_, i) => i % channels === 0);
      for (const blockAlign of [0, 1, 2 * channels + 1, 3 * channels, 4 * channels]) {
        const got = await read(bytes, { channels, blockAlign });
        expect(got.samples, `${channels} channels, block align ${blockAlign}`).toEqual(want);
        expect(got.remarks).toEqual([expect.stringMatching(/bytes a frame.*the bits were believed/)]);
      }
      // The byte rate is wrong as well, and the block align cannot be right.
      const got = await read(bytes, { channels, blockAlign: 1, byteRate: 0 });
      expect(got.samples).toEqual(want);
      expect((await read(bytes, { channels })).remarks).toEqual([]);
    }
  });

  test("24 bits that stand in four bytes are the upper three", async () => {
    const ints = Int32Array.from({ length: 500 }, () => (random.integer(2 ** 24) - 2 ** 23) * 256);
    const got = await read(new Uint8Array(ints.buffer), { bits: 24, blockAlign: 4, byteRate: 32000 });
    expect(got.samples).toEqual(Array.from(ints, (each) => each / 2 ** 31));
  });

  test("a header without bits is read by its block align where the byte rate agrees", async () => {
    const { bytes, values } = sound(400);
    const got = await read(bytes, { bits: 0, blockAlign: 2, byteRate: 16000 });
    expect(got.samples).toEqual(values);
    expect(got.remarks).toEqual([expect.stringMatching(/no bits/)]);
  });

  test("what still contradicts itself is refused", async () => {
    const { bytes } = sound(400);
    const wrong: Partial<WavFields>[] = [
      { bits: 0, blockAlign: 0 },
      { bits: 0, blockAlign: 2, byteRate: 1 },
      { bits: 16, blockAlign: 4, byteRate: 32000 },
      { bits: 24, blockAlign: 4, byteRate: 5 },
      { bits: 64 },
      { bits: 40, blockAlign: 5 },
      { tag: 3, bits: 16 },
      { tag: 3, bits: 31, blockAlign: 4, byteRate: 4 },
      { channels: 257 },
      { channels: 65535, blockAlign: 65535 },
      { sampleRate: 0 },
      { sampleRate: 1 },
      { sampleRate: 4294967295, byteRate: 1 },
    ];
    for (const fields of wrong) {
      const error = await failure(wavBytes(bytes, fields));
      expect([error.kind, fields], error.message).toEqual(["damaged", fields]);
    }
  });
});

describe("a length that was not known when the header was written", () => {
  const { bytes, values } = sound(3000);
  const remark = (text: string) => [expect.stringContaining(`${text}; read to the end of the file`)];

  test("data of no bytes in front of samples", async () => {
    for (const riffSize of [0, 36, 4088, 0xffffffff]) {
      const got = await read(bytes, { dataSize: 0, riffSize });
      expect(got.samples, `RIFF ${riffSize}`).toEqual(values);
      expect(got.remarks).toEqual(remark("does not say how long it is"));
    }
    const wide = { dataSize: 0, riffSize: 4088, before: chunk("FLLR", new Uint8Array(4044)) };
    expect((await read(bytes, wide)).samples).toEqual(values);
  });

  test("data of no bytes in front of other chunks is a file without samples", async () => {
    const after = Buffer.concat([chunk("LIST", Buffer.from("INFOISFT")), chunk("id3 ", new Uint8Array(20))]);
    expect((await failure(wavBytes(new Uint8Array(0), { after }))).kind).toBe("no-samples");
  });

  test("sizes that stand for an unknown one", async () => {
    for (const dataSize of [0xffffffff, 0x7ffff000, 2_000_000_000, 0x80000000, 0xffffffdb, 0x7fffffff]) {
      for (const riffSize of [dataSize, 36, Math.min(0xffffffff, dataSize + 36)]) {
        const got = await read(bytes, { dataSize, riffSize });
        expect(got.samples, `data ${dataSize}, RIFF ${riffSize}`).toEqual(values);
        expect(got.remarks).toEqual(remark("does not say how long it is"));
      }
    }
  });

  test("a ds64 of zeros", async () => {
    for (const dataSize of [0xffffffff, 0]) {
      const before = chunk("ds64", new Uint8Array(28));
      const got = await read(bytes, { form: "RF64", riffSize: 0xffffffff, dataSize, before });
      expect(got.samples).toEqual(values);
      expect(got.remarks).toEqual(remark("does not say how long it is"));
    }
    const lengths = Buffer.alloc(28);
    lengths.writeUInt32LE(bytes.length, 8);
    const known = { form: "RF64", riffSize: 0xffffffff, dataSize: 0xffffffff } as const;
    expect(await read(bytes, { ...known, before: chunk("ds64", lengths) })).toMatchObject({
      samples: values,
      remarks: [],
    });
    lengths.writeUInt32LE(bytes.length + 1000, 8);
    expect((await failure(wavBytes(bytes, { ...known, before: chunk("ds64", lengths) }))).kind).toBe(
      "truncated",
    );
  });

  test("a header that counts itself among the samples", async () => {
    for (const more of [16, 44]) {
      for (const riffSize of [undefined, bytes.length + 36 + more]) {
        const got = await read(bytes, { dataSize: bytes.length + more, riffSize });
        expect(got.samples, `${more} too many`).toEqual(values);
        expect(got.remarks).toEqual(remark(`${more} bytes of samples more than there are`));
      }
    }
  });

  test("a file that was cut is still one that was cut", async () => {
    const whole = wavBytes(bytes);
    for (const cut of [1, 2, 9, 100, 2999]) {
      expect((await failure(whole.subarray(0, whole.length - cut))).kind).toBe("truncated");
    }
  });
});

describe("chunks", () => {
  test("an odd chunk is followed by a pad byte, or by none", async () => {
    const { bytes, values } = sound(500);
    for (const name of ["LIST", "JUNK", "bext", "xyz9"]) {
      for (const length of [1, 7, 100, 101]) {
        const odd = chunk(
          name,
          Uint8Array.from({ length }, () => random.integer(256)),
        );
        for (const padding of length % 2 === 0 ? [[]] : [[], [0], [0x20], [0x41]]) {
          const before = Buffer.concat([odd, Buffer.from(padding)]);
          const got = await read(bytes, { before });
          expect(got.samples, `${name} of ${length}, ${padding.length} pad bytes`).toEqual(values);
        }
      }
    }
  });
});

describe("levels", () => {
  const floats = (values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const float = { tag: 3, bits: 32 } as const;

  test("floats on the scale of integers are divided by that scale", async () => {
    for (const [bits, peak] of [
      [15, 15000],
      [23, 4e6],
      [31, 1e9],
    ]) {
      const values = Array.from({ length: 800 }, () => Math.fround(peak * (2 * random.uniform() - 1)));
      const got = await read(floats(values), float);
      expect(got.samples).toEqual(values.map((each) => each / 2 ** bits));
      expect(got.remarks).toEqual([expect.stringMatching(`divided by ${2 ** bits}`)]);
    }
    // Loud, and one click far beyond full scale: as they are.
    const loud = Array.from({ length: 800 }, (_, i) => (i === 7 ? 600 : Math.fround(0.2 * random.normal())));
    expect((await read(floats(loud), float)).samples).toEqual(loud);
    expect((await failure(wavBytes(floats([1e30, -1e30]), float))).kind).toBe("damaged");
  });

  test("silence is named, also under a constant", async () => {
    for (const value of [0, 1000]) {
      const got = await read(
        new Uint8Array(Int16Array.from({ length: 400 }, (_, i) => value + (i % 2)).buffer),
      );
      expect(got.remarks).toEqual([expect.stringMatching(/^silent: /)]);
    }
    expect((await read(sound(400).bytes)).remarks).toEqual([]);
  });

  test("channels that cancel are not mixed to silence", () => {
    const sampleRate = 8000;
    const left = Float32Array.from({ length: 900 }, () => random.normal());
    const opposite = left.map((each) => -1.001 * each);
    const mixed = mixDown({ sampleRate, channels: [left, opposite] });
    expect(mixed.channels).toEqual([opposite]); // the louder
    expect(mixed.remarks).toEqual([expect.stringMatching(/cancel each other/)]);
    expect(toMono({ sampleRate, channels: [left, opposite] })).toBe(opposite);
    // One channel among silent ones, and independent channels, are mixed as ever.
    const silent = new Float32Array(900);
    const other = Float32Array.from({ length: 900 }, () => random.normal());
    for (const channels of [
      [left, silent],
      [left, silent, silent, silent, silent, silent, silent, silent],
      [left, other],
      [silent, silent],
    ]) {
      const { channels: one, remarks } = mixDown({ sampleRate, channels });
      expect(remarks).toBeUndefined();
      const mean = left.map((_, i) => channels.reduce((sum, each) => sum + each[i], 0) / channels.length);
      for (const [i, value] of one[0].entries()) expect(Math.abs(value - mean[i])).toBeLessThan(1e-6);
    }
  });
});
