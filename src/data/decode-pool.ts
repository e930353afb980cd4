// Decodes audio files in worker threads, so that many go at once and the main thread stays free for the GPU. The workers
// start when they are needed, wait without keeping the process alive, and run decode-worker.js, which the build puts beside
// the bundle; where that file is not there (TypeScript sources under a test runner), decoding happens in this thread.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { AudioError, type AudioErrorKind } from "../audio/decode.js";
import { DataError } from "../gpu/errors.js";
import { type DecodedFile, digestBytes, readWaveform } from "./decode-file.js";

export interface DecodeRequest {
  /** A path, or a file's bytes. */
  path: string | Uint8Array;
  mono: boolean;
  name: string;
  /** Answer with the SHA-256 of the bytes instead of decoding them. */
  digest?: boolean;
  /** Answer with the samples' key as well. */
  content?: boolean;
}

export type DecodeReply =
  | { waveform: DecodedFile }
  | { digest: string }
  | { kind: AudioErrorKind; reason: string }
  | { message: string };

export interface DecodeFileOptions {
  /** Mix down to one channel in the worker (default true): a 4-minute stereo file is 85 MB of floats, its mix 42. */
  mono?: boolean;
  /** How messages call the file; its path by default. */
  name?: string;
  /** Whether the answer is to hold the samples' key. */
  content?: boolean;
  /** Gives up waiting: the promise rejects with the signal's reason, and a file not yet begun is not read. */
  signal?: AbortSignal;
}

/** How often a file is tried again whose thread died. */
const mostRetries = 1;

interface Job {
  request: DecodeRequest;
  /** Threads that died of it. */
  deaths: number;
  resolve(value: DecodedFile | string): void;
  reject(error: unknown): void;
}

export class DecodePool {
  /** How many files are decoded at once. */
  readonly size: number;
  readonly #entry: string | undefined;
  readonly #waiting: Job[] = [];
  readonly #idle: Worker[] = [];
  readonly #workers = new Set<Worker>();
  #busy = 0;
  #closed = false;
  #decoders: string | undefined;

  /**
   * @param options `size`: how many files are decoded at once, by default the machine's cores, 16 at most, as each may hold
   * a few hundred MB; `entry`: path of the worker's script, by default decode-worker.js beside the bundle; `undefined`
   * given on purpose means this thread.
   */
  constructor(options: { size?: number; entry?: string } = {}) {
    this.size = Math.max(1, options.size ?? Math.min(16, availableParallelism()));
    this.#entry = "entry" in options ? options.entry : findEntry();
  }

  /** Names the code that decodes: it changes whenever that does. Undefined in this thread, where it cannot be told. */
  get decoders(): string | undefined {
    if (this.#entry === undefined) return undefined;
    this.#decoders ??= createHash("sha256").update(readFileSync(this.#entry)).digest("hex").slice(0, 16);
    return this.#decoders;
  }

  /** Whether files are decoded in threads of their own. */
  get threaded(): boolean {
    return this.#entry !== undefined;
  }

  /**
   * Decode one file, given as a path or as its bytes (a member of an archive). Calls beyond the pool's size wait their turn, first come, first served.
   * @throws AudioError where the bytes cannot be used, DataError where the file cannot be read or the pool is closed
   */
  decodeFile(path: string | Uint8Array, options: DecodeFileOptions = {}): Promise<DecodedFile> {
    const { mono = true, name = nameOf(path), signal, content } = options;
    return this.#enqueue({ path, mono, name, content }, signal) as Promise<DecodedFile>;
  }

  /**
   * The SHA-256 of a file's bytes, in hexadecimal. Waits its turn among the files that are decoded.
   * @throws DataError where the file cannot be read or the pool is closed
   */
  digestFile(
    path: string | Uint8Array,
    { name = nameOf(path), signal }: Pick<DecodeFileOptions, "name" | "signal"> = {},
  ): Promise<string> {
    return this.#enqueue({ path, mono: true, name, digest: true }, signal) as Promise<string>;
  }

  #enqueue(request: DecodeRequest, signal: AbortSignal | undefined): Promise<DecodedFile | string> {
    return new Promise((resolve, reject) => {
      const { name } = request;
      if (signal?.aborted) return reject(signal.reason);
      if (this.#closed) return reject(new DataError(`${name}: the decoder pool is closed`));
      const abort = () => {
        const at = this.#waiting.indexOf(job);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason);
      };
      const job: Job = {
        request,
        deaths: 0,
        resolve(value) {
          signal?.removeEventListener("abort", abort);
          resolve(value);
        },
        reject(error) {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(job);
      this.#next();
    });
  }

  /** End the workers. Files still waiting or under way are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { request, reject } of this.#waiting.splice(0)) {
      reject(new DataError(`${request.name}: the decoder pool was closed`));
    }
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#busy < this.size) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#busy++;
      const done = () => {
        this.#busy--;
        this.#next();
      };
      if (this.#entry === undefined) {
        const { path, mono, name, digest, content } = job.request;
        const work = digest ? digestBytes(path, name) : readWaveform(path, mono, name, content);
        work.then(job.resolve, job.reject).finally(done);
      } else {
        this.#give(job, this.#entry, done);
      }
    }
  }

  #give(job: Job, entry: string, done: () => void): void {
    const worker = this.#idle.pop() ?? this.#start(entry);
    const { name } = job.request;
    const settle = (alive: boolean) => {
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
      if (alive) {
        worker.unref();
        this.#idle.push(worker);
      } else {
        void worker.terminate();
      }
      done();
    };
    const onMessage = (reply: DecodeReply) => {
      if ("waveform" in reply) job.resolve(reply.waveform);
      else if ("digest" in reply) job.resolve(reply.digest);
      else if ("kind" in reply) job.reject(new AudioError(reply.kind, reply.reason, name));
      else job.reject(new DataError(reply.message));
      settle(true);
    };
    // The file may not be to blame: another thread tries it once more.
    const onDeath = (why: string) => {
      job.deaths++;
      if (job.deaths <= mostRetries && !this.#closed) this.#waiting.unshift(job);
      else job.reject(new DataError(`${name}: ${why}`));
      settle(false);
    };
    const onError = (error: Error) => onDeath(`the decoder thread failed (${error.message})`);
    const onExit = () => onDeath("the decoder thread ended early");
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.on("exit", onExit);
    worker.ref(); // a decode under way keeps the process alive, an idle worker does not
    worker.postMessage(job.request);
  }

  #start(entry: string): Worker {
    const worker = new Worker(entry, { workerData: {} });
    this.#workers.add(worker);
    worker.on("error", () => {}); // whoever waits for an answer has a listener of their own
    worker.on("exit", () => {
      this.#workers.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return worker;
  }
}

function nameOf(path: string | Uint8Array): string {
  return typeof path === "string" ? path : "audio";
}

/** decode-worker.js beside this bundle, or one folder up where the bundler put this module in a chunk. */
function findEntry(): string | undefined {
  if (import.meta.url.endsWith(".ts")) return undefined;
  return ["./decode-worker.js", "../decode-worker.js"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
}

let shared: DecodePool | undefined;

/** The pool that the whole process shares; made on first use, never closed. */
export function sharedDecodePool(): DecodePool {
  shared ??= new DecodePool();
  return shared;
}

/** Decode one file in the shared pool, mixed down to one channel unless `mono` is false. See `DecodePool.decodeFile`. */
export function decodeFile(path: string, options?: DecodeFileOptions): Promise<DecodedFile> {
  return sharedDecodePool().decodeFile(path, options);
}
