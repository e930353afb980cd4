// Steps over the tags that taggers put before and after MP3 and FLAC streams (ID3v2, ID3v1, APEv2, Lyrics3), so that what
// lies between is audio only. Reads no title or artist.

/** The offset past every ID3v2 tag that starts at `offset`. May lie past the end of a file that was cut. */
export function skipId3v2(bytes: Uint8Array, offset: number): number {
  while (
    offset + 10 <= bytes.length &&
    text(bytes, offset, 3) === "ID3" &&
    bytes[offset + 3] < 0xff &&
    bytes[offset + 4] < 0xff
  ) {
    // Four 7-bit bytes, without the 10-byte header and without the optional 10-byte footer (flag 0x10).
    const size =
      ((bytes[offset + 6] & 127) << 21) |
      ((bytes[offset + 7] & 127) << 14) |
      ((bytes[offset + 8] & 127) << 7) |
      (bytes[offset + 9] & 127);
    offset += 10 + size + (bytes[offset + 5] & 0x10 ? 10 : 0);
  }
  return offset;
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
      const size = Number.parseInt(text(bytes, end - 15, 6), 10) + 15;
      if (size <= end) end -= size;
    }
    if (end === before) return end;
  }
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}
