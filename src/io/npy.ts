// NumPy's .npy format, versions 1 to 3: a magic string, a Python dictionary in text (type, order, shape), then the
// elements, row-major and little-endian. Reader and writer on plain arrays; no files.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { DataError } from "../gpu/errors.js";
import { type TypedArrayType, typedElements } from "./typed.js";

const types = {
  "<f4": Float32Array,
  "<f8": Float64Array,
  "<i4": Int32Array,
  "<i2": Int16Array,
  "<i8": BigInt64Array,
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "|b1": Uint8Array,
} as const;

/** The typed arrays that a .npy file can hold. */
export type NpyArray = InstanceType<(typeof types)[keyof typeof types]>;

/** An array of a .npy file. */
export interface NpyFile {
  /** Lengths of the axes. */
  shape: readonly number[];
  /** Row-major elements; may share memory with the bytes that were read. */
  data: NpyArray;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** Reads a .npy file. Throws DataError where the bytes are not one, or of a type or order that is not supported. */
export function readNpy(bytes: Uint8Array): NpyFile {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new DataError("This is not a .npy file: it does not begin with the magic string.");
  }
  if (bytes[6] < 1 || bytes[6] > 3) {
    throw new DataError(`This .npy file is of version ${bytes[6]}; versions 1 to 3 are read.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const begin = start + length;
  if (begin > bytes.length) throw new DataError("This .npy file was cut within its header.");
  const header = new TextDecoder().decode(bytes.subarray(start, begin));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1] ?? "";
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (!Object.hasOwn(types, descr)) {
    throw new DataError(
      `.npy: elements of type '${descr}' cannot be read; save them as one of ${Object.keys(types).join(", ")}.`,
    );
  }
  if (order !== "False") {
    throw new DataError(".npy: save the array in C order (numpy.ascontiguousarray).");
  }
  if (tuple === undefined) throw new DataError("This .npy file's header names no shape.");
  const shape = (tuple.match(/\d+/g) ?? []).map(Number);
  const type: TypedArrayType<NpyArray> = types[descr as keyof typeof types];
  const count = shape.reduce((product, n) => product * n, 1);
  const end = begin + count * type.BYTES_PER_ELEMENT;
  if (end !== bytes.length) {
    throw new DataError(
      `This .npy file of shape [${shape.join(", ")}] is ${bytes.length} bytes long but should be ${end}.`,
    );
  }
  return { shape, data: typedElements(type, bytes, begin, end) };
}

/** The bytes of a version 1 .npy file. */
export function writeNpy({ shape, data }: NpyFile): Uint8Array<ArrayBuffer> {
  const descr = (Object.keys(types) as (keyof typeof types)[]).find((key) => data instanceof types[key]);
  const count = shape.reduce((product, n) => product * n, 1);
  if (descr === undefined || count !== data.length) {
    throw new DataError(`.npy: ${data.length} elements do not fill the shape [${shape.join(", ")}].`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const begin = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(begin + data.byteLength);
  bytes.set(magic);
  bytes.set([1, 0], 6);
  new DataView(bytes.buffer).setUint16(8, begin - 10, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(begin - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), begin);
  return bytes;
}
