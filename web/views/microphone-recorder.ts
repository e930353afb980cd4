// Recordings of the microphone for the library: its samples are gathered, and handed to the worker at the end.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { clock, messageOf } from "../dom.js";

/** Minutes after which a recording ends by itself. */
const LONGEST = 10;

export interface Recorder {
  /** Seconds so far, as last shown. */
  recorded: ReadonlySignal<number>;
  isOn(): boolean;
  begin(): void;
  /** Takes what was heard; false where it is long enough. */
  add(samples: Float32Array, sampleRate: number): boolean;
  /** Shows how long it is. */
  show(sampleRate: number): void;
  /** Ends it, and keeps it as a clip unless it is too short. */
  end(sampleRate: number): void;
}

export function createRecorder(app: App, say: (text: string, bad?: boolean) => void): Recorder {
  const recorded = signal(0);
  let blocks: Float32Array[] | undefined;
  let length = 0;

  async function keep(samples: Float32Array, sampleRate: number): Promise<void> {
    const two = "2-digit" as const;
    const time = new Date().toLocaleTimeString([], { hour: two, minute: two, second: two });
    const { added } = await app.engine.call("addRecording", samples, sampleRate, `Recording ${time}`);
    const known = new Set(added.map((clip) => clip.id));
    app.clips.value = [...app.clips.peek().filter((clip) => !known.has(clip.id)), ...added];
    if (added[0]) say(`Kept as ${added[0].name}, ${clock(added[0].seconds, true)}. It is in the library.`);
  }

  return {
    recorded,
    isOn: () => blocks !== undefined,
    begin() {
      blocks = [];
      length = 0;
      recorded.value = 0;
    },
    add(samples, sampleRate) {
      blocks?.push(samples);
      length += samples.length;
      return length <= LONGEST * 60 * sampleRate;
    },
    show(sampleRate) {
      if (blocks) recorded.value = length / sampleRate;
    },
    end(sampleRate) {
      if (!blocks) return;
      const taken = blocks;
      blocks = undefined;
      if (length < sampleRate / 2) {
        say("That recording is shorter than half a second and was not kept.", true);
        return;
      }
      const samples = new Float32Array(length);
      let at = 0;
      for (const block of taken) {
        samples.set(block, at);
        at += block.length;
      }
      void keep(samples, sampleRate).catch((error) => say(messageOf(error), true));
    },
  };
}
