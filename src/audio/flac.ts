// Reads a FLAC file's STREAMINFO and judges whether the file's end is there. Decodes no audio. Format: RFC 9639.
import { AudioError } from "./errors.js";
import { endWithoutTags } from "./tags.js";

export interface FlacInfo {
  sampleRate: number;
  channels: number;
  bitsPerSample: number;
  /** Samples of each channel, 0 where the encoder did not know. */
  samples: number;
  /** The stream without tags before and after it. */
  bytes: Uint8Array;
}

/**
 * Read the metadata blocks from `start` ("fLaC") on.
 * @throws AudioError `truncated` where the file ends within them, `damaged` where the first is not a STREAMINFO
 */
export function readFlac(file: Uint8Array, start: number): FlacInfo {
  const bytes = file.subarray(start, Math.max(start, endWithoutTags(file)));
  const cut = () => new AudioError("truncated", "truncated: it ends before its samples begin");
  if (bytes.length < 42) throw cut();
  if ((bytes[4] & 0x7f) !== 0) throw new AudioError("damaged", "damaged: a FLAC file without STREAMINFO");
  const samples =
    (bytes[21] & 15) * 2 ** 32 + ((bytes[22] << 24) | (bytes[23] << 16) | (bytes[24] << 8) | bytes[25]);
  const info: FlacInfo = {
    sampleRate: (bytes[18] << 12) | (bytes[19] << 4) | (bytes[20] >> 4),
    channels: ((bytes[20] >> 1) & 7) + 1,
    bitsPerSample: (((bytes[20] & 1) << 4) | (bytes[21] >> 4)) + 1,
    samples: samples < 0 ? samples + 2 ** 32 : samples,
    bytes,
  };
  for (let at = 4, last = false; !last; ) {
    if (at + 4 > bytes.length) throw cut();
    last = (bytes[at] & 0x80) !== 0;
    at += 4 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
    if (at > bytes.length) throw cut();
  }
  return info;
}

/**
 * Does the stream end with a whole frame? A frame closes with the CRC-16 (polynomial 0x8005) of everything before it, so
 * the CRC over a whole frame is zero. For files that do not state their length.
 */
export function endsWithWholeFrame(bytes: Uint8Array): boolean {
  const earliest = Math.max(42, bytes.length - 65536 * 8 * 4); // no frame is longer: 65535 samples, 8 channels, 32 bits
  for (let at = bytes.length - 9; at >= earliest; at--) {
    if (bytes[at] !== 0xff || (bytes[at + 1] & 0xfe) !== 0xf8) continue;
    let crc = 0;
    for (let i = at; i < bytes.length; i++) {
      crc ^= bytes[i] << 8;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x8005) & 0xffff : crc << 1;
    }
    if (crc === 0) return true;
  }
  return false;
}
