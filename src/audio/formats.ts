// Which audio formats there are: the file endings that are looked at, and what the first bytes say. Recognition never
// trusts an ending; endings only decide which files of a folder are worth opening. Not here: reading any of the formats.
import { startsWith } from "./bytes.js";
import { AudioError } from "./errors.js";
import { skipId3v2 } from "./tags.js";

/** The formats that can be read, for messages. */
export const readableFormats = "WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus and .au";

/** Endings of formats that can be read. */
export const readableEndings = [
  ...["wav", "wave", "bwf", "rf64", "flac", "mp3", "ogg", "oga", "ogx", "opus", "au", "snd"],
] as const;

/** Endings of audio that cannot be read: such files are named and skipped rather than passed over in silence. */
export const unreadableEndings = [
  ...["aac", "m4a", "m4b", "alac", "aif", "aiff", "aifc", "caf", "wma", "ape", "wv", "mpc", "mp2", "amr"],
  ...[
    "ac3",
    "dts",
    "dsf",
    "dff",
    "ra",
    "tta",
    "weba",
    "mka",
    "spx",
    "w64",
    "voc",
    "shn",
    "m4p",
    "m4r",
    "adts",
  ],
  // Films and recordings of phones and screens, whose sound is wanted as often as not.
  ...[
    "mp4",
    "m4v",
    "mov",
    "webm",
    "mkv",
    "3gp",
    "3g2",
    "avi",
    "flv",
    "wmv",
    "asf",
    "ts",
    "mpg",
    "mpeg",
    "ogv",
  ],
] as const;

const readable = new Set<string>(readableEndings);
const endings = new Set<string>([...readableEndings, ...unreadableEndings]);

/** Does this file name have an audio ending (upper or lower case)? */
export function hasAudioEnding(fileName: string): boolean {
  const dot = fileName.lastIndexOf(".");
  return dot > 0 && endings.has(fileName.slice(dot + 1).toLowerCase());
}

/** Does this file name have the ending of a format that can be read? */
export function hasReadableEnding(fileName: string): boolean {
  return readable.has(fileName.slice(fileName.lastIndexOf(".") + 1).toLowerCase());
}

/** What a file's bytes say it is. `mpeg?` means that only a search for MPEG frames can tell. */
export type Container = "wav" | "flac" | "ogg" | "au" | "mpeg?";

const unreadable: [offset: number, magic: string, what: string][] = [
  [4, "ftyp", "MP4 (AAC or ALAC)"],
  [0, "caff", "Core Audio"],
  [0, "\x30\x26\xb2\x75", "Windows Media"],
  [0, "\x1a\x45\xdf\xa3", "Matroska or WebM"],
  [0, "MAC ", "Monkey's Audio"],
  [0, "wvPk", "WavPack"],
  [0, "MPCK", "Musepack"],
  [0, "MP+", "Musepack"],
  [0, "MThd", "MIDI"],
  [0, "DSD ", "DSD"],
  [0, "#!AMR", "AMR"],
  [0, "riff\x2e\x91\xcf\x11", "Wave64"],
  [0, "Creative Voice File", "Creative Voice"],
  [0, "TTA1", "True Audio"],
  [0, "ajkg", "Shorten"],
  [0, ".RMF", "RealMedia"],
  [0, "FLV\x01", "Flash video"],
  [0, "\x00\x00\x01\xba", "MPEG video"],
];

/**
 * Recognise the container by its first bytes, past any ID3v2 tag.
 * @returns the container and the offset at which it starts; `lostTag` where the tag says that it is longer than the file, so that only a
 * search can tell whether audio begins within it
 * @throws AudioError `empty`, `truncated` (cut inside a tag or a magic number), `unsupported` or `not-audio`
 */
export function recognise(bytes: Uint8Array): { container: Container; start: number; lostTag?: boolean } {
  if (bytes.length === 0) throw new AudioError("empty", "empty (0 bytes)");
  const start = skipId3v2(bytes, 0);
  if (start > bytes.length) return { container: "mpeg?", start: 10, lostTag: true };
  // A tag and then less than the shortest header, or less than a whole tag.
  if (start > 0 ? start + 4 > bytes.length : bytes.length < 10 && startsWith(bytes, 0, "ID3")) {
    throw new AudioError("truncated", "truncated: it ends in or right after its ID3 tag");
  }
  const is = (offset: number, magic: string) => startsWith(bytes, start + offset, magic);
  if (is(0, "RIFF") || is(0, "RF64") || is(0, "BW64")) {
    if (is(8, "WAVE")) return { container: "wav", start };
    if (bytes.length - start < 12) throw new AudioError("truncated", "truncated: it ends in the WAV header");
  }
  if (is(0, "fLaC")) return { container: "flac", start };
  if (is(0, "OggS")) return { container: "ogg", start };
  if (is(0, ".snd")) return { container: "au", start };
  const known = unreadable.find(([offset, magic]) => is(offset, magic))?.[2];
  if (known) throw unsupported(`${known} audio`);
  if (is(0, "RIFF") && is(8, "AVI ")) throw unsupported("AVI audio");
  if (is(0, "FORM") && (is(8, "AIFF") || is(8, "AIFC"))) throw unsupported("AIFF audio");
  // An MPEG sync word with layer bits 00 is AAC in ADTS.
  if (bytes[start] === 0xff && (bytes[start + 1] & 0xf6) === 0xf0) throw unsupported("AAC audio");
  return { container: "mpeg?", start };
}

export function notAudio(): AudioError {
  return new AudioError(
    "not-audio",
    `not audio, or a format that is not known (${readableFormats} are read)`,
  );
}

export function unsupported(what: string): AudioError {
  return new AudioError(
    "unsupported",
    `${what} is not supported (${readableFormats} are; convert it first, as with: ffmpeg -i FILE FILE.flac)`,
  );
}
