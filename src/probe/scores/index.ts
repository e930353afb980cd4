// Every family of metrics, and which of them a task is scored by: the one that it names, or the first that is usual for it.
import { UsageError } from "../../gpu/errors.js";
import type { ProbeLabels } from "../labels.js";
import { accuracyFamily } from "./accuracy.js";
import { averagePrecisionFamily } from "./average-precision.js";
import { keyScoreFamily } from "./key-score.js";
import type { Metric, MetricFamily } from "./metric.js";
import { r2Family } from "./r2.js";
import { rocAucFamily } from "./roc-auc.js";

const metricFamilies: readonly MetricFamily[] = [
  rocAucFamily,
  averagePrecisionFamily,
  r2Family,
  keyScoreFamily,
  accuracyFamily,
];

/** What a task is scored by first of all. Throws UsageError where it names what there is not. */
export function familyOf(task: ProbeLabels): MetricFamily {
  const { metric } = task;
  const found = metricFamilies.find((each) => (metric ? each.name === metric : each.isUsual(task)));
  if (found) return found;
  const names = metricFamilies.map(({ name }) => name).join(", ");
  throw new UsageError(`There is no metric "${metric}": a task's metric is one of ${names}.`);
}

/** The metrics of a task; the first chooses the head and is the one that is reported. */
export function metricsOf(task: ProbeLabels): Metric[] {
  const family = familyOf(task);
  return [family, ...(family.beside?.(task) ?? [])].flatMap((each) => each.metrics(task));
}
