// `melgrad embed` as a person runs it: vectors of good files in all formats, broken files named, and its files read byte by byte from the
// formats' descriptions, and by numpy and plain Python where they are there.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeAudio } from "../../src/audio/decode.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { FeatureExtractor } from "../../src/probe/feature-extractor.js";
import { loadModel } from "../../src/train/load-model.js";
import { useCommand } from "../support/cli.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { chords } from "../support/music.js";
import { tinyModel, tinyNormalisation, writeRun } from "../support/run-folder.js";
import { wavBytes } from "../support/wav-bytes.js";

const melgrad = useCommand();
const gpu = useGpu();
const seed = freshSeed("embed");
const files = ["one.wav", "twö.wav", "sub/three.wav"];
const path = (name: string) => join(melgrad.folder, name);

beforeAll(async () => {
  mkdirSync(path("sub"));
  for (const [i, file] of files.entries()) {
    const rate = [16000, 44100, 22050][i];
    writeFileSync(path(file), encodeWav16(chords(seed + i, 2 + i, rate), rate));
  }
  writeFileSync(path("broken.wav"), readFileSync(path(files[0])).subarray(0, 5000));
  writeFileSync(path("short.wav"), encodeWav16(chords(seed, 0.01), 16000));
  await writeRun(gpu(), path("run"), seed % 1000);
});

const embed = (...args: string[]) => melgrad.run(["embed", "--checkpoint", "run", ...args]);

/** What the pass over the audio gives in this process. */
async function expected(pool: "mean" | "layers"): Promise<Float32Array[]> {
  const { model } = await loadModel(gpu(), path("run"));
  const extractor = new FeatureExtractor(gpu(), [model], {
    model: tinyModel,
    normalisation: tinyNormalisation,
    pool,
  });
  const vectors: Promise<Float32Array[]>[] = [];
  for (const file of files) {
    const waveform = await decodeAudio(new Uint8Array(readFileSync(path(file))));
    vectors.push((await extractor.push(waveform)).vectors);
  }
  await extractor.flush();
  extractor.dispose();
  model.dispose();
  return (await Promise.all(vectors)).map(([vector]) => vector);
}

function close(found: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(found.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(found[i]).toBeCloseTo(wanted[i], 5);
}

/** A version 1 .npy file of float32, from NumPy's description of the format. */
function npyByBytes(bytes: Buffer): { shape: number[]; values: number[] } {
  expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  const length = bytes.readUInt16LE(8);
  expect((10 + length) % 64).toBe(0);
  const header = bytes.toString("latin1", 10, 10 + length);
  expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \([\d, ]+\), \} *\n$/);
  const shape = [...(/\(([\d, ]+)\)/.exec(header)?.[1] ?? "").matchAll(/\d+/g)].map(([n]) => Number(n));
  const values: number[] = [];
  for (let at = 10 + length; at < bytes.length; at += 4) values.push(bytes.readFloatLE(at));
  return { shape, values };
}

/** A safetensors file of float32, from the format's description. */
function safetensorsByBytes(bytes: Buffer): Map<string, { shape: number[]; values: number[] }> {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        expect(dtype).toBe("F32");
        const values: number[] = [];
        for (let at = begin; at < end; at += 4) values.push(bytes.readFloatLE(8 + length + at));
        return [name, { shape, values }];
      },
    ),
  );
}

const python = spawnSync("python3", ["-c", "import numpy"]).status === 0;
const ask = (script: string, ...args: string[]) =>
  JSON.parse(execFileSync("python3", ["-c", script, ...args], { encoding: "utf8" }));

describe("embed", () => {
  it("writes one vector a file, the same in all formats", { timeout: 120_000 }, async () => {
    const vectors = await expected("mean");
    const jsonl = await embed(...files);
    expect(jsonl.code, jsonl.stderr).toBe(0);
    const lines = jsonl.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { file: string; vector: number[] });
    expect(lines.map(({ file }) => file)).toEqual(files);
    for (const [i, { vector }] of lines.entries()) close(vector, vectors[i]);

    const npy = await embed(...files, "--format", "npy", "--out", "vectors.npy");
    expect(npy.code, npy.stderr).toBe(0);
    expect(JSON.parse(readFileSync(path("vectors.names.json"), "utf8"))).toEqual(files);
    const array = npyByBytes(readFileSync(path("vectors.npy")));
    expect(array.shape).toEqual([3, 16]);
    expect(array.values).toEqual(lines.flatMap(({ vector }) => vector.map(Math.fround)));

    const tensors = await embed(...files, "--format", "safetensors", "--out", "vectors.safetensors");
    expect(tensors.code, tensors.stderr).toBe(0);
    const named = safetensorsByBytes(readFileSync(path("vectors.safetensors")));
    expect([...named.keys()].sort()).toEqual([...files].sort());
    for (const [i, file] of files.entries()) {
      expect(named.get(file)).toEqual({ shape: [16], values: array.values.slice(16 * i, 16 * i + 16) });
    }

    if (python) {
      const read = ask(
        "import sys, json, numpy; a = numpy.load(sys.argv[1]); print(json.dumps([str(a.dtype), list(a.shape), a.ravel().tolist()]))",
        path("vectors.npy"),
      );
      expect(read).toEqual(["float32", [3, 16], array.values]);
      const plain = ask(
        "import sys, json, struct\n" +
          "with open(sys.argv[1], 'rb') as f:\n" +
          "  n, = struct.unpack('<Q', f.read(8)); h = json.loads(f.read(n)); d = f.read()\n" +
          "print(json.dumps({k: struct.unpack('<16f', d[slice(*v['data_offsets'])]) for k, v in h.items()}))",
        path("vectors.safetensors"),
      );
      for (const file of files) expect(plain[file]).toEqual(named.get(file)?.values);
    } else {
      console.info("no python3 with numpy here: the files were checked byte by byte only");
    }
  });

  it("pools each layer, without the cache", { timeout: 60_000 }, async () => {
    const vectors = await expected("layers");
    const args = [...files, "--pool", "layers", "--no-cache"];
    const { code, stderr, stdout } = await embed(...args);
    expect(code, stderr).toBe(0);
    for (const [i, line] of stdout.trim().split("\n").entries()) {
      const { vector } = JSON.parse(line) as { vector: number[][] };
      expect(vector).toHaveLength(2);
      close(vector.flat(), vectors[i]);
    }
    expect((await embed(...args, "--format", "npy", "--out", "layers.npy")).code).toBe(0);
    expect(npyByBytes(readFileSync(path("layers.npy"))).shape).toEqual([3, 2, 16]);
  });

  it("names files that cannot be read, writes the others and exits with 1", {
    timeout: 240_000,
  }, async () => {
    const odd = wavBytes(new Uint8Array(100_000).fill(9), { sampleRate: 4294967295, byteRate: 0 });
    writeFileSync(path("absurd.wav"), odd);
    const mixed = ["broken.wav", files[1], "gone.wav", "absurd.wav", "short.wav", files[0]];
    const { code, stderr } = await embed(...mixed, "--format", "npy", "--out", "good.npy");
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.wav: truncated/);
    expect(stderr).toMatch(/gone\.wav: it is not there/);
    expect(stderr).toMatch(/short\.wav: .* samples at 16000 Hz are too few/);
    expect(stderr).toMatch(/absurd\.wav: damaged: it states a sample rate of 4294967295 Hz/);
    expect(stderr).toMatch(/4 of 6 files could not be read; the others are written/);
    expect(JSON.parse(readFileSync(path("good.names.json"), "utf8"))).toEqual([files[1], files[0]]);
    const { shape, values } = npyByBytes(readFileSync(path("good.npy")));
    expect(shape).toEqual([2, 16]);
    const [first, second] = await expected("mean");
    close(values, [...second, ...first]);

    // Rates at the ends of what is read, and a header whose length is unknown: vectors, and a remark.
    writeFileSync(path("slow.wav"), encodeWav16(chords(seed, 2), 1000));
    writeFileSync(path("fast.wav"), encodeWav16(chords(seed, 60), 999_983));
    writeFileSync(
      path("open.wav"),
      wavBytes(encodeWav16(chords(seed, 2), 16000).subarray(44), { dataSize: 0 }),
    );
    const ends = await embed("slow.wav", "fast.wav", "open.wav");
    expect(ends.code, ends.stderr).toBe(0);
    expect(ends.stdout.trim().split("\n")).toHaveLength(3);
    expect(ends.stderr).toMatch(
      /open\.wav: its header does not say how long it is; read to the end of the file/,
    );

    const none = await embed("broken.wav", "gone.wav", "run", "--out", "none.jsonl");
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/None of 3 files could be read/);
    expect(none.stderr).toMatch(/run: it is a folder: name the files in it, as in run\/\*\.flac/);
    const again = await embed(...mixed, "--format", "npy", "--out", "good.npy");
    expect([again.code, again.stderr]).toEqual([2, "good.npy exists already: write another --out.\n"]);
  });
});
