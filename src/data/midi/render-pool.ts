// Renders many MIDI windows on worker threads, each result handed over as soon as it is there. Where the worker's script is not
// beside this one (running from sources, in tests) the calling thread renders.

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { DataError } from "../../gpu/errors.js";
import { type RenderJob, renderJob } from "./render-job.js";

/** The file that the build makes of render-worker.ts, beside the bundle that holds this module or one folder up. */
const workerUrl = ["./render-worker.js", "../render-worker.js"]
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(fileURLToPath(url)));

/**
 * Does all jobs, `onDone(index, wav)` for each as it ends, in no fixed order. Stops at the first failure or when the signal
 * aborts (rejecting with its reason).
 */
export async function renderAll(
  jobs: readonly RenderJob[],
  onDone: (index: number, wav: Uint8Array) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const threads = Math.min(jobs.length, Math.max(1, Math.min(4, availableParallelism())));
  const workers =
    workerUrl && jobs.length > 1 ? Array.from({ length: threads }, () => new Worker(workerUrl)) : [];
  let next = 0;
  const take = async (render: (job: RenderJob) => Promise<Uint8Array>) => {
    while (next < jobs.length) {
      signal?.throwIfAborted();
      const index = next++;
      await onDone(index, await render(jobs[index]));
      await new Promise(setImmediate); // lets timers and signals in
    }
  };
  try {
    if (workers.length === 0) await take(renderJob);
    else await Promise.all(workers.map((worker) => take((job) => ask(worker, job))));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, job: RenderJob): Promise<Uint8Array> {
  return new Promise((done, fail) => {
    const settle = (finish: () => void) => {
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
      finish();
    };
    const onMessage = (answer: { wav?: Uint8Array; error?: string }) =>
      settle(() =>
        answer.wav ? done(answer.wav) : fail(new DataError(`rendering failed: ${answer.error}`)),
      );
    const onError = (error: Error) => settle(() => fail(error));
    const onExit = () => settle(() => fail(new DataError("a rendering thread ended early")));
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.on("exit", onExit);
    worker.postMessage(job);
  });
}
