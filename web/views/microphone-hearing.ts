// What the trained probe hears in a live signal: asked a few times a second, more seldom where there is no probe. No elements.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { messageOf } from "../dom.js";
import type { Classification } from "../protocol.js";
import { trainedProbe } from "./finetune-probe.js";
import type { Input } from "./microphone-input.js";

/** Milliseconds between two questions, while too little has been heard, and after a failure. */
const EVERY = 500;
const SOON = 250;
const AGAIN = 6000;
/** Seconds that are asked about before a model is known. */
const SECONDS = 4;

export interface Hearing {
  /** The classes and their probabilities; undefined while `hint` says why there are none. */
  heard: ReadonlySignal<Classification | undefined>;
  hint: ReadonlySignal<string>;
  /** Asks when it is time; called again and again while the microphone is open. */
  step(input: Input, isOpen: () => boolean): void;
  /** Asks at the next step. */
  restart(): void;
}

export function createHearing(app: App): Hearing {
  const heard = signal<Classification | undefined>(undefined);
  const hint = signal("");
  let next = 0;
  let asking = false;
  const say = (text: string) => {
    heard.value = undefined;
    hint.value = text;
  };

  async function ask(input: Input, seconds: number, isOpen: () => boolean): Promise<void> {
    asking = true;
    const begun = performance.now();
    try {
      const samples = input.slice(input.count - seconds * input.sampleRate, input.count);
      const answer = await app.engine.call("classify", samples, input.sampleRate);
      if (isOpen()) heard.value = answer;
      next = begun + EVERY;
    } catch (error) {
      const none = "No probe is trained yet: give clips their classes and train one.";
      say(trainedProbe.peek() ? messageOf(error) : none);
      next = performance.now() + AGAIN;
    } finally {
      asking = false;
    }
  }

  return {
    heard,
    hint,
    step(input, isOpen) {
      const now = performance.now();
      if (asking || now < next) return;
      const model = app.model.peek()?.model;
      const { hopLength, sampleRate } = model?.frontEnd ?? { hopLength: 0, sampleRate: 1 };
      const seconds = model ? (model.cropFrames * hopLength) / sampleRate : SECONDS;
      if (input.count >= seconds * input.sampleRate) {
        void ask(input, seconds, isOpen);
        return;
      }
      if (!heard.peek()) hint.value = `The first answer comes after ${Math.ceil(seconds)} seconds.`;
      next = now + SOON;
    },
    restart() {
      next = 0;
    },
  };
}
