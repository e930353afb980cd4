// Finds the frames of an MPEG-1, -2 or -2.5 layer III stream, so that the decoder is fed nothing but frames and a file that
// was cut is known as such. Decodes no audio. Formats: ISO/IEC 11172-3 and 13818-3; the Xing, Info and VBRI headers are
// what encoders write in the place of the first frame.
import { join, startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import { notAudio, unsupported } from "./formats.js";
import { endWithoutTags, skipTag } from "./tags.js";

/** kbit/s by bitrate index, layer III. Index 0 is free format, 15 is forbidden. */
const bitratesV1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitratesV2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const rates = [44100, 48000, 32000];

/** How far into a file the first frame is looked for. */
const searchBytes = 65536;

interface FrameHeader {
  /** 1, 2 or 2.5 */
  version: number;
  sampleRate: number;
  mono: boolean;
  /** Length of the frame in bytes, header included. */
  length: number;
}

/** The header at `at`, or undefined where there is none of layer III with a stated bitrate. */
function header(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe6) !== 0xe2) return undefined;
  const versionBits = (bytes[at + 1] >> 3) & 3;
  const bitrateIndex = bytes[at + 2] >> 4;
  const rateIndex = (bytes[at + 2] >> 2) & 3;
  if (versionBits === 1 || bitrateIndex === 0 || bitrateIndex === 15 || rateIndex === 3) return undefined;
  const version = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 2.5;
  const sampleRate = rates[rateIndex] / (version === 1 ? 1 : version === 2 ? 2 : 4);
  const bitrate = (version === 1 ? bitratesV1 : bitratesV2)[bitrateIndex] * 1000;
  const padding = (bytes[at + 2] >> 1) & 1;
  const length = Math.floor(((version === 1 ? 144 : 72) * bitrate) / sampleRate) + padding;
  return { version, sampleRate, mono: bytes[at + 3] >> 6 === 3, length };
}

/** What the Xing, Info or VBRI header in the first frame says: how many frames follow it. */
function statedFrames(bytes: Uint8Array, at: number, first: FrameHeader): number | undefined {
  if (at + first.length > bytes.length) return undefined; // cut within the first frame
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const xing = at + xingOffset(first);
  if (xing + 12 > bytes.length) return undefined;
  if (startsWith(bytes, xing, "Xing") || startsWith(bytes, xing, "Info")) {
    return view.getUint32(xing + 4) & 1 ? view.getUint32(xing + 8) : undefined;
  }
  const isVbri = startsWith(bytes, at + 36, "VBRI") && at + 36 + 18 <= bytes.length;
  return isVbri ? view.getUint32(at + 36 + 14) : undefined;
}

/** Where in a frame an encoder's header begins: past the frame's own header and side information. */
function xingOffset({ version, mono }: FrameHeader): number {
  return 4 + (version === 1 ? (mono ? 17 : 32) : mono ? 9 : 17);
}

/** One MP3 of a file; several may be joined, each with an encoder's header of its own. */
export interface Mp3Part {
  /** The frames, back to back; a view of the input where nothing lies between them. */
  bytes: Uint8Array;
  frames: number;
  /** Frames without the encoder's header. */
  audioFrames: number;
}

export interface Mp3Frames {
  parts: Mp3Part[];
  sampleRate: number;
  /** Every frame is of one channel. */
  mono: boolean;
  /** Length of the audio, the encoder's padding included. */
  seconds: number;
}

/** Frames that must follow one another where a search had no place to begin at. */
const frameRun = 5;

/**
 * Find the frames from `start` (past any ID3v2 tag) on. Zeros before and between frames, and tags between them, as joined files
 * have, are stepped over.
 *
 * Truncated means: the last frame is longer than what is left of the file, or fewer frames are there than the Xing, Info
 * or VBRI header states (one fewer is let pass, as some encoders count the header's own frame). A file without such a
 * header that was cut exactly between two frames cannot be told from a shorter one.
 * @param lostTag the tag before the audio states a size that passes the end of the file: the frames begin somewhere in it
 * @throws AudioError `not-audio`, `truncated`, `damaged`
 */
export function findMp3Frames(bytes: Uint8Array, start: number, lostTag = false): Mp3Frames {
  const end = endWithoutTags(bytes);
  let at = skipZeros(bytes, start, end);
  const from = at;
  const most = lostTag ? end : Math.min(end, from + searchBytes);
  let first: FrameHeader | undefined;
  for (; at < most && !first; at++) first = firstFrame(bytes, at, end, lostTag ? undefined : from);
  if (!first) {
    if (lostTag) throw new AudioError("truncated", "truncated: it ends in or right after its ID3 tag");
    if ((bytes[from + 1] & 0xe6) === 0xe4 && bytes[from] === 0xff) throw unsupported("MPEG layer II audio");
    throw notAudio();
  }
  at--;

  const parts: Run[] = [{ ranges: [], frames: 0, stated: statedFrames(bytes, at, first) }];
  let mono = true;
  let lost = lostTag ? 0 : at - from;
  let cut = false;
  while (at < end) {
    const h = header(bytes, at);
    if (h && like(h, first)) {
      if (at + h.length > end) {
        cut = true;
        break;
      }
      let part = parts[parts.length - 1];
      if (part.frames > 0 && beginsPart(bytes, at, h)) {
        part = { ranges: [], frames: 0, stated: statedFrames(bytes, at, h) };
        parts.push(part);
      }
      const range = part.ranges.at(-1);
      if (range && range[1] === at) range[1] += h.length;
      else part.ranges.push([at, at + h.length]);
      mono &&= h.mono;
      part.frames++;
      at += h.length;
      continue;
    }
    const past = skipBetween(bytes, at, end);
    if (past > at) {
      at = past;
      continue;
    }
    // Not a frame: 1 to 3 bytes of a header at the end, or junk, which is stepped over up to the next pair of frames.
    if (end - at < 4 && bytes[at] === 0xff) cut = true;
    const junk = at++;
    for (; at < end; at++) {
      const a = header(bytes, at);
      if (a && like(a, first) && (at + a.length === end || like(header(bytes, at + a.length), first))) break;
      if (skipBetween(bytes, at, end) > at) break;
    }
    lost += at - junk;
  }
  for (const [i, part] of parts.entries()) checkPart(part, cut && i === parts.length - 1);
  if (lost > (end - from) / 10) {
    throw new AudioError("damaged", `damaged: ${lost} of its ${end - from} bytes are not MP3 frames`);
  }
  const found = parts.map(({ ranges, frames, stated }) => ({
    bytes: join(bytes, ranges),
    frames,
    audioFrames: stated === undefined ? frames : frames - 1,
  }));
  const samples =
    found.reduce((sum, { audioFrames }) => sum + audioFrames, 0) * (first.version === 1 ? 1152 : 576);
  return { parts: found, sampleRate: first.sampleRate, mono, seconds: samples / first.sampleRate };
}

/** A part as it is gathered. */
interface Run {
  ranges: [from: number, to: number][];
  frames: number;
  /** See `statedFrames`. */
  stated: number | undefined;
}

function like(h: FrameHeader | undefined, first: FrameHeader): boolean {
  return h !== undefined && h.version === first.version && h.sampleRate === first.sampleRate;
}

/**
 * The header at `at`, if it begins the audio: where two more of its kind follow, or, at `from`, where it runs to or past the end. With
 * `from` undefined, where a longer run of frames follows.
 */
function firstFrame(
  bytes: Uint8Array,
  at: number,
  end: number,
  from: number | undefined,
): FrameHeader | undefined {
  const h = header(bytes, at);
  if (!h) return undefined;
  let next = at + h.length;
  const needed = from === undefined ? frameRun : 2;
  for (let i = 0; i < needed; i++) {
    const following = next < end ? header(bytes, next) : undefined;
    if (!like(following, h)) return at === from && next + 4 > end ? h : undefined;
    next += following?.length ?? 0;
  }
  return h;
}

/** Is this frame an encoder's header, as the first of a file is, whose side information is all zeros? */
function beginsPart(bytes: Uint8Array, at: number, h: FrameHeader): boolean {
  const xing = at + xingOffset(h);
  if (!startsWith(bytes, xing, "Xing") && !startsWith(bytes, xing, "Info")) return false;
  return bytes.subarray(at + 4, xing).every((byte) => byte === 0);
}

/** Past zeros, or past a tag that stands between two frames; `at` where there is neither. */
function skipBetween(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === 0) return skipZeros(bytes, at, end);
  if (startsWith(bytes, at, "ID3") || startsWith(bytes, at, "TAG") || startsWith(bytes, at, "APETAGEX")) {
    const past = skipTag(bytes, at);
    return past <= end ? past : at;
  }
  return at;
}

function skipZeros(bytes: Uint8Array, at: number, end: number): number {
  let past = at;
  while (past < end && bytes[past] === 0) past++;
  return past;
}

/** Throws where frames are missing. */
function checkPart({ frames, stated }: Run, cut: boolean): void {
  const audioFrames = stated === undefined ? frames : frames - 1;
  if (!cut && (stated === undefined || audioFrames >= stated - 1)) return;
  const of = stated === undefined ? "" : `, ${Math.max(0, audioFrames)} of ${stated} frames are there`;
  const where = cut ? "it ends in the middle of a frame" : "it ends early";
  throw new AudioError("truncated", `truncated: ${where}${of}`);
}
