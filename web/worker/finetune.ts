// The fine-tune: labelled clips become windows, windows become vectors of the frozen encoder, and a multinomial logistic
// regression learns the classes. It is judged on clips that it has not seen where a class has two, else on later parts of the
// same clips. Not here: the vectors (embeddings.ts).
import { DataError, UsageError } from "../../src/gpu/errors.js";
import { type SafeTensor, writeSafetensors } from "../../src/io/safetensors.js";
import {
  type LinearHead,
  LogisticProblem,
  linearScores,
  oneHot,
  softmaxRows,
} from "../../src/probe/logistic.js";
import { argmaxRows } from "../../src/probe/metrics.js";
import { penalties } from "../../src/probe/protocol.js";
import { type FeatureTable, Standardiser, takeRows } from "../../src/probe/standardise.js";
import type { Classification, ExportedFile, FineTuneResult } from "../protocol.js";

/** The windows of one labelled clip. */
export interface LabelledWindows {
  clip: string;
  label: string;
  /** First frames, rising. */
  starts: readonly number[];
  rows: readonly Float32Array[];
}

/** A linear head over standardised vectors. */
export interface Probe {
  classes: string[];
  width: number;
  scaler: Standardiser;
  head: LinearHead;
  C: number;
  result: FineTuneResult;
  /** Training step of the encoder that it stands on. */
  step: number;
}

interface Window {
  clip: string;
  label: number;
  start: number;
  row: Float32Array;
}

/** Fits a probe on the labelled windows. Throws UsageError where there are fewer than two classes. */
export function fitProbe(clips: readonly LabelledWindows[], cropFrames: number, step: number): Probe {
  const began = performance.now();
  const classes = [...new Set(clips.map(({ label }) => label))].sort();
  if (classes.length < 2) {
    throw new UsageError(
      `Label clips of at least two classes; there ${classes.length === 1 ? `is only "${classes[0]}"` : "is none"} so far.`,
    );
  }
  const windows = clips.flatMap(({ clip, label, starts, rows }) =>
    rows.map((row, i): Window => ({ clip, label: classes.indexOf(label), start: starts[i], row })),
  );
  if (!windows.every(({ row }) => row.every(Number.isFinite))) {
    throw new DataError(
      "The model's vectors are not all finite: its weights are broken; reset it or import others.",
    );
  }
  const { held, how } = holdOut(windows, classes, cropFrames);
  const train = windows.filter((window) => held.get(window) === "train");
  const test = windows.filter((window) => held.get(window) === "test");
  const C = choosePenalty(train, classes.length);
  const confusion = classes.map(() => classes.map(() => 0));
  let right = 0;
  if (test.length > 0) {
    const judged = fitHead(train, classes.length, C);
    const predicted = argmaxRows(scoresOf(judged, test), classes.length);
    test.forEach(({ label }, i) => {
      confusion[label][predicted[i]]++;
      if (label === predicted[i]) right++;
    });
  }
  const result: FineTuneResult = {
    classes,
    trainWindows: train.length,
    heldOutWindows: test.length,
    split: how,
    accuracy: test.length > 0 ? right / test.length : undefined,
    interval: test.length > 0 ? wilson(right, test.length) : undefined,
    confusion,
    seconds: (performance.now() - began) / 1000,
  };
  // What is used afterwards has learnt from everything.
  const whole = fitHead(windows, classes.length, C);
  return { classes, width: windows[0].row.length, ...whole, C, result, step };
}

/** What the probe says of vectors, averaged in probability. */
export function classifyRows(
  { classes, width, scaler, head }: Probe,
  rows: readonly Float32Array[],
): Classification {
  const x = scaler.apply(
    takeRows(
      tableOf(rows, width),
      rows.map((_, i) => i),
    ),
  );
  const each = softmaxRows(linearScores(head, x, width), classes.length);
  const probabilities = classes.map((_, k) => {
    let sum = 0;
    for (let i = 0; i < rows.length; i++) sum += each[i * classes.length + k] / rows.length;
    return sum;
  });
  return { classes, probabilities };
}

/**
 * The probe as a safetensors file: `weight` [classes, width] and `bias` [classes] on standardised vectors, `mean` and `scale`
 * [width] to standardise by, and in its metadata the classes and how it was judged, as JSON.
 */
export function probeFile({ classes, width, scaler, head, C, result, step }: Probe): ExportedFile {
  const tensor = (values: Float64Array, shape: number[]): SafeTensor => ({
    dtype: "F32",
    shape,
    data: Float32Array.from(values),
  });
  const bytes = writeSafetensors(
    [
      ["weight", tensor(head.weight, [classes.length, width])],
      ["bias", tensor(head.bias, [classes.length])],
      ["mean", tensor(scaler.mean, [width])],
      ["scale", tensor(scaler.scale, [width])],
    ],
    {
      format: "pt",
      classes: JSON.stringify(classes),
      probe: JSON.stringify({ ...result, C, encoderStep: step, standardised: true }),
    },
  );
  return { name: "probe.safetensors", type: "application/octet-stream", bytes };
}

/** Which windows are trained on and which are held out, and that in a sentence; those near a cut in time are in neither. */
function holdOut(windows: readonly Window[], classes: readonly string[], cropFrames: number) {
  const held = new Map<Window, "train" | "test" | "gap">();
  const byTime: string[] = [];
  const byClip: string[] = [];
  const none: string[] = [];
  classes.forEach((name, label) => {
    const own = windows.filter((window) => window.label === label);
    const clips = [...new Set(own.map(({ clip }) => clip))];
    if (clips.length >= 2) {
      // The last quarter of the clips, at least one.
      const test = new Set(clips.slice(clips.length - Math.max(1, Math.round(clips.length / 4))));
      for (const window of own) held.set(window, test.has(window.clip) ? "test" : "train");
      byClip.push(name);
      return;
    }
    const last = Math.max(...own.map(({ start }) => start));
    const first = Math.min(...own.map(({ start }) => start));
    const cut = first + 0.7 * (last - first);
    for (const window of own) {
      const side = window.start + cropFrames <= cut ? "train" : window.start >= cut ? "test" : "gap";
      held.set(window, side);
    }
    if (
      own.some((window) => held.get(window) === "train") &&
      own.some((window) => held.get(window) === "test")
    ) {
      byTime.push(name);
      return;
    }
    for (const window of own) held.set(window, "train");
    none.push(name);
  });
  const list = (names: string[]) => names.join(", ");
  const how = [
    byClip.length > 0 && `whole clips were held out of ${list(byClip)}`,
    byTime.length > 0 &&
      `of ${list(byTime)}, which has one clip, the end was held out with a gap before it, which is easier than another clip`,
    none.length > 0 && `of ${list(none)} there is too little to hold anything out`,
  ].filter(Boolean);
  const sentence = how.join("; ");
  return { held, how: `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.` };
}

/** The penalty that does best on every third window of each class; with few windows, a middle one. */
function choosePenalty(train: readonly Window[], classes: number): number {
  const valid: Window[] = [];
  const rest: Window[] = [];
  for (let label = 0; label < classes; label++) {
    const own = train.filter((window) => window.label === label);
    own.forEach((window, i) => {
      (i % 3 === 2 ? valid : rest).push(window);
    });
  }
  const usual = 0.1;
  if (valid.length < 2 * classes) return usual;
  let best = { C: usual, right: -1 };
  for (const C of penalties) {
    const predicted = argmaxRows(scoresOf(fitHead(rest, classes, C, 1e-4), valid), classes);
    const right = valid.filter(({ label }, i) => label === predicted[i]).length;
    if (right > best.right) best = { C, right };
  }
  return best.C;
}

function fitHead(windows: readonly Window[], classes: number, C: number, tolerance = 1e-5) {
  const width = windows[0].row.length;
  const rows = rowsOf(windows);
  const scaler = new Standardiser(rows, width);
  scaler.apply(rows);
  const targets = oneHot(
    windows.map(({ label }) => label),
    classes,
  );
  const head = new LogisticProblem(rows, targets, width, classes, "softmax").fit({ C, tolerance });
  return { scaler, head };
}

function scoresOf({ scaler, head }: { scaler: Standardiser; head: LinearHead }, windows: readonly Window[]) {
  return linearScores(head, scaler.apply(rowsOf(windows)), scaler.d);
}

function rowsOf(windows: readonly Window[]): Float64Array {
  const rows = windows.map(({ row }) => row);
  return takeRows(
    tableOf(rows, rows[0].length),
    rows.map((_, i) => i),
  );
}

function tableOf(rows: readonly Float32Array[], d: number): FeatureTable {
  const values = new Float32Array(rows.length * d);
  rows.forEach((row, i) => {
    values.set(row, i * d);
  });
  return { n: rows.length, d, values };
}

/** Wilson's 95 % interval of a share (1927). */
export function wilson(right: number, n: number): [number, number] {
  const z = 1.959964;
  const share = right / n;
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
