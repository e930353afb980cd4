// Reads RIFF/WAVE (and RF64/BW64, its form for more than 4 GB): integer PCM of 8, 16, 24 and 32 bits, float of 32 and 64,
// plain or WAVE_FORMAT_EXTENSIBLE. Compressed codecs in a WAV (ADPCM, A-law, MP3) are not read.
// Format: IBM/Microsoft "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 for RF64.
import { startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import { unsupported } from "./formats.js";
import type { Waveform } from "./types.js";

/** Sizes that writers to a pipe leave in the header, because they never learn the length. */
const unknownSizes = new Set([0xffffffff, 0x7ffff000]);

/**
 * Decode a WAV file. Integers of b bits are divided by 2^(b-1), so that full scale is [-1, 1).
 * A `data` chunk that states more bytes than the file holds is an error, save where the header says that the length was
 * not known when it was written.
 * @throws AudioError `truncated`, `damaged`, `unsupported` or `no-samples`
 */
export function decodeWav(bytes: Uint8Array): Waveform {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const riffSize = bytes.length >= 8 ? view.getUint32(4, true) : 0;
  let format: WavFormat | undefined;
  let longDataSize: number | undefined;
  let offset = 12;
  while (offset + 8 <= bytes.length) {
    const size = view.getUint32(offset + 4, true);
    const body = offset + 8;
    if (startsWith(bytes, offset, "data")) {
      if (!format) throw new AudioError("damaged", "damaged: a WAV without a fmt chunk before its data");
      let stated = size === 0xffffffff && longDataSize !== undefined ? longDataSize : size;
      const there = bytes.length - body;
      const open =
        (longDataSize === undefined && unknownSizes.has(size)) ||
        (size === 0 && (riffSize === 0 || riffSize === 0xffffffff));
      if (open) stated = there;
      if (stated > there) {
        throw new AudioError(
          "truncated",
          `truncated: ${there} of the ${stated} bytes of its samples are there`,
        );
      }
      return samples(view, body, Math.floor(stated / (format.bytes * format.channels)), format);
    }
    if (body + size > bytes.length) break;
    if (startsWith(bytes, offset, "fmt ")) format = readFormat(view, body, size);
    if (startsWith(bytes, offset, "ds64") && size >= 16) {
      longDataSize = view.getUint32(body + 8, true) + view.getUint32(body + 12, true) * 2 ** 32;
    }
    offset = body + size + (size & 1);
  }
  throw new AudioError("truncated", "truncated: it ends before its samples begin");
}

interface WavFormat {
  float: boolean;
  /** Bytes of one sample of one channel. */
  bytes: number;
  channels: number;
  sampleRate: number;
}

function readFormat(view: DataView, at: number, size: number): WavFormat {
  if (size < 16) throw new AudioError("damaged", "damaged: its fmt chunk is too short");
  let tag = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const blockAlign = view.getUint16(at + 12, true);
  // The extensible form keeps the real tag in the first bytes of a GUID.
  if (tag === 0xfffe && size >= 40) tag = view.getUint16(at + 24, true);
  if (tag !== 1 && tag !== 3) throw unsupported(`WAV with codec 0x${tag.toString(16).padStart(4, "0")}`);
  const bytes = blockAlign / channels;
  const float = tag === 3;
  if (channels === 0 || sampleRate === 0 || !(float ? [4, 8] : [1, 2, 3, 4]).includes(bytes)) {
    const what = `${channels} channels, ${sampleRate} Hz, ${blockAlign} bytes a frame`;
    throw new AudioError("damaged", `damaged: its fmt chunk makes no sense (${what})`);
  }
  return { float, bytes, channels, sampleRate };
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
