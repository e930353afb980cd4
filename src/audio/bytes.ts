// Two things that every reader of a file format does with bytes. No format is known here.

/** Do the bytes at `offset` spell `magic` (one character a byte)? False where the file is too short. */
export function startsWith(bytes: Uint8Array, offset: number, magic: string): boolean {
  if (offset < 0 || offset + magic.length > bytes.length) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[offset + i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** The given ranges one after another; a view where there is only one. */
export function join(bytes: Uint8Array, ranges: [from: number, to: number][]): Uint8Array {
  if (ranges.length === 1) return bytes.subarray(ranges[0][0], ranges[0][1]);
  const out = new Uint8Array(ranges.reduce((sum, [from, to]) => sum + to - from, 0));
  let at = 0;
  for (const [from, to] of ranges) {
    out.set(bytes.subarray(from, to), at);
    at += to - from;
  }
  return out;
}
