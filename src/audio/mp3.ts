// Finds the frames of an MPEG-1, -2 or -2.5 layer III stream, so that the decoder is fed nothing but frames and a file that
// was cut is known as such. Decodes no audio. Formats: ISO/IEC 11172-3 and 13818-3; the Xing, Info and VBRI headers are
// what encoders write in the place of the first frame.
import { join, startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import { notAudio, unsupported } from "./formats.js";
import { endWithoutTags } from "./tags.js";

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
  const sideInfo = first.version === 1 ? (first.mono ? 17 : 32) : first.mono ? 9 : 17;
  const xing = at + 4 + sideInfo;
  if (startsWith(bytes, xing, "Xing") || startsWith(bytes, xing, "Info")) {
    return view.getUint32(xing + 4) & 1 ? view.getUint32(xing + 8) : undefined;
  }
  return startsWith(bytes, at + 36, "VBRI") ? view.getUint32(at + 36 + 14) : undefined;
}

export interface Mp3Frames {
  /** The frames, back to back; a view of the input where nothing lies between them. */
  bytes: Uint8Array;
  frames: number;
  sampleRate: number;
  /** Every frame is of one channel. */
  mono: boolean;
}

/**
 * Find the frames from `start` (past any ID3v2 tag) on.
 *
 * Truncated means: the last frame is longer than what is left of the file, or fewer frames are there than the Xing, Info
 * or VBRI header states (one fewer is let pass, as some encoders count the header's own frame). A file without such a
 * header that was cut exactly between two frames cannot be told from a shorter one.
 * @throws AudioError `not-audio`, `truncated`, `damaged`
 */
export function findMp3Frames(bytes: Uint8Array, start: number): Mp3Frames {
  const end = endWithoutTags(bytes);
  const like = (h: FrameHeader | undefined, first: FrameHeader) =>
    h !== undefined && h.version === first.version && h.sampleRate === first.sampleRate;

  // The first frame: one that two more of its kind follow, or one at the very start that runs to or past the end.
  let at = start;
  let first: FrameHeader | undefined;
  for (; at < Math.min(end, start + searchBytes); at++) {
    const h = header(bytes, at);
    if (!h) continue;
    const second = at + h.length;
    const next = second < end ? header(bytes, second) : undefined;
    const third = next ? second + next.length : second;
    if (at === start && (second + 4 > end || (like(next, h) && third + 4 > end))) first = h;
    else if (like(next, h) && like(header(bytes, third), h)) first = h;
    if (first) break;
  }
  if (!first) {
    if ((bytes[start + 1] & 0xe6) === 0xe4 && bytes[start] === 0xff) throw unsupported("MPEG layer II audio");
    throw notAudio();
  }

  const stated = statedFrames(bytes, at, first);
  const runs: [from: number, to: number][] = [];
  let frames = 0;
  let mono = true;
  let lost = at - start;
  let cut = false;
  while (at < end) {
    const h = header(bytes, at);
    if (h && like(h, first)) {
      if (at + h.length > end) {
        cut = true;
        break;
      }
      const run = runs.at(-1);
      if (run && run[1] === at) run[1] += h.length;
      else runs.push([at, at + h.length]);
      mono &&= h.mono;
      frames++;
      at += h.length;
      continue;
    }
    // Not a frame: 1 to 3 bytes of a header at the end, or junk, which is stepped over up to the next pair of frames.
    if (end - at < 4 && bytes[at] === 0xff) cut = true;
    const from = at++;
    for (; at < end; at++) {
      const a = header(bytes, at);
      if (a && like(a, first) && (at + a.length === end || like(header(bytes, at + a.length), first))) break;
    }
    lost += at - from;
  }
  const audioFrames = stated === undefined ? frames : frames - 1;
  if (cut || (stated !== undefined && audioFrames < stated - 1)) {
    const of = stated === undefined ? "" : `, ${Math.max(0, audioFrames)} of ${stated} frames are there`;
    const where = cut ? "it ends in the middle of a frame" : "it ends early";
    throw new AudioError("truncated", `truncated: ${where}${of}`);
  }
  if (lost > (end - start) / 10) {
    throw new AudioError("damaged", `damaged: ${lost} of its ${end - start} bytes are not MP3 frames`);
  }
  return { bytes: join(bytes, runs), frames, sampleRate: first.sampleRate, mono };
}
