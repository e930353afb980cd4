// The protocol that compares features: grouped cross-validation in which every clip is tested once and the answers of all folds are
// pooled. Features are whitened by the training rows of each fold, whoever made them; the penalty is chosen on the next fold, and the head
// is fitted again on all that is not tested on. Single splits, as public data sets have them, are in protocol.ts.

import type { Folds } from "./folds.js";
import type { Predictions, ProbeLabels } from "./labels.js";
import { linearScores, softmaxRows } from "./logistic.js";
import { headFitter, outputsOf, penalties, targetRow } from "./protocol.js";
import { metricsOf } from "./scores/index.js";
import { type FeatureTable, takeRows } from "./standardise.js";
import { Whitener } from "./whiten.js";

/** More training rows made of one: features and label, in the same form. */
export interface Augmentation {
  copies: number;
  /** Writes copy number `copy` of a clip's features into `out`, and says its label. */
  make(
    features: ArrayLike<number>,
    label: readonly number[],
    copy: number,
    out: Float64Array,
  ): readonly number[];
}

interface CrossValidationOptions {
  /** Most components that are kept; default: componentsFor. 0 leaves the features standardised as they are. */
  components?: number;
  augment?: Augmentation;
  /** Called between folds; lets others work, and throws where it is to end. */
  pause?(): Promise<void>;
}

/** Answers for all clips, each by the head of the fold that did not see it: probabilities of classes, scores of tags, or numbers. */
export async function crossValidate(
  labels: ProbeLabels,
  features: FeatureTable,
  folds: Folds,
  options: CrossValidationOptions = {},
): Promise<Predictions> {
  const outputs = outputsOf(labels);
  const scores = new Float64Array(features.n * outputs);
  const clips = Array.from({ length: features.n }, (_, i) => i);
  for (let fold = 0; fold < folds.count; fold++) {
    await options.pause?.();
    const test = clips.filter((clip) => folds.of[clip] === fold);
    const known = clips.filter((clip) => folds.of[clip] !== fold);
    const answers = foldAnswers(
      labels,
      features,
      { test, known, valid: (fold + 1) % folds.count },
      folds,
      options,
    );
    for (const [i, clip] of test.entries()) {
      scores.set(answers.subarray(i * outputs, (i + 1) * outputs), clip * outputs);
    }
  }
  return { labels: labels.labels, scores, outputs, pieces: Array.from(folds.family, String) };
}

interface Fold {
  test: readonly number[];
  known: readonly number[];
  /** The fold of the known clips on which the penalty is chosen. */
  valid: number;
}

function foldAnswers(
  labels: ProbeLabels,
  features: FeatureTable,
  { test, known, valid }: Fold,
  folds: Folds,
  { components, augment }: CrossValidationOptions,
): Float64Array {
  const outputs = outputsOf(labels);
  const { rows, owners, targets } = trainingRows(labels, features, known, augment);
  const whitener = new Whitener(rows, features.d, components);
  const x = whitener.apply(rows, true);
  const d = whitener.count;
  const [metric] = metricsOf(labels);
  const inner = [...owners.keys()].filter((row) => folds.of[owners[row]] !== valid);
  const chooser = headFitter(labels, rowsOf(x, inner, d), rowsOf(targets, inner, outputs), d, outputs, 1e-4);
  const judges = known.filter((clip) => folds.of[clip] === valid);
  const heard = whitener.apply(takeRows(features, judges));
  const wanted = judges.map((clip) => labels.labels[clip]);
  let best = { C: penalties[0] as number, score: Number.NEGATIVE_INFINITY };
  for (const C of penalties) {
    const score = metric.score(wanted, linearScores(chooser(C), heard, d), outputs);
    if (score > best.score) best = { C, score };
  }
  const head = headFitter(labels, x, targets, d, outputs, 1e-5)(best.C);
  const answers = linearScores(head, whitener.apply(takeRows(features, test)), d);
  return labels.kind === "classification" ? softmaxRows(answers, outputs) : answers;
}

/** The rows to train on, the clip of each, and the targets. */
function trainingRows(
  labels: ProbeLabels,
  features: FeatureTable,
  known: readonly number[],
  augment: Augmentation | undefined,
) {
  const { d } = features;
  const outputs = outputsOf(labels);
  const copies = augment?.copies ?? 1;
  const own = takeRows(features, known);
  const rows = augment ? new Float64Array(known.length * copies * d) : own;
  const owners = new Int32Array(known.length * copies);
  const targets = new Float64Array(known.length * copies * outputs);
  for (const [i, clip] of known.entries()) {
    for (let copy = 0; copy < copies; copy++) {
      const at = i * copies + copy;
      owners[at] = clip;
      const label = augment
        ? augment.make(
            own.subarray(i * d, (i + 1) * d),
            labels.labels[clip],
            copy,
            rows.subarray(at * d, (at + 1) * d),
          )
        : labels.labels[clip];
      targets.set(targetRow({ ...labels, labels: [label] }, 0), at * outputs);
    }
  }
  return { rows, owners, targets };
}

function rowsOf(values: Float64Array, rows: readonly number[], d: number): Float64Array {
  const out = new Float64Array(rows.length * d);
  for (const [i, row] of rows.entries()) out.set(values.subarray(row * d, (row + 1) * d), i * d);
  return out;
}
