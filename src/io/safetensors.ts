// The safetensors format: an 8-byte little-endian header length, a JSON header (name → dtype, shape, byte range), then
// the tensors' bytes, row-major and little-endian. Reader and writer on plain arrays; nothing of files or of the GPU.
// Format: https://github.com/huggingface/safetensors (README, "Format").
import { DataError } from "../gpu/errors.js";
import { fromHalf } from "../tensor/half.js";
import { type TypedArrayType, typedElements } from "./typed.js";

const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  /** The raw 16 bits; `toFloat32` decodes them, `toHalf` makes them. */
  F16: Uint16Array,
  BF16: Uint16Array,
} as const;

/** Element types of the format, by its names: F32, F16, I64 and so on. */
export type SafetensorsDType = keyof typeof arrays;
/** The typed array of an element type. */
export type SafetensorsArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** A tensor of a safetensors file, on the CPU. */
export interface SafeTensor {
  /** Type of the elements. */
  dtype: SafetensorsDType;
  /** Lengths of the axes. */
  shape: readonly number[];
  /** Row-major elements; may share memory with the bytes that were read. */
  data: SafetensorsArray;
}

const headerLimit = 100_000_000;

/** Every tensor of a safetensors file, in the header's order. Throws DataError where the bytes are not such a file. */
export function readSafetensors(bytes: Uint8Array): Map<string, SafeTensor> {
  return parseSafetensors(bytes).tensors;
}

/** The tensors with the free text under `__metadata__`. */
export function parseSafetensors(bytes: Uint8Array): {
  tensors: Map<string, SafeTensor>;
  metadata: Record<string, string>;
} {
  const { header, start } = readHeader(bytes);
  const tensors = new Map<string, SafeTensor>();
  let metadata: Record<string, string> = {};
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      metadata = readMetadata(value);
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, value);
    if (start + end > bytes.byteLength) {
      throw damaged(`tensor '${name}' ends at byte ${start + end} of ${bytes.byteLength}: the file was cut`);
    }
    ranges.push({ name, begin, end });
    const type: TypedArrayType<SafetensorsArray> = arrays[dtype];
    tensors.set(name, { dtype, shape, data: typedElements(type, bytes, start + begin, start + end) });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of ranges) {
    if (begin < position) throw damaged(`tensor '${name}' overlaps the one before it`);
    if (begin > position) throw damaged(`bytes ${position} to ${begin} belong to no tensor`);
    position = end;
  }
  if (start + position !== bytes.byteLength) {
    throw damaged(`${bytes.byteLength - start - position} bytes follow the last tensor`);
  }
  return { tensors, metadata };
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.byteLength < 8) throw damaged(`it holds ${bytes.byteLength} bytes`);
  const other = otherFormat(bytes);
  if (other) {
    throw new DataError(
      `This is not safetensors but ${other}: convert it there, safetensors.torch.save_file(torch.load(FILE), OUT).`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > headerLimit) throw damaged(`its header would be ${length} bytes long`);
  const start = 8 + length;
  if (start > bytes.byteLength) {
    throw damaged(`its header ends at byte ${start} of ${bytes.byteLength}: the file was cut`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch {
    throw damaged("its header is not JSON");
  }
  if (!isRecord(header)) throw damaged("its header is not an object");
  return { header, start };
}

/** What else people have weights in; undefined where the bytes look like none of it. */
function otherFormat(bytes: Uint8Array): string | undefined {
  if (bytes[8] === 0x7b) return undefined; // a header's length, whatever it spells: an object follows it
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3) return "a ZIP archive, as torch.save writes";
  return bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5 ? "a pickle of Python" : undefined;
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw damaged("its __metadata__ is not an object");
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw damaged(`its __metadata__ '${key}' is not text`);
    metadata[key] = text;
  }
  return metadata;
}

function readEntry(
  name: string,
  value: unknown,
): { dtype: SafetensorsDType; shape: number[]; begin: number; end: number } {
  if (!isRecord(value)) throw damaged(`tensor '${name}' has no description`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(arrays, dtype)) {
    throw new DataError(
      `safetensors: tensor '${name}' has the type ${JSON.stringify(dtype)}; readable are ${Object.keys(arrays).join(", ")}.`,
    );
  }
  if (!isCounts(shape)) throw damaged(`tensor '${name}' has no usable shape`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw damaged(`tensor '${name}' has no usable byte range`);
  }
  const known = dtype as SafetensorsDType;
  const bytes = shape.reduce((product, n) => product * n, arrays[known].BYTES_PER_ELEMENT);
  if (offsets[1] - offsets[0] !== bytes) {
    throw damaged(
      `tensor '${name}' of shape [${shape.join(", ")}] needs ${bytes} bytes but has ${offsets[1] - offsets[0]}`,
    );
  }
  return { dtype: known, shape, begin: offsets[0], end: offsets[1] };
}

/**
 * The bytes of a safetensors file. Tensors are laid out from the widest type to the narrowest, else in the given order,
 * and the data start at a multiple of 8, so that every tensor can be viewed in place. Equal input gives equal bytes.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, SafeTensor]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries = [...tensors];
  entries.sort((a, b) => b[1].data.BYTES_PER_ELEMENT - a[1].data.BYTES_PER_ELEMENT);
  const header: Record<string, unknown> = Object.create(null);
  if (metadata) header.__metadata__ = metadata;
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const count = shape.reduce((product, n) => product * n, 1);
    if (!(data instanceof arrays[dtype]) || data.length !== count) {
      throw new DataError(
        `safetensors: tensor '${name}' of type ${dtype} and shape [${shape.join(", ")}] was given ${data.length} elements in a ${data.constructor.name}.`,
      );
    }
    if (name === "__metadata__" || name in header) {
      throw new DataError(`safetensors: two tensors, or a tensor and the metadata, are called '${name}'.`);
    }
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** Whether an entry holds real numbers, whatever their width, and not integers. */
export function isFloating({ dtype }: SafeTensor): boolean {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64";
}

/** The values of an entry as float32, whatever its type; shares memory where it is float32 already. */
export function toFloat32({ dtype, data }: SafeTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  if (dtype === "BF16") {
    return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer);
  }
  if (dtype === "F16") return fromHalf(data as Uint16Array);
  return Float32Array.from(data as Exclude<SafetensorsArray, BigInt64Array>);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function damaged(what: string): DataError {
  return new DataError(`This is not a whole safetensors file: ${what}.`);
}
