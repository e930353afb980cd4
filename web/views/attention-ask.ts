// Which patch asks what it listens to, in which layer and head, and what the worker answers. No elements.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { contrast, grey } from "../colour.js";
import { messageOf } from "../dom.js";
import { melOf } from "../media.js";
import type { AttentionAnswer } from "../protocol.js";
import { type CropPicture, cropPicture, cutCrop } from "./crop.js";

/** Training steps between two questions. */
const everySteps = 20;

export interface AttentionQuestion {
  picture: ReadonlySignal<CropPicture | undefined>;
  answer: ReadonlySignal<AttentionAnswer | undefined>;
  problem: ReadonlySignal<string>;
  /** The patch that asks; undefined until the first question. */
  patch: ReadonlySignal<number | undefined>;
  /** −1 until the first answer: the last one. */
  layer: ReadonlySignal<number>;
  /** −1 is the mean of all. */
  head: Signal<number>;
  /** A person has just chosen: what training changes by itself is not read out. */
  aloud: Signal<boolean>;
  choosePatch(patch: number): void;
  chooseLayer(layer: number): void;
}

export function askAttention(app: App, visible: ReadonlySignal<boolean>): AttentionQuestion {
  const picture = signal<CropPicture | undefined>(undefined);
  const answer = signal<AttentionAnswer | undefined>(undefined);
  const problem = signal("");
  const patch = signal<number | undefined>(undefined);
  const layer = signal(-1);
  const head = signal(-1);
  const aloud = signal(false);
  let asking = false;
  let stale = true;
  let shown = "";

  async function refresh(): Promise<void> {
    const selected = app.selected.peek();
    const info = app.model.peek();
    if (asking || !visible.peek() || !selected || !info || !app.adapter.peek()) return;
    asking = true;
    stale = false;
    const { cropFrames } = info.model;
    try {
      const key = `${selected.clip} ${selected.startFrame} ${cropFrames}`;
      if (key !== shown) {
        const mel = await melOf(app, selected.clip);
        const values = cutCrop(mel, selected.startFrame, cropFrames);
        picture.value = cropPicture(values, mel.nMels, cropFrames, contrast(values), grey);
        answer.value = undefined;
        shown = key;
      }
      // At first a patch amid the crop, in the lower bands, where music has most to say.
      const { rows, columns, tokens } = info.grid;
      const middle = Math.floor(columns / 2) * rows + Math.floor(rows / 3);
      const asks = Math.min(patch.peek() ?? middle, tokens - 1);
      patch.value = asks;
      const { clip, startFrame } = selected;
      const got = await app.engine.call("attention", clip, startFrame, asks, layer.peek());
      problem.value = "";
      if (layer.peek() < 0) layer.value = got.layer;
      answer.value = got;
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      asking = false;
      if (stale) void refresh();
    }
  }

  function change(): void {
    stale = true;
    void refresh();
  }

  visible.subscribe((now) => {
    if (now && stale) void refresh();
  });
  app.selected.subscribe(change);
  app.model.subscribe(() => {
    layer.value = -1;
    head.value = -1;
    change();
  });
  app.adapter.subscribe((adapter) => {
    if (adapter) change();
  });
  let seen = 0;
  app.engine.on("step", ({ step }) => {
    if (step - seen < everySteps && step >= seen) return;
    seen = step;
    aloud.value = false;
    change();
  });
  return {
    ...{ picture, answer, problem, patch, layer, head, aloud },
    choosePatch(next) {
      patch.value = next;
      aloud.value = true;
      change();
    },
    chooseLayer(next) {
      layer.value = next;
      change();
    },
  };
}

/** The attention [tokens] of one head, or of all on average. */
export function weightsOf({ weights, heads }: AttentionAnswer, head: number): Float32Array {
  const tokens = weights.length / heads;
  if (head >= 0) return weights.slice(head * tokens, (head + 1) * tokens);
  const mean = new Float32Array(tokens);
  for (let i = 0; i < weights.length; i++) mean[i % tokens] += weights[i] / heads;
  return mean;
}

/**
 * How strongly each patch is coloured, 0 to 1: nothing up to an even share, all at the largest weight, or at four even shares where no
 * weight is as large. A model that listens everywhere alike leaves the picture grey.
 */
export function relative(weights: Float32Array): Float32Array {
  const even = 1 / weights.length;
  const full = Math.max(largest(weights), 4 * even);
  return weights.map((weight) => Math.max(0, weight - even) / (full - even));
}

export function largest(weights: Float32Array): number {
  return weights.reduce((a, b) => Math.max(a, b), 0);
}
