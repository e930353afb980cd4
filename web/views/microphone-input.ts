// The microphone as a stream of samples: permission, the audio thread, a ring of the last seconds, and words for what can go wrong.
// Not what is done with the samples (microphone.ts).
import workletUrl from "./microphone.worklet.js";

/** Seconds that the ring holds. */
const KEPT = 40;

export interface Input {
  readonly sampleRate: number;
  /** Samples since the start, as they have come to the page. */
  readonly count: number;
  /** Samples since the start by the audio clock, which does not wait for the page. */
  now(): number;
  /** Samples [from, to) counted from the start; what is no longer or not yet there is cut off. */
  slice(from: number, to: number): Float32Array;
  /** Root mean square of the last block, 0..1. */
  readonly level: number;
  readonly device: string;
  close(): void;
}

export interface InputOptions {
  /** A device's id; the default one where there is none. */
  device?: string;
  onBlock?(samples: Float32Array): void;
  /** The device went away. */
  onEnd(): void;
}

/** Asks for the microphone and listens. Throws an Error whose message says what to do. */
export async function openInput({ device, onBlock, onEnd }: InputOptions): Promise<Input> {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorklet) {
    throw new Error(
      window.isSecureContext
        ? "This browser gives pages no microphone: use a current Chrome, Edge, Firefox or Safari."
        : "A page may use the microphone only over https:// or from http://localhost: open it there.",
    );
  }
  // Made within the click: some browsers let a context run only then.
  const context = new AudioContext();
  let stream: MediaStream | undefined;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(device ? { deviceId: { exact: device } } : {}),
        // Music, not a telephone call.
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
      },
    });
    await context.audioWorklet.addModule(new URL(workletUrl, import.meta.url).href);
    await context.resume();
  } catch (error) {
    for (const track of stream?.getTracks() ?? []) track.stop();
    void context.close();
    throw new Error(advice(error));
  }
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "capture", {
    numberOfInputs: 1,
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  source.connect(node);

  const { sampleRate } = context;
  const ring = new Float32Array(Math.ceil(KEPT * sampleRate));
  const [track] = stream.getAudioTracks();
  let first: number | undefined;
  let count = 0;
  let level = 0;
  node.port.onmessage = ({ data }: MessageEvent<{ samples: Float32Array; start: number }>) => {
    const { samples, start } = data;
    first ??= start;
    const at = count % ring.length;
    const head = Math.min(samples.length, ring.length - at);
    ring.set(samples.subarray(0, head), at);
    ring.set(samples.subarray(head), 0);
    count += samples.length;
    let sum = 0;
    for (const value of samples) sum += value * value;
    level = Math.sqrt(sum / samples.length);
    onBlock?.(samples);
  };
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    node.port.onmessage = null;
    source.disconnect();
    for (const each of stream.getTracks()) each.stop();
    void context.close();
  };
  track.addEventListener("ended", () => {
    if (!open) return;
    close();
    onEnd();
  });
  return {
    sampleRate,
    get count() {
      return count;
    },
    get level() {
      return level;
    },
    device: track.label || "microphone",
    now: () => (first === undefined ? 0 : context.currentTime * sampleRate - first),
    slice(from, to) {
      const begin = Math.max(0, Math.round(from), count - ring.length);
      const end = Math.min(count, Math.round(to));
      const out = new Float32Array(Math.max(0, end - begin));
      const at = begin % ring.length;
      const head = Math.min(out.length, ring.length - at);
      out.set(ring.subarray(at, at + head));
      out.set(ring.subarray(0, out.length - head), head);
      return out;
    },
    close,
  };
}

/** Microphones that the browser names; only after one was allowed. */
export async function inputDevices(): Promise<{ id: string; name: string }[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all
    .filter((each) => each.kind === "audioinput" && each.deviceId && each.label)
    .map((each) => ({ id: each.deviceId, name: each.label }));
}

function advice(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The microphone is not allowed for this page: allow it at the icon beside the address, and in the system's privacy settings, then listen again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found: plug one in or choose another, then listen again.";
    case "NotReadableError":
      return "The microphone does not answer: another program may hold it. Close that one, then listen again.";
    default:
      return `The microphone could not be opened: ${error instanceof Error ? error.message : String(error)}. Load the page again and retry.`;
  }
}
