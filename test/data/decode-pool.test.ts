// The decoder pool in the shape that ships: bundled by esbuild, with its worker beside it, in a process of its own.
import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AudioError, decodeAudio, toMono } from "../../src/audio/decode.js";
import { DecodePool } from "../../src/data/decode-pool.js";
import { DataError } from "../../src/gpu/errors.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const fixture = (name: string) => here(`../fixtures/audio/${name}`);
const run = promisify(execFile);
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "melgrad-pool-"));
  chmodSync(dir, 0o755);
  await build({
    entryPoints: {
      "decode-worker": here("../../src/data/decode-worker.ts"),
      folder: here("../../src/data/folder.ts"),
    },
    outdir: dir,
    outExtension: { ".js": ".js" },
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: 'import { createRequire as _r } from "node:module"; const require = _r(import.meta.url);' },
    logLevel: "error",
  });
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("worker threads", () => {
  test("that die are replaced: their file is tried once more, then named, and others go on", async () => {
    // A worker that ends itself when it is given certain files: one the first time only, one always.
    const marker = join(dir, "died-once");
    writeFileSync(
      join(dir, "dying-worker.js"),
      `import { parentPort } from "node:worker_threads";
      import { existsSync, writeFileSync } from "node:fs";
      await import("./decode-worker.js");
      parentPort.on("message", ({ name }) => {
        const once = name === "once" && !existsSync(${JSON.stringify(marker)});
        if (once) writeFileSync(${JSON.stringify(marker)}, "");
        if (name === "always") throw new Error("out of something");
        if (once) process.exit(1);
      });`,
    );
    const pool = new DecodePool({ entry: join(dir, "dying-worker.js"), size: 2 });
    const path = fixture("s16-stereo.flac");
    const names = ["once", "a", "always", "b", "c"];
    const outcomes = await Promise.allSettled(names.map((name) => pool.decodeFile(path, { name })));
    expect(outcomes.map(({ status }) => status)).toEqual(
      names.map((n) => (n === "always" ? "rejected" : "fulfilled")),
    );
    const [, , failed] = outcomes as PromiseRejectedResult[];
    expect(failed.reason).toBeInstanceOf(DataError);
    expect(failed.reason.message).toBe("always: the decoder thread failed (out of something)");
    await pool.close();
  });

  test("decode what this thread decodes, several at once, and name what is broken", async () => {
    const pool = new DecodePool({ entry: join(dir, "decode-worker.js"), size: 2 });
    expect(pool.threaded).toBe(true);
    const names = [
      "vorbis-stereo.ogg",
      "s16-stereo.flac",
      "mpeg2-stereo.mp3",
      "opus-stereo.opus",
      "pcm-s24-stereo.wav",
    ];
    const decoded = await Promise.all([...names, ...names].map((name) => pool.decodeFile(fixture(name))));
    for (const [i, waveform] of decoded.entries()) {
      const expected = await decodeAudio(new Uint8Array(readFileSync(fixture(names[i % names.length]))));
      expect(waveform).toEqual({ sampleRate: expected.sampleRate, channels: [toMono(expected)] });
    }
    const stereo = await pool.decodeFile(fixture(names[0]), { mono: false });
    expect(stereo.channels.length).toBe(2);

    writeFileSync(join(dir, "cut.flac"), readFileSync(fixture("s16-stereo.flac")).subarray(0, 9000));
    const error = await pool.decodeFile(join(dir, "cut.flac"), { name: "cut.flac" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AudioError);
    expect((error as AudioError).kind).toBe("truncated");
    const gone = await pool
      .decodeFile(join(dir, "gone.flac"), { name: "gone.flac" })
      .catch((e: unknown) => e);
    expect(gone).toBeInstanceOf(DataError);
    expect((gone as Error).message).toBe("gone.flac: it is not there");

    const control = new AbortController();
    const waiting = names.map((name) => pool.decodeFile(fixture(name), { signal: control.signal }));
    control.abort(new Error("stop"));
    for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe("rejected");
    expect((await pool.decodeFile(fixture(names[0]))).sampleRate).toBe(44100); // and it goes on afterwards
    await pool.close();
    await expect(pool.decodeFile(fixture(names[0]))).rejects.toThrow("closed");
  });

  test("a worker that cannot run fails its file and not the process", async () => {
    writeFileSync(join(dir, "bad-worker.js"), 'throw new Error("no such thing");');
    const pool = new DecodePool({ entry: join(dir, "bad-worker.js"), size: 1 });
    for (let i = 0; i < 2; i++) {
      await expect(pool.decodeFile(fixture("opus-mono.opus"))).rejects.toThrow(
        "decoder thread failed (no such thing)",
      );
    }
    await pool.close();
  });
});

test("the bundle finds its worker, ends by itself, and names what it may not read", async () => {
  const music = join(dir, "music");
  mkdirSync(join(music, "closed"), { recursive: true });
  copyFileSync(fixture("vorbis-stereo.ogg"), join(music, "a.ogg"));
  copyFileSync(fixture("opus-mono.opus"), join(music, "secret.opus"));
  mkdirSync(join(dir, "shut"));
  writeFileSync(
    join(dir, "main.js"),
    `import { chmodSync } from "node:fs";
     import { Worker } from "node:worker_threads";
     import { openFolder } from "./folder.js";
     for (const path of ["music/secret.opus", "music/closed", "shut"]) chmodSync(path, 0);
     if (process.geteuid() === 0) process.seteuid(65534); // root may read everything
     const corpus = await openFolder("music");
     const why = await openFolder("shut").catch((error) => error.message);
     const { channels } = await corpus.tracks[0].load();
     const threads = process.report.getReport().workers.length;
     console.log(JSON.stringify({ ids: corpus.tracks.map((t) => t.id), skipped: corpus.skipped, why, threads, n: channels[0].length }));`,
  );
  const { stdout, stderr } = await run(process.execPath, ["main.js"], { cwd: dir, timeout: 60_000 });
  for (const path of ["music/closed", "shut"]) chmodSync(join(dir, path), 0o755);
  expect(stderr).toBe("");
  const said = JSON.parse(stdout);
  expect(said.ids).toEqual(["a.ogg"]);
  expect(said.n).toBe(52920);
  expect(said.threads).toBeGreaterThan(0);
  expect(said.skipped).toEqual([
    { path: "closed/", reason: "no permission to read it" },
    { path: "secret.opus", reason: "no permission to read it" },
  ]);
  expect(said.why).toBe("The folder shut cannot be used: no permission to read it.");
});
