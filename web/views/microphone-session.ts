// The microphone at work: opened and closed, with what is done with its samples meanwhile. They go to the worker and nowhere else. What is
// seen of them is microphone-watch.ts, what is heard in them microphone-hearing.ts, what is kept microphone-recorder.ts.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { messageOf } from "../dom.js";
import { trainedProbe } from "./finetune-probe.js";
import { createHearing, type Hearing } from "./microphone-hearing.js";
import { type Input, inputDevices, openInput } from "./microphone-input.js";
import { createRecorder } from "./microphone-recorder.js";
import { createWatch } from "./microphone-watch.js";

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
  const choice = createDevices();
  const hearing = createHearing(app);
  let input: Input | undefined;

  const say = (text: string, bad = false) => {
    says.value = { text, bad };
  };
  const recorder = createRecorder(app, say);
  const watch = createWatch(app, canvas, visible, say);
  const settle = () => {
    status.value = recorder.isOn() ? "recording" : input ? "listening" : "off";
  };

  async function start(): Promise<void> {
    if (status.peek() === "opening") return;
    status.value = "opening";
    say("Asking for the microphone…");
    try {
      const opened = await openInput({
        device: choice.chosen(),
        onBlock: heard,
        onEnd: () => stop("The microphone went away: plug it in and listen again.", true),
      });
      input = opened;
      hearing.restart();
      say(`Listening to ${opened.device}.`);
      watch.start(opened, () => {
        recorder.show(opened.sampleRate);
        hearing.step(opened, () => input === opened);
      });
      void choice.list(opened);
    } catch (error) {
      say(messageOf(error), true);
    } finally {
      settle();
    }
  }

  function stop(text = "Stopped.", bad = false): void {
    say(text, bad);
    if (recorder.isOn()) finishRecording();
    input?.close();
    input = undefined;
    watch.stop();
    settle();
  }

  function heard(samples: Float32Array): void {
    if (!input) return;
    if (recorder.isOn() && !recorder.add(samples, input.sampleRate)) finishRecording();
    watch.heard();
  }

  function finishRecording(): void {
    if (!input) return;
    const { sampleRate } = input;
    recorder.end(sampleRate);
    settle();
  }

  trainedProbe.subscribe(() => hearing.restart());
  return {
    ...{ status, says, hearing, devices: choice.devices, device: choice.device },
    level: watch.level,
    recorded: recorder.recorded,
    toggle() {
      if (input) stop();
      else void start();
    },
    toggleRecording() {
      if (!input) return;
      if (recorder.isOn()) return finishRecording();
      recorder.begin();
      // What is played meanwhile would be recorded too.
      app.stop();
      settle();
      say("Recording…");
    },
    useDevice(id) {
      choice.choose(id);
      stop("Changing the microphone…");
      void start();
    },
  };
}

/** The microphones that there are, and the one that the person chose, if any. */
function createDevices() {
  const devices = signal<readonly { id: string; name: string }[]>([]);
  const device = signal("");
  let chosen: string | undefined;
  return {
    devices,
    device,
    chosen: () => chosen,
    choose(id: string) {
      chosen = id;
      device.value = id;
    },
    /** Lists them anew, now that one is open. */
    async list(opened: Input): Promise<void> {
      const found = await inputDevices().catch(() => []);
      devices.value = found;
      device.value = chosen ?? found.find((each) => each.name === opened.device)?.id ?? "";
    },
  };
}
