// Random damage to bytes as a list of edits, which a failing case can be shrunk by: fewer edits, smaller numbers, places nearer to the
// beginning. Nothing of any file format; what is fed to whom is readers.ts's.
import fc from "fast-check";

/** A place: bytes from the beginning, where headers are, or a share of the whole. */
type Place = { head: number } | { share: number };

export type Edit =
  | { op: "byte"; at: Place; value: number }
  | { op: "number"; at: Place; width: 1 | 2 | 4 | 8; big: boolean; value: number }
  | { op: "cut"; at: Place }
  | { op: "remove"; at: Place; length: number }
  | { op: "repeat"; at: Place; length: number; times: number }
  | { op: "insert"; at: Place; bytes: Uint8Array }
  | { op: "zeros"; at: Place; length: number }
  | { op: "splice"; at: Place; other: number; from: Place; length: number }
  | { op: "text"; at: Place; text: string };

/** Numbers that readers get wrong; those below 0 are distances from the file's length. */
const numbers = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  16,
  36,
  44,
  127,
  128,
  255,
  256,
  4088,
  32767,
  32768,
  65535,
  65536,
  2_000_000_000,
  0x7fffffff,
  0x80000000,
  0xfffffffe,
  0xffffffff,
  0xffffffdb,
  2 ** 40,
  2 ** 53,
  2 ** 63,
  -1,
  -2,
  -8,
  -44,
];

const words = [
  ..."[]{}(),:;'\"\\/|\t\n\r\0".split(""),
  ...[
    "null",
    "true",
    "-1",
    "1e999",
    "-1e-999",
    "NaN",
    "Infinity",
    "9007199254740993",
    "1e9",
    "4294967295",
    "0.1",
  ],
  ...[
    "../",
    "../../x",
    "/",
    "C:\\",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "length",
    "é",
    "\ufeff",
  ],
  ...[
    "[[[[[[[[[[[[[[[[",
    '{"toString":1}',
    '{"a":{"b":[]}}',
    "\r\n\r\n",
    ",,,,,,,,",
    '""',
    "'shape': (",
    "True",
  ],
  ...[
    "RIFF",
    "data",
    "fmt ",
    "LIST",
    "ds64",
    "RF64",
    "OggS",
    "fLaC",
    "ID3\x04",
    "TAG",
    "APETAGEX",
    "Xing",
    "PK\x01\x02",
    "MThd",
  ],
];

const place: fc.Arbitrary<Place> = fc.oneof(
  fc.record({ head: fc.nat(90) }),
  fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }) }),
);
const length = fc.oneof(fc.nat(16), fc.nat(2000));

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ op: fc.constant("byte" as const), at: place, value: fc.nat(255) }),
  fc.record({
    op: fc.constant("number" as const),
    at: place,
    width: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
    big: fc.boolean(),
    value: fc.oneof(fc.constantFrom(...numbers), fc.nat(70000)),
  }),
  fc.record({ op: fc.constant("cut" as const), at: place }),
  fc.record({ op: fc.constant("remove" as const), at: place, length }),
  fc.record({
    op: fc.constant("repeat" as const),
    at: place,
    length,
    times: fc.integer({ min: 1, max: 20 }),
  }),
  fc.record({ op: fc.constant("insert" as const), at: place, bytes: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({ op: fc.constant("zeros" as const), at: place, length: fc.oneof(fc.nat(9), fc.nat(80_000)) }),
  fc.record({ op: fc.constant("splice" as const), at: place, other: fc.nat(1000), from: place, length }),
  fc.record({ op: fc.constant("text" as const), at: place, text: fc.constantFrom(...words) }),
);

/** Few edits, so that most of a file still means something, and sometimes none. */
export const edits: fc.Arbitrary<Edit[]> = fc.array(edit, { maxLength: 6, size: "max" });

function position(at: Place, size: number): number {
  return "head" in at ? Math.min(at.head, size) : Math.floor(at.share * size);
}

/** The bytes after all edits; `others` is what pieces are taken from. */
export function damaged(bytes: Uint8Array, list: readonly Edit[], others: readonly Uint8Array[]): Uint8Array {
  let current = Buffer.from(bytes);
  const replace = (at: number, removed: number, added: Uint8Array) => {
    current = Buffer.concat([current.subarray(0, at), added, current.subarray(at + removed)]);
  };
  for (const each of list) {
    const at = position(each.at, current.length);
    if (each.op === "byte") {
      if (at < current.length) current[at] = each.value;
    } else if (each.op === "number") writeNumber(current, at, each);
    else if (each.op === "cut") current = Buffer.from(current.subarray(0, at));
    else if (each.op === "remove") replace(at, each.length, new Uint8Array(0));
    else if (each.op === "insert") replace(at, 0, each.bytes);
    else if (each.op === "zeros") replace(at, 0, new Uint8Array(each.length));
    else if (each.op === "text") replace(at, 0, Buffer.from(each.text));
    else if (each.op === "repeat") {
      const piece = Buffer.from(current.subarray(at, at + each.length));
      replace(at, 0, Buffer.concat(Array.from({ length: each.times }, () => piece)));
    } else {
      const other = others[each.other % others.length];
      const from = position(each.from, other.length);
      replace(at, 0, other.subarray(from, from + each.length));
    }
  }
  return Uint8Array.from(current);
}

function writeNumber(
  bytes: Buffer,
  at: number,
  { width, big, value }: Extract<Edit, { op: "number" }>,
): void {
  const whole = value < 0 ? bytes.length + value : value;
  for (let i = 0; i < width; i++) {
    const place = at + (big ? width - 1 - i : i);
    if (place < bytes.length) bytes[place] = Math.floor(whole / 2 ** (8 * i)) % 256;
  }
}
