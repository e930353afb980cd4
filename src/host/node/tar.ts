// A reader for plain tar archives held in memory: regular files only, ustar and GNU long names. Not a general archiver:
// links, devices and pax attributes are passed over.

import { DataError } from "../../gpu/errors.js";

export interface TarFile {
  name: string;
  /** Permission bits. */
  mode: number;
  data: Uint8Array;
}

const block = 512;

function text(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(bytes: Uint8Array, start: number, length: number): number {
  const value = Number.parseInt(text(bytes, start, length).trim() || "0", 8);
  if (!(value >= 0)) throw new DataError("not a tar archive: a number field is malformed");
  return value;
}

/**
 * The regular files of a tar archive, in order.
 *
 * @throws DataError where the archive ends in the middle of a file, or names one outside its own folder
 */
export function* tarFiles(archive: Uint8Array): Generator<TarFile> {
  let offset = 0;
  let longName: string | undefined;
  while (offset + block <= archive.length && archive[offset] !== 0) {
    const header = archive.subarray(offset, offset + block);
    const size = octal(header, 124, 12);
    const type = String.fromCharCode(header[156]);
    const start = offset + block;
    if (start + size > archive.length) throw new DataError("the tar archive is cut off");
    const data = archive.subarray(start, start + size);
    const prefix = text(header, 257, 5) === "ustar" && header[262] === 0 ? text(header, 345, 155) : "";
    const name = longName ?? (prefix ? `${prefix}/` : "") + text(header, 0, 100);
    longName = undefined;
    if (type === "L") longName = text(data, 0, data.length);
    else if (type === "0" || type === "\0") {
      if (name.startsWith("/") || name.split("/").includes(".."))
        throw new DataError(`the tar archive names ${name}`);
      yield { name, mode: octal(header, 100, 8) & 0o777, data };
    }
    offset = start + Math.ceil(size / block) * block;
  }
}
