// The .npy reader and writer: round trips, a header that NumPy wrote, and damaged files.
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/gpu/errors.js";
import { type NpyFile, readNpy, writeNpy } from "../../src/io/npy.js";
import { Random } from "../../src/tensor/random.js";
import { everyView } from "../support/byte-views.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("npy"));

describe("npy", () => {
  it("gives back what was written", () => {
    const files: NpyFile[] = [
      { shape: [3, 5], data: Float32Array.from({ length: 15 }, () => random.normal()) },
      { shape: [7], data: Float64Array.from({ length: 7 }, () => random.normal()) },
      { shape: [], data: Int32Array.of(-5) },
      { shape: [2, 0], data: new Float32Array(0) },
      { shape: [2, 2], data: BigInt64Array.of(1n, -2n, 3n, -4n) },
      { shape: [3], data: Uint8Array.of(0, 128, 255) },
    ];
    for (const file of files) {
      const bytes = writeNpy(file);
      expect((bytes.length - file.data.byteLength) % 64).toBe(0);
      expect(readNpy(bytes)).toEqual(file);
    }
  });

  it("reads the same numbers from every kind of byte array, at every offset of its memory", () => {
    const want: NpyFile = { shape: [4, 9], data: Float64Array.from({ length: 36 }, () => random.normal()) };
    const whole = writeNpy(want);
    // Writers other than NumPy pad the header to no multiple: here it ends at an odd byte.
    const odd = new Uint8Array(whole.length + 3);
    odd.set(whole.subarray(0, 127));
    odd.set([0x20, 0x20, 0x20, 0x0a], 127);
    odd.set(whole.subarray(128), 131);
    new DataView(odd.buffer).setUint16(8, 121, true);
    for (const file of [whole, odd])
      for (const { bytes, what } of everyView(file)) expect(readNpy(bytes), what).toEqual(want);
    expect(() => readNpy(Uint8Array.from(whole, (byte, i) => (i === 6 ? 9 : byte)))).toThrow(/version 9/);
  });

  it("writes the header that NumPy writes", () => {
    const text = new TextDecoder("latin1").decode(writeNpy({ shape: [3], data: new Float32Array(3) }));
    expect(text.slice(0, 10)).toBe("\x93NUMPY\x01\x00v\x00");
    expect(text.slice(10, 128)).toBe(
      `${"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".padEnd(117)}\n`,
    );
  });

  it("refuses what is cut, of another kind, or in Fortran order", () => {
    const whole = writeNpy({ shape: [2, 3], data: new Float32Array(6) });
    for (const length of [0, 9, 60, whole.length - 1]) {
      expect(() => readNpy(whole.subarray(0, length)), `${length} bytes`).toThrow(DataError);
    }
    const edited = (from: string, to: string) => {
      const text = new TextDecoder("latin1").decode(whole).replace(from, to);
      return Uint8Array.from(text, (char) => char.charCodeAt(0));
    };
    expect(() => readNpy(edited("False", "True "))).toThrow(/order/);
    expect(() => readNpy(edited("<f4", "<c8"))).toThrow(/type/);
    expect(() => writeNpy({ shape: [5], data: new Float32Array(6) })).toThrow(DataError);
  });
});
