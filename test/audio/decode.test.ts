// The decoders against ffmpeg's decoding of the same files (test/fixtures/audio/reference.json), and what happens to files
// that are cut, empty, damaged or no audio at all.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { AudioError, decodeAudio, toMono, type Waveform } from "../../src/audio/decode.js";
import { hasAudioEnding } from "../../src/audio/formats.js";
import { DataError } from "../../src/gpu/errors.js";

interface Reference {
  sampleRate: number;
  channels: number;
  frames: number;
  meanSquare: number[];
  excerpts: { at: number; interleaved: string }[];
}

const folder = new URL("../fixtures/audio/", import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const reference: Record<string, Reference> = JSON.parse(
  readFileSync(new URL("reference.json", folder), "utf8"),
);
const files = readdirSync(folder).filter((f) => f !== "reference.json");

/** The largest absolute difference allowed: rounding for what is lossless, float32 arithmetic for the lossy. */
function tolerance(name: string): number {
  if (/\.(wav|flac)$/.test(name) || name === "flac-stereo.ogg") return 0;
  if (name.endsWith(".opus")) return 2e-4; // two builds of libopus
  return 2e-5;
}

async function failure(bytes: Uint8Array, name?: string): Promise<AudioError> {
  const error = await decodeAudio(bytes, { name }).then(
    (w) => new Error(`decoded ${w.channels[0].length} samples`),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(AudioError);
  expect(error).toBeInstanceOf(DataError);
  expect((error as AudioError).message).not.toContain("\n");
  return error as AudioError;
}

describe("against ffmpeg", () => {
  test("every fixture has its reference", () => {
    expect(files.sort()).toEqual(Object.keys(reference).sort());
    expect(files.length).toBe(19);
  });

  test.each(files)("%s", async (name) => {
    const expected = reference[name];
    const waveform = await decodeAudio(bytesOf(name));
    expect(waveform.sampleRate).toBe(expected.sampleRate);
    expect(waveform.channels.length).toBe(expected.channels);
    for (const [c, channel] of waveform.channels.entries()) {
      expect(channel.length).toBe(expected.frames);
      const meanSquare = channel.reduce((sum, x) => sum + x * x, 0) / channel.length;
      expect(Math.abs(meanSquare / expected.meanSquare[c] - 1)).toBeLessThan(
        name.endsWith(".opus") ? 1e-4 : 1e-5,
      );
      for (const { at, interleaved } of expected.excerpts) {
        const raw = Uint8Array.from(Buffer.from(interleaved, "base64"));
        const samples = new Float32Array(raw.buffer);
        let worst = 0;
        for (let i = 0; i < samples.length / expected.channels; i++) {
          worst = Math.max(worst, Math.abs(channel[at + i] - samples[i * expected.channels + c]));
        }
        expect(worst, `samples from ${at} of channel ${c}`).toBeLessThanOrEqual(tolerance(name));
      }
    }
  });

  test("several at once give what one at a time gives", async () => {
    const some = files.filter((f) => !f.endsWith(".wav"));
    const together = await Promise.all(some.map((f) => decodeAudio(bytesOf(f))));
    for (const [i, f] of some.entries()) expect(together[i]).toEqual(await decodeAudio(bytesOf(f)));
  });

  test("a file is known by its bytes, behind an ID3 tag too", async () => {
    const plain = bytesOf("s16-stereo.flac");
    const tag = new Uint8Array(10 + 300);
    tag.set([0x49, 0x44, 0x33, 3, 0, 0, 0, 0, 2, 44]);
    const tail = new Uint8Array(128);
    tail.set([0x54, 0x41, 0x47]);
    const tagged = new Uint8Array([...tag, ...plain, ...tail]);
    expect(await decodeAudio(tagged, { name: "x.mp3" })).toEqual(await decodeAudio(plain));
  });

  test("streams chained in one Ogg file follow one another", async () => {
    for (const name of ["vorbis-mono.ogg", "opus-stereo.opus", "flac-stereo.ogg"]) {
      const one = await decodeAudio(bytesOf(name));
      const two = await decodeAudio(new Uint8Array([...bytesOf(name), ...bytesOf(name)]));
      const n = one.channels[0].length;
      expect(two.channels[0].length).toBe(2 * n);
      expect(two.channels[0].slice(n)).toEqual(one.channels[0]);
    }
  });
});

describe("WAV", () => {
  /** A WAV file from its parts; `stated` overrides the size that the data chunk gives. */
  function wav(
    tag: number,
    bits: number,
    channels: number,
    data: number[],
    stated = data.length,
    extensible = false,
  ) {
    const fmt = extensible ? 40 : 16;
    const bytes = new Uint8Array(12 + 8 + fmt + 8 + data.length);
    const view = new DataView(bytes.buffer);
    const text = (at: number, s: string) => bytes.set(Buffer.from(s, "latin1"), at);
    text(0, "RIFF");
    view.setUint32(4, bytes.length - 8, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, fmt, true);
    view.setUint16(20, extensible ? 0xfffe : tag, true);
    view.setUint16(22, channels, true);
    view.setUint32(24, 8000, true);
    view.setUint16(32, (bits / 8) * channels, true);
    view.setUint16(34, bits, true);
    if (extensible) view.setUint16(44, tag, true);
    text(20 + fmt, "data");
    view.setUint32(24 + fmt, stated, true);
    bytes.set(data, 28 + fmt);
    return bytes;
  }

  test("scales integers by 2^(bits-1), plain and extensible", async () => {
    const s16 = [0, 0x80, 0xff, 0x7f, 1, 0, 0, 0];
    for (const extensible of [false, true]) {
      const { channels, sampleRate } = await decodeAudio(wav(1, 16, 1, s16, s16.length, extensible));
      expect(sampleRate).toBe(8000);
      expect([...channels[0]]).toEqual([-1, 32767 / 32768, 1 / 32768, 0]);
    }
    expect([...(await decodeAudio(wav(1, 24, 1, [0, 0, 0x80, 0xff, 0xff, 0xff]))).channels[0]]).toEqual([
      -1,
      -(2 ** -23),
    ]);
    expect([...(await decodeAudio(wav(1, 8, 2, [0, 192]))).channels.map((c) => c[0])]).toEqual([-1, 0.5]);
  });

  test("a length that was unknown when it was written is the rest of the file", async () => {
    const { channels } = await decodeAudio(wav(1, 16, 1, [0, 0, 0, 0x40, 0], 0xffffffff));
    expect([...channels[0]]).toEqual([0, 0.5]);
  });

  test("refuses what it cannot read or trust", async () => {
    expect((await failure(wav(1, 16, 1, [0, 0], 4))).kind).toBe("truncated");
    expect((await failure(wav(1, 16, 1, []))).kind).toBe("no-samples");
    expect((await failure(wav(0x11, 16, 1, [0, 0]))).message).toContain(
      "WAV with codec 0x0011 is not supported",
    );
    expect((await failure(wav(1, 16, 0, [0, 0]))).kind).toBe("damaged");
    expect((await failure(wav(3, 32, 1, [0, 0, 0xc0, 0x7f]))).message).toContain("not finite"); // a NaN
  });
});

describe("cut files", () => {
  // Every position would be slow; these are the start, the headers, odd places within, and the last bytes.
  test.each(files)("%s is known as truncated wherever it is cut", async (name) => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const whole = bytesOf(name);
    // These carry no length anywhere, so a cut between two frames is a shorter file; elsewhere it is a cut.
    const n = whole.length - (name.includes("id3") ? 128 : 0);
    const cuts = [
      13,
      30,
      50,
      100,
      0.11 * n,
      0.25 * n,
      0.5 * n,
      0.77 * n,
      0.9 * n,
      n - 100,
      n - 9,
      n - 2,
      n - 1,
    ];
    for (const cut of cuts.map(Math.floor)) {
      const error = await failure(whole.slice(0, cut), name);
      expect([error.kind, cut]).toEqual(["truncated", cut]);
      expect(error.message).toMatch(new RegExp(`^${name}: truncated: `));
    }
    expect(said).not.toHaveBeenCalled();
    said.mockRestore();
  });

  test("an MP3 cut anywhere in its first frames is truncated", async () => {
    for (const name of ["mpeg1-stereo.mp3", "mpeg2-stereo.mp3", "mpeg25-mono.mp3"]) {
      const whole = bytesOf(name);
      for (let cut = 4; cut < 700; cut++) {
        const error = await failure(whole.slice(0, cut), name);
        expect([error.message.slice(0, name.length + 12), cut]).toEqual([`${name}: truncated:`, cut]);
      }
    }
  });

  test("an MP3 cut exactly between frames is known by its header", async () => {
    const whole = bytesOf("mpeg1-stereo.mp3");
    // 44.1 kHz at 64 kbit/s: 208 or 209 bytes a frame. Take four frames off the end, one byte at a time.
    for (let off = 4 * 208; off <= 4 * 209; off++) {
      expect((await failure(whole.slice(0, whole.length - off))).kind).toBe("truncated");
    }
  });

  test("an Ogg file cut exactly between pages is one whose end is not marked, and is said to be", async () => {
    const whole = bytesOf("vorbis-stereo.ogg");
    const last = Buffer.from(whole).lastIndexOf("OggS");
    const { channels, remarks } = await decodeAudio(whole.slice(0, last));
    const all = (await decodeAudio(whole)).channels[0];
    expect(channels[0].length).toBeLessThan(all.length);
    expect(channels[0]).toEqual(all.subarray(0, channels[0].length));
    expect(remarks).toEqual([expect.stringMatching(/no Ogg page says that it is the last/)]);
  });

  test("a FLAC file of unstated length is judged by its last frame", async () => {
    const whole = bytesOf("s16-stereo.flac");
    whole[21] &= 0xf0;
    whole.fill(0, 22, 26);
    expect(await decodeAudio(whole)).toEqual(await decodeAudio(bytesOf("s16-stereo.flac")));
    expect((await failure(whole.slice(0, whole.length - 50))).kind).toBe("truncated");
  });
});

describe("other faults", () => {
  test("empty, text, pictures, known formats that are not read", async () => {
    expect((await failure(new Uint8Array(0), "a.wav")).message).toBe("a.wav: empty (0 bytes)");
    const text = new TextEncoder().encode("This is a list of songs. ".repeat(400));
    const error = await failure(text, "list.mp3");
    expect(error.kind).toBe("not-audio");
    expect(error.message).toContain("WAV, FLAC, MP3, Ogg Vorbis, Ogg Opus and .au");
    expect((await failure(new Uint8Array(5000), "zeros.mp3")).kind).toBe("not-audio");
    const mp4 = new Uint8Array([0, 0, 0, 32, ...Buffer.from("ftypM4A "), ...new Uint8Array(100)]);
    expect((await failure(mp4)).message).toContain("MP4 (AAC or ALAC) audio is not supported");
    expect((await failure(new Uint8Array([0xff, 0xf1, 0x50, 0x80, 0, 0, 0]))).message).toContain("AAC audio");
    expect((await failure(new Uint8Array([...Buffer.from("FORM\0\0\0\0AIFFCOMM")]))).kind).toBe(
      "unsupported",
    );
  });

  test("random bytes are never audio and never hang the decoder", async () => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    console.log(`seed ${seed}`);
    let state = seed;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    };
    for (let i = 0; i < 50; i++) {
      const bytes = Uint8Array.from({ length: 4000 }, next);
      expect(["not-audio", "unsupported", "truncated"]).toContain((await failure(bytes)).kind);
    }
  });

  test("a flipped byte in a FLAC frame or an Ogg page is found", async () => {
    for (const name of ["s16-stereo.flac", "vorbis-stereo.ogg", "opus-mono.opus"]) {
      const bytes = bytesOf(name);
      bytes[Math.floor(bytes.length * 0.6)] ^= 0x55;
      expect(["damaged", "truncated"]).toContain((await failure(bytes)).kind);
    }
  });

  test("MP3 frames full of noise end in samples or one error, not in a loop", async () => {
    const bytes = bytesOf("mpeg2-mono.mp3");
    for (let i = 300; i < bytes.length; i++) if (i % 7 === 3 && bytes[i] !== 0xff) bytes[i] ^= 0x3c;
    const outcome: Waveform | AudioError = await decodeAudio(bytes).catch((e) => e);
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(AudioError);
    else expect(outcome.channels[0].length).toBeGreaterThan(0);
  });
});

test("toMono is the mean of the channels", () => {
  const a = Float32Array.of(1, 0, -1);
  const b = Float32Array.of(0, 0.5, -1);
  expect([...toMono({ sampleRate: 8000, channels: [a, b] })]).toEqual([0.5, 0.25, -1]);
  expect(toMono({ sampleRate: 8000, channels: [a] })).toBe(a);
});

test("endings", () => {
  for (const name of ["a.wav", "b.MP3", "c.d.opus", "e.m4a"]) expect(hasAudioEnding(name)).toBe(true);
  for (const name of ["a.txt", "mp3", ".mp3", "cover.jpg", "x.mp3.part"])
    expect(hasAudioEnding(name)).toBe(false);
});
