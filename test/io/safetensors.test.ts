// The safetensors reader and writer: round trips of every type, and every way in which a file can be damaged.
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/gpu/errors.js";
import {
  parseSafetensors,
  readSafetensors,
  type SafeTensor,
  toFloat32,
  writeSafetensors,
} from "../../src/io/safetensors.js";
import { Random } from "../../src/tensor/random.js";
import { everyView } from "../support/byte-views.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("safetensors"));

function entry(dtype: SafeTensor["dtype"], shape: number[]): SafeTensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const bytes = (width: number) => Uint8Array.from({ length: size * width }, () => random.integer(256));
  const data = {
    F64: () => Float64Array.from({ length: size }, () => random.normal()),
    F32: () => Float32Array.from({ length: size }, () => random.normal()),
    I64: () => new BigInt64Array(bytes(8).buffer),
    I32: () => new Int32Array(bytes(4).buffer),
    I16: () => new Int16Array(bytes(2).buffer),
    I8: () => new Int8Array(bytes(1).buffer),
    U8: () => bytes(1),
    BOOL: () => bytes(1),
    F16: () => new Uint16Array(bytes(2).buffer),
    BF16: () => new Uint16Array(bytes(2).buffer),
  }[dtype]();
  return { dtype, shape, data };
}

/** A file with the given header text and data. */
function file(header: string, data = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const one = (range: string, rest = "") =>
  `{"a":{"dtype":"F32","shape":[2],"data_offsets":${range}}${rest ? `,${rest}` : ""}}`;

describe("safetensors", () => {
  it("gives back what was written, of every type, at any offset of its memory", () => {
    const dtypes = ["I8", "F32", "BOOL", "F64", "I64", "I32", "I16", "U8", "F16", "BF16"] as const;
    const tensors = new Map(dtypes.map((dtype, i) => [`é.${dtype}`, entry(dtype, [3, i, 5])]));
    tensors.set("number", entry("F32", []));
    tensors.set("empty", entry("F32", [0, 4]));
    const bytes = writeSafetensors(tensors, { format: "pt", note: "ü" });
    expect((8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))) % 8).toBe(0);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    for (const source of [bytes, shifted.subarray(3)]) {
      const { tensors: read, metadata } = parseSafetensors(source);
      expect(metadata).toEqual({ format: "pt", note: "ü" });
      expect(new Set(read.keys())).toEqual(new Set(tensors.keys()));
      for (const [name, want] of tensors) expect(read.get(name)).toEqual(want);
    }
    expect(writeSafetensors(tensors, { format: "pt", note: "ü" })).toEqual(bytes);
  });

  it("reads the same numbers from every kind of byte array, whatever the header's length and the memory's offset", () => {
    const dtypes = ["F64", "I64", "F32", "I32", "F16", "BF16", "I16", "U8"] as const;
    for (let pad = 0; pad < 8; pad++) {
      const tensors = new Map(dtypes.map((dtype) => [dtype, entry(dtype, [3, 5])]));
      const bytes = writeSafetensors(tensors);
      const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const header = new TextDecoder().decode(bytes.subarray(8, start)).trimEnd();
      const padded = file(header + " ".repeat(pad), bytes.subarray(start));
      for (const { bytes: view, what } of everyView(padded)) {
        const read = readSafetensors(view);
        for (const [name, want] of tensors) expect(read.get(name), `${name}, ${what}, ${pad}`).toEqual(want);
      }
    }
  });

  it("says what weights of PyTorch are and how they become safetensors", () => {
    const zip = Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0, 0, 0);
    expect(() => readSafetensors(zip)).toThrow(/ZIP archive.*safetensors\.torch\.save_file/);
    const pickle = Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20);
    expect(() => readSafetensors(pickle)).toThrow(/pickle.*safetensors\.torch\.save_file/);
  });

  it("reads an empty set and refuses writing what does not fit", () => {
    expect(readSafetensors(writeSafetensors([])).size).toBe(0);
    const short: SafeTensor = { dtype: "F32", shape: [3], data: new Float32Array(2) };
    expect(() => writeSafetensors([["a", short]])).toThrow(DataError);
    const other: SafeTensor = { dtype: "I32", shape: [2], data: new Float32Array(2) };
    expect(() => writeSafetensors([["a", other]])).toThrow(DataError);
    const fine: SafeTensor = { dtype: "F32", shape: [2], data: new Float32Array(2) };
    const twice: [string, SafeTensor][] = [
      ["a", fine],
      ["a", fine],
    ];
    expect(() => writeSafetensors(twice)).toThrow(DataError);
  });

  it("decodes half and bfloat16", () => {
    const half: SafeTensor = {
      dtype: "F16",
      shape: [6],
      data: Uint16Array.of(0x3c00, 0xc000, 0x7bff, 1, 0x7c00, 0x8000),
    };
    expect([...toFloat32(half)]).toEqual([1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, -0]);
    const brain: SafeTensor = { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc040) };
    expect([...toFloat32(brain)]).toEqual([1, -3]);
  });

  it("refuses a file that was cut at any length", () => {
    const whole = writeSafetensors([["a", entry("F32", [2, 3])]]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length)), `${length} bytes`).toThrow(DataError);
    }
  });

  it.each([
    ["a header that is no JSON", file("{")],
    ["a header that is a list", file("[]")],
    ["a header longer than the file", new Uint8Array(8).fill(0xff)],
    ["an unknown type", file('{"a":{"dtype":"F8","shape":[],"data_offsets":[0,1]}}', new Uint8Array(1))],
    ["a negative length", file(one("[0,8]").replace("[2]", "[-2]"), new Uint8Array(8))],
    ["a shape that is not numbers", file(one("[0,8]").replace("[2]", '["2"]'), new Uint8Array(8))],
    ["a range of the wrong size", file(one("[0,4]"), new Uint8Array(4))],
    ["a range that goes backwards", file(one("[8,0]"), new Uint8Array(8))],
    ["a hole before the data", file(one("[4,12]"), new Uint8Array(12))],
    ["bytes after the last tensor", file(one("[0,8]"), new Uint8Array(9))],
    [
      "tensors that overlap",
      file(one("[0,8]", '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}'), new Uint8Array(12)),
    ],
    ["metadata that is not text", file('{"__metadata__":{"step":1}}')],
  ])("refuses %s", (_, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(DataError);
  });
});
