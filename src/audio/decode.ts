// Audio files to samples, the same code in Node and in browsers: our own readers of WAV and .au, and WASM decoders for FLAC,
// MP3, Ogg Vorbis and Ogg Opus, each loaded when the first file of its kind comes. Nothing here resamples or touches a file
// system.
import { decodeAu } from "./au.js";
import { AudioError } from "./errors.js";
import { endsWithWholeFrame, readFlac } from "./flac.js";
import { recognise, unsupported } from "./formats.js";
import { judged } from "./levels.js";
import { findMp3Frames } from "./mp3.js";
import { type OggLink, readOgg } from "./ogg.js";
import type { Waveform } from "./types.js";
import { decodeWav } from "./wav.js";

export { AudioError, type AudioErrorKind } from "./errors.js";
export { mixDown, toMono } from "./mono.js";
export type { Waveform } from "./types.js";

export interface DecodeOptions {
  /** The file's name, for messages. */
  name?: string;
}

/**
 * Decode a whole audio file, recognised by its bytes and never by its name. Encoder delay and padding are trimmed where
 * the file states them (LAME's Info header, Vorbis and Opus granule positions); an Opus stream's output gain is applied.
 *
 * A file that promises more audio than it holds is an error and not a shorter waveform: see `decodeWav`, `findMp3Frames`
 * and `readOgg` for what counts as truncated; a FLAC file is, where fewer samples decode than STREAMINFO states, or,
 * where it states none, where the last frame is not whole. What is odd and can be read all the same is in the waveform's
 * `remarks`, each with the rule that was followed (`decodeWav`, `readWavFormat`, `judged`).
 * @param bytes the file's bytes; not kept and not changed
 * @throws AudioError (a DataError) with one line that names the file and the reason
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Waveform> {
  try {
    const { container, start, lostTag } = recognise(bytes);
    let waveform: Waveform;
    if (container === "wav") waveform = decodeWav(bytes.subarray(start));
    else if (container === "au") waveform = decodeAu(bytes.subarray(start));
    else if (container === "flac") waveform = await decodeFlac(bytes, start);
    else if (container === "ogg") waveform = await decodeOgg(bytes, start);
    else waveform = await decodeMp3(bytes, start, lostTag);
    return judged(waveform);
  } catch (error) {
    if (error instanceof AudioError) throw error.named(options.name);
    const said = error instanceof Error ? error.message : String(error);
    throw new AudioError("damaged", `damaged: the decoder says "${said.trim()}"`, options.name);
  }
}

/** What every decoder package answers with. */
interface Decoded {
  channelData: Float32Array[];
  samplesDecoded: number;
  sampleRate: number;
  errors: { message: string }[];
}

async function decodeFlac(file: Uint8Array, start: number): Promise<Waveform> {
  const info = readFlac(file, start);
  const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
  const decoded = await using(new FLACDecoder(), (decoder) => decoder.decodeFile(info.bytes));
  if (info.samples > 0 ? decoded.samplesDecoded < info.samples : !endsWithWholeFrame(info.bytes)) {
    const count = info.samples > 0 ? `${decoded.samplesDecoded} of ${info.samples} samples are there` : "";
    throw new AudioError("truncated", `truncated: ${count || "it ends in the middle of a frame"}`);
  }
  return rescaled(toWaveform(decoded), info.bitsPerSample);
}

async function decodeMp3(bytes: Uint8Array, start: number, lostTag?: boolean): Promise<Waveform> {
  const { parts, mono, sampleRate } = findMp3Frames(bytes, start, lostTag);
  const { MPEGDecoder } = await import("mpg123-decoder");
  const decoded: Waveform[] = [];
  for (const part of parts) {
    const answer = await using(new MPEGDecoder(), (decoder) => decoder.decode(part.bytes));
    decoded.push(toWaveform({ ...answer, sampleRate }));
  }
  const waveform = inSequence(decoded);
  const channels = mono ? waveform.channels.slice(0, 1) : waveform.channels; // a mono stream comes out as two equal channels
  return lostTag
    ? {
        sampleRate,
        channels,
        remarks: ["its ID3 tag says that it is longer than the file; the frames in it were read"],
      }
    : { sampleRate, channels };
}

async function decodeOgg(bytes: Uint8Array, start: number): Promise<Waveform> {
  const parts: Waveform[] = [];
  const links = readOgg(bytes, start);
  for (const link of links) parts.push(await decodeLink(link));
  const [{ sampleRate, channels }] = parts;
  if (parts.some((p) => p.sampleRate !== sampleRate || p.channels.length !== channels.length)) {
    throw unsupported("Ogg whose streams differ in rate or channels");
  }
  const waveform = inSequence(parts);
  if (links.every(({ ended }) => ended)) return waveform;
  return { ...waveform, remarks: ["no Ogg page says that it is the last; read to the end of the file"] };
}

/** Waveforms of one rate and as many channels, one after another. */
function inSequence(parts: readonly Waveform[]): Waveform {
  if (parts.length === 1) return parts[0];
  const [{ sampleRate, channels }] = parts;
  const length = parts.reduce((sum, p) => sum + p.channels[0].length, 0);
  return {
    sampleRate,
    channels: channels.map((_, c) => {
      const out = new Float32Array(length);
      let at = 0;
      for (const part of parts) {
        out.set(part.channels[c], at);
        at += part.channels[c].length;
      }
      return out;
    }),
  };
}

async function decodeLink({ codec, bytes, gain }: OggLink): Promise<Waveform> {
  if (codec === "vorbis") {
    const { OggVorbisDecoder } = await import("@wasm-audio-decoders/ogg-vorbis");
    return toWaveform(await using(new OggVorbisDecoder(), (decoder) => decoder.decodeFile(bytes)));
  }
  if (codec === "opus") {
    const { OggOpusDecoder } = await import("ogg-opus-decoder");
    const waveform = toWaveform(await using(new OggOpusDecoder(), (decoder) => decoder.decodeFile(bytes)));
    if (gain !== 1) for (const channel of waveform.channels) scale(channel, gain);
    return waveform;
  }
  const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
  const decoded = await using(new FLACDecoder(), (decoder) => decoder.decodeFile(bytes));
  return rescaled(toWaveform(decoded), decoded.bitDepth);
}

/** One decoder for one file: made, awaited, used and freed. The compiled module behind it is kept by its package. */
async function using<D extends { ready: Promise<void>; free(): void }, T extends Decoded>(
  decoder: D,
  use: (decoder: D) => T | Promise<T>,
): Promise<T> {
  await decoder.ready;
  const speakAgain = hush();
  try {
    return await use(decoder);
  } finally {
    speakAgain();
    decoder.free();
  }
}

let hushed = 0;
let speak: typeof console.error = console.error;

/**
 * The decoders report every bad frame on the console as well as in their answer; the answer is enough. mpg123's wrapper
 * also asks again for ever after an error, so there its complaint is thrown back at it.
 */
function hush(): () => void {
  if (hushed++ === 0) {
    speak = console.error;
    console.error = (...words: unknown[]) => {
      const said = String(words[0]);
      if (said.startsWith("mpg123-decoder:")) throw new Error(said);
      if (!/^(libopus |@wasm-audio-decoders)/.test(said)) speak(...words);
    };
  }
  return () => {
    if (--hushed === 0) console.error = speak;
  };
}

function toWaveform({ channelData, sampleRate, errors }: Decoded): Waveform {
  if (errors.length > 0) {
    const times = errors.length === 1 ? "" : ` (${errors.length} times)`;
    throw new AudioError("damaged", `damaged: the decoder says "${errors[0].message.trim()}"${times}`);
  }
  return { sampleRate, channels: channelData };
}

/** The FLAC decoder divides integers by 2^(b-1) - 1; every reader here divides by 2^(b-1). */
function rescaled(waveform: Waveform, bits: number): Waveform {
  const full = 2 ** (bits - 1);
  for (const channel of waveform.channels) {
    for (let i = 0; i < channel.length; i++) channel[i] = Math.round(channel[i] * (full - 1)) / full;
  }
  return waveform;
}

function scale(samples: Float32Array, factor: number): void {
  for (let i = 0; i < samples.length; i++) samples[i] *= factor;
}
