// The app's worker in a browser, through its client and with no view: clips, training, files that outlive a reload, exchange with
// Node, looking at the model, the fine-tune, and a lost device. One visit, test after test.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeAudio, toMono } from "../../src/audio/decode.js";
import { CropSampler, normalisation, randomAt, splitByPiece } from "../../src/data/batches.js";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { parseSafetensors, readSafetensors } from "../../src/io/safetensors.js";
import { open } from "../../src/node.js";
import { patchGrid, preset } from "../../src/patchifier/config.js";
import { type FrameMajorMel, FrontEnd } from "../../src/patchifier/front-end.js";
import { encoderFeatures, melsInMemory } from "../../src/probe/features.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { loadModel } from "../../src/train/load-model.js";
import { Trainer } from "../../src/train/trainer.js";
import { serialise } from "../../src/train/weights.js";
import type { ClipInfo, ExportedFile } from "../../web/protocol.js";
import { freshSeed } from "../support/gpu.js";
import { wavBytes } from "../support/wav-bytes.js";
import { adapterBeside, adapterNames } from "./browsers.js";
import { closeBrowser } from "./launch.js";
import { call, openWorkerPage, ready, type WorkerPage } from "./web-worker.js";

let opened: Awaited<ReturnType<typeof openWorkerPage>>;
let gpu: Gpu;
let folder: string;

beforeAll(async () => {
  [opened, gpu] = await Promise.all([openWorkerPage(), open({ adapter: adapterBeside })]);
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
    { timeout: 280_000 },
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

/** Measures the worker's JavaScript heap after a collection, through the browser's debugger. */
async function workerHeap(): Promise<() => Promise<number>> {
  const client = await page().context().newCDPSession(page());
  let session = "";
  client.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    if (targetInfo.type === "worker") session = sessionId;
  });
  const answers = new Map<number, (result: { usedSize?: number }) => void>();
  client.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    answers.get(id)?.(result);
  });
  await client.send("Target.setAutoAttach", {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  let next = 1;
  const ask = (method: string) =>
    new Promise<{ usedSize?: number }>((resolve, reject) => {
      const id = next++;
      answers.set(id, resolve);
      client
        .send("Target.sendMessageToTarget", { sessionId: session, message: JSON.stringify({ id, method }) })
        .catch(reject);
    });
  return async () => {
    await ask("HeapProfiler.collectGarbage");
    return (await ask("Runtime.getHeapUsage")).usedSize ?? Number.NaN;
  };
}

const fixture = (name: string) => ({
  name,
  bytes: new Uint8Array(readFileSync(new URL(`../fixtures/audio/${name}`, import.meta.url))),
});

let demo: ClipInfo[];

it("a worker that fails fails its calls, and says so", async () => {
  const said = await page().evaluate(async () => {
    const { converse } = globalThis as unknown as WorkerPage;
    const script = "onmessage = () => { throw new Error('out of coffee'); };";
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const engine = converse(new Worker(url, { type: "module" }));
    const problems: string[] = [];
    engine.on("problem", ({ message }) => problems.push(message));
    const calls = [engine.call("clips"), engine.call("usage")];
    const reasons = await Promise.all(
      calls.map((each) => each.then(String, (error: Error) => error.message)),
    );
    return { reasons, problems };
  });
  for (const reason of said.reasons)
    expect(reason).toMatch(/The worker failed: .*out of coffee\. Reload the page/);
  expect(said.problems[0]).toMatch(/out of coffee/);
});

describe("clips", () => {
  it("opens the adapter with nothing saved", async () => {
    const { adapter, model, clips, saved } = await call(page(), "open", {});
    expect(adapter.name).toMatch(adapterNames);
    expect(adapter.software).toBe(true);
    expect(model).toMatchObject({
      step: 0,
      grid: { rows: 1, columns: 64, tokens: 64 },
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

  it("says by which rule files were read that are silent, too loud, or cancel themselves out", async () => {
    const random = new Random(freshSeed("odd files"));
    const noise = Array.from({ length: 8000 }, () => random.uniform() - 0.5);
    const wav = (samples: number[], channels = 1) =>
      wavBytes(new Uint8Array(Float32Array.from(samples).buffer), { tag: 3, bits: 32, channels });
    await forgetEvents();
    const { added, refused } = await withFiles("addFiles", [
      { name: "silent.wav", bytes: wav(noise.map(() => 0)) },
      { name: "loud.wav", bytes: wav(noise.map((x) => 30_000 * x)) },
      {
        name: "opposite.wav",
        bytes: wav(
          noise.flatMap((x) => [x, -x]),
          2,
        ),
      },
      { name: "fine.wav", bytes: wav(noise) },
    ]);
    expect(refused).toEqual([]);
    expect(added).toHaveLength(4);
    const told = (await eventsOf("problem")).map(({ value }) => (value as { message: string }).message);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /used all the same: silent\.wav: silent: .*; loud\.wav: .* divided by 32768; opposite\.wav: .* loudest was taken alone\.$/,
    );
    for (const { id } of added) await call(page(), "removeClip", id);
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
    const got = readSafetensors(file.bytes);
    expect([...got.keys()].sort()).toEqual([...weights.keys()].sort());
    let worst = 0;
    for (const [name, { data }] of weights) {
      worst = Math.max(worst, largestDifference(got.get(name)!.data as Float32Array, data));
    }
    console.info(`weights after ${steps} steps: largest difference from Node ${worst.toExponential(2)}`);
    expect(worst).toBeLessThan(1e-4);
  }, 300_000);

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
    await page().evaluate(() => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page().waitForFunction(() =>
      (globalThis as unknown as WorkerPage).events.some(({ name }) => name === "saved"),
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

describe("looking at the model", () => {
  it("masks the patches of a draw and fills them in", async () => {
    const look = (draw: number) =>
      page().evaluate(
        async ([id, draw]) => {
          const { engine } = globalThis as unknown as WorkerPage;
          const { image, masked, filled, ...rest } = await engine.call(
            "reconstruct",
            id as string,
            17,
            draw as number,
          );
          return {
            ...rest,
            masked: [...masked],
            filled: [...filled],
            values: [...image.values],
            frames: image.frames,
          };
        },
        [demo[0].id, draw] as const,
      );
    const [one, same, other] = [await look(3), await look(3), await look(4)];
    expect(one).toEqual(same);
    expect(other.masked).not.toEqual(one.masked);
    expect(one.start).toBe(17);
    const { model, pretrain } = preset("demo");
    const { patchMels, patchFrames } = model;
    const { rows, tokens, values } = patchGrid(model);
    expect(one.masked.length).toBe(Math.round(tokens * pretrain.maskRatio));
    const masked = new Set(one.masked);
    let squares = 0;
    one.values.forEach((value, at) => {
      const column = Math.floor((at % one.frames) / patchFrames);
      const token = rows * column + Math.floor(at / one.frames / patchMels);
      if (!masked.has(token)) expect(one.filled[at]).toBe(value);
      else squares += (one.filled[at] - value) ** 2;
    });
    expect(one.mse).toBeCloseTo(squares / (masked.size * values), 5);
    expect(one.mse).toBeGreaterThan(0);
    const whole = await melOf(demo[0].id);
    expect(one.values.slice(0, 128)).toEqual(whole.values.slice(17, 17 + 128));
  });

  it("attends with weights that sum to one in each head", async () => {
    const look = (layer: number, patch = 9) =>
      page().evaluate(
        async ([id, layer, patch]) => {
          const { engine } = globalThis as unknown as WorkerPage;
          const answer = await engine.call("attention", id as string, 0, patch as number, layer as number);
          return { ...answer, weights: [...answer.weights] };
        },
        [demo[0].id, layer, patch] as const,
      );
    const last = await look(-1);
    expect(last).toMatchObject({ layer: 3, layers: 4, heads: 4, query: 9 });
    for (let head = 0; head < 4; head++) {
      const sum = last.weights.slice(64 * head, 64 * (head + 1)).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    expect(await look(3)).toEqual(last);
    expect((await look(0)).weights).not.toEqual(last.weights);
    await expect(look(4)).rejects.toThrow(/no layer 4/);
    await expect(look(0, 64)).rejects.toThrow(/no patch 64/);
  });

  it("maps every window and finds its neighbours in other clips", async () => {
    const map = await page().evaluate(async () => {
      const { engine } = globalThis as unknown as WorkerPage;
      const map = await engine.call("map");
      return { ...map, positions: [...map.positions] };
    });
    expect(new Set(map.points.map(({ clip }) => clip))).toEqual(new Set(demo.map(({ id }) => id)));
    expect(map.positions.length).toBe(3 * map.points.length);
    const lengths = map.points.map((_, i) => Math.hypot(...map.positions.slice(3 * i, 3 * i + 3)));
    expect(Math.max(...lengths)).toBeCloseTo(1, 5);
    for (const axis of [0, 1, 2]) {
      const sum = map.points.reduce((total, _, i) => total + map.positions[3 * i + axis], 0);
      expect(Math.abs(sum / map.points.length)).toBeLessThan(1e-3);
    }
    expect(map.explained).toBeGreaterThan(0.3);
    expect(map.explained).toBeLessThanOrEqual(1.000001);
    const near = await call(page(), "neighbours", demo[0].id, 2, 5);
    expect(near.length).toBe(5);
    expect(near.map(({ clip }) => clip)).not.toContain(demo[0].id);
    const similarities = near.map(({ similarity }) => similarity);
    expect(similarities).toEqual([...similarities].sort((a, b) => b - a));
    expect(Math.max(...similarities)).toBeLessThanOrEqual(1.000001);
  });

  it("finds what is like a file that is not kept", async () => {
    const samples = Float32Array.from(await samplesOf(demo[2].id));
    const [, , third] = demo;
    const near = await page().evaluate(
      async (text) => {
        const { engine, fileOf } = globalThis as unknown as WorkerPage;
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        return engine.call("similarTo", fileOf("query.wav", bytes), 3);
      },
      Buffer.from(encodeWav16(samples, 16000)).toString("base64"),
    );
    expect(near[0].clip).toBe(third.id);
    expect((await call(page(), "clips")).length).toBe(demo.length);
  });

  it("hears a live signal without keeping it", async () => {
    const image = await page().evaluate(async () => {
      const { engine } = globalThis as unknown as WorkerPage;
      const tone = Float32Array.from(
        { length: 48_000 },
        (_, i) => 0.5 * Math.sin((2 * Math.PI * 1000 * i) / 48_000),
      );
      const image = await engine.call("liveMel", tone, 48_000);
      return { ...image, values: [...image.values] };
    });
    expect(image).toMatchObject({ nMels: 128, frames: 32, hopSeconds: 0.032 });
    const column = Array.from({ length: 128 }, (_, m) => image.values[m * 32 + 16]);
    // 1 kHz is where Slaney's scale turns from linear to logarithmic: band 15·(128 + 1)/mel(8000 Hz) less one.
    const loudest = column.indexOf(Math.max(...column));
    expect(loudest).toBeGreaterThan(38);
    expect(loudest).toBeLessThan(46);
  });
});

describe("the fine-tune", () => {
  const seed = freshSeed("fine-tune sounds");
  const random = new Random(seed);
  /** A chord that trembles, or noise in bursts. */
  const sound = (kind: "tones" | "noise", seconds: number) => {
    const pitches = [0, 1, 2].map(() => 200 * 2 ** (2 * random.uniform()));
    const rate = 2 + 4 * random.uniform();
    return Float32Array.from({ length: 16_000 * seconds }, (_, i) => {
      const t = i / 16_000;
      const swell = 0.6 + 0.4 * Math.sin(2 * Math.PI * rate * t);
      const wave = pitches.reduce((sum, pitch) => sum + Math.sin(2 * Math.PI * pitch * t) / 4, 0);
      return 0.3 * swell * (kind === "tones" ? wave : 2 * random.uniform() - 1);
    });
  };

  it("learns two classes that are far apart, held out by clip", async () => {
    await expect(call(page(), "fineTune")).rejects.toThrow(/two classes/);
    const files = ["tones", "noise"].flatMap((kind) =>
      [0, 1, 2].map((i) => ({
        name: `${kind}-${i}.wav`,
        bytes: encodeWav16(sound(kind as "tones" | "noise", i === 0 ? 18 : 6), 16_000),
      })),
    );
    const { added } = await withFiles("addFiles", files);
    expect(added.length).toBe(6);
    for (const { id, name } of added) await call(page(), "label", id, name.split("-")[0]);
    expect((await call(page(), "clips")).filter(({ label }) => label === "noise").length).toBe(3);
    const result = await call(page(), "fineTune");
    console.info(`fine-tune: ${result.seconds.toFixed(2)} s to fit; ${result.split}`);
    expect(result.classes).toEqual(["noise", "tones"]);
    expect(result.split).toMatch(/^Whole clips were held out of noise, tones/);
    expect(result.heldOutWindows).toBeGreaterThanOrEqual(4);
    expect(result.accuracy).toBeGreaterThanOrEqual(0.9);
    expect(result.interval![0]).toBeLessThan(result.accuracy!);
    expect(result.confusion.flat().reduce((a, b) => a + b, 0)).toBe(result.heldOutWindows);
  });

  it("classifies live sound", async () => {
    for (const kind of ["tones", "noise"] as const) {
      const { classes, probabilities } = await page().evaluate(
        async (samples) => {
          const { engine } = globalThis as unknown as WorkerPage;
          return engine.call("classify", Float32Array.from(samples), 16_000);
        },
        [...sound(kind, 4.2)],
      );
      expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect(probabilities[classes.indexOf(kind)]).toBeGreaterThan(0.5);
    }
  });

  it("exports the probe with its classes", async () => {
    const text = await page().evaluate(async () => {
      const { bytes } = await (globalThis as unknown as WorkerPage).engine.call("exportProbe");
      return btoa(String.fromCharCode(...bytes));
    });
    const { tensors, metadata } = parseSafetensors(new Uint8Array(Buffer.from(text, "base64")));
    expect(tensors.get("weight")?.shape).toEqual([2, 96]);
    expect([...tensors.keys()].sort()).toEqual(["bias", "mean", "scale", "weight"]);
    expect(JSON.parse(metadata.classes)).toEqual(["noise", "tones"]);
    expect(JSON.parse(metadata.probe).accuracy).toBeGreaterThanOrEqual(0.9);
  });

  it("holds the end of a clip out where a class has one clip only", async () => {
    const clips = await call(page(), "clips");
    for (const { id, name } of clips) if (/-[12]\.wav$/.test(name)) await call(page(), "removeClip", id);
    const result = await call(page(), "fineTune");
    expect(result.split).toMatch(/the end was held out with a gap/);
    expect(result.heldOutWindows).toBeGreaterThanOrEqual(2);
    for (const { id, name } of clips) if (/-0\.wav$/.test(name)) await call(page(), "removeClip", id);
  });
});

describe("a small model from Node", () => {
  const { model: demoModel, pretrain: demoPlan } = preset("demo");
  const model = { ...demoModel, width: 32, layers: 1, heads: 2, cropFrames: 64 };
  const pretrain = { ...demoPlan, batch: 2, steps: 12, warmup: 1 };

  it("is taken in, and embeds as it does in Node", async () => {
    const mel = await frameMajor(demo[1].id);
    const store = { config: model.frontEnd, ...melsInMemory([mel], model.frontEnd.nMels) };
    const sampler = new CropSampler(store, [0], model.cropFrames);
    const normal = normalisation(sampler, randomAt(9, "split", 1));
    const trainer = new Trainer(gpu, { model, pretrain, normalisation: normal, seed: 9, sampler });
    for (let i = 0; i < 3; i++) await trainer.next();
    const { values } = await encoderFeatures(trainer.model, store, { model, normalisation: normal });
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    const text = JSON.stringify({ ...config, seed: 9, model, pretrain, normalisation: normal });
    const weights = { name: "model.safetensors", bytes: serialise(await trainer.model.parameters.read()) };
    const settings = { name: "config.json", bytes: new TextEncoder().encode(text) };
    trainer.dispose();

    await expect(withFiles("importModel", [settings])).rejects.toThrow(/Choose model.safetensors/);
    await expect(withFiles("importModel", [weights])).rejects.toThrow(/they are of another model|but \[/);
    const cut = { ...weights, bytes: weights.bytes.slice(0, 5000) };
    await expect(withFiles("importModel", [cut, settings])).rejects.toThrow(
      /model.safetensors: This is not a whole/,
    );
    expect((await call(page(), "model")).model.width).toBe(96);
    const info = await withFiles("importModel", [weights, settings]);
    expect(info).toMatchObject({ model, seed: 9, step: 0, normalisation: normal });
    expect(largestDifference(await embeddingOf(demo[1].id), values)).toBeLessThan(1e-4);
  });

  it("holds the same memory after 250 steps as after 20", async () => {
    await forgetEvents();
    const heap = await workerHeap();
    await call(page(), "train", { steps: 20 });
    await trained("done");
    const look = (id: string) =>
      (globalThis as unknown as WorkerPage).engine.call("reconstruct", id, 0, 1).then(() => {});
    await page().evaluate(look, demo[0].id);
    const [before, heapBefore] = [await call(page(), "usage"), await heap()];
    await forgetEvents();
    await call(page(), "train", { steps: 270 });
    for (let i = 0; i < 5; i++) await page().evaluate(look, demo[0].id);
    await trained("done");
    const [after, heapAfter] = [await call(page(), "usage"), await heap()];
    expect((await eventsOf("step")).length).toBe(250);
    console.info(
      `heap ${heapBefore} → ${heapAfter}, GPU ${before.gpuBytes} → ${after.gpuBytes}, buffers ${before.buffers} → ${after.buffers}`,
    );
    expect(after.gpuBytes).toBeLessThanOrEqual(before.gpuBytes * 1.05 + 300_000);
    expect(after.buffers).toBeLessThanOrEqual(before.buffers + 12);
    expect(heapAfter).toBeLessThan(heapBefore * 1.1 + 1e6);
  });

  it("goes on after the device is lost, and answers meanwhile", async () => {
    await forgetEvents();
    await call(page(), "train", { steps: 700 });
    await page().waitForFunction(
      () => (globalThis as unknown as WorkerPage).events.filter(({ name }) => name === "step").length >= 5,
    );
    await call(page(), "loseDevice");
    const crop = await page().evaluate(
      async (id) => (await (globalThis as unknown as WorkerPage).engine.call("reconstruct", id, 0, 1)).mse,
      demo[0].id,
    );
    expect(crop).toBeGreaterThan(0);
    await page().waitForFunction(() =>
      (globalThis as unknown as WorkerPage).events.some(({ name }) => name === "recovered"),
    );
    const [lost] = await eventsOf("lost");
    expect((lost.value as { reason: string }).reason).not.toBe("");
    const recovered = (await eventsOf("recovered"))[0];
    const { step } = recovered.value as { step: number };
    expect(step).toBeGreaterThanOrEqual(270);
    await page().waitForFunction(
      (at) =>
        (globalThis as unknown as WorkerPage).events.filter((e) => e.name === "step" && e.at > at).length >=
        5,
      recovered.at,
    );
    await call(page(), "pause");
    const after = (await eventsOf("step")).filter(({ at }) => at > recovered.at);
    expect((after[0].value as { step: number }).step).toBe(step + 1);
    expect(await eventsOf("problem")).toEqual([]);
    expect((await call(page(), "clips")).length).toBe(demo.length);
  });
});

describe("files", () => {
  it("puts aside what is damaged and goes on with the rest", async () => {
    await page().evaluate(async (id) => {
      const root = await navigator.storage.getDirectory();
      const app = await root.getDirectoryHandle("melgrad-app");
      const cut = async (folder: FileSystemDirectoryHandle, name: string) => {
        const file = await (await folder.getFileHandle(name)).createWritable({ keepExistingData: true });
        await file.truncate(1000);
        await file.close();
      };
      await cut(await (await app.getDirectoryHandle("clips")).getDirectoryHandle(id), "mel.f32");
      for await (const name of (app as unknown as { keys(): AsyncIterable<string> }).keys()) {
        if (name.startsWith("checkpoint")) await cut(await app.getDirectoryHandle(name), "model.safetensors");
      }
    }, demo[3].id);
    await page().reload();
    await ready(page());
    const { clips, model, saved } = await call(page(), "open", {});
    expect(clips.map(({ id }) => id)).toEqual(demo.slice(0, 3).map(({ id }) => id));
    expect(saved.step).toBeUndefined();
    expect(model.step).toBe(0);
    const problems = (await eventsOf("problem")).map(({ value }) => (value as { message: string }).message);
    expect(problems).toHaveLength(2);
    expect(problems.join()).toMatch(/checkpoint.*checksum does not match.*clip.*log-mel is damaged/s);
    await page().reload();
    await ready(page());
    await call(page(), "open", {});
    expect(await eventsOf("problem")).toEqual([]);
  });

  it("are one tab's: another works in memory and says so", async () => {
    const second = await page().context().newPage();
    await second.goto(opened.url);
    await ready(second);
    await expect(call(second, "clips")).rejects.toThrow(/Open the engine first/);
    await expect(call(second, "open", { adapter: "voodoo" })).rejects.toThrow(
      /No adapter named "voodoo" here/,
    );
    const { clips } = await call(second, "open", {});
    expect(clips).toEqual([]);
    const events = await second.evaluate(() => (globalThis as unknown as WorkerPage).events);
    expect(events.map(({ name, value }) => [name, (value as { message?: string }).message])).toEqual([
      ["problem", expect.stringMatching(/open in another tab/)],
    ]);
    const { added } = await call(second, "addDemo", { pieces: 1, seconds: 2 });
    expect((await call(second, "clips")).map(({ id }) => id)).toEqual([added[0].id]);
    await second.close();
  });

  it("that do not fit are refused with what to do", async () => {
    const client = await page().context().newCDPSession(page());
    const origin = opened.url.replace(/\/$/, "");
    await client.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 50_000 });
    const wave = encodeWav16(new Float32Array(160_000).fill(0.1), 16_000);
    const { added, refused } = await withFiles("addFiles", [{ name: "long.wav", bytes: wave }]);
    await client.send("Storage.overrideQuotaForOrigin", { origin });
    expect(added).toEqual([]);
    expect(refused[0].reason).toMatch(/no more room for files: remove clips/);
    expect((await call(page(), "clips")).length).toBe(3);
  });

  it("hold recordings too", async () => {
    const { added } = await page().evaluate(async () => {
      const { engine } = globalThis as unknown as WorkerPage;
      const hum = Float32Array.from(
        { length: 48_000 },
        (_, i) => 0.4 * Math.sin((2 * Math.PI * 110 * i) / 48_000),
      );
      return engine.call("addRecording", hum, 48_000, "hum");
    });
    expect(added[0]).toMatchObject({ name: "hum", source: "microphone", seconds: 1, frames: 32 });
    const samples = await samplesOf(added[0].id);
    expect(samples.length).toBe(16_000);
    expect(Math.max(...samples.slice(4000, 12_000))).toBeCloseTo(0.4, 2);
  });

  it("are gone when they are to be forgotten", async () => {
    await call(page(), "forget");
    await page().reload();
    await ready(page());
    const { clips, saved } = await call(page(), "open", {});
    expect(clips).toEqual([]);
    expect(saved).toEqual({ step: undefined, clips: 0, bytes: 0 });
  });
});

describe("while the demo model trains", () => {
  it("answers within 100 ms, 95 times of 100", async () => {
    const { added } = await call(page(), "addDemo", { pieces: 3, seconds: 8 });
    await call(page(), "train", { steps: 10_000 });
    await page().waitForFunction(
      () => (globalThis as unknown as WorkerPage).events.filter(({ name }) => name === "step").length >= 2,
    );
    // What else the machine does at the time only makes it slower: the best of a few rounds is the worker's own.
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 6 && best >= 100; round++) {
      const times = await page().evaluate(async (id) => {
        const { engine } = globalThis as unknown as WorkerPage;
        const calls = [
          () => engine.call("reconstruct", id, 5, 2),
          () => engine.call("attention", id, 5, 7),
          () => engine.call("liveMel", new Float32Array(32_000), 16_000),
          () => engine.call("usage"),
          () => engine.call("logMel", id),
          () => engine.call("samples", id),
        ];
        for (const each of calls) await each();
        const times: number[] = [];
        for (let i = 0; i < 60; i++) {
          const start = performance.now();
          await calls[i % calls.length]();
          times.push(performance.now() - start);
          await new Promise((done) => setTimeout(done, 30 + 30 * Math.random()));
        }
        return times;
      }, added[0].id);
      times.sort((a, b) => a - b);
      const p95 = times[Math.ceil(0.95 * times.length) - 1];
      console.info(
        `answers while training: median ${times[30].toFixed(0)} ms, 95 % within ${p95.toFixed(0)} ms`,
      );
      best = Math.min(best, p95);
    }
    await call(page(), "pause");
    expect(best).toBeLessThan(100);
  });

  it("says what to do where a step does not fit into memory, and trains on when it is made smaller", async () => {
    await forgetEvents();
    const { step } = await call(page(), "model");
    await call(page(), "train", { steps: step + 3, batch: 4096 });
    await page().waitForFunction(() =>
      (globalThis as unknown as WorkerPage).events.some(({ name }) => name === "problem"),
    );
    const [{ value }] = await eventsOf("problem");
    expect((value as { message: string }).message).toMatch(/memory|GiB/);
    expect((value as { advice: string }).advice).toMatch(/smaller batch/);
    expect((await call(page(), "model")).step).toBe(step);
    await call(page(), "train", { steps: step + 3, batch: 4 });
    await trained("done");
    expect((await call(page(), "model")).step).toBe(step + 3);
  });
});

it("leaves no error in the page, and asks nobody else for anything", () => {
  expect(opened.errors).toEqual([]);
  expect(opened.requests.filter((url) => !url.startsWith(opened.url) && !url.startsWith("blob:"))).toEqual(
    [],
  );
});
