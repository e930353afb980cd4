// The area under the ROC curve, and its plain mean: of each tag, or of each class against the others.
import { rocAucMacro } from "../metrics.js";
import { accuracyFamily } from "./accuracy.js";
import { averagePrecisionFamily } from "./average-precision.js";
import type { Metric, MetricFamily } from "./metric.js";
import { columns, meanOf, type Ranking, ranked } from "./weighted.js";

const ofTags: Metric = {
  name: "macro ROC-AUC",
  chance: 0.5,
  score: (labels, scores, outputs) => rocAucMacro(labels.flat(), scores, outputs).macro,
  weighted: (predicted) => meanOf(columns(predicted.outputs).map((k) => ranked(predicted, k, weightedArea))),
};

/** A one at each label's class. */
const hotRows = (labels: readonly (readonly number[])[], outputs: number) =>
  labels.map(([label]) => columns(outputs).map((k) => Number(k === label)));

const ofClasses: Metric = {
  name: "macro one-vs-rest ROC-AUC",
  chance: 0.5,
  score: (labels, scores, outputs) => rocAucMacro(hotRows(labels, outputs).flat(), scores, outputs).macro,
  weighted({ labels, scores, outputs }) {
    const hot = hotRows(labels, outputs);
    return meanOf(columns(outputs).map((k) => ranked({ labels: hot, scores, outputs }, k, weightedArea)));
  },
};

/** Of tasks with tags, or with classes each against the rest. */
export const rocAucFamily: MetricFamily = {
  name: "roc-auc",
  isUsual: ({ kind }) => kind === "multilabel",
  metrics: ({ kind }) => [kind === "multilabel" ? ofTags : ofClasses],
  beside: ({ kind }) => [kind === "multilabel" ? averagePrecisionFamily : accuracyFamily],
};

function weightedArea({ order, positive, ends }: Ranking, counts: Uint32Array): number {
  let [positives, negatives, wins, hits, misses] = [0, 0, 0, 0, 0];
  for (let at = 0; at < order.length; at++) {
    const row = order[at];
    if (positive[row]) hits += counts[row];
    else misses += counts[row];
    if (!ends[at]) continue;
    wins += misses * (positives + hits / 2);
    positives += hits;
    negatives += misses;
    hits = misses = 0;
  }
  return wins / (positives * negatives);
}
