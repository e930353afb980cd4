// Average precision of each tag, and its plain mean.
import { averagePrecisionMacro } from "../metrics.js";
import type { MetricFamily } from "./metric.js";
import { columns, meanOf, type Ranking, ranked } from "./weighted.js";

/** Of tasks that name it, and beside the area under the ROC curve. */
export const averagePrecisionFamily: MetricFamily = {
  name: "average-precision",
  isUsual: () => false,
  metrics: () => [
    {
      name: "mean average precision",
      chance: undefined,
      score: (labels, scores, outputs) => averagePrecisionMacro(labels.flat(), scores, outputs).macro,
      weighted: (predicted) =>
        meanOf(columns(predicted.outputs).map((k) => ranked(predicted, k, weightedPrecision))),
    },
  ],
};

function weightedPrecision({ order, positive, ends }: Ranking, counts: Uint32Array): number {
  let [positives, seen, sum, hits] = [0, 0, 0, 0];
  for (let at = 0; at < order.length; at++) {
    const row = order[at];
    seen += counts[row];
    if (positive[row]) hits += counts[row];
    if (!ends[at]) continue;
    positives += hits;
    if (seen > 0) sum += (hits * positives) / seen;
    hits = 0;
  }
  return sum / positives;
}
