// The ceiling of a task: the encoder itself trained on the labels, fold by fold, from random weights, on crops drawn from anywhere in the
// training clips. What it cannot answer no frozen features of this encoder can be expected to. It is no row to beat: it has seen labels.

import { randomAt } from "../data/batches.js";
import { MelgradError } from "../gpu/errors.js";
import { GradientClipper, Optimizer } from "../nn/optim.js";
import { cosineSchedule } from "../nn/schedule.js";
import { backward, bceWithLogits, concat, crossEntropy, max, mean, mse } from "../ops/index.js";
import { linearOf, linearSpecs } from "../patchifier/blocks.js";
import type { ModelConfig } from "../patchifier/config.js";
import { encoderSizes, Patchifier } from "../patchifier/encoder.js";
import { patchesOf } from "../patchifier/front-end.js";
import { type ClipMels, cropStarts, hearingHop } from "../probe/features.js";
import type { Folds } from "../probe/folds.js";
import type { Predictions, ProbeLabels } from "../probe/labels.js";
import { softmaxRows } from "../probe/logistic.js";
import { outputsOf, targetRow } from "../probe/protocol.js";
import { type Captured, capture } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Normalisation } from "./trainer.js";

interface LabelledOptions {
  model: ModelConfig;
  normalisation: Normalisation;
  /** Updates of each fold's encoder. Default 600. */
  steps?: number;
  /** Crops of an update. Default 32. */
  batch?: number;
  lr?: number;
  seed?: number;
  /** Folds that are trained and answered, from the first on; clips of the others keep no answer. Default all. */
  folds?: number;
  onProgress?(done: number, total: number): void;
  signal?: AbortSignal;
}

/** The answers, and which clips have one. */
export interface LabelledAnswers {
  predicted: Predictions;
  /** Numbers of the clips that were tested. */
  tested: number[];
}

/** Trains and answers. Throws MelgradError where a loss is not finite, and the signal's reason. */
export async function labelledAnswers(
  gpu: Gpu,
  mels: ClipMels,
  labels: ProbeLabels,
  folds: Folds,
  options: LabelledOptions,
): Promise<LabelledAnswers> {
  const outputs = outputsOf(labels);
  const scores = new Float64Array(labels.labels.length * outputs);
  const wanted = Math.min(options.folds ?? folds.count, folds.count);
  const tested: number[] = [];
  const { steps = 600 } = options;
  for (let fold = 0; fold < wanted; fold++) {
    const clips = [...labels.labels.keys()];
    const test = clips.filter((clip) => folds.of[clip] === fold);
    const known = clips.filter((clip) => folds.of[clip] !== fold);
    const answers = await trainFold(
      gpu,
      mels,
      labels,
      { known, test, fold },
      {
        ...options,
        onProgress: (done) => options.onProgress?.(fold * steps + done, wanted * steps),
      },
    );
    for (const [i, clip] of test.entries()) {
      scores.set(answers.subarray(i * outputs, (i + 1) * outputs), clip * outputs);
    }
    tested.push(...test);
  }
  tested.sort((a, b) => a - b);
  return {
    predicted: { labels: labels.labels, scores, outputs, pieces: Array.from(folds.family, String) },
    tested,
  };
}

async function trainFold(
  gpu: Gpu,
  mels: ClipMels,
  labels: ProbeLabels,
  { known, test, fold }: { known: readonly number[]; test: readonly number[]; fold: number },
  { model, normalisation, steps = 600, batch = 32, lr = 1e-3, seed = 0, onProgress, signal }: LabelledOptions,
): Promise<Float64Array> {
  const settings = { model, normalisation, steps, batch, lr, seed: seed + fold };
  const encoder = new LabelledEncoder(gpu, mels, labels, known, settings);
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      await encoder.train(step);
      onProgress?.(step + 1, steps);
    }
    return await encoder.answers(test, signal);
  } finally {
    encoder.dispose();
  }
}

/** Where a crop begins. */
interface Place {
  clip: number;
  start: number;
}

/** An encoder with a linear head, from random weights: trained on the clips that it may know, and asked of others. */
class LabelledEncoder {
  private readonly outputs: number;
  private readonly scale: TargetScale;
  private readonly encoder: Patchifier;
  private readonly optimizer: Optimizer;
  private readonly clipper: GradientClipper;
  private readonly update: Captured<{ crops: Tensor; targets: Tensor }, Tensor>;
  private readonly heard: Captured<{ crops: Tensor }, Tensor>;

  constructor(
    private readonly gpu: Gpu,
    private readonly mels: ClipMels,
    private readonly labels: ProbeLabels,
    private readonly known: readonly number[],
    private readonly settings: Required<
      Pick<LabelledOptions, "model" | "normalisation" | "steps" | "batch" | "lr" | "seed">
    >,
  ) {
    const { model, seed } = settings;
    this.outputs = outputsOf(labels);
    this.scale = targetScale(labels, known);
    const specs = linearSpecs("labels", 2 * model.width, this.outputs);
    this.encoder = new Patchifier(gpu, encoderSizes(model), randomAt(seed, "initialise"), specs);
    const { parameters } = this.encoder;
    this.optimizer = new Optimizer(parameters, { rule: "adamw", betas: [0.9, 0.98], weightDecay: 0.05 });
    this.clipper = new GradientClipper(parameters);
    this.update = capture(gpu, (inputs: { crops: Tensor; targets: Tensor }) => this.learn(inputs), {
      label: "training with labels",
    });
    this.heard = capture(gpu, ({ crops }: { crops: Tensor }) => gpu.noGrad(() => this.answer(crops)), {
      label: "answers of an encoder with labels",
    });
  }

  /** Logits of crops [B, nMels, frames]: [B, outputs]. */
  private answer(crops: Tensor): Tensor {
    const { model, normalisation } = this.settings;
    const tokens = this.encoder.encode(patchesOf(crops, model, normalisation));
    const pooled = concat([mean(tokens, { dim: 1 }), max(tokens, { dim: 1 })], { dim: 1 });
    return linearOf(pooled, this.encoder.weights, "labels");
  }

  /** One update; the loss before it. */
  private learn({ crops, targets }: { crops: Tensor; targets: Tensor }): Tensor {
    const { encoder, optimizer, clipper, labels } = this;
    const { lr, steps } = this.settings;
    const logits = this.answer(crops);
    const loss =
      labels.kind === "classification"
        ? crossEntropy(logits, targets)
        : labels.kind === "multilabel"
          ? bceWithLogits(logits, targets)
          : mse(logits, targets);
    encoder.parameters.zeroGrad();
    backward(loss);
    clipper.measure(1);
    const rate = { baseLr: lr, warmup: Math.ceil(steps / 20), total: steps };
    optimizer.update(() => cosineSchedule(optimizer.step, rate), clipper);
    return loss;
  }

  /** The crops of these places in a batch, whose rest is silence. */
  private crops(places: readonly Place[]): Tensor {
    const { model, batch } = this.settings;
    const { cropFrames, frontEnd } = model;
    const values = new Float32Array(batch * frontEnd.nMels * cropFrames);
    for (const [at, { clip, start }] of places.entries())
      this.mels.crop(clip, start, cropFrames, values, at * frontEnd.nMels * cropFrames);
    return this.gpu.tensor(values, [batch, frontEnd.nMels, cropFrames]);
  }

  /** Step `step` of the training. Throws MelgradError where the loss is not finite. */
  async train(step: number): Promise<void> {
    const { gpu, mels, labels, known, scale } = this;
    const { batch, seed, model } = this.settings;
    const random = randomAt(seed, "crops", step);
    const places = Array.from({ length: batch }, () => {
      const clip = known[random.integer(known.length)];
      const room = Math.max(0, mels.tracks[clip].frames - model.cropFrames);
      return { clip, start: random.integer(room + 1) };
    });
    const own = places.map(({ clip }) => clip);
    const loss = gpu.scope(() =>
      this.update({ crops: this.crops(places), targets: targetsOf(gpu, labels, own, scale) }),
    );
    const measured = await loss.item();
    loss.dispose();
    if (Number.isFinite(measured)) return;
    throw new MelgradError(
      `Training with labels: the loss is ${measured} at step ${step}; lower the learning rate.`,
    );
  }

  /** The answers to clips [clips, outputs], the mean over crops that cover each: probabilities of classes, else in the labels' units. */
  async answers(clips: readonly number[], signal?: AbortSignal): Promise<Float64Array> {
    const { gpu, mels, outputs, scale } = this;
    const { batch, model } = this.settings;
    const { cropFrames } = model;
    const answers = new Float64Array(clips.length * outputs);
    const places = clips.flatMap((clip, i) => {
      const starts = cropStarts(mels.tracks[clip].frames, cropFrames, undefined, hearingHop(cropFrames));
      return starts.map((start) => ({ i, clip, start, share: 1 / starts.length }));
    });
    for (let from = 0; from < places.length; from += batch) {
      signal?.throwIfAborted();
      const part = places.slice(from, from + batch);
      const result = gpu.scope(() => this.heard({ crops: this.crops(part) }));
      const logits = await result.data();
      result.dispose();
      for (const [at, { i, share }] of part.entries()) {
        for (let k = 0; k < outputs; k++) answers[i * outputs + k] += share * logits[at * outputs + k];
      }
    }
    if (this.labels.kind === "classification") return softmaxRows(answers, outputs);
    for (let at = 0; at < answers.length; at++) {
      answers[at] = scale.mean[at % outputs] + scale.std[at % outputs] * answers[at];
    }
    return answers;
  }

  dispose(): void {
    for (const part of [this.update, this.heard, this.encoder, this.optimizer, this.clipper]) part.dispose();
  }
}

/** Of each output. */
interface TargetScale {
  mean: number[];
  std: number[];
}

/** Mean and deviation of each output over the training clips; 0 and 1 where labels are not numbers. */
function targetScale(labels: ProbeLabels, known: readonly number[]): TargetScale {
  const each = Array.from({ length: outputsOf(labels) }, (_, k) => {
    if (labels.kind !== "regression") return { average: 0, deviation: 1 };
    const own = known.map((clip) => labels.labels[clip][k]);
    const average = own.reduce((a, b) => a + b, 0) / own.length;
    const variance = own.reduce((sum, value) => sum + (value - average) ** 2, 0) / own.length;
    return { average, deviation: Math.sqrt(variance) || 1 };
  });
  return { mean: each.map(({ average }) => average), std: each.map(({ deviation }) => deviation) };
}

function targetsOf(
  gpu: Gpu,
  labels: ProbeLabels,
  clips: readonly number[],
  { mean, std }: TargetScale,
): Tensor {
  if (labels.kind === "classification") {
    return gpu.tensor(
      Int32Array.from(clips, (clip) => labels.labels[clip][0]),
      [clips.length],
      { dtype: "i32" },
    );
  }
  const rows = clips.map((clip) =>
    Array.from(targetRow(labels, clip), (value, k) =>
      labels.kind === "regression" ? (value - mean[k]) / std[k] : value,
    ),
  );
  return gpu.tensor(Float32Array.from(rows.flat()), [clips.length, rows[0].length]);
}
