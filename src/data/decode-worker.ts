// The worker thread behind decode-pool.ts: takes a path, answers with samples, whose memory it hands over rather than
// copies. Built as an entry of its own (dist/decode-worker.js); imported by nothing.
import { parentPort } from "node:worker_threads";
import { AudioError } from "../audio/decode.js";
import { DataError } from "../gpu/errors.js";
import { digestBytes, readWaveform } from "./decode-file.js";
import type { DecodeReply, DecodeRequest } from "./decode-pool.js";

parentPort?.on("message", async ({ path, mono, name, digest, content }: DecodeRequest) => {
  try {
    if (digest) {
      parentPort?.postMessage({ digest: await digestBytes(path, name) } satisfies DecodeReply);
      return;
    }
    const waveform = await readWaveform(path, mono, name, content);
    const memory = new Set(waveform.channels.map((channel) => channel.buffer as ArrayBuffer));
    parentPort?.postMessage({ waveform } satisfies DecodeReply, [...memory]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reply: DecodeReply =
      error instanceof AudioError
        ? { kind: error.kind, reason: error.reason }
        : { message: error instanceof DataError ? message : `${name}: ${message}` };
    parentPort?.postMessage(reply);
  }
});
