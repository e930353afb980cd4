// An engine for the page's own tests: it answers every call at once from made-up but well-formed data, trains by a timer, and loses
// its device when asked. Nothing here computes on a GPU; what the worker does is tested elsewhere.
import { patchGrid, preset, withPatches } from "../../../src/patchifier/config.js";
import type { Engine } from "../../../web/app.js";
import type {
  Calls,
  ClipInfo,
  Events,
  ExportedFile,
  MelImage,
  ModelInfo,
  TrainingState,
} from "../../../web/protocol.js";

export interface FakeOptions {
  /** What opening is refused with, so many times. */
  refuse?: { message: string; times: number };
  stepMs?: number;
  /** The released model that it begins with. */
  released?: string;
}

const rate = 16000;
const hop = 512;

export function fakeEngine({ refuse, stepMs = 20, released }: FakeOptions = {}): Engine {
  const listeners = new Map<string, Set<(value: never) => void>>();
  const emit = <K extends keyof Events>(event: K, value: Events[K]) => {
    for (const listener of listeners.get(event) ?? []) listener(value as never);
  };
  let clips: ClipInfo[] = [];
  let refusals = refuse?.times ?? 0;
  let presetName = "demo";
  let seed = 1;
  let begunWith = released;
  let state: TrainingState = { status: "idle", step: 0, steps: 0 };
  let timer: ReturnType<typeof setInterval> | undefined;
  const adapter = { name: "Fake adapter (no GPU)", software: true, features: [] };

  const info = (): ModelInfo => {
    const { model: usual, pretrain } = preset(presetName);
    const model = withPatches(usual, "grid"); // rows and columns: more to go wrong than in a row of frames
    const { rows, columns, tokens } = patchGrid(model);
    const normalisation = state.step > 0 ? { mean: 1.5, std: 1 } : undefined;
    const parts = [
      { name: "infonce", title: "InfoNCE" },
      { name: "reconstruct", title: "Reconstruction" },
    ];
    const known = { preset: presetName, released: begunWith };
    return {
      ...{ model, pretrain, parts, grid: { rows, columns, tokens }, normalisation, step: state.step, seed },
      ...known,
    };
  };
  const set = (next: TrainingState) => {
    state = next;
    emit("training", next);
  };
  const halt = () => {
    clearInterval(timer);
    timer = undefined;
  };
  const step = () => {
    const at = state.step + 1;
    const loss = 3 + 3 * Math.exp(-at / 40) + 0.15 * Math.sin(at * 1.7);
    const lr = 1e-3 * Math.min(1, at / 20);
    emit("step", {
      step: at,
      loss,
      parts: { infonce: loss * 0.7, reconstruct: loss * 0.03 },
      lr,
      gradNorm: 1 + Math.abs(Math.sin(at)),
      stepMs,
      clipsPerSecond: 8000 / stepMs,
    });
    if (at % 20 === 0) emit("heldOut", { step: at, loss: loss + 0.2, stuck: [] });
    if (at % 50 === 0) emit("saved", { step: at, clips: clips.length, bytes: 1 << 20 });
    if (at >= state.steps) halt();
    set({ ...state, step: at, status: at >= state.steps ? "done" : "running" });
  };
  const run = () => {
    halt();
    set({ ...state, status: "running" });
    timer = setInterval(step, stepMs);
  };
  const add = (names: string[], source: ClipInfo["source"], seconds: number) => {
    const added = names.map((name, i) => ({
      id: `${source}-${clips.length + i}`,
      name,
      source,
      seconds: seconds + i,
      frames: Math.floor(((seconds + i) * rate) / hop) + 1,
    }));
    clips = [...clips, ...added];
    for (const clip of added) emit("clip", clip);
    return added;
  };
  const find = (id: string) => {
    const clip = clips.find((each) => each.id === id);
    if (!clip) throw new Error(`There is no clip ${id}.`);
    return clip;
  };
  const crop = (id: string, start: number): MelImage => {
    const mel = makeMel(find(id).frames);
    const frames = info().model.cropFrames;
    const values = new Float32Array(mel.nMels * frames);
    for (let row = 0; row < mel.nMels; row++) {
      const line = mel.values.subarray(row * mel.frames + start, row * mel.frames + start + frames);
      values.set(line.subarray(0, Math.min(frames, mel.frames - start)), row * frames);
    }
    return { values, nMels: mel.nMels, frames, hopSeconds: hop / rate };
  };
  const file = (name: string, text: string): ExportedFile => ({
    name,
    type: "application/octet-stream",
    bytes: new TextEncoder().encode(text),
  });
  const unused = (): never => {
    throw new Error("The page's tests do not use this.");
  };

  const calls: { [K in keyof Calls]: Calls[K] } = {
    open(options) {
      if (refusals > 0) {
        refusals--;
        throw Object.assign(new Error(refuse?.message), { name: "NoAdapterError" });
      }
      presetName = options.preset ?? "demo";
      if (options.begin === "random" || presetName !== "demo") begunWith = undefined;
      const offered = released === undefined ? undefined : { name: released, preset: "demo" };
      return { adapter, model: info(), offered, clips, saved: { step: undefined, clips: 0, bytes: 0 } };
    },
    addFiles(files) {
      const good = files.filter(({ name }) => !name.includes("broken"));
      const refused = files
        .filter(({ name }) => name.includes("broken"))
        .map(({ name }) => ({ name, reason: `${name}: truncated: 12 of 17640 samples are there` }));
      return {
        added: add(
          good.map(({ name }) => name),
          "file",
          6,
        ),
        refused,
      };
    },
    addDemo({ pieces = 8 } = {}) {
      const names = Array.from(
        { length: pieces },
        (_, i) => `Waltz ${clips.length + i + 1} in D major, 120 BPM`,
      );
      const added = add(names, "demo", 20);
      emit("progress", { what: "composing", done: pieces, total: pieces });
      return { added };
    },
    addRecording: (_samples, _rate, name) => ({ added: add([name], "microphone", 5) }),
    removeClip(id) {
      clips = clips.filter((clip) => clip.id !== id);
    },
    clips: () => clips,
    samples(id) {
      const samples = new Float32Array(Math.round(find(id).seconds * rate));
      for (let i = 0; i < samples.length; i++) {
        const beat = Math.exp(-4 * ((i / rate) % 0.5));
        samples[i] = 0.3 * beat * Math.sin((2 * Math.PI * 220 * i) / rate);
      }
      return { samples, sampleRate: rate };
    },
    logMel: (id) => makeMel(find(id).frames),
    liveMel: () => makeMel(32),
    train({ steps, seed: given, batch = 8 }) {
      if (batch > 256) {
        const message = "Training would take 9.1 GiB, and the adapter gives 2 GiB.";
        throw Object.assign(new Error(message), { name: "OutOfMemoryError" });
      }
      seed = given ?? seed;
      set({ status: "preparing", step: state.step, steps });
      run();
    },
    pause() {
      halt();
      set({ ...state, status: "paused" });
    },
    resume: run,
    reset(options) {
      halt();
      presetName = options?.preset ?? presetName;
      seed = options?.seed ?? seed;
      begunWith = options?.begin === "released" ? released : undefined;
      set({ status: "idle", step: 0, steps: 0 });
      return info();
    },
    model: info,
    reconstruct(clip, startFrame, draw = 0) {
      const image = crop(clip, startFrame);
      const { tokens, rows } = info().grid;
      const masked = Int32Array.from({ length: tokens }, (_, i) => i).filter(
        (i) => (i * 7919 + draw * 31) % 10 < 6,
      );
      const filled = image.values.slice();
      const off = Math.exp(-state.step / 40);
      for (const patch of masked) {
        for (let m = 0; m < 16; m++) {
          for (let f = 0; f < 16; f++) {
            const at = ((patch % rows) * 16 + m) * image.frames + Math.floor(patch / rows) * 16 + f;
            filled[at] = filled[at] * (1 - off) + off * 1.5 * Math.random();
          }
        }
      }
      return { clip, start: startFrame, image, masked, filled, mse: off + 0.01, step: state.step };
    },
    attention(_clip, _start, patch, layer = -1) {
      const { grid, model } = info();
      const weights = new Float32Array(model.heads * grid.tokens);
      for (let head = 0; head < model.heads; head++) {
        const row = weights.subarray(head * grid.tokens, (head + 1) * grid.tokens);
        for (let i = 0; i < row.length; i++) {
          const dx = Math.floor(i / grid.rows) - Math.floor(patch / grid.rows);
          const dy = (i % grid.rows) - (patch % grid.rows);
          row[i] = Math.exp(-(dx * dx + dy * dy) / (2 + 3 * head)) + 0.02;
        }
        const sum = row.reduce((a, b) => a + b, 0);
        for (let i = 0; i < row.length; i++) row[i] /= sum;
      }
      const { layers, heads } = model;
      return { layer: layer < 0 ? layers - 1 : layer, layers, heads, query: patch, weights };
    },
    map() {
      const points = clips.flatMap(({ id, seconds }) =>
        Array.from({ length: Math.ceil(seconds / 4) }, (_, i) => ({ clip: id, from: 4 * i, to: 4 * i + 4 })),
      );
      const positions = new Float32Array(3 * points.length).map((_, i) => 0.7 * Math.sin(i * 1.3));
      return { points, positions, explained: 0.6, step: state.step };
    },
    neighbours: (clip, from) =>
      clips
        .filter(({ id }) => id !== clip)
        .map(({ id }, i) => ({ clip: id, from, to: from + 4, similarity: 0.9 - 0.1 * i })),
    similarTo: unused,
    embed: unused,
    label(id, label) {
      clips = clips.map((clip) => (clip.id === id ? { ...clip, label } : clip));
    },
    fineTune: unused,
    classify: unused,
    exportProbe: unused,
    save: () => ({ step: state.step, clips: clips.length, bytes: 0 }),
    exportModel: () => [file("model.safetensors", "weights"), file("config.json", "{}")],
    importModel() {
      begunWith = undefined;
      state = { status: "paused", step: 77, steps: 77 };
      return info();
    },
    forget() {
      clips = [];
      halt();
      set({ status: "idle", step: 0, steps: 0 });
    },
    adapterReport: () => "melgrad adapter report",
    usage: () => ({ gpuBytes: 24 * 2 ** 20, peakBytes: 30 * 2 ** 20, buffers: 40 }),
    loseDevice() {
      const before = state.status;
      halt();
      emit("lost", { reason: "the driver was reset" });
      setTimeout(() => {
        emit("recovered", { adapter, step: state.step });
        if (before === "running") run();
      }, 400);
    },
  };

  return {
    async call(name, ...args) {
      await new Promise((done) => setTimeout(done, 1));
      const answer = calls[name] as unknown as (...args: unknown[]) => never;
      return answer(...args);
    },
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      set.add(listener as (value: never) => void);
      return () => set.delete(listener as (value: never) => void);
    },
  };
}

/** A picture with harmonics and beats, so that it looks like music. */
function makeMel(frames: number): MelImage {
  const nMels = 128;
  const values = new Float32Array(nMels * frames);
  for (let row = 0; row < nMels; row++) {
    for (let frame = 0; frame < frames; frame++) {
      const beat = Math.exp(-((frame % 16) / 6));
      const tone = Math.max(0, Math.sin(row / 3 + Math.floor(frame / 32))) ** 6;
      values[row * frames + frame] = 3.5 * (1 - row / 170) * (0.25 + 0.75 * tone) * (0.4 + 0.6 * beat);
    }
  }
  return { values, nMels, frames, hopSeconds: hop / rate };
}
