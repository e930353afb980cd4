// The fmt chunk of a WAV: of what kind its samples are and how wide. Its fields say the same thing several times over, and
// writers get some of them wrong: here is which of them is believed. Not here: chunks and samples (wav.ts).
import { AudioError } from "./errors.js";
import { unsupported } from "./formats.js";

export interface WavFormat {
  float: boolean;
  /** Bytes of one sample of one channel. */
  bytes: number;
  channels: number;
  sampleRate: number;
  /** What in the chunk was not believed. */
  remark?: string;
}

/** More channels than any recording has; a header that states more is damaged. */
const mostChannels = 256;

const widths = { float: [4, 8], integer: [1, 2, 3, 4] } as const;

/**
 * Reads the chunk of `size` bytes at `at`.
 *
 * Bits per sample decide the width. Where the block align contradicts them, whichever the byte rate agrees with is taken: that is
 * the bits' width where the block align is wrong, and the block align's where samples of 17 to 24 bits stand in four bytes.
 * A block align too small for the bits is wrong in any case. What still contradicts itself is refused.
 * @throws AudioError `damaged` or `unsupported`
 */
export function readWavFormat(view: DataView, at: number, size: number): WavFormat {
  if (size < 16) throw new AudioError("damaged", "damaged: its fmt chunk is too short");
  let tag = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const byteRate = view.getUint32(at + 8, true);
  const blockAlign = view.getUint16(at + 12, true);
  const bits = view.getUint16(at + 14, true);
  // The extensible form keeps the real tag in the first bytes of a GUID.
  if (tag === 0xfffe && size >= 40) tag = view.getUint16(at + 24, true);
  if (tag !== 1 && tag !== 3) throw unsupported(`WAV with codec 0x${tag.toString(16).padStart(4, "0")}`);
  const float = tag === 3;
  const fields = `${channels} channels, ${sampleRate} Hz, ${bits} bits, ${blockAlign} bytes a frame, ${byteRate} bytes a second`;
  const contradiction = () => new AudioError("damaged", `damaged: its fmt chunk makes no sense (${fields})`);
  if (channels === 0 || channels > mostChannels || sampleRate === 0) throw contradiction();

  const known: readonly number[] = float ? widths.float : widths.integer;
  const byBits = float && bits % 8 !== 0 ? 0 : Math.ceil(bits / 8);
  const byBlock = blockAlign / channels;
  const [bitsFit, blockFits] = [known.includes(byBits), known.includes(byBlock)];
  const believe = (bytes: number, remark?: string): WavFormat => ({
    float,
    bytes,
    channels,
    sampleRate,
    remark,
  });
  if (byBits === byBlock && bitsFit) return believe(byBits);
  const agrees = (bytes: number) => byteRate === sampleRate * channels * bytes;
  const byBitsInstead = `its header gives ${blockAlign} bytes a frame, which ${bits} bits in ${channels === 1 ? "1 channel" : `${channels} channels`} are not; the bits were believed`;
  if (bitsFit && (!blockFits || byBlock < byBits || agrees(byBits))) return believe(byBits, byBitsInstead);
  if (blockFits && agrees(byBlock)) {
    if (bits === 0)
      return believe(byBlock, "its header gives no bits a sample; the bytes a frame were believed");
    if (!float && bits > 16 && byBlock > byBits) return believe(byBlock);
  }
  throw contradiction();
}
