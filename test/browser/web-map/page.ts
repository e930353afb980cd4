// The page of the map's tests: the four views on an engine that answers from what the test says. It is bundled by the test as the
// page's script; nothing of it ships.
import { signal } from "@preact/signals";
import { h, render } from "preact";
import type { App, Engine, Place } from "../../../web/app.js";
import { matrices, project } from "../../../web/map/camera.js";
import { farthestFirst, pick } from "../../../web/map/picking.js";
import { Stage } from "../../../web/map/stage.js";
import type {
  AdapterInfo,
  Calls,
  ClipInfo,
  EmbeddingMap,
  ModelInfo,
  Neighbour,
  OfferedModel,
  TrainingState,
} from "../../../web/protocol.js";
import { FineTune } from "../../../web/views/finetune.js";
import { EmbeddingMapView } from "../../../web/views/map.js";
import { Microphone } from "../../../web/views/microphone.js";
import { Neighbours } from "../../../web/views/neighbours.js";

const views = { map: EmbeddingMapView, neighbours: Neighbours, finetune: FineTune, microphone: Microphone };

type Answers = { [K in keyof Calls]?: (...args: Parameters<Calls[K]>) => unknown };

/** What the test reads and sets. */
export class Bench {
  readonly calls: { name: string; args: unknown[] }[] = [];
  readonly said: string[] = [];
  readonly played: Place[] = [];
  stops = 0;
  at = 0;
  answers: Answers = {};
  readonly tools = { matrices, project, pick, farthestFirst, Stage };
  readonly app: App;
  /** Callbacks asked for by requestAnimationFrame so far. */
  frames = 0;
  /** Devices that the page has opened. */
  readonly devices: GPUDevice[] = [];

  constructor() {
    const playing = signal<Place | undefined>(undefined);
    const engine: Engine = {
      call: async (name, ...args) => {
        this.calls.push({ name, args });
        const answer = this.answers[name] as ((...args: unknown[]) => unknown) | undefined;
        if (!answer) throw new Error(`The test has no answer to ${name}.`);
        return structuredClone(await answer(...args)) as never;
      },
      on: () => () => {},
    };
    this.app = {
      engine,
      clips: signal<readonly ClipInfo[]>([]),
      model: signal<ModelInfo | undefined>(undefined),
      offered: signal<OfferedModel | undefined>(undefined),
      adapter: signal<AdapterInfo | undefined>({ name: "test", software: true, features: [] }),
      training: signal<TrainingState>({ status: "idle", step: 0, steps: 0 }),
      selected: signal<{ clip: string; startFrame: number } | undefined>(undefined),
      playing,
      play: async (place) => {
        this.played.push(place);
        this.at = place.from;
        playing.value = place;
      },
      stop: () => {
        this.stops++;
        if (playing.value) playing.value = undefined;
      },
      position: () => this.at,
      say: (text) => this.said.push(text),
    };
    const ask = globalThis.requestAnimationFrame.bind(globalThis);
    globalThis.requestAnimationFrame = (callback) => {
      this.frames++;
      return ask(callback);
    };
    if (globalThis.GPUAdapter) {
      const { devices } = this;
      const open = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (descriptor) {
        const device = await open.call(this, descriptor);
        devices.push(device);
        return device;
      };
    }
  }

  /** The second windows of the first clips but the one that was asked about. */
  readonly someNeighbours = (clip: string, _from: number, count = 10): Neighbour[] =>
    this.app.clips.value
      .filter((each) => each.id !== clip)
      .slice(0, count)
      .map((each, i) => ({ clip: each.id, from: 4.096, to: 8.192, similarity: 0.93 - 0.11 * i }));

  mount(name: keyof typeof views): void {
    const section = document.createElement("section");
    section.className = "card";
    section.id = name;
    const title = document.createElement("h2");
    title.textContent = name;
    const place = document.createElement("div");
    place.dataset.view = name;
    section.append(title, place);
    document.querySelector("main")!.append(section);
    render(h(views[name], { app: this.app }), place);
  }

  /** Clips of `windows` windows of 4.096 s each. */
  clips(count: number, windows: number, labels: readonly (string | undefined)[] = []): ClipInfo[] {
    const clips = Array.from({ length: count }, (_, i) => ({
      id: `clip-${i}`,
      name: `Piece ${i + 1}`,
      source: "file" as const,
      seconds: 4.096 * windows,
      frames: 128 * windows,
      label: labels[i % Math.max(1, labels.length)],
    }));
    this.app.clips.value = clips;
    return clips;
  }

  /** A map of all clips at the given positions, window after window. */
  mapOf(positions: readonly number[], step = 0): EmbeddingMap {
    const points = this.app.clips.value.flatMap(({ id, frames }) =>
      Array.from({ length: frames / 128 }, (_, i) => ({ clip: id, from: 4.096 * i, to: 4.096 * (i + 1) })),
    );
    return { points, positions: Float32Array.from(positions), explained: 0.62, step };
  }
}

Object.assign(globalThis, { bench: new Bench() });
document.title = "ready";
