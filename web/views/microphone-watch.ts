// What is seen of the microphone while it is open, at the screen's rate: its level, its log-mel moving past, and that nothing comes from it.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { messageOf } from "../dom.js";
import type { Input } from "./microphone-input.js";
import { type LiveMel, liveMel } from "./microphone-mel.js";

/** Seconds of nothing at all after which the person is told. */
const SILENCE = 3;

export interface Watch {
  /** 0 to 1, −60 dB to 0 dB. */
  level: ReadonlySignal<number>;
  /** Watches an input from here on; `each` is called at every picture. */
  start(input: Input, each: () => void): void;
  stop(): void;
  /** A block of samples has come. */
  heard(): void;
}

export function createWatch(
  app: App,
  canvas: { current: HTMLCanvasElement | null },
  visible: ReadonlySignal<boolean>,
  say: (text: string, bad?: boolean) => void,
): Watch {
  const level = signal(0);
  let watched: { input: Input; mel: LiveMel; each: () => void } | undefined;
  let frame = 0;
  let silentSince = 0;
  let melFailed = false;

  /** One picture. */
  function tick(): void {
    if (!watched) return;
    const { input, mel, each } = watched;
    frame = requestAnimationFrame(tick);
    mel.step().catch((error) => {
      if (!melFailed) say(messageOf(error), true);
      melFailed = true;
    });
    if (visible.peek()) mel.draw(input.now());
    level.value = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(1e-6, input.level)) / 3));
    const now = performance.now();
    if (silentSince > 0 && now - silentSince > 1000 * SILENCE) {
      silentSince = Number.POSITIVE_INFINITY;
      say(`${input.device} gives nothing but silence: see whether it is muted.`, true);
    }
    each();
  }

  return {
    level,
    start(input, each) {
      const frontEnd = app.model.peek()?.model.frontEnd;
      const hop = frontEnd ? frontEnd.hopLength / frontEnd.sampleRate : 0.032;
      const mel = liveMel(canvas.current!, input, hop, (samples, rate) =>
        app.engine.call("liveMel", samples, rate),
      );
      watched = { input, mel, each };
      melFailed = false;
      silentSince = performance.now();
      frame = requestAnimationFrame(tick);
    },
    stop() {
      watched = undefined;
      cancelAnimationFrame(frame);
      level.value = 0;
    },
    heard() {
      if (watched && watched.input.level > 0) silentSince = performance.now();
    },
  };
}
