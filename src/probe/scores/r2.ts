// The coefficient of determination R²: the mean over targets, and each target's.
import type { Predictions } from "../labels.js";
import { r2 } from "../metrics.js";
import type { Metric, MetricFamily, Weighted } from "./metric.js";
import { columns, meanOf } from "./weighted.js";

const mean: Metric = {
  name: "R²",
  chance: 0,
  score: (labels, scores, outputs) => r2(labels.flat(), scores, outputs).macro,
  weighted: (predicted) => meanOf(columns(predicted.outputs).map((k) => determination(predicted, k))),
};

const ofTarget = (target: string, k: number): Metric => ({
  name: `R² of ${target}`,
  chance: 0,
  score: (labels, scores, outputs) => r2(labels.flat(), scores, outputs).each[k],
  weighted: (predicted) => meanOf([determination(predicted, k)]),
});

/** Of tasks whose labels are numbers. */
export const r2Family: MetricFamily = {
  name: "r2",
  isUsual: ({ kind }) => kind === "regression",
  metrics: ({ labels, classes }) =>
    (labels[0]?.length ?? 1) < 2 ? [mean] : [mean, ...classes.map(ofTarget)],
};

function determination({ labels, scores, outputs }: Predictions, k: number): Weighted {
  return (counts) => {
    let [total, sum] = [0, 0];
    for (let i = 0; i < counts.length; i++) {
      total += counts[i];
      sum += counts[i] * labels[i][k];
    }
    const mean = sum / total;
    let [left, spread] = [0, 0];
    for (let i = 0; i < counts.length; i++) {
      left += counts[i] * (labels[i][k] - scores[i * outputs + k]) ** 2;
      spread += counts[i] * (labels[i][k] - mean) ** 2;
    }
    return spread > 0 ? 1 - left / spread : Number.NaN;
  };
}
