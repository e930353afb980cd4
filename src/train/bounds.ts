// Why a run's features are not ahead of random weights on most tasks, in words for the report: what the encoder heard, which lead such a
// probe can see, and what has raised scores. Nothing is measured here.
import { besideRandom } from "./probe-folds.js";
import { pretrainedWord } from "./released.js";
import { formatNumber, plural } from "./report/html.js";
import type { ProbeTable } from "./report/types.js";

/** What a run trained on, and for how long. */
export interface Heard {
  steps: number;
  /** Crops a step, and the seconds of one. */
  batch: number;
  cropSeconds: number;
  /** Of the corpus. */
  hours: number;
  pieces: number;
}

/** A paragraph where features are ahead of random weights on half of the compared tasks or fewer; else, or without any, nothing. */
export function whyNotAhead({ tasks }: Pick<ProbeTable, "tasks">, heard: Heard): string | undefined {
  const compared = besideRandom(tasks);
  const won = compared.filter(({ ahead }) => ahead).length;
  if (compared.length === 0 || 2 * won > compared.length) return undefined;
  const { steps, batch, cropSeconds, hours, pieces } = heard;
  const crops = steps * batch;
  const times = (crops * cropSeconds) / 3600 / hours;
  const seen = compared.map(({ task, detectable }) => `${detectable.toFixed(3)} (${task})`).join(" and ");
  return (
    `Why it is not ahead on most of them: it heard ${plural(crops, "crop")} of ${formatNumber(cropSeconds, 2)} s in ${plural(steps, "step")}, ` +
    `its ${plural(pieces, "piece")} (${formatNumber(hours, 3)} hours) ${formatNumber(times, 2)} times over. ` +
    `These clips show a lead over random weights from ${seen} on. What has raised scores: more music ` +
    `(--data mixed+arranged --tracks 1200, or a folder of your own), then more steps (--steps), or beginning with what was trained so ` +
    `(--init ${pretrainedWord}).`
  );
}
