// Why a file could not be decoded: one error class with a kind that programs can branch on and a reason that people can
// read. Not here: the checks themselves, which stand with each format's reader.
import { DataError } from "../gpu/errors.js";

/**
 * - `empty`: zero bytes.
 * - `not-audio`: no known audio format starts like this.
 * - `unsupported`: an audio format or variant that is known, but not read here.
 * - `truncated`: the file promises more audio than it holds.
 * - `damaged`: the bytes contradict each other (a checksum, a header, a decoder error, samples that are not finite).
 * - `no-samples`: a well-formed file with no audio in it.
 */
export type AudioErrorKind = "empty" | "not-audio" | "unsupported" | "truncated" | "damaged" | "no-samples";

/** A file that cannot be used as audio. `message` is `name: reason`, or the reason alone where there is no name. */
export class AudioError extends DataError {
  constructor(
    readonly kind: AudioErrorKind,
    /** The reason without the file's name, as it is listed beside skipped files. */
    readonly reason: string,
    name?: string,
  ) {
    super(name ? `${name}: ${reason}` : reason);
  }

  /** The same error, naming the file. */
  named(name: string | undefined): AudioError {
    return name ? new AudioError(this.kind, this.reason, name) : this;
  }
}
