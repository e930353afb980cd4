// The worker thread of midi/render-pool.ts: takes RenderJobs as messages and answers with WAV bytes, or with an error's text.

import { parentPort } from "node:worker_threads";
import { type RenderJob, renderJob } from "./midi/render-job.js";

parentPort?.on("message", async (job: RenderJob) => {
  try {
    const wav = await renderJob(job);
    parentPort?.postMessage({ wav }, [wav.buffer as ArrayBuffer]);
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
