// Folders of audio as corpora: what is found, what is skipped and why, and every folder that cannot be used at all.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeAudio, toMono } from "../../src/audio/decode.js";
import { openFolder } from "../../src/data/folder.js";
import { DataError } from "../../src/gpu/errors.js";
import { wavBytes } from "../support/wav-bytes.js";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url));
const bytesOf = (name: string) => new Uint8Array(readFileSync(fixture(name)));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "melgrad-folder-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Put a fixture, or bytes, at a path below the folder. */
function put(path: string, content: string | Uint8Array): void {
  mkdirSync(join(dir, path, ".."), { recursive: true });
  if (typeof content === "string") copyFileSync(fixture(content), join(dir, path));
  else writeFileSync(join(dir, path), content);
}

const text = new TextEncoder().encode("Not music at all. ".repeat(200));

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DataError);
  const { message } = error as DataError;
  expect(message).not.toContain("\n");
  return message;
}

describe("what is found", () => {
  test("every audio file below the folder, sorted, by its path", async () => {
    put("b/deep/er/x.opus", "opus-stereo.opus");
    put("b/1.MP3", "mpeg2-mono.mp3");
    put("a.ogg", "vorbis-stereo.ogg");
    put("b/10.flac", "mpeg1-stereo.mp3"); // the ending lies, the bytes do not
    put("cover.jpg", text);
    put("notes.txt", text);
    put(".hidden.ogg", "vorbis-stereo.ogg");
    put("._a.ogg", text);
    put(".cache/y.ogg", "vorbis-stereo.ogg");
    const corpus = await openFolder(dir);
    expect(corpus.tracks.map((t) => t.id)).toEqual(["a.ogg", "b/1.MP3", "b/10.flac", "b/deep/er/x.opus"]);
    expect(corpus.tracks.map((t) => t.title)).toEqual(["a", "1", "10", "x"]);
    expect(corpus.tracks.map((t) => t.piece)).toEqual(corpus.tracks.map((t) => t.id));
    expect(corpus.skipped).toEqual([]);
    expect(corpus.ignored).toBe(2);
    expect(corpus.seconds).toBeCloseTo(4.8, 1);
    expect(corpus.why).toContain("4 files, 5 s");
    expect(corpus.name).toBe("folder");
  });

  test("a track loads as the mean of its channels, again and again", async () => {
    put("a.ogg", "vorbis-stereo.ogg");
    const expected = toMono(await decodeAudio(bytesOf("vorbis-stereo.ogg")));
    for (const keepBytes of [0, 1e9]) {
      const { tracks } = await openFolder(dir, { keepBytes });
      for (let i = 0; i < 3; i++) {
        const { channels, sampleRate } = await tracks[0].load();
        expect(sampleRate).toBe(44100);
        expect(channels).toEqual([expected]);
      }
      expect(tracks[0].seconds).toBe(expected.length / 44100);
    }
  });

  test("links are followed once, loops end, a link to nothing is named", async () => {
    put("real/a.ogg", "vorbis-mono.ogg");
    const outside = mkdtempSync(join(tmpdir(), "melgrad-outside-"));
    copyFileSync(fixture("opus-mono.opus"), join(outside, "o.opus"));
    symlinkSync(dir, join(dir, "real", "up"));
    symlinkSync(join(dir, "real"), join(dir, "again"));
    symlinkSync(join(dir, "real", "a.ogg"), join(dir, "alias.ogg"));
    symlinkSync(outside, join(dir, "other"));
    symlinkSync(join(outside, "o.opus"), join(dir, "z.opus"));
    symlinkSync(join(dir, "gone"), join(dir, "gone.mp3"));
    symlinkSync("self.wav", join(dir, "self.wav"));
    const corpus = await openFolder(dir);
    expect(corpus.tracks.map((t) => t.id)).toEqual(["other/o.opus", "real/a.ogg"]);
    expect(corpus.skipped.map((s) => s.path)).toEqual(["gone.mp3", "self.wav"]);
    rmSync(outside, { recursive: true });
  });

  test("progress counts every file, and a signal stops the scan", async () => {
    for (let i = 0; i < 6; i++) put(`${i}.mp3`, "mpeg25-mono.mp3");
    const seen: number[] = [];
    await openFolder(dir, { onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => i / 6));
    const control = new AbortController();
    const stopped = openFolder(dir, {
      signal: control.signal,
      onProgress: ({ done }) => done === 2 && control.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
  });
});

describe("what is skipped", () => {
  test("broken files are named with their reasons and the rest remains", async () => {
    put("good.ogg", "vorbis-stereo.ogg");
    for (const [i, name] of [
      "pcm-s16-stereo.wav",
      "s16-stereo.flac",
      "mpeg1-stereo.mp3",
      "opus-mono.opus",
    ].entries()) {
      const whole = bytesOf(name);
      put(`cut${i}.${name.split(".")[1]}`, whole.slice(0, Math.floor(whole.length * 0.6)));
    }
    put("empty.wav", new Uint8Array(0));
    put("text.mp3", text);
    put("phone.m4a", new Uint8Array([0, 0, 0, 32, ...Buffer.from("ftypM4A "), ...new Uint8Array(50)]));
    const short = bytesOf("pcm-u8-mono.wav"); // 8 kHz, one byte a sample: keep 800 samples, 0.1 s
    const data = Buffer.from(short).indexOf("data");
    new DataView(short.buffer).setUint32(data + 4, 800, true);
    put("film.mp4", new Uint8Array([0, 0, 0, 32, ...Buffer.from("ftypisom"), ...new Uint8Array(100)]));
    put("screen.webm", new Uint8Array([0x1a, 0x45, 0xdf, 0xa3, ...new Uint8Array(100)]));
    put("short.wav", short.slice(0, data + 8 + 800));
    const corpus = await openFolder(dir);
    expect(corpus.tracks.map((t) => t.id)).toEqual(["good.ogg"]);
    const reasons = Object.fromEntries(corpus.skipped.map((s) => [s.path, s.reason]));
    expect(Object.keys(reasons)).toEqual([
      ...[
        "cut0.wav",
        "cut1.flac",
        "cut2.mp3",
        "cut3.opus",
        "empty.wav",
        "film.mp4",
        "phone.m4a",
        "screen.webm",
        "short.wav",
        "text.mp3",
      ],
    ]);
    for (const name of ["cut0.wav", "cut1.flac", "cut2.mp3", "cut3.opus"])
      expect(reasons[name]).toMatch(/^truncated: /);
    expect(reasons["empty.wav"]).toBe("empty (0 bytes)");
    expect(reasons["text.mp3"]).toMatch(/^not audio/);
    for (const name of ["phone.m4a", "film.mp4"]) expect(reasons[name]).toMatch(/^MP4 .* is not supported/);
    expect(reasons["screen.webm"]).toMatch(/^Matroska or WebM .*convert it first, as with: ffmpeg -i FILE/);
    expect(reasons["short.wav"]).toBe("0.1 s long, less than the 0.5 s needed");
    expect((await openFolder(dir, { minSeconds: 0.1 })).tracks.map((t) => t.id)).toEqual([
      "good.ogg",
      "short.wav",
    ]);
  });
});

describe("folders that cannot be used", () => {
  test("missing, a file, empty, no audio, nothing usable", async () => {
    expect(await failure(openFolder(join(dir, "nope")))).toMatch(/^There is no folder .*nope: give one/);
    expect(await failure(openFolder(dir))).toMatch(/ is empty: put audio files there/);
    put("a.txt", text);
    expect(await failure(openFolder(join(dir, "a.txt")))).toMatch(/a\.txt is not a folder/);
    expect(await failure(openFolder(dir))).toMatch(/holds no audio among its 1 file: WAV, FLAC/);
    put("b.mp3", text);
    put("c.mp3", text);
    put("d.wav", new Uint8Array(0));
    const said = await failure(openFolder(dir));
    expect(said).toContain("None of the 3 audio files in");
    expect(said).toContain("2 not audio (b.mp3, …); 1 empty (d.wav)");
  });
});

describe("what is odd", () => {
  test("a recording under two names, in two formats or with other tags is taken once, by the first name", async () => {
    const waveform = await decodeAudio(bytesOf("s16-stereo.flac"));
    const ints = Int16Array.from({ length: 2 * waveform.channels[0].length }, (_, i) =>
      Math.round(32768 * waveform.channels[i % 2][i >> 1]),
    );
    const { sampleRate } = waveform;
    put("b/copy.flac", "s16-stereo.flac");
    put("a.flac", "s16-stereo.flac");
    put("c.wav", wavBytes(new Uint8Array(ints.buffer), { channels: 2, sampleRate }));
    put("other.ogg", "vorbis-stereo.ogg");
    for (let again = 0; again < 2; again++) {
      const corpus = await openFolder(dir, { minSeconds: 0.1 });
      expect(corpus.tracks.map(({ id }) => id)).toEqual(["a.flac", "other.ogg"]);
      expect(corpus.skipped).toEqual(
        ["b/copy.flac", "c.wav"].map((path) => ({
          path,
          reason: "the same recording as a.flac, which is taken",
        })),
      );
    }
  });

  test("silence is skipped; channels that cancel are not silence", async () => {
    const sampleRate = 8000;
    const sound = Int16Array.from({ length: 16000 }, (_, i) => 9000 * Math.sin(i * i * 1e-5));
    put("silent.wav", wavBytes(new Uint8Array(16000), { sampleRate }));
    for (let i = 1; i < sound.length; i += 2) sound[i] = -sound[i - 1];
    put("opposite.wav", wavBytes(new Uint8Array(sound.buffer), { sampleRate, channels: 2 }));
    const corpus = await openFolder(dir);
    expect(corpus.skipped).toEqual([{ path: "silent.wav", reason: expect.stringMatching(/^silent: /) }]);
    const [track] = corpus.tracks;
    const { channels, remarks } = await track.load();
    expect([...channels[0]]).toEqual(
      Array.from(
        sound.filter((_, i) => i % 2 === 0),
        (each) => each / 32768,
      ),
    );
    expect(remarks).toEqual([expect.stringMatching(/cancel each other/)]);
  });

  test("a header that states an absurd rate is that file's fault", async () => {
    put("good.ogg", "vorbis-stereo.ogg");
    put("absurd.wav", wavBytes(new Uint8Array(20000).fill(77), { sampleRate: 4294967295, byteRate: 0 }));
    const corpus = await openFolder(dir);
    expect(corpus.tracks.map(({ id }) => id)).toEqual(["good.ogg"]);
    expect(corpus.skipped).toEqual([{ path: "absurd.wav", reason: expect.stringMatching(/4294967295 Hz/) }]);
  });
});
