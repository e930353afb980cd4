// Samples and log-mels of clips as the page keeps them: the worker is asked once for each, the last few are kept. The worker
// has the originals.
import type { App } from "./app.js";
import type { MelImage } from "./protocol.js";

export interface Samples {
  samples: Float32Array;
  sampleRate: number;
}

const kept = 12;

interface Store {
  samples: Map<string, Promise<Samples>>;
  mels: Map<string, Promise<MelImage>>;
}

const stores = new WeakMap<App, Store>();

function storeOf(app: App): Store {
  let store = stores.get(app);
  if (!store) {
    store = { samples: new Map(), mels: new Map() };
    stores.set(app, store);
  }
  return store;
}

/** Asks once; a refused call is not kept. */
function cached<T>(map: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  map.delete(key); // put last again: the oldest use goes first
  const value = known ?? ask();
  map.set(key, value);
  if (!known) value.catch(() => map.delete(key));
  for (const oldest of map.keys()) {
    if (map.size <= kept) break;
    map.delete(oldest);
  }
  return value;
}

export function samplesOf(app: App, clip: string): Promise<Samples> {
  return cached(storeOf(app).samples, clip, () => app.engine.call("samples", clip));
}

/** The log-mel of the whole clip, [nMels, frames]. */
export function melOf(app: App, clip: string): Promise<MelImage> {
  return cached(storeOf(app).mels, clip, () => app.engine.call("logMel", clip));
}

/** Forgets a clip, or all of them. */
export function forgetMedia(app: App, clip?: string): void {
  const { samples, mels } = storeOf(app);
  for (const map of [samples, mels]) {
    if (clip === undefined) map.clear();
    else map.delete(clip);
  }
}
