// Runners of the probes' metrics and of the linear probe. All of it is computed on the CPU in float64.
import { keyScoreTable, meanKeyScore } from "../../src/probe/key-score.js";
import { LogisticProblem, linearScores, oneHot, softmaxRows } from "../../src/probe/logistic.js";
import {
  accuracy,
  argmaxRows,
  averagePrecisionMacro,
  type ColumnScores,
  confusion,
  r2,
  rocAucMacro,
} from "../../src/probe/metrics.js";
import { Standardiser } from "../../src/probe/standardise.js";
import { number } from "./params.js";
import type { Result, Runner } from "./runner.js";

const scalar = (value: number): Result => ({ shape: [], data: [value] });
const list = (data: ArrayLike<number>): Result => ({ shape: [data.length], data });
/** Scores of the columns that have one. */
const defined = ({ each }: ColumnScores) => list(each.filter((value) => !Number.isNaN(value)));

const tagging: Runner = (_, { inputs: { labels, scores } }) => {
  const tags = labels.shape[1];
  const auc = rocAucMacro(labels.data, scores.data, tags);
  const precision = averagePrecisionMacro(labels.data, scores.data, tags);
  return {
    outputs: {
      roc_auc: defined(auc),
      roc_auc_macro: scalar(auc.macro),
      average_precision: defined(precision),
      average_precision_macro: scalar(precision.macro),
    },
  };
};

const classification: Runner = (_, { inputs: { labels, logits } }) => {
  const classes = logits.shape[1];
  const predicted = argmaxRows(logits.data, classes);
  return {
    outputs: {
      predicted: list(predicted),
      accuracy: scalar(accuracy(labels.data, predicted)),
      confusion: { shape: [classes, classes], data: confusion(labels.data, predicted, classes) },
    },
  };
};

const determination: Runner = (_, { inputs: { target, predicted } }) => {
  const scores = r2(target.data, predicted.data, target.shape[1]);
  return { outputs: { r2: scalar(scores.macro), r2_each: list(scores.each) } };
};

const keyTable: Runner = () => ({
  outputs: {
    ascending_only: { shape: [24, 24], data: keyScoreTable("ascending") },
    either_fifth: { shape: [24, 24], data: keyScoreTable("either") },
  },
});

const keyScores: Runner = (_, { inputs: { reference, estimate } }) => ({
  outputs: {
    ascending_only_mean: scalar(meanKeyScore(reference.data, estimate.data, "ascending")),
    either_fifth_mean: scalar(meanKeyScore(reference.data, estimate.data, "either")),
  },
});

const linearProbe: Runner = (_, { params, inputs }) => {
  const classes = number(params, "classes");
  const [, d] = inputs.x_train.shape;
  const train = Float64Array.from(inputs.x_train.data);
  const scaler = new Standardiser(train, d);
  scaler.apply(train);
  const test = scaler.apply(Float64Array.from(inputs.x_test.data));
  const targets = oneHot(inputs.y_train.data, classes);
  const problem = new LogisticProblem(train, targets, d, classes, "softmax");
  const head = problem.fit({ C: number(params, "C"), tolerance: 1e-8 });
  const score = (rows: Float64Array, labels: ArrayLike<number>) =>
    scalar(accuracy(labels, argmaxRows(linearScores(head, rows, d), classes)));
  const probability = softmaxRows(linearScores(head, test, d), classes);
  return {
    outputs: {
      scaler_mean: list(scaler.mean),
      scaler_scale: list(scaler.scale),
      weight: { shape: [classes, d], data: head.weight },
      bias: list(head.bias),
      probability: { shape: [test.length / d, classes], data: probability },
      accuracy_test: score(test, inputs.y_test.data),
      accuracy_train: score(train, inputs.y_train.data),
    },
  };
};

export const metricRunners: Readonly<Record<string, Runner>> = {
  tagging_metrics: tagging,
  classification_metrics: classification,
  r2: determination,
  key_score_table: keyTable,
  key_score: keyScores,
  linear_probe: linearProbe,
};
