// The share of clips whose class is answered rightly.
import { accuracy, argmaxRows } from "../metrics.js";
import type { Metric, MetricFamily } from "./metric.js";
import { weightedMean } from "./weighted.js";

/** The accuracy of a task at which guessing scores `chance`. */
export const rightAnswers = (chance: number): Metric => ({
  name: "accuracy",
  chance,
  score: (labels, scores, outputs) => accuracy(labels.flat(), argmaxRows(scores, outputs)),
  weighted({ labels, scores, outputs }) {
    const choice = argmaxRows(scores, outputs);
    return weightedMean(Float64Array.from(labels, ([label], i) => Number(label === choice[i])));
  },
});

/** Of tasks with classes. */
export const accuracyFamily: MetricFamily = {
  name: "accuracy",
  isUsual: ({ kind }) => kind === "classification",
  metrics: ({ classes }) => [rightAnswers(1 / classes.length)],
};
