// What the views of the page share: the worker, what is selected, playing, and telling the person. No view knows another.
import type {
  AdapterInfo,
  Calls,
  ClipInfo,
  Events,
  ModelInfo,
  OfferedModel,
  TrainingState,
} from "./protocol.js";

/** A value that views follow. */
export interface Signal<T> {
  get(): T;
  set(value: T): void;
  /** Calls back now and at every change; the returned function ends that. */
  follow(listener: (value: T) => void): () => void;
}

export function signal<T>(initial: T): Signal<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    follow(listener) {
      listeners.add(listener);
      listener(value);
      return () => listeners.delete(listener);
    },
  };
}

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
  return app.training.get().step === 0 ? app.model.get()?.released : undefined;
}

/** What the weights in use are known by: the same text, the same vectors. */
export function weightsKey(app: App): string {
  return `${app.model.get()?.released ?? ""} ${app.training.get().step}`;
}

/** A view fills its element and follows the app. */
export type View = (root: HTMLElement, app: App) => void;
