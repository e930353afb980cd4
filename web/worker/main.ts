// The worker's end: takes calls, has the session answer them, sends results and events. What a call does is in session.ts.
// Started under another name, the same script decodes files (decoder.ts).
import type { CallName, FromWorker, ToWorker } from "../protocol.js";
import { decoderName, serveDecoding } from "./decoder.js";
import { Session } from "./session.js";

interface WorkerScope {
  readonly name: string;
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener<M>(type: "message", listener: (event: MessageEvent<M>) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = globalThis as unknown as WorkerScope;

if (scope.name === decoderName) serveDecoding(scope);
else serveSession();

function post(message: FromWorker, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

function serveSession(): void {
  const session = new Session((event, value) => post({ event, value }));
  scope.addEventListener("message", async ({ data: { id, call, args } }: MessageEvent<ToWorker>) => {
    try {
      const result = await answerTo(call).apply(session, args);
      post({ id, result }, buffersIn(result));
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      post({ id, error: { name, message } });
    }
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    session.report(event.reason);
  });
}

function answerTo(call: CallName): (...args: unknown[]) => unknown {
  const answer: unknown = Object.getOwnPropertyDescriptor(Session.prototype, call)?.value;
  if (typeof answer !== "function") throw new TypeError(`The worker knows no call '${call}'.`);
  return answer as (...args: unknown[]) => unknown;
}

/** The memory of every array in an answer, which is handed over and not copied: answers hold copies of what is kept. */
function buffersIn(value: unknown, found = new Set<ArrayBuffer>(), depth = 0): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (depth < 4 && typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) buffersIn(item, found, depth + 1);
  }
  return [...found];
}
