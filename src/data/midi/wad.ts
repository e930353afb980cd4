// Reads the MIDI pieces out of a Doom WAD: a 12-byte header, lumps, and a directory of 16-byte entries. Nothing else of the
// format is understood.

import { DataError } from "../../gpu/errors.js";

/** A named piece of a WAD. */
export interface Lump {
  name: string;
  bytes: Uint8Array;
}

/**
 * The lumps that are standard MIDI files (they begin with "MThd"), in directory order. Throws DataError where the bytes are not
 * a WAD or its directory lies outside of them.
 */
export function midiLumps(wad: Uint8Array): Lump[] {
  const view = new DataView(wad.buffer, wad.byteOffset, wad.byteLength);
  const magic = wad.length >= 12 ? text(wad, 0, 4) : "";
  if (magic !== "IWAD" && magic !== "PWAD") throw new DataError("not a WAD file");
  const count = view.getInt32(4, true);
  const directory = view.getInt32(8, true);
  if (count < 0 || directory < 12 || directory + count * 16 > wad.length)
    throw new DataError("a WAD file whose directory is cut off");
  const lumps: Lump[] = [];
  for (let i = 0; i < count; i++) {
    const entry = directory + i * 16;
    const offset = view.getInt32(entry, true);
    const size = view.getInt32(entry + 4, true);
    if (size < 14 || offset < 0 || offset + size > wad.length) continue;
    if (text(wad, offset, 4) !== "MThd") continue;
    lumps.push({ name: text(wad, entry + 8, 8), bytes: new Uint8Array(wad.subarray(offset, offset + size)) });
  }
  return lumps;
}

/** ASCII up to the first zero byte. */
function text(bytes: Uint8Array, offset: number, length: number): string {
  let result = "";
  for (let i = offset; i < offset + length && bytes[i] !== 0; i++) result += String.fromCharCode(bytes[i]);
  return result;
}
