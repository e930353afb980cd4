// What the views of the page share: the worker, what is selected, playing, and telling the person, as signals. No view knows another.
import type { Signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type {
  AdapterInfo,
  Calls,
  ClipInfo,
  Events,
  ModelInfo,
  OfferedModel,
  TrainingState,
} from "./protocol.js";

/** The worker as the page sees it. */
export interface Engine {
  call<K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>>;
  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void;
}

/** A place in a clip. */
export interface Place {
  clip: string;
  /** Seconds from its start. */
  from: number;
  to?: number;
}

export interface App {
  engine: Engine;
  clips: Signal<readonly ClipInfo[]>;
  model: Signal<ModelInfo | undefined>;
  /** The released model beside the page; undefined where there is none. */
  offered: Signal<OfferedModel | undefined>;
  /** undefined until the adapter is open, and while it is lost. */
  adapter: Signal<AdapterInfo | undefined>;
  training: Signal<TrainingState>;
  /** The clip that is looked at, and the crop's first frame. */
  selected: Signal<{ clip: string; startFrame: number } | undefined>;
  /** What sounds now; `position` in seconds follows the audio clock. */
  playing: Signal<Place | undefined>;
  play(place: Place): Promise<void>;
  stop(): void;
  /** Seconds into the clip that sounds now. */
  position(): number;
  /** Shows a message: what happened and, for errors, what to do. */
  say(text: string, kind?: "info" | "error"): void;
}

/** The released model in use, as it was released; undefined where it has been trained on, or there is none. */
export function asReleased(app: App): string | undefined {
  return app.training.value.step === 0 ? app.model.value?.released : undefined;
}

/** What the weights in use are known by: the same text, the same vectors. */
export function weightsKey(app: App): string {
  return `${app.model.value?.released ?? ""} ${app.training.value.step}`;
}

/** A view: a component that reads the app's signals and draws itself anew where they change. */
export type View = ComponentType<{ app: App }>;
