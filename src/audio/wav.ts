// Reads RIFF/WAVE (and RF64/BW64, its form for more than 4 GB): integer PCM of 8, 16, 24 and 32 bits, float of 32 and 64,
// plain or WAVE_FORMAT_EXTENSIBLE. Compressed codecs in a WAV (ADPCM, A-law, MP3) are not read. Where one sample ends and the
// next begins is wav-format.ts's.
// Format: IBM/Microsoft "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 for RF64.
import { startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import type { Waveform } from "./types.js";
import { readWavFormat, type WavFormat } from "./wav-format.js";

/** Sizes that writers to a pipe leave in the header, because they never learn the length; also from 2 GB on, see below. */
const unknownSizes = new Set([0xffffffff, 0x7ffff000]);

/** A data chunk that states this much and has it not was never given its length: such files are refused by their size. */
const placeholderBytes = 2e9;

/** Bytes of a header, or of a part of one, that writers count among the samples. */
const headerParts = new Set([8, 16, 24, 36, 44]);

/** Chunks that stand in a WAV; the names that tell a missing pad byte from a damaged chunk. */
const chunkNames = new Set(
  "fmt |data|LIST|fact|JUNK|junk|bext|ds64|cue |smpl|inst|PEAK|id3 |ID3 |iXML|PAD |FLLR|levl|_PMX|axml|chna|cart|acid|strc|plst|note|labl|ltxt|wavl|slnt|DISP|minf|elm1|regn|umid|afsp|r64m|LGWV|SAUR|MD5 ".split(
    "|",
  ),
);

/**
 * Decode a WAV file. Integers of b bits are divided by 2^(b-1), so that full scale is [-1, 1).
 *
 * A `data` chunk that states more bytes than the file holds is an error, save where the header gives away that the length was
 * not known when it was written, or that the header was counted among the samples: then the file is read to its end, and a
 * remark says so.
 * @throws AudioError `truncated`, `damaged`, `unsupported` or `no-samples`
 */
export function decodeWav(bytes: Uint8Array): Waveform {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const remarks: string[] = [];
  let format: WavFormat | undefined;
  let longDataSize: number | undefined;
  let offset = 12;
  while (offset + 8 <= bytes.length) {
    const size = view.getUint32(offset + 4, true);
    const body = offset + 8;
    if (startsWith(bytes, offset, "data")) {
      if (!format) throw new AudioError("damaged", "damaged: a WAV without a fmt chunk before its data");
      const stated = size === 0xffffffff ? (longDataSize ?? size) : size;
      const length = dataLength(bytes, view, body, stated, longDataSize !== undefined, remarks);
      if (format.remark) remarks.push(format.remark);
      const waveform = samples(view, body, Math.floor(length / (format.bytes * format.channels)), format);
      return remarks.length > 0 ? { ...waveform, remarks } : waveform;
    }
    if (body + size > bytes.length) break;
    if (startsWith(bytes, offset, "fmt ")) format = readWavFormat(view, body, size);
    if (startsWith(bytes, offset, "ds64") && size >= 16) {
      longDataSize = view.getUint32(body + 8, true) + view.getUint32(body + 12, true) * 2 ** 32;
    }
    offset = body + size + pad(bytes, body + size, size);
  }
  throw new AudioError("truncated", "truncated: it ends before its samples begin");
}

/** How many bytes from `body` on are samples. */
function dataLength(
  bytes: Uint8Array,
  view: DataView,
  body: number,
  stated: number,
  isLong: boolean,
  remarks: string[],
): number {
  const there = bytes.length - body;
  const toTheEnd = (why: string) => {
    remarks.push(`${why}; read to the end of the file`);
    return there;
  };
  const unknown = "its header does not say how long it is";
  if (stated === 0 && there > 0 && !isChunks(bytes, view, body)) return toTheEnd(unknown);
  if (stated <= there) return stated;
  if (!isLong && (unknownSizes.has(stated) || stated >= placeholderBytes)) return toTheEnd(unknown);
  const excess = stated - there;
  const isWhole = excess >= 8 && view.getUint32(4, true) + 8 === bytes.length; // by the RIFF header
  if (isWhole || headerParts.has(excess) || excess === body) {
    return toTheEnd(`its header states ${excess} bytes of samples more than there are`);
  }
  throw new AudioError("truncated", `truncated: ${there} of the ${stated} bytes of its samples are there`);
}

/** Do chunks with names and sizes that make sense fill the file from `at` on, so that what stands there is no sound? */
function isChunks(bytes: Uint8Array, view: DataView, at: number): boolean {
  let offset = at;
  while (offset + 8 <= bytes.length) {
    if (!isName(bytes, offset)) return false;
    const size = view.getUint32(offset + 4, true);
    offset += 8 + size + (size & 1);
  }
  return offset === bytes.length || offset === bytes.length + 1;
}

/** Is a byte of padding after an odd chunk that ends at `end`? Some writers leave it out. */
function pad(bytes: Uint8Array, end: number, size: number): number {
  if ((size & 1) === 0) return 0;
  if (isKnown(bytes, end + 1)) return 1;
  return isKnown(bytes, end) || (isName(bytes, end) && !isName(bytes, end + 1)) ? 0 : 1;
}

function isKnown(bytes: Uint8Array, at: number): boolean {
  return at + 4 <= bytes.length && chunkNames.has(String.fromCharCode(...bytes.subarray(at, at + 4)));
}

/** Four printable characters. */
function isName(bytes: Uint8Array, at: number): boolean {
  return at + 4 <= bytes.length && bytes.subarray(at, at + 4).every((byte) => byte >= 0x20 && byte < 0x7f);
}

function samples(view: DataView, at: number, frames: number, format: WavFormat): Waveform {
  const { bytes, float, sampleRate } = format;
  const read = reader(view, bytes, float);
  const stride = bytes * format.channels;
  const channels = Array.from({ length: format.channels }, (_, c) => {
    const out = new Float32Array(frames);
    for (let i = 0, p = at + c * bytes; i < frames; i++, p += stride) out[i] = read(p);
    return out;
  });
  return { sampleRate, channels };
}

function reader(view: DataView, bytes: number, float: boolean): (at: number) => number {
  if (float) return bytes === 8 ? (at) => view.getFloat64(at, true) : (at) => view.getFloat32(at, true);
  if (bytes === 1) return (at) => (view.getUint8(at) - 128) / 128; // the one unsigned width
  if (bytes === 2) return (at) => view.getInt16(at, true) / 32768;
  if (bytes === 3) return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 8388608;
  return (at) => view.getInt32(at, true) / 2147483648;
}
