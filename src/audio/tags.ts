// Steps over the tags that taggers put before and after MP3 and FLAC streams (ID3v2, ID3v1, APEv2, Lyrics3), so that what
// lies between is audio only. Reads no title or artist.

/** The offset past every ID3v2 tag that starts at `offset`. May lie past the end of a file that was cut. */
export function skipId3v2(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (isId3v2(bytes, at)) at = pastId3v2(bytes, at);
  return at;
}

/** The offset past the one tag that starts at `at` (ID3v2, ID3v1 or APEv2), or `at` where none does. May lie past the end. */
export function skipTag(bytes: Uint8Array, at: number): number {
  if (isId3v2(bytes, at)) return pastId3v2(bytes, at);
  if (at + 128 <= bytes.length && text(bytes, at, 3) === "TAG") return at + 128;
  if (at + 32 <= bytes.length && text(bytes, at, 8) === "APETAGEX") {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 32);
    // A header: the size counts items and footer, but not the header.
    return at + 32 + (view.getUint32(20, true) & 0x20000000 ? view.getUint32(12, true) : 0);
  }
  return at;
}

function isId3v2(bytes: Uint8Array, at: number): boolean {
  return (
    at + 10 <= bytes.length && text(bytes, at, 3) === "ID3" && bytes[at + 3] < 0xff && bytes[at + 4] < 0xff
  );
}

function pastId3v2(bytes: Uint8Array, at: number): number {
  // Four 7-bit bytes, without the 10-byte header and without the optional 10-byte footer (flag 0x10).
  const size =
    ((bytes[at + 6] & 127) << 21) |
    ((bytes[at + 7] & 127) << 14) |
    ((bytes[at + 8] & 127) << 7) |
    (bytes[at + 9] & 127);
  return at + 10 + size + (bytes[at + 5] & 0x10 ? 10 : 0);
}

/** The end of the audio: the file's length less the tags after it. */
export function endWithoutTags(bytes: Uint8Array): number {
  let end = bytes.length;
  for (;;) {
    const before = end;
    if (end >= 128 && text(bytes, end - 128, 3) === "TAG") end -= 128;
    if (end >= 32 && text(bytes, end - 32, 8) === "APETAGEX") {
      const view = new DataView(bytes.buffer, bytes.byteOffset + end - 32, 32);
      // The size counts items and footer; flag bit 31 says that there is a header of 32 bytes too.
      const size = view.getUint32(12, true) + (view.getUint32(20, true) & 0x80000000 ? 32 : 0);
      if (size >= 32 && size <= end) end -= size;
    }
    if (end >= 15 && text(bytes, end - 9, 9) === "LYRICS200") {
      const size = /^\d{6}$/.test(text(bytes, end - 15, 6)) ? Number(text(bytes, end - 15, 6)) + 15 : 0;
      if (size <= end) end -= size;
    }
    if (end === before) return end;
  }
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}
