// Streams that are odd and whole: MP3s with zeros and tags where none belong, two joined to one, tags that state nonsense, and Ogg files
// whose last page is not marked. Lengths of the latter are those that ffmpeg plays.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeAudio } from "../../src/audio/decode.js";

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../fixtures/audio/${name}`, import.meta.url)));
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** An ID3v2 tag of `length` bytes after its header, which may state another length. */
function id3(length: number, stated = length): Uint8Array {
  const bytes = Buffer.alloc(10 + length, 0x55);
  bytes.set([
    0x49,
    0x44,
    0x33,
    4,
    0,
    0,
    (stated >> 21) & 127,
    (stated >> 14) & 127,
    (stated >> 7) & 127,
    stated & 127,
  ]);
  return bytes;
}
const id3v1 = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125, 0x41)]);

/** An APEv2 tag of one item, with header and footer. */
function ape(): Uint8Array {
  const item = Buffer.from("\x05\0\0\0\0\0\0\0Title\0Hello", "latin1");
  const end = (flags: number) => {
    const bytes = Buffer.alloc(32);
    bytes.write("APETAGEX", "latin1");
    bytes.writeUInt32LE(2000, 8);
    bytes.writeUInt32LE(item.length + 32, 12);
    bytes.writeUInt32LE(1, 16);
    bytes.writeUInt32LE(flags >>> 0, 20);
    return bytes;
  };
  return Buffer.concat([end(0xa0000000), item, end(0x80000000)]);
}

describe("MP3", () => {
  const names = ["mpeg1-stereo", "mpeg1-vbr-id3", "mpeg2-mono", "mpeg25-mono"];

  test.each([...names, "mpeg1-noheader"])(
    "%s: zeros before, within and after do not matter",
    async (name) => {
      const plain = fixture(`${name}.mp3`);
      const want = await decodeAudio(plain);
      for (const zeros of [1, 1000, 40_000, 70_000, 300_000]) {
        for (const tag of [new Uint8Array(0), id3(300)]) {
          expect(await decodeAudio(joined(tag, new Uint8Array(zeros), plain)), `${zeros} zeros`).toEqual(
            want,
          );
        }
      }
      expect(await decodeAudio(joined(plain, new Uint8Array(90_000)))).toEqual(want);
    },
  );

  test.each(names)("%s: a tag that passes the end of the file", async (name) => {
    const plain = fixture(`${name}.mp3`);
    const { remarks, ...waveform } = await decodeAudio(joined(id3(2000, plain.length + 100_000), plain));
    expect(waveform).toEqual(await decodeAudio(plain));
    expect(remarks).toEqual([expect.stringMatching(/ID3 tag says that it is longer/)]);
    // A tag that was cut has no frames in it.
    for (const cut of [11, 300, 5000]) {
      await expect(decodeAudio(id3(9000).subarray(0, cut))).rejects.toMatchObject({ kind: "truncated" });
    }
  });

  test.each(names)("%s: two joined, with tags between, are one after the other", async (name) => {
    const plain = fixture(`${name}.mp3`);
    const { channels } = await decodeAudio(plain);
    const n = channels[0].length;
    const between = [[id3(20_000)], [id3v1, id3(5000)], [new Uint8Array(70_000)], [ape(), id3v1], []];
    for (const [i, tags] of between.entries()) {
      const two = await decodeAudio(joined(plain, ...tags, plain, id3v1));
      expect(two.channels.length).toBe(channels.length);
      for (const [c, channel] of channels.entries()) {
        expect(two.channels[c].length, `case ${i}`).toBe(2 * n);
        expect(two.channels[c].subarray(0, n)).toEqual(channel);
        expect(two.channels[c].subarray(n)).toEqual(channel);
      }
    }
    // The second one's header knows how long it should be.
    const cut = joined(plain, id3(20_000), plain.subarray(0, plain.length >> 1));
    await expect(decodeAudio(cut)).rejects.toMatchObject({ kind: "truncated" });
  });

  test("what is not frames, zeros or tags still counts as damage", async () => {
    const plain = fixture("mpeg1-noheader.mp3");
    const junk = Uint8Array.from({ length: 4000 }, (_, i) => 1 + (i % 200));
    await expect(decodeAudio(joined(plain, junk, plain))).rejects.toMatchObject({ kind: "damaged" });
  });
});

describe("Ogg", () => {
  /** The same file with the end-of-stream flag of its last page off. */
  function withoutEnd(bytes: Uint8Array): Uint8Array {
    const out = Buffer.from(bytes);
    const at = out.lastIndexOf("OggS");
    out[at + 5] &= ~4;
    out.writeUInt32LE(0, at + 22);
    let crc = 0;
    for (const byte of out.subarray(at)) {
      crc = (crc ^ (byte << 24)) >>> 0;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1) >>> 0;
    }
    out.writeUInt32LE(crc, at + 22);
    return new Uint8Array(out);
  }

  test.each([
    ["vorbis-stereo.ogg", 52928],
    ["vorbis-mono.ogg", 26624],
    ["opus-stereo.opus", 58248],
    ["opus-mono.opus", 58248],
    ["flac-stereo.ogg", 6400],
  ])("%s without an end is read to the end of the file", async (name, length) => {
    const want = await decodeAudio(fixture(name));
    const got = await decodeAudio(withoutEnd(fixture(name)));
    expect(got.channels.map((channel) => channel.length)).toEqual(want.channels.map(() => length));
    const whole = want.channels[0].length - 2000; // without an end nothing is trimmed there
    for (const [c, channel] of want.channels.entries()) {
      expect(got.channels[c].subarray(0, whole)).toEqual(channel.subarray(0, whole));
    }
    expect(got.remarks).toEqual([expect.stringMatching(/no Ogg page says that it is the last/)]);
    expect(want.remarks).toBeUndefined();
    const padded = joined(withoutEnd(fixture(name)), new Uint8Array(500));
    expect((await decodeAudio(padded)).channels[0].length).toBe(length);
  });
});
