// Decoding in a worker of its own, so that a long file holds up neither training nor answers. Both ends are here; the page's
// worker starts its own script a second time under another name. What is decoded and how is src/audio/decode.ts's.
import {
  AudioError,
  type AudioErrorKind,
  decodeAudio,
  mixDown,
  type Waveform,
} from "../../src/audio/decode.js";
import { DataError } from "../../src/gpu/errors.js";

/** The name by which the script knows that it is to decode. */
export const decoderName = "melgrad-decoder";

interface Request {
  id: number;
  file: File;
}

type Answer =
  | { id: number; waveform: Waveform }
  | { id: number; reason: string; kind: AudioErrorKind | undefined };

interface Waiting {
  file: File;
  resolve(waveform: Waveform): void;
  reject(error: Error): void;
}

export class Decoder {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;

  /** A file's samples as one channel, with remarks on how they were read. Throws DataError with the reason where they cannot be had. */
  decode(file: File): Promise<Waveform> {
    const worker = this.start();
    if (!worker) return decodeFile(file);
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.waiting.set(id, { file, resolve, reject });
      worker.postMessage({ id, file } satisfies Request);
    });
  }

  private start(): Worker | undefined {
    if (this.worker) return this.worker;
    try {
      this.worker = new Worker(globalThis.location.href, { type: "module", name: decoderName });
    } catch {
      return undefined; // a browser whose workers start no others
    }
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("waveform" in data) waiting?.resolve(data.waveform);
      else if (data.kind) waiting?.reject(new AudioError(data.kind, data.reason, waiting.file.name));
      else waiting?.reject(new DataError(`${waiting.file.name}: ${data.reason}`));
    });
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const { file, reject } of this.waiting.values()) {
        reject(
          new DataError(`${file.name}: the decoder failed (${event.message || "it could not be started"})`),
        );
      }
      this.waiting.clear();
      this.worker?.terminate();
      this.worker = undefined;
    });
    return this.worker;
  }
}

/** The decoding end: answers requests for as long as it lives. */
export function serveDecoding(scope: {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Request>) => void): void;
}): void {
  scope.addEventListener("message", async ({ data: { id, file } }) => {
    try {
      const waveform = await decodeFile(file);
      const transfer = waveform.channels.map(({ buffer }) => buffer as ArrayBuffer);
      scope.postMessage({ id, waveform } satisfies Answer, transfer);
    } catch (error) {
      const kind = error instanceof AudioError ? error.kind : undefined;
      scope.postMessage({ id, reason: reasonOf(error, file.name), kind } satisfies Answer, []);
    }
  });
}

/** The reason without the file's name. */
export function reasonOf(error: unknown, name: string): string {
  if (error instanceof AudioError) return error.reason;
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
}

async function decodeFile(file: File): Promise<Waveform> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new DataError(`${file.name}: it cannot be read (${(error as Error).message})`);
  }
  const mono = mixDown(await decodeAudio(bytes, { name: file.name }));
  // A copy: what the decoder gives may lie in memory that is shared or larger.
  return { ...mono, channels: [mono.channels[0].slice()] };
}
