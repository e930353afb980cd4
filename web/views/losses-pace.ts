// How fast a run goes by this page's clock: pauses between steps count, a pause of the training does not. No elements.
import type { StepEvent } from "../protocol.js";

export interface Pace {
  add(step: number): void;
  /** Forgets what was: the training paused, or another run began. */
  clear(): void;
  /** Steps a second over the last ones; undefined while too few are known. */
  speed(): number | undefined;
}

const kept = 20;

export function createPace(): Pace {
  let recent: { at: number; step: number }[] = [];
  return {
    add(step) {
      recent.push({ at: performance.now(), step });
      if (recent.length > 1 && step <= recent[recent.length - 2].step) recent = recent.slice(-1);
      recent = recent.slice(-kept);
    },
    clear() {
      recent = [];
    },
    speed() {
      const first = recent[0];
      const end = recent[recent.length - 1];
      if (!first || end.step <= first.step || end.at <= first.at) return undefined;
      return (1000 * (end.step - first.step)) / (end.at - first.at);
    },
  };
}

/** Clips of a step. Single steps' times are uneven: the worker reads one step's result while the next runs. */
export function clipsOf({ clipsPerSecond, stepMs }: StepEvent): number {
  return (clipsPerSecond * stepMs) / 1000;
}
