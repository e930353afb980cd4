// The readers that are fuzzed, each with whole files to begin from, checksums repaired where a damaged file would not get past them, and
// what must hold of a result. Not here: how files are damaged (edits.ts), or what counts as failing (readers.ts).
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { decodeAudio, mixDown } from "../../src/audio/decode.js";
import { recognise } from "../../src/audio/formats.js";
import { sampleRates } from "../../src/audio/levels.js";
import { findMp3Frames } from "../../src/audio/mp3.js";
import { midiNotes, parseMidi } from "../../src/data/midi/notes.js";
import { midiLumps } from "../../src/data/midi/wad.js";
import { formatNamed, readSet } from "../../src/data/sets/index.js";
import { Problems } from "../../src/data/sets/problems.js";
import { type SetFile, SetFiles } from "../../src/data/sets/set-files.js";
import { openZip } from "../../src/data/sets/zip.js";
import { VectorStore } from "../../src/data/vector-store.js";
import { tarFiles } from "../../src/host/node/tar.js";
import { readNpy, writeNpy } from "../../src/io/npy.js";
import { isFloating, parseSafetensors, toFloat32, writeSafetensors } from "../../src/io/safetensors.js";
import { preset } from "../../src/patchifier/config.js";
import { encoderSizes } from "../../src/patchifier/encoder.js";
import { withObjective } from "../../src/patchifier/objectives.js";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.js";
import { parseConfig } from "../../src/train/config.js";
import { mergeFeatures, readFeatures, writeFeatures } from "../../src/train/feature-file.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { deserialise } from "../../src/train/weights.js";
import { midiFile, tempo } from "../data/midi-bytes.js";
import { audioFile, mtatAnnotations, mtatInfo, mtatTags, storedZip, textFile } from "../support/sets.js";
import { chunk, wavBytes } from "../support/wav-bytes.js";

export interface Target {
  name: string;
  /** Whole files. */
  bases: Uint8Array[];
  /** Makes checksums right again. */
  repair?(bytes: Uint8Array): Uint8Array;
  /** Reads the bytes and checks what comes of it; throws what the reader throws, and Error where a result makes no sense. */
  read(bytes: Uint8Array): Promise<void>;
}

const text = (value: string) => new TextEncoder().encode(value);
const json = (value: unknown) => text(JSON.stringify(value));

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the result makes no sense: ${what}`);
}

/** All readers; `close` removes what they wrote. */
export function openTargets(root: string): { targets: Target[]; close(): void } {
  const work = mkdtempSync(join(tmpdir(), "melgrad-fuzz-"));
  const targets = [...audio(root), ...lists(), ...numbers(), ...archives(work), ...runs(work), ...music()];
  return { targets, close: () => rmSync(work, { recursive: true, force: true }) };
}

function audio(root: string): Target[] {
  const folder = join(root, "test/fixtures/audio");
  const fixtures = (ending: RegExp) =>
    readdirSync(folder)
      .filter((name) => ending.test(name))
      .map((name) => new Uint8Array(readFileSync(join(folder, name))));
  const data = Uint8Array.from({ length: 3000 }, (_, i) => (i * i * 7) % 251);
  const au = Buffer.alloc(24 + 2000, 0x31);
  for (const [i, word] of [0x2e736e64, 24, 2000, 3, 8000, 2].entries()) au.writeUInt32BE(word, 4 * i);
  const target = (name: string, bases: Uint8Array[], repair?: Target["repair"]): Target => ({
    name,
    bases,
    repair,
    read: readAudio,
  });
  return [
    target("wav", [
      ...fixtures(/\.wav$/),
      wavBytes(data),
      wavBytes(data, { channels: 3, bits: 24, before: chunk("LIST", data.subarray(0, 31)) }),
      wavBytes(data, { form: "RF64", dataSize: 0xffffffff, before: chunk("ds64", new Uint8Array(28)) }),
    ]),
    target("au", [new Uint8Array(au)]),
    target("flac", fixtures(/\.flac$/)),
    target("mp3", fixtures(/\.mp3$/)),
    target("ogg", fixtures(/\.(ogg|opus)$/), oggChecksums),
  ];
}

async function readAudio(bytes: Uint8Array): Promise<void> {
  const { length } = bytes;
  const waveform = await decodeAudio(bytes, { name: "a file" });
  const { channels, sampleRate } = mixDown(waveform);
  const [mono] = channels;
  must(sampleRate >= sampleRates.least && sampleRate <= sampleRates.most, `${sampleRate} Hz`);
  must(
    waveform.channels.every((channel) => channel.length === mono.length),
    "channels differ in length",
  );
  must(mono.length > 0 && mono.every(Number.isFinite), "samples are not finite");
  // The codecs that pack silence best need some bytes a frame of a few thousand samples.
  must(mono.length <= 20_000 * (length + 1), `${mono.length} samples of ${length} bytes`);
  const { container, start, lostTag } = recognise(bytes);
  if (container !== "mpeg?") return;
  const { seconds } = findMp3Frames(bytes, start, lostTag);
  must(Math.abs(seconds - mono.length / sampleRate) < 0.2 + 0.2 * seconds, `${seconds} s`);
}

/** Computes the checksum of every page that begins where one should. */
function oggChecksums(bytes: Uint8Array): Uint8Array {
  const out = Buffer.from(bytes);
  for (let at = out.indexOf("OggS"); at >= 0 && at + 27 <= out.length; at = out.indexOf("OggS", at + 4)) {
    const segments = out[at + 26];
    let end = at + 27 + segments;
    for (let i = at + 27; i < Math.min(out.length, at + 27 + segments); i++) end += out[i];
    if (end > out.length) break;
    out.writeUInt32LE(0, at + 22);
    let crc = 0;
    for (let i = at; i < end; i++) {
      crc ^= out[i] << 24;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
    }
    out.writeUInt32LE(crc >>> 0, at + 22);
  }
  return new Uint8Array(out);
}

/** A list with the audio that it names, read as the set that it is of. */
function list(name: string, format: string, path: string, bases: Uint8Array[], others: SetFile[]): Target {
  return {
    name,
    bases,
    async read(bytes) {
      const own: SetFile = {
        ...textFile(path, ""),
        bytes: async () => bytes,
        size: async () => bytes.length,
      };
      const files = SetFiles.of("/a set", [own, ...others]);
      const problems = new Problems();
      const set = await readSet(formatNamed(format, files), files, problems, { cacheDir: tmpdir() });
      for (const { clips } of [...set.tasks, ...set.subsets]) {
        must(
          clips.every(({ file, label }) => others.includes(file) && (label?.every(Number.isFinite) ?? true)),
          "clips that are not there, or labels that are no numbers",
        );
      }
    },
  };
}

function lists(): Target[] {
  const wavs = ["a", "b", "c", "d"].map((name) => audioFile(`${name}.wav`));
  const table = (between: string) =>
    [
      ["path", "label", "split", "artist", "start", "seconds"],
      ["a.wav", "jazz", "train", "X", "0", "3"],
      ["b.wav", '"rock, ""loud"""', "test", "Y", "1.5", ""],
      ["c.wav", "jazz", "valid", "", "", ""],
    ]
      .map((row) => row.join(between))
      .join("\n");
  const jsonl = [
    { path: "a.wav", tags: ["x", "y"], split: "train" },
    { path: "b.wav", tags: "x|z", split: "test", start: 1, end: 4.5 },
    { path: "c.wav", tags: [], piece: 7 },
  ]
    .map((row) => JSON.stringify(row))
    .join("\n");
  const rows = [3, 5, 8].map((id, i) => ({ id, path: `${i}/x${id}.mp3`, tags: mtatTags.slice(i, i + 3) }));
  const clips = rows.map(({ path }) => audioFile(path));
  const info = textFile("clip_info_final.csv", mtatInfo(rows, 1));
  const annotations = textFile("annotations_final.csv", mtatAnnotations(rows));
  const genres = {
    u1: { split: "train", y: "jazz" },
    u2: { split: "test", y: "rock", clip: { audio_uid: "z" } },
  };
  const emotions = { u1: { split: "train", y: [0.1, 2] }, u2: { split: "valid", y: [1, 2] } };
  const uids = ["u1", "u2"].map((uid) => audioFile(`wav/${uid}.wav`));
  const songs =
    "song_id,file_name,Artist,Song title,start of the segment (min.sec),end of the segment (min.sec),Genre,Mediaeval 2013 set\n" +
    '2,2.mp3,"The X\t", A ,0.48,1.33,Jazz, development\n4,4.mp3,Y, B ,0.10,0.55,Rock,evaluation\n';
  const labels = "song_id,mean_arousal,std_arousal,mean_valence,std_valence\n2,3.1,1.1, 4.0,0.9\n4,5,1,6,1\n";
  const emoFiles = [audioFile("clips_45seconds/2.mp3", 45), audioFile("clips_45seconds/4.mp3", 45)];
  return [
    list(
      "csv",
      "manifest",
      "manifest.csv",
      [text(table(",")), text("path,x,y\na.wav,1,0\nb.wav,0,1\n")],
      wavs,
    ),
    list("tsv", "manifest", "manifest.tsv", [text(table("\t"))], wavs),
    list("jsonl", "manifest", "manifest.jsonl", [text(jsonl)], wavs),
    list("mtat", "mtat", "annotations_final.csv", [text(mtatAnnotations(rows))], [info, ...clips]),
    list("mtat-info", "mtat", "clip_info_final.csv", [text(mtatInfo(rows, 1))], [annotations, ...clips]),
    list("jukemir", "jukemir", "meta.json", [json(genres), json(emotions)], uids),
    list("jukemir-gz", "jukemir", "meta.json.gz", [new Uint8Array(gzipSync(JSON.stringify(genres)))], uids),
    list(
      "emomusic",
      "emomusic",
      "songs_info.csv",
      [text(songs)],
      [textFile("static_annotations.csv", labels), ...emoFiles],
    ),
    list(
      "emomusic-labels",
      "emomusic",
      "static_annotations.csv",
      [text(labels)],
      [textFile("songs_info.csv", songs), ...emoFiles],
    ),
  ];
}

function numbers(): Target[] {
  const ramp = (count: number) => Float32Array.from({ length: count }, (_, i) => i / 7 - 1);
  const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
  const tensors = writeSafetensors(
    [
      ["a.weight", { dtype: "F32", shape: [3, 4], data: ramp(12) }],
      ["b", { dtype: "F16", shape: [5], data: new Uint16Array(5).fill(0x3c00) }],
      ["c", { dtype: "I64", shape: [], data: BigInt64Array.of(-3n) }],
      ["d", { dtype: "BF16", shape: [2, 0], data: new Uint16Array(0) }],
    ],
    { format: "pt" },
  );
  return [
    {
      name: "npy",
      bases: [
        writeNpy({ shape: [3, 5], data: ramp(15) }),
        writeNpy({ shape: [], data: Float64Array.of(1) }),
        writeNpy({ shape: [0, 2], data: new BigInt64Array(0) }),
      ],
      async read(bytes) {
        const { shape, data } = readNpy(bytes);
        must(size(shape) === data.length && data.byteLength <= bytes.length, `shape [${shape}]`);
      },
    },
    {
      name: "safetensors",
      bases: [tensors, writeSafetensors([])],
      async read(bytes) {
        const { tensors: read } = parseSafetensors(bytes);
        for (const tensor of read.values()) {
          must(toFloat32(tensor).length === size(tensor.shape), `shape [${tensor.shape}]`);
        }
        if ([...read.values()].every(isFloating)) deserialise(bytes, "a file");
      },
    },
  ];
}

function archives(work: string): Target[] {
  const files = [
    { name: "manifest.csv", data: text("path,label\na.wav,x\n") },
    { name: "a/b.wav", data: wavBytes(new Uint8Array(400)) },
    { name: "empty", data: new Uint8Array(0) },
  ];
  const packed = storedZip(
    files.map(({ name, data }) => ({ name, data: new Uint8Array(deflateRawSync(data)) })),
  );
  const tar = Buffer.alloc(2048);
  tar.write("folder/name.txt", 0, "latin1");
  tar.write("0000644\0", 100, "latin1");
  tar.write("00000000011\0", 124, "latin1");
  tar.write("0", 156, "latin1");
  tar.write("ustar\0", 257, "latin1");
  tar.write("some text", 512, "latin1");
  return [
    {
      name: "zip",
      bases: [storedZip(files), packed],
      async read(bytes) {
        writeFileSync(join(work, "x.zip"), bytes);
        const { members, close } = await openZip(work, ["x.zip"]);
        try {
          for (const file of members) {
            must(!file.path.startsWith("/") && !file.path.split("/").includes(".."), `the path ${file.path}`);
            // A fault in one member is that member's.
            await file.bytes().catch((error: unknown) => {
              if (!(error instanceof Error && error.name === "DataError")) throw error;
            });
          }
        } finally {
          await close();
        }
      },
    },
    {
      name: "tar",
      bases: [new Uint8Array(tar)],
      async read(bytes) {
        for (const { name, data } of tarFiles(bytes)) {
          must(!name.startsWith("/") && !name.split("/").includes(".."), `the path ${name}`);
          must(data.length <= bytes.length, "more than there is");
        }
      },
    },
  ];
}

function runs(work: string): Target[] {
  const { model, pretrain } = preset("demo");
  const config = {
    format: 1,
    model,
    pretrain: withObjective(model, pretrain, "wav2vec2"),
    data: { kind: "folder", path: "music" },
    normalisation: { mean: 0.5, std: 2 },
    seed: 3,
  };
  const weights = new Map([["norm.bias", { shape: [3], data: Float32Array.of(1, 2, 3) }]]);
  const checkpoint = join(work, "checkpoint");
  const state = {
    format: 1,
    step: 4,
    seed: 3,
    model: "0123",
    data: "4567",
    normalisation: { mean: 0, std: 1 },
    files: {} as Record<string, string>,
  };
  const stateBytes = json(state);
  /** Writes a whole checkpoint at first, and afterwards puts back what was damaged. Answers with its state. */
  let whole: { state: Buffer; weights: Buffer } | undefined;
  const files = { state: join(checkpoint, "state.json"), weights: join(checkpoint, "model.safetensors") };
  const wholeCheckpoint = async () => {
    if (!whole) {
      const { format: _, files: __, ...rest } = state;
      await writeCheckpoint(checkpoint, { weights, optimizer: weights, state: rest });
      whole = { state: readFileSync(files.state), weights: readFileSync(files.weights) };
    }
    writeFileSync(files.state, whole.state);
    writeFileSync(files.weights, whole.weights);
    return JSON.parse(whole.state.toString()) as typeof state;
  };
  const readState = async () => {
    const read = await readCheckpoint(checkpoint);
    must(read !== undefined && Number.isSafeInteger(read.state.step) && read.state.step >= 0, "the step");
    must(
      Number.isFinite(read?.state.normalisation.mean) && (read?.state.normalisation.std ?? 0) > 0,
      "the normalisation",
    );
  };
  const weightBytes = writeSafetensors([
    ["norm.bias", { dtype: "F32", shape: [3], data: Float32Array.of(1, 2, 3) }],
  ]);
  const header = {
    corpus: { name: "x", clips: 2, listing: "ab" },
    settings: { weights: "w" },
    checkpoint: "runs/x",
    seed: 1,
    shard: { index: 0, count: 1 },
    clips: [0, 1].map((position) => ({ position, id: `c${position}`, title: "t", piece: "p", label: [1] })),
    skipped: [],
  };
  const features = join(work, "features");
  mkdirSync(features);
  const featureBytes = writeSafetensors(
    [
      ["pretrained/0", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ["positions", { dtype: "I32", shape: [2], data: Int32Array.of(0, 1) }],
    ],
    { format: "melgrad-features-1", header: JSON.stringify(header) },
  );
  const vectors = join(work, "vectors");
  const vectorFile = new Uint8Array(writtenVectors(join(work, "whole")));
  return [
    {
      name: "config",
      bases: [json(config), json({ ...config, pretrain })],
      async read(bytes) {
        const folder = new RunFolder(join(work, "run"));
        mkdirSync(folder.path, { recursive: true });
        writeFileSync(folder.configPath, bytes);
        const read = parseConfig(await folder.readJson("config.json"), "config.json");
        const sizes = encoderSizes(read.model);
        must(
          Object.values(sizes).every((each) => Number.isSafeInteger(each) && each >= 0),
          JSON.stringify(sizes),
        );
        must(
          12 * sizes.width ** 2 * sizes.layers + sizes.tokens * sizes.width < 2 ** 34,
          "a model beyond all bounds",
        );
      },
    },
    {
      name: "log",
      bases: [text('{"step":1,"loss":2.5}\n{"step":2,"loss":2.25}\n{"step":3,"lo')],
      async read(bytes) {
        const folder = new RunFolder(join(work, "run"));
        mkdirSync(folder.path, { recursive: true });
        writeFileSync(folder.logPath, bytes);
        must(
          folder.readLog().every(({ step }) => typeof step === "number"),
          "steps that are no numbers",
        );
        folder.cutLog(1);
        must(
          folder.readLog().every(({ step }) => step <= 1),
          "steps that were cut",
        );
      },
    },
    {
      name: "state",
      bases: [stateBytes],
      async read(bytes) {
        const { files: hashes } = await wholeCheckpoint();
        // Damage does not get at the checksums, so that what lies behind them is reached.
        let value: unknown;
        try {
          value = JSON.parse(new TextDecoder().decode(bytes));
        } catch {
          value = undefined;
        }
        const changed = typeof value === "object" && value !== null && "files" in value;
        const state = changed ? json({ ...(value as object), files: hashes }) : bytes;
        writeFileSync(files.state, state);
        await readState();
      },
    },
    {
      name: "checkpoint",
      bases: [weightBytes],
      async read(bytes) {
        const now = await wholeCheckpoint();
        writeFileSync(files.weights, bytes);
        now.files["model.safetensors"] = createHash("sha256").update(bytes).digest("hex");
        writeFileSync(files.state, JSON.stringify(now));
        await readState();
      },
    },
    {
      name: "features",
      bases: [featureBytes],
      async read(bytes) {
        const path = join(features, "x.safetensors");
        writeFileSync(path, bytes);
        const file = await readFeatures(path);
        const merged = mergeFeatures([file]);
        await writeFeatures(join(features, "merged.safetensors"), merged.header, merged.columns);
      },
    },
    {
      name: "vectors",
      bases: [vectorFile],
      async read(bytes) {
        rmSync(vectors, { recursive: true, force: true });
        const empty = await VectorStore.open(vectors, {}, 3);
        writeFileSync(join(empty.folder, "x.vectors"), bytes);
        empty.close();
        const store = await VectorStore.open(vectors, {}, 3);
        must(store.count * 40 <= bytes.length, `${store.count} vectors of ${bytes.length} bytes`);
        store.close();
      },
    },
  ];
}

/** The file of a store of two vectors. */
function writtenVectors(folder: string): Buffer {
  const header = Buffer.alloc(12);
  header.write("MELGVEC1", "latin1");
  header.writeUInt32LE(3, 8);
  mkdirSync(folder, { recursive: true });
  const record = (key: number) => {
    const body = Buffer.alloc(16 + 12, key);
    return Buffer.concat([body, createHash("sha256").update(body).digest().subarray(0, 8)]);
  };
  return Buffer.concat([header, record(1), record(2)]);
}

function music(): Target[] {
  const song = midiFile([
    [
      tempo(0, 120),
      [0, 0xc0, 12],
      [0, 0x90, 60, 90],
      [480, 0x80, 60, 0],
      [0, 0x99, 38, 70],
      [240, 0x89, 38, 0],
    ],
    [
      [0, 0xb1, 7, 0],
      [10, 0x91, 40, 1],
      [10, 0x91, 40, 0],
    ],
  ]);
  const wad = Buffer.alloc(12 + song.length + 16);
  wad.write("IWAD", "latin1");
  wad.writeInt32LE(1, 4);
  wad.writeInt32LE(12 + song.length, 8);
  wad.set(song, 12);
  wad.writeInt32LE(12, 12 + song.length);
  wad.writeInt32LE(song.length, 16 + song.length);
  wad.write("D_E1M1", 20 + song.length, "latin1");
  return [
    {
      name: "midi",
      bases: [song],
      async read(bytes) {
        for (const { start, end, key } of midiNotes(parseMidi(bytes))) {
          must(start >= 0 && end >= start && Number.isFinite(end) && key >= 0 && key < 128, "a note");
        }
      },
    },
    {
      name: "wad",
      bases: [new Uint8Array(wad)],
      async read(bytes) {
        for (const lump of midiLumps(bytes)) must(lump.bytes.length <= bytes.length, "a lump");
      },
    },
  ];
}
