// The microphone at work: opened and closed, its log-mel drawn at the screen's rate, recordings for the library. The samples go to the
// worker and nowhere else. No elements but the canvas that it is given.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { clock, messageOf } from "../dom.js";
import { trainedProbe } from "./finetune-probe.js";
import { createHearing, type Hearing } from "./microphone-hearing.js";
import { type Input, inputDevices, openInput } from "./microphone-input.js";
import { type LiveMel, liveMel } from "./microphone-mel.js";

/** Minutes after which a recording ends by itself. */
const LONGEST = 10;
/** Seconds of nothing at all after which the person is told. */
const SILENCE = 3;

interface Words {
  text: string;
  bad?: boolean;
}

export interface Session {
  /** What the microphone is doing; `opening` while the person is asked. */
  status: ReadonlySignal<"off" | "opening" | "listening" | "recording">;
  says: ReadonlySignal<Words>;
  /** 0 to 1, −60 dB to 0 dB. */
  level: ReadonlySignal<number>;
  /** Seconds recorded so far. */
  recorded: ReadonlySignal<number>;
  devices: ReadonlySignal<readonly { id: string; name: string }[]>;
  device: Signal<string>;
  hearing: Hearing;
  toggle(): void;
  toggleRecording(): void;
  useDevice(id: string): void;
}

export function createSession(
  app: App,
  canvas: { current: HTMLCanvasElement | null },
  visible: ReadonlySignal<boolean>,
): Session {
  const status: Signal<"off" | "opening" | "listening" | "recording"> = signal("off");
  const says = signal<Words>({
    text: "Nothing is heard until you press Listen, and nothing leaves this tab.",
  });
  const [level, recorded] = [signal(0), signal(0)];
  const devices = signal<readonly { id: string; name: string }[]>([]);
  const device = signal("");
  const hearing = createHearing(app);
  let input: Input | undefined;
  let mel: LiveMel | undefined;
  let frame = 0;
  let recording: { blocks: Float32Array[]; samples: number } | undefined;
  let silentSince = 0;
  let chosen: string | undefined;
  let melFailed = false;

  const say = (text: string, bad = false) => {
    says.value = { text, bad };
  };
  const settle = () => {
    status.value = recording ? "recording" : input ? "listening" : "off";
  };

  async function start(): Promise<void> {
    if (status.peek() === "opening") return;
    status.value = "opening";
    say("Asking for the microphone…");
    try {
      const opened = await openInput({
        device: chosen,
        onBlock: heard,
        onEnd: () => stop("The microphone went away: plug it in and listen again.", true),
      });
      input = opened;
      const frontEnd = app.model.peek()?.model.frontEnd;
      const hop = frontEnd ? frontEnd.hopLength / frontEnd.sampleRate : 0.032;
      mel = liveMel(canvas.current!, opened, hop, (samples, rate) =>
        app.engine.call("liveMel", samples, rate),
      );
      melFailed = false;
      silentSince = performance.now();
      hearing.restart();
      say(`Listening to ${opened.device}.`);
      frame = requestAnimationFrame(tick);
      void listDevices(opened);
    } catch (error) {
      say(messageOf(error), true);
    } finally {
      settle();
    }
  }

  function stop(text = "Stopped.", bad = false): void {
    say(text, bad);
    if (recording) finishRecording();
    input?.close();
    input = undefined;
    cancelAnimationFrame(frame);
    level.value = 0;
    settle();
  }

  async function listDevices(opened: Input): Promise<void> {
    const found = await inputDevices().catch(() => []);
    devices.value = found;
    device.value = chosen ?? found.find((each) => each.name === opened.device)?.id ?? "";
  }

  function heard(samples: Float32Array): void {
    if (!input) return;
    if (recording) {
      recording.blocks.push(samples);
      recording.samples += samples.length;
      if (recording.samples > LONGEST * 60 * input.sampleRate) finishRecording();
    }
    if (input.level > 0) silentSince = performance.now();
  }

  /** One picture. */
  function tick(): void {
    if (!input || !mel) return;
    frame = requestAnimationFrame(tick);
    mel.step().catch((error) => {
      if (!melFailed) say(messageOf(error), true);
      melFailed = true;
    });
    if (visible.peek()) mel.draw(input.now());
    level.value = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(1e-6, input.level)) / 3));
    if (recording) recorded.value = recording.samples / input.sampleRate;
    const now = performance.now();
    if (silentSince > 0 && now - silentSince > 1000 * SILENCE) {
      silentSince = Number.POSITIVE_INFINITY;
      say(`${input.device} gives nothing but silence: see whether it is muted.`, true);
    }
    const open = input;
    hearing.step(open, () => input === open);
  }

  function finishRecording(): void {
    if (!recording || !input) return;
    const { blocks, samples: length } = recording;
    const { sampleRate } = input;
    recording = undefined;
    settle();
    if (length < sampleRate / 2) {
      say("That recording is shorter than half a second and was not kept.", true);
      return;
    }
    const samples = new Float32Array(length);
    let at = 0;
    for (const block of blocks) {
      samples.set(block, at);
      at += block.length;
    }
    void keep(samples, sampleRate).catch((error) => say(messageOf(error), true));
  }

  async function keep(samples: Float32Array, sampleRate: number): Promise<void> {
    const two = "2-digit" as const;
    const time = new Date().toLocaleTimeString([], { hour: two, minute: two, second: two });
    const { added } = await app.engine.call("addRecording", samples, sampleRate, `Recording ${time}`);
    const known = new Set(added.map((clip) => clip.id));
    app.clips.value = [...app.clips.peek().filter((clip) => !known.has(clip.id)), ...added];
    if (added[0]) say(`Kept as ${added[0].name}, ${clock(added[0].seconds, true)}. It is in the library.`);
  }

  trainedProbe.subscribe(() => hearing.restart());
  return {
    ...{ status, says, level, recorded, devices, device, hearing },
    toggle() {
      if (input) stop();
      else void start();
    },
    toggleRecording() {
      if (!input) return;
      if (recording) return finishRecording();
      recording = { blocks: [], samples: 0 };
      recorded.value = 0;
      // What is played meanwhile would be recorded too.
      app.stop();
      settle();
      say("Recording…");
    },
    useDevice(id) {
      chosen = id;
      device.value = id;
      stop("Changing the microphone…");
      void start();
    },
  };
}
