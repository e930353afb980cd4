// The page's end of the worker: calls that return promises, events that listeners get. It starts the worker and tells when it
// dies; it knows nothing of what the calls do.
import type { Engine } from "./app.js";
import type { EventName, FromWorker, ToWorker } from "./protocol.js";

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** An error that came from the worker, with the name that it had there. */
class WorkerError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

const startAgain = "Reload the page: clips and the last checkpoint are kept in the browser's files.";

/** Starts the worker and talks to it. When the page is hidden, the worker is asked to save. */
export function connect(): Engine {
  const worker = new Worker(new URL("./worker/main.js", import.meta.url), {
    type: "module",
    name: "melgrad",
  });
  return converse(worker);
}

/** Talks to a worker that runs web/worker/main.ts. */
export function converse(worker: Worker): Engine {
  const pending = new Map<number, Pending>();
  const listeners = new Map<EventName, Set<(value: never) => void>>();
  let next = 1;
  let opened = false;
  let dead: Error | undefined;

  const emit = (event: EventName, value: unknown) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(value as never);
  };

  const failAll = (error: Error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };

  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if ("event" in data) {
      emit(data.event, data.value);
      return;
    }
    const call = pending.get(data.id);
    pending.delete(data.id);
    if ("error" in data) call?.reject(new WorkerError(data.error.name, data.error.message));
    else call?.resolve(data.result);
  });

  worker.addEventListener("messageerror", () => {
    failAll(new WorkerError("WorkerError", `An answer of the worker could not be read. ${startAgain}`));
  });

  worker.addEventListener("error", (event) => {
    event.preventDefault();
    // A script that could not be loaded has no message; an exception inside the worker has one.
    const what = event.message
      ? `The worker failed: ${event.message}.`
      : "The worker could not be loaded: its script is missing, or this browser runs no module workers.";
    const error = new WorkerError("WorkerError", `${what} ${startAgain}`);
    if (!event.message) dead = error;
    failAll(error);
    emit("problem", { message: what, advice: startAgain });
  });

  const engine: Engine = {
    call(name, ...args) {
      if (dead) return Promise.reject(dead);
      if (name === "open") opened = true;
      const id = next++;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
        try {
          worker.postMessage({ id, call: name, args } satisfies ToWorker);
        } catch (error) {
          pending.delete(id);
          reject(error);
        }
      });
    },
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      set.add(listener as (value: never) => void);
      return () => set.delete(listener as (value: never) => void);
    },
  };

  globalThis.document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || !opened || dead) return;
    engine.call("save").catch(() => {}); // the worker reports what goes wrong with saving by itself
  });
  return engine;
}
