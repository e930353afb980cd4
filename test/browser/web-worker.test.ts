// The app's worker in Chromium, through its client and with no view: clips, training, files that outlive a reload, exchange with
// Node, looking at the model, the fine-tune, and a lost device. One visit, test after test.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeAudio, toMono } from "../../src/audio/decode.js";
import { CropSampler, normalisation, randomAt, splitByPiece } from "../../src/data/batches.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { open } from "../../src/node.js";
import { preset } from "../../src/patchifier/config.js";
import { type FrameMajorMel, FrontEnd } from "../../src/patchifier/front-end.js";
import { encoderFeatures, melsInMemory } from "../../src/probe/features.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { loadModel } from "../../src/train/load-model.js";
import { Trainer } from "../../src/train/trainer.js";
import { serialise } from "../../src/train/weights.js";
import type { ClipInfo, ExportedFile } from "../../web/protocol.js";
import { freshSeed } from "../support/gpu.js";
import { closeBrowser } from "./launch.js";
import { call, openWorkerPage, ready, type WorkerPage } from "./web-worker.js";

let opened: Awaited<ReturnType<typeof openWorkerPage>>;
let gpu: Gpu;
let folder: string;

beforeAll(async () => {
  [opened, gpu] = await Promise.all([openWorkerPage(), open({ adapter: "embedded" })]);
  folder = mkdtempSync(join(tmpdir(), "melgrad-web-"));
});

afterAll(async () => {
  await opened?.close();
  await closeBrowser();
  gpu?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const page = () => opened.page;

/** Gives files to a call that takes them. */
function withFiles<K extends "addFiles" | "importModel">(
  name: K,
  files: readonly { name: string; bytes: Uint8Array }[],
) {
  const plain = files.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString("base64") }));
  return page().evaluate(
    async ({ name, plain }) => {
      const { engine, fileOf } = globalThis as unknown as WorkerPage;
      const made = plain.map((file) =>
        fileOf(
          file.name,
          Uint8Array.from(atob(file.text), (c) => c.charCodeAt(0)),
        ),
      );
      return engine.call(name as "addFiles", made);
    },
    { name, plain },
  ) as unknown as ReturnType<typeof call<K>>;
}

/** Events of one kind, in order. */
async function eventsOf(name: string): Promise<{ name: string; value: never; at: number }[]> {
  const all = await page().evaluate(() => (globalThis as unknown as WorkerPage).events);
  return all.filter((event) => event.name === name) as { name: string; value: never; at: number }[];
}

function forgetEvents(): Promise<void> {
  return page().evaluate(() => {
    (globalThis as unknown as WorkerPage).events.length = 0;
  });
}

/** Waits until training has come to a state. */
async function trained(status: string): Promise<void> {
  await page().waitForFunction(
    (status) => {
      const { events } = globalThis as unknown as WorkerPage;
      const last = events.filter(({ name }) => name === "training").at(-1);
      return (last?.value as { status: string } | undefined)?.status === status;
    },
    status,
    { timeout: 110_000 },
  );
}

/** The files of exportModel, as bytes. */
async function exported(): Promise<{ name: string; bytes: Uint8Array }[]> {
  const files = await page().evaluate(async () => {
    const { engine } = globalThis as unknown as WorkerPage;
    const files = await engine.call("exportModel");
    const text = (bytes: Uint8Array) => {
      let out = "";
      for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192));
      return btoa(out);
    };
    return files.map(({ name, bytes }: ExportedFile) => ({ name, text: text(bytes) }));
  });
  return files.map(({ name, text }) => ({ name, bytes: new Uint8Array(Buffer.from(text, "base64")) }));
}

const samplesOf = (id: string) =>
  page().evaluate(async (id) => {
    const { samples } = await (globalThis as unknown as WorkerPage).engine.call("samples", id);
    return [...samples];
  }, id);

const melOf = (id: string) =>
  page().evaluate(async (id) => {
    const { values, nMels, frames } = await (globalThis as unknown as WorkerPage).engine.call("logMel", id);
    return { values: [...values], nMels, frames };
  }, id);

const embeddingOf = (id: string) =>
  page().evaluate(
    async (id) => [...(await (globalThis as unknown as WorkerPage).engine.call("embed", id))],
    id,
  );

/** The page's log-mel as the front end gives it. */
async function frameMajor(id: string): Promise<FrameMajorMel> {
  const { values, nMels, frames } = await melOf(id);
  const out = new Float32Array(values.length);
  for (let m = 0; m < nMels; m++)
    for (let f = 0; f < frames; f++) out[f * nMels + m] = values[m * frames + f];
  return { frames, values: out };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return worst;
}

const fixture = (name: string) => ({
  name,
  bytes: new Uint8Array(readFileSync(new URL(`../fixtures/audio/${name}`, import.meta.url))),
});

let demo: ClipInfo[];

describe("clips", () => {
  it("opens the adapter with nothing saved", async () => {
    const { adapter, model, clips, saved } = await call(page(), "open", {});
    expect(adapter.name).toMatch(/swiftshader/i);
    expect(adapter.software).toBe(true);
    expect(model).toMatchObject({
      step: 0,
      grid: { rows: 8, columns: 8, tokens: 64 },
      normalisation: undefined,
    });
    expect(clips).toEqual([]);
    expect(saved).toEqual({ step: undefined, clips: 0, bytes: 0 });
  });

  it("decodes files, names what cannot be used, and computes the log-mels of Node", async () => {
    const names = [
      "s16-stereo.flac",
      "mpeg1-stereo.mp3",
      "opus-mono.opus",
      "vorbis-stereo.ogg",
      "pcm-s24-stereo.wav",
    ];
    const files = names.map(fixture);
    const flac = fixture("s16-stereo.flac");
    const { added, refused } = await withFiles("addFiles", [
      { name: "cut.flac", bytes: flac.bytes.slice(0, 9000) },
      ...files,
      { name: "notes.txt", bytes: new TextEncoder().encode("these are words") },
      { name: "empty.wav", bytes: new Uint8Array(0) },
      { name: "blip.wav", bytes: encodeWav16(new Float32Array(800), 16000) },
    ]);
    expect(added.map(({ name }) => name)).toEqual(names);
    expect(refused.map(({ name }) => name)).toEqual(["cut.flac", "notes.txt", "empty.wav", "blip.wav"]);
    expect(refused[0].reason).toMatch(/^truncated/);
    expect(refused[3].reason).toBe("too short (0.05 s)");
    const frontEnd = new FrontEnd(gpu, preset("demo").model.frontEnd);
    for (const [i, { bytes }] of files.entries()) {
      const waveform = await decodeAudio(bytes);
      const { frames, values } = await frontEnd.transform(waveform);
      const { id } = added[i];
      const got = await frameMajor(id);
      expect(added[i]).toMatchObject({ frames, source: "file" });
      expect(largestDifference(got.values, values)).toBeLessThan(1e-4);
      if (waveform.sampleRate === 16000) {
        expect(largestDifference(await samplesOf(id), toMono(waveform))).toBeLessThanOrEqual(1 / 32768);
      }
    }
    frontEnd.dispose();
    for (const { id } of added) await call(page(), "removeClip", id);
    expect(await call(page(), "clips")).toEqual([]);
  });

  it("composes demo music, piece after piece", async () => {
    await forgetEvents();
    const began = await page().evaluate(() => performance.now());
    const { added } = await call(page(), "addDemo", { pieces: 4, seconds: 6 });
    demo = added;
    const clips = await eventsOf("clip");
    console.info(
      `first piece after ${(clips[0].at - began).toFixed(0)} ms, all after ${(clips[3].at - began).toFixed(0)}`,
    );
    expect(clips.map(({ value }) => value)).toEqual(added);
    expect(new Set(added.map(({ name }) => name)).size).toBe(4);
    const { samples, sampleRate } = { samples: await samplesOf(added[0].id), sampleRate: 16000 };
    expect(samples.length / sampleRate).toBeCloseTo(added[0].seconds, 6);
    expect(Math.max(...samples.slice(0, 100_000))).toBeGreaterThan(0.05);
    const again = await call(page(), "addDemo", { pieces: 1, seconds: 6 });
    expect(demo.map(({ name }) => name)).not.toContain(again.added[0].name);
    await call(page(), "removeClip", again.added[0].id);
  });
});

describe("training", () => {
  const [seed, batch, steps] = [5, 4, 20];

  it("trains: the loss falls and the weights are those of Node", async () => {
    await forgetEvents();
    await call(page(), "train", { steps, batch, seed });
    await trained("done");
    const losses = (await eventsOf("step")).map(({ value }) => value as { step: number; loss: number });
    expect(losses.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    const mean = (part: typeof losses) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)));
    expect((await eventsOf("heldOut")).length).toBeGreaterThan(2);

    const mels = [];
    for (const { id } of demo) mels.push(await frameMajor(id));
    const { model, pretrain } = preset("demo");
    const config = model.frontEnd;
    const store = { config, ...melsInMemory(mels, config.nMels) };
    // Any four names split alike.
    const split = splitByPiece(
      mels.map((_, i) => ({ piece: String(i) })),
      seed,
    );
    expect(split.heldOut.length).toBe(1);
    const sampler = new CropSampler(store, split.train, model.cropFrames);
    const trainer = new Trainer(gpu, {
      model,
      pretrain: { ...pretrain, batch, steps, warmup: 2 },
      normalisation: normalisation(sampler, randomAt(seed, "split", 1)),
      seed,
      sampler,
    });
    for (let i = 0; i < steps; i++) {
      const { loss } = await trainer.next();
      expect(Math.abs(loss - losses[i].loss)).toBeLessThan(1e-3);
    }
    const weights = await trainer.model.parameters.read();
    trainer.dispose();
    const [file] = await exported();
    const { readSafetensors } = await import("../../src/io/safetensors.js");
    const got = readSafetensors(file.bytes);
    expect([...got.keys()].sort()).toEqual([...weights.keys()].sort());
    let worst = 0;
    for (const [name, { data }] of weights) {
      worst = Math.max(worst, largestDifference(got.get(name)!.data as Float32Array, data));
    }
    console.info(`weights after ${steps} steps: largest difference from Node ${worst.toExponential(2)}`);
    expect(worst).toBeLessThan(1e-4);
  });

  it("finds clips and step again after a reload, and goes on", async () => {
    await page().reload();
    await ready(page());
    const { clips, model, saved } = await call(page(), "open", {});
    expect(clips).toEqual(demo);
    expect(model).toMatchObject({ step: steps, seed });
    expect(saved.step).toBe(steps);
    expect(saved.bytes).toBeGreaterThan(1e6);
    await expect(call(page(), "resume")).rejects.toThrow(/All steps are done/);
    await call(page(), "train", { steps: 100 });
    await page().waitForFunction(
      () => (globalThis as unknown as WorkerPage).events.filter(({ name }) => name === "step").length >= 3,
    );
    await call(page(), "pause");
    const state = (await eventsOf("training")).at(-1)?.value as unknown as { status: string; step: number };
    expect(state.status).toBe("paused");
    expect(state.step).toBeGreaterThanOrEqual(steps + 3);
    expect((await call(page(), "model")).step).toBe(state.step);
    expect((await call(page(), "save")).step).toBe(state.step);
  });

  it("exports what Node opens with equal embeddings", async () => {
    for (const { name, bytes } of await exported()) writeFileSync(join(folder, name), bytes);
    const { model: encoder, config } = await loadModel(gpu, folder);
    expect(config.seed).toBe(seed);
    for (const { id } of demo.slice(0, 2)) {
      const mels = melsInMemory([await frameMajor(id)], config.model.frontEnd.nMels);
      const { values } = await encoderFeatures(encoder, mels, {
        model: config.model,
        normalisation: config.normalisation,
      });
      expect(largestDifference(await embeddingOf(id), values)).toBeLessThan(1e-4);
    }
    encoder.dispose();
  });
});

it("leaves no error in the page, and asks nobody else for anything", () => {
  expect(opened.errors).toEqual([]);
  expect(opened.requests.filter((url) => !url.startsWith(opened.url) && !url.startsWith("blob:"))).toEqual(
    [],
  );
  void freshSeed;
  void Random;
  void serialise;
});
