// What the probes found: all tasks and baselines in one table, then for each task the seeds and intervals drawn. The
// verdict is shown word for word. No statistics are made here beyond which mean is best and whether intervals touch.

import * as Plot from "@observablehq/plot";
import { absentNote, drawPlot, escapeHtml, figure, formatFixed, plural } from "./html.js";
import type { FeatureName, ProbeRow, ProbeTable, ProbeTask } from "./types.js";

const COLUMNS: { features: FeatureName; name: string; words: string }[] = [
  { features: "pretrained", name: "Pre-trained", words: "the frozen encoder of this run" },
  { features: "random", name: "Random weights", words: "the same encoder, never trained" },
  {
    features: "log-mel mean+std",
    name: "Log-mel mean+std",
    words: "mean and spread of each mel band, no encoder",
  },
  { features: "mfcc", name: "MFCC", words: "mean and spread of 20 MFCCs and their differences" },
  { features: "chroma", name: "Chroma", words: "mean and spread of 12 pitch classes and their differences" },
  { features: "tempogram", name: "Tempogram", words: "autocorrelation of onsets" },
  { features: "modulation", name: "Modulation", words: "how strongly bands vary how fast" },
  { features: "all hand-made", name: "All hand-made", words: "all of these together" },
  {
    features: "turned chroma",
    name: "Chroma in all keys",
    words: "chroma, every training clip turned through all keys",
  },
  { features: "Krumhansl", name: "Krumhansl", words: "the key by profile, untrained" },
  { features: "tempo estimate", name: "Tempo estimate", words: "the strongest period, untrained" },
  { features: "labelled", name: "Labelled", words: "the same encoder trained with the labels" },
  { features: "majority", name: "Majority class", words: "always the most frequent answer" },
];

/** The row with the best mean; undefined where no mean is finite. */
export function bestRow(task: ProbeTask): ProbeRow | undefined {
  const sign = task.higherIsBetter ? 1 : -1;
  return task.rows
    .filter((r) => Number.isFinite(r.mean))
    .reduce<ProbeRow | undefined>(
      (best, r) => (!best || sign * r.mean > sign * best.mean ? r : best),
      undefined,
    );
}

/** The interval that is drawn: the 95 % one if there is one, else one standard deviation to each side. */
function interval(row: ProbeRow): [number, number] {
  return row.ci95 ?? [row.mean - row.std, row.mean + row.std];
}

const nameOf = (features: FeatureName) => COLUMNS.find((c) => c.features === features)?.name ?? features;

/** The part "probe". */
export function renderProbe(probe: ProbeTable): string {
  const verdict = `<blockquote class="verdict">${escapeHtml(probe.verdict)}</blockquote>`;
  if (probe.tasks.length === 0) return verdict + absentNote("The probe ran no task.");
  return `${verdict}${summary(probe.tasks)}<div class="charts few">${probe.tasks.map(taskFigure).join("")}</div>`;
}

function summary(tasks: ProbeTask[]): string {
  const columns = COLUMNS.filter(({ features }) =>
    tasks.some(({ rows }) => rows.some((r) => r.features === features)),
  );
  const head = columns
    .map((c) => `<th scope="col">${escapeHtml(c.name).replace("+", "+<wbr>")}</th>`)
    .join("");
  const body = tasks
    .map((task) => {
      const best = bestRow(task);
      const cells = columns
        .map((column) => {
          const row = task.rows.find((r) => r.features === column.features);
          if (!row) return `<td class="none">not run</td>`;
          const isBest = best !== undefined && row.mean === best.mean;
          const spread = row.std >= 0.0005 ? `<small>± ${formatFixed(row.std, 3)}</small>` : "";
          const mark = isBest ? `<em>best</em>` : "";
          return `<td${isBest ? ' class="best"' : ""}><b>${formatFixed(row.mean, 3)}</b>${spread}${mark}</td>`;
        })
        .join("");
      const way = task.higherIsBetter ? "higher is better" : "lower is better";
      return `<tr><th scope="row">${escapeHtml(task.task)}<small>${escapeHtml(task.metric)}, ${way}</small></th>${cells}</tr>`;
    })
    .join("");
  const words = columns.map((c) => `<b>${escapeHtml(c.name)}</b>: ${escapeHtml(c.words)}`).join("; ");
  return `<div class="scroll" tabindex="0" role="region" aria-label="Probe results"><table class="probe"><caption>Means, with the standard deviation over seeds where there are several, on pieces held out from the training part. ${words}.</caption><thead><tr><th scope="col">Task</th>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Whether the second best could as well be the best, in words. */
function standing(task: ProbeTask): string {
  const best = bestRow(task);
  if (!best) return "No score was finite.";
  const [lo, hi] = interval(best);
  const touching = task.rows.filter((r) => {
    if (r === best || !Number.isFinite(r.mean)) return false;
    const [a, b] = interval(r);
    return a <= hi && b >= lo;
  });
  const winner = `Best mean: ${nameOf(best.features).toLowerCase()}`;
  if (touching.length === 0) return `${winner}; its interval is clear of the others'.`;
  const names = touching.map((r) => nameOf(r.features).toLowerCase()).join(" and ");
  return `${winner}; its interval overlaps that of ${names}, so their order is not settled.`;
}

function taskFigure(task: ProbeTask): string {
  const rows = COLUMNS.flatMap((c) =>
    task.rows.filter((r) => r.features === c.features && Number.isFinite(r.mean)),
  );
  const seeds = rows.flatMap((r) =>
    r.values.filter(Number.isFinite).map((value) => ({ name: nameOf(r.features), value })),
  );
  const best = bestRow(task);
  const shown = rows.map((r) => ({
    row: r,
    name: nameOf(r.features),
    lo: interval(r)[0],
    hi: interval(r)[1],
  }));
  const numbers = [...seeds.map((s) => s.value), ...shown.flatMap((s) => [s.lo, s.hi])];
  if (task.chance !== undefined) numbers.push(task.chance);
  const lo = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const hi = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const pad = (hi - lo) * 0.06 || 0.05;
  const usesCi = rows.some((r) => r.ci95);
  const svg = drawPlot(
    `${task.task}, ${task.metric}: ${rows.map((r) => `${nameOf(r.features)} ${formatFixed(r.mean, 3)}`).join(", ")}.`,
    {
      width: 400,
      height: 44 + 34 * rows.length,
      marginLeft: 122,
      marginRight: 16,
      marginTop: 8,
      marginBottom: 34,
      x: {
        domain: [lo - pad, hi + pad],
        label: task.metric,
        labelArrow: "none",
        labelAnchor: "center",
        ticks: 5,
        tickSize: 0,
      },
      y: { domain: rows.map((r) => nameOf(r.features)), label: null, tickSize: 0, type: "band" },
      marks: [
        Plot.gridX({ stroke: "var(--rule)", strokeOpacity: 1, ticks: 5 }),
        task.chance === undefined
          ? null
          : Plot.ruleX([task.chance], {
              stroke: "var(--muted)",
              strokeDasharray: "3,3",
              title: () => `chance: ${formatFixed(task.chance!, 3)}`,
            }),
        Plot.dot(seeds, { x: "value", y: "name", r: 3, fill: "var(--raw)", dy: 8 }),
        Plot.ruleY(shown, {
          x1: "lo",
          x2: "hi",
          y: "name",
          strokeWidth: 2.5,
          stroke: (s: (typeof shown)[number]) => (s.row === best ? "var(--c1)" : "var(--ink2)"),
        }),
        Plot.dot(shown, {
          x: (s: (typeof shown)[number]) => s.row.mean,
          y: "name",
          r: 5,
          fill: (s: (typeof shown)[number]) => (s.row === best ? "var(--c1)" : "var(--ink2)"),
          stroke: "var(--page)",
          title: (s: (typeof shown)[number]) =>
            `${s.name}: ${formatFixed(s.row.mean, 4)}, ${formatFixed(s.lo, 4)} to ${formatFixed(s.hi, 4)}`,
        }),
      ],
    },
  );
  const sizes = `${plural(task.classes, "class", "classes")}, ${plural(task.trainClips, "training clip")}, ${plural(task.testClips, "test clip")} from ${plural(task.testPieces, "piece")}, ${plural(task.seeds, "seed")}.`;
  const chance = task.chance === undefined ? "" : " The dashed line is chance.";
  return figure({
    title: `${task.task} (${task.metric})`,
    body: svg,
    caption: `${standing(task)} Big dots are means, bars ${usesCi ? "95 % intervals" : "one standard deviation to each side"}, small dots single seeds.${chance} ${sizes}${task.note ? ` ${task.note}` : ""}`,
  });
}
