// What the model says of the crop's masked patches: asked at a new crop, at another mask, and every few steps while it trains. No
// elements.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { contrast, magma } from "../colour.js";
import { messageOf } from "../dom.js";
import { melOf } from "../media.js";
import type { Reconstruction } from "../protocol.js";
import { type CropPicture, cropPicture, cutCrop } from "./crop.js";

/** Between two answers while training: steps and milliseconds. */
const everySteps = 5;
const everyMs = 1500;

export interface Shown {
  original: CropPicture;
  /** The crop with its masked patches filled in, and what was answered; absent until the model has said anything. */
  filled?: CropPicture;
  answer?: Reconstruction;
}

export interface Reconstructions {
  shown: ReadonlySignal<Shown | undefined>;
  problem: ReadonlySignal<string>;
  anotherMask(): void;
}

export function askReconstructions(app: App, visible: ReadonlySignal<boolean>): Reconstructions {
  const shown = signal<Shown | undefined>(undefined);
  const problem = signal("");
  let mask = 0;
  let stale = true;
  let asking = false;
  /** The step at the last question, and the time of its answer. */
  const asked = { step: -1, at: 0 };

  /** Training has stopped since then: what is shown would stay behind. */
  function rests(): boolean {
    const { status, step } = app.training.peek();
    return status !== "running" && status !== "preparing" && step !== asked.step;
  }

  function isSelected(clip: string, startFrame: number): boolean {
    const now = app.selected.peek();
    return now?.clip === clip && now.startFrame === startFrame;
  }

  /** Shows the crop at once from the clip's own log-mel, before the model has said anything. */
  async function preview(clip: string, startFrame: number, frames: number): Promise<void> {
    const mel = await melOf(app, clip);
    if (!isSelected(clip, startFrame) || !stale) return;
    const values = cutCrop(mel, startFrame, frames);
    shown.value = { original: cropPicture(values, mel.nMels, frames, contrast(values), magma) };
  }

  function take(answer: Reconstruction): void {
    const { values, nMels, frames } = answer.image;
    const range = contrast(values);
    const original = cropPicture(values, nMels, frames, range, magma);
    problem.value = "";
    shown.value = { original, filled: cropPicture(answer.filled, nMels, frames, range, magma), answer };
  }

  async function refresh(): Promise<void> {
    const selected = app.selected.peek();
    const info = app.model.peek();
    if (asking || !visible.peek() || !selected || !info || !app.adapter.peek()) return;
    asking = true;
    const { clip, startFrame } = selected;
    const wanted = mask;
    asked.step = app.training.peek().step;
    try {
      if (stale) await preview(clip, startFrame, info.model.cropFrames);
      const answer = await app.engine.call("reconstruct", clip, startFrame, wanted);
      if (isSelected(clip, startFrame) && wanted === mask) {
        take(answer);
        stale = false;
      }
    } catch (error) {
      stale = false; // asked again at the next step or choice
      problem.value = messageOf(error);
    } finally {
      asking = false;
      asked.at = performance.now();
      if (stale || rests()) void refresh();
    }
  }

  function restart(): void {
    stale = true;
    void refresh();
  }

  visible.subscribe((now) => {
    if (now && (stale || rests())) void refresh();
  });
  app.selected.subscribe(restart);
  app.model.subscribe(restart);
  app.adapter.subscribe((adapter) => {
    if (adapter) restart();
  });
  app.engine.on("step", ({ step }) => {
    if (step - asked.step < everySteps && step >= asked.step) return;
    if (performance.now() - asked.at >= everyMs) void refresh();
  });
  app.training.subscribe(() => {
    if (rests()) void refresh();
  });
  return {
    shown,
    problem,
    anotherMask() {
      mask++;
      restart();
    },
  };
}
