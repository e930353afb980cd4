// Reads Sun/NeXT audio (.au, .snd), the form in which older archives of GTZAN come: linear PCM of 8 to 32 bits, floats, and
// 8-bit mu-law. A-law and ADPCM are not read. Format: the header of Sun's audio files, six big-endian words and a comment;
// mu-law after ITU-T G.711.
import { AudioError } from "./errors.js";
import { unsupported } from "./formats.js";
import type { Waveform } from "./types.js";

/** The data size that writers leave who never learnt the length. */
const unknownSize = 0xffffffff;

interface Encoding {
  /** Bytes of one sample. */
  bytes: number;
  read(view: DataView, at: number): number;
}

/** By the header's number. Integers of b bits are divided by 2^(b-1), as in wav.ts. */
const encodings: Readonly<Record<number, Encoding>> = {
  1: { bytes: 1, read: (view, at) => muLaw(view.getUint8(at)) },
  2: { bytes: 1, read: (view, at) => view.getInt8(at) / 128 },
  3: { bytes: 2, read: (view, at) => view.getInt16(at) / 32768 },
  4: { bytes: 3, read: (view, at) => (view.getInt16(at) * 256 + view.getUint8(at + 2)) / 8388608 },
  5: { bytes: 4, read: (view, at) => view.getInt32(at) / 2147483648 },
  6: { bytes: 4, read: (view, at) => view.getFloat32(at) },
  7: { bytes: 8, read: (view, at) => view.getFloat64(at) },
};

/**
 * Decode a Sun/NeXT file. A header that states more bytes than the file holds is an error, save where it states no length.
 * @throws AudioError `truncated`, `damaged` or `unsupported`
 */
export function decodeAu(bytes: Uint8Array): Waveform {
  if (bytes.length < 24) throw new AudioError("truncated", "truncated: it ends in the .au header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, stated, code, sampleRate, count] = [4, 8, 12, 16, 20].map((at) => view.getUint32(at));
  const encoding = encodings[code];
  if (!encoding) throw unsupported(`Sun audio with encoding ${code}`);
  if (start < 24 || count === 0 || count > 64 || sampleRate === 0) {
    const what = `${count} channels, ${sampleRate} Hz, samples from byte ${start}`;
    throw new AudioError("damaged", `damaged: its .au header makes no sense (${what})`);
  }
  const there = Math.max(0, bytes.length - start);
  if (stated !== unknownSize && stated > there) {
    throw new AudioError("truncated", `truncated: ${there} of the ${stated} bytes of its samples are there`);
  }
  const stride = encoding.bytes * count;
  const frames = Math.floor((stated === unknownSize ? there : stated) / stride);
  const channels = Array.from({ length: count }, (_, c) => {
    const out = new Float32Array(frames);
    for (let i = 0, at = start + c * encoding.bytes; i < frames; i++, at += stride)
      out[i] = encoding.read(view, at);
    return out;
  });
  return { sampleRate, channels };
}

/** 14 bits on a scale of 8192: a sign, three bits of exponent and four of mantissa, all inverted. */
function muLaw(byte: number): number {
  const code = ~byte & 0xff;
  const exponent = (code >> 4) & 7;
  const magnitude = (((code & 15) * 2 + 33) << exponent) - 33;
  return (code & 0x80 ? -magnitude : magnitude) / 8192;
}
