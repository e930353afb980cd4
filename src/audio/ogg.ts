// Walks the pages of an Ogg file: checks each page's checksum, tells the codecs apart, and splits the file into links (a
// file can hold several streams one after another) with only the audio stream's pages in each. Decodes no audio.
// Formats: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), Vorbis I specification §4.2 and appendix A.
import { join, startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import { unsupported } from "./formats.js";

export type OggCodec = "vorbis" | "opus" | "flac";

/** One logical audio stream. */
export interface OggLink {
  codec: OggCodec;
  /** Its pages, unchanged. */
  bytes: Uint8Array;
  /** Whether its last page is marked as such. */
  ended: boolean;
  /** Factor that an Opus stream asks its samples to be multiplied by; 1 for the other codecs. */
  gain: number;
}

interface Stream {
  codec: OggCodec | undefined;
  what: string;
  serial: number;
  ranges: [from: number, to: number][];
  pages: number;
  ended: boolean;
  gain: number;
}

/**
 * Split an Ogg file into its audio streams.
 *
 * Truncated means: the file ends within a page. A stream without a page marked as its last, as phones write, cannot be told from one
 * that was cut exactly between two pages: it is given with `ended` false.
 * @throws AudioError `truncated`, `damaged`, `unsupported`
 */
export function readOgg(bytes: Uint8Array, start = 0): OggLink[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const streams: Stream[] = [];
  const cut = () => new AudioError("truncated", "truncated: it ends in the middle of an Ogg page");
  let at = start;
  while (at < bytes.length) {
    if (!startsWith(bytes, at, "OggS")) {
      if (startsWith(bytes, at, "OggS".slice(0, bytes.length - at))) throw cut();
      // A tag or padding may follow the last page, and nothing may stand between two.
      const open = streams.some((s) => s.codec && !s.ended);
      if ((open && bytes.subarray(at).some((byte) => byte !== 0)) || nextPage(bytes, at) >= 0) {
        throw new AudioError("damaged", `damaged: no Ogg page at byte ${at}`);
      }
      break;
    }
    if (at + 27 > bytes.length) throw cut();
    const segments = bytes[at + 26];
    const body = at + 27 + segments;
    if (body > bytes.length) throw cut();
    let end = body;
    for (let i = at + 27; i < body; i++) end += bytes[i];
    if (end > bytes.length) throw cut();
    if (checksum(bytes, at, end) !== view.getUint32(at + 22, true)) {
      throw new AudioError("damaged", `damaged: the Ogg page at byte ${at} does not match its checksum`);
    }
    const flags = bytes[at + 5];
    const serial = view.getUint32(at + 14, true);
    if (flags & 2) streams.push(beginStream(bytes, view, body, end, serial));
    const stream = streams.findLast((s) => s.serial === serial);
    if (!stream) throw new AudioError("damaged", "damaged: an Ogg stream without its first page");
    const run = stream.ranges.at(-1);
    if (run && run[1] === at) run[1] = end;
    else stream.ranges.push([at, end]);
    stream.pages++;
    if (flags & 4) stream.ended = true;
    at = end;
  }
  return links(bytes, streams);
}

function links(bytes: Uint8Array, streams: Stream[]): OggLink[] {
  if (!streams.some((s) => s.codec)) throw unsupported(`Ogg with ${streams[0]?.what ?? "no stream"}`);
  const out: OggLink[] = [];
  let pastEnd = 0;
  for (const stream of streams) {
    if (!stream.codec) continue;
    const [from] = stream.ranges[0];
    // Streams side by side (a second language, say): the first one is taken.
    if (from < pastEnd) continue;
    pastEnd = stream.ranges.at(-1)![1];
    const { codec, ended, gain } = stream;
    out.push({ codec, ended, gain, bytes: join(bytes, stream.ranges) });
  }
  return out;
}

function beginStream(bytes: Uint8Array, view: DataView, body: number, end: number, serial: number): Stream {
  const stream: Stream = { codec: undefined, what: "", serial, ranges: [], pages: 0, ended: false, gain: 1 };
  if (startsWith(bytes, body, "\x01vorbis")) stream.codec = "vorbis";
  else if (startsWith(bytes, body, "\x7fFLAC")) stream.codec = "flac";
  else if (startsWith(bytes, body, "OpusHead") && end - body >= 19) {
    stream.codec = "opus";
    // RFC 7845 §5.1: Q7.8 fixed point, in dB.
    stream.gain = 10 ** (view.getInt16(body + 16, true) / 256 / 20);
  } else if (startsWith(bytes, body, "Speex")) stream.what = "Speex";
  else if (startsWith(bytes, body, "\x80theora")) stream.what = "video alone";
  else stream.what = "an unknown codec";
  return stream;
}

function nextPage(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0x4f, from); at >= 0; at = bytes.indexOf(0x4f, at + 1)) {
    if (startsWith(bytes, at, "OggS\0")) return at;
  }
  return -1;
}

/** CRC-32 with polynomial 0x04c11db7, most significant bit first, start 0, as RFC 3533 §6 has it. */
const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let r = i << 24;
  for (let bit = 0; bit < 8; bit++) r = r & 0x80000000 ? (r << 1) ^ 0x04c11db7 : r << 1;
  return r >>> 0;
});

function checksum(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) {
    const byte = i >= from + 22 && i < from + 26 ? 0 : bytes[i]; // the checksum's own field counts as zero
    crc = (crc << 8) ^ table[(crc >>> 24) ^ byte];
  }
  return crc >>> 0;
}
