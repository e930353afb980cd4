// The weighted key score of MIREX, of songs where a song has several clips; by both rules for fifths.
import { type FifthRule, keyScoreTable, meanKeyScore } from "../key-score.js";
import { areKeys } from "../labels.js";
import { argmaxRows } from "../metrics.js";
import { accuracyFamily } from "./accuracy.js";
import type { Metric, MetricFamily } from "./metric.js";
import { weightedMean } from "./weighted.js";

function weightedKeys(name: string, rule: FifthRule): Metric {
  const table = keyScoreTable(rule);
  return {
    name,
    chance: table.reduce((sum, value) => sum + value, 0) / table.length,
    score: (labels, scores, outputs) => meanKeyScore(labels.flat(), argmaxRows(scores, outputs), rule),
    weighted({ labels, scores, outputs }) {
      const choice = argmaxRows(scores, outputs);
      return weightedMean(Float64Array.from(labels, ([label], i) => table[24 * label + choice[i]]));
    },
  };
}

/** Of tasks whose classes are the 24 keys. */
export const keyScoreFamily: MetricFamily = {
  name: "key-score",
  isUsual: ({ kind, classes }) => kind === "classification" && areKeys(classes),
  metrics: () => [
    weightedKeys("weighted key score", "ascending"),
    weightedKeys("weighted key score, fifths both ways", "either"),
  ],
  beside: () => [accuracyFamily],
  worth: () => keyScoreTable(),
  ofSongs: true,
};
