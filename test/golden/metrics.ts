// The reference set's probe cases: tagging, classes, R², key scores and the linear probe. On the CPU; the GPU is not asked.
import { keyScoreTable, meanKeyScore } from "../../src/probe/key-score.js";
import { LogisticProblem, linearScores, oneHot, softmaxRows } from "../../src/probe/logistic.js";
import {
  accuracy,
  argmaxRows,
  averagePrecisionMacro,
  confusion,
  r2,
  rocAucMacro,
} from "../../src/probe/metrics.js";
import { Standardiser } from "../../src/probe/standardise.js";
import { number } from "./params.js";
import type { Result, Runner } from "./runner.js";
import type { GoldenCase, Values } from "./set.js";

const scalar = (value: number): Result => ({ shape: [], data: [value] });
const vector = (data: ArrayLike<number>): Result => ({ shape: [data.length], data });

function input(item: GoldenCase, name: string): Values {
  const values = item.inputs[name];
  if (!values) throw new Error(`the case has no input '${name}'`);
  return values;
}

const tagging: Runner = (_, item) => {
  const labels = input(item, "labels");
  const scores = input(item, "scores");
  const tags = labels.shape[1];
  const roc = rocAucMacro(labels.data, scores.data, tags);
  const ap = averagePrecisionMacro(labels.data, scores.data, tags);
  const defined = (each: Float64Array) => vector(each.filter((value) => !Number.isNaN(value)));
  return {
    outputs: {
      roc_auc_macro: scalar(roc.macro),
      roc_auc: defined(roc.each),
      average_precision_macro: scalar(ap.macro),
      average_precision: defined(ap.each),
    },
  };
};

const classification: Runner = (_, item) => {
  const { data: labels } = input(item, "labels");
  const classes = number(item.params, "classes");
  const predicted = argmaxRows(input(item, "logits").data, classes);
  return {
    outputs: {
      predicted: vector(predicted),
      accuracy: scalar(accuracy(labels, predicted)),
      confusion: { shape: [classes, classes], data: confusion(labels, predicted, classes) },
    },
  };
};

const determination: Runner = (_, item) => {
  const target = input(item, "target");
  const scores = r2(target.data, input(item, "predicted").data, target.shape[1]);
  return { outputs: { r2: scalar(scores.macro), r2_each: vector(scores.each) } };
};

const keyTable: Runner = () => ({
  outputs: {
    ascending_only: { shape: [24, 24], data: keyScoreTable("ascending") },
    either_fifth: { shape: [24, 24], data: keyScoreTable("either") },
  },
});

const keyMean: Runner = (_, item) => {
  const references = input(item, "reference").data;
  const estimates = input(item, "estimate").data;
  return {
    outputs: {
      ascending_only_mean: scalar(meanKeyScore(references, estimates, "ascending")),
      either_fifth_mean: scalar(meanKeyScore(references, estimates, "either")),
    },
  };
};

const linearProbe: Runner = (_, item) => {
  const classes = number(item.params, "classes");
  const train = input(item, "x_train");
  const d = train.shape[1];
  const rows = Float64Array.from(train.data);
  const scaler = new Standardiser(rows, d);
  scaler.apply(rows);
  const labels = input(item, "y_train").data;
  const problem = new LogisticProblem(rows, oneHot(labels, classes), d, classes, "softmax");
  const head = problem.fit({ C: number(item.params, "C"), tolerance: 1e-10 });
  if (!head.converged) throw new Error("the fit did not converge");
  const test = input(item, "x_test");
  const scores = linearScores(head, scaler.apply(Float64Array.from(test.data)), d);
  const hits = (values: Float64Array, truth: ArrayLike<number>) =>
    scalar(accuracy(truth, argmaxRows(values, classes)));
  return {
    outputs: {
      scaler_mean: vector(scaler.mean),
      scaler_scale: vector(scaler.scale),
      weight: { shape: [classes, d], data: head.weight },
      bias: vector(head.bias),
      accuracy_test: hits(scores, input(item, "y_test").data),
      accuracy_train: hits(linearScores(head, rows, d), labels),
      probability: { shape: [test.shape[0], classes], data: softmaxRows(scores, classes) },
    },
  };
};

export const metricRunners: Readonly<Record<string, Runner>> = {
  tagging_metrics: tagging,
  classification_metrics: classification,
  r2: determination,
  key_score_table: keyTable,
  key_score: keyMean,
  linear_probe: linearProbe,
};
