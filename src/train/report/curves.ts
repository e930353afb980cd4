// The training curves: of the loss, of the parts that the run's objective names, and of the pace; raw values lightly, a smoothed line over them, held-out values as dots. Many steps are drawn as
// bands of their extremes, so that the file stays small. Values that are not finite are left out and counted.

import * as Plot from "@observablehq/plot";
import { valueRange } from "./colour.js";
import { drawPlot, escapeHtml, figure, formatNumber, plural } from "./html.js";
import type { HeldOutPoint, LogPoint, PartCurve } from "./types.js";

interface Series {
  key: string;
  title: string;
  unit?: string;
  /** Spikes say little of these: smooth by the median instead of the mean. */
  median?: boolean;
  fromZero?: boolean;
  /** Set, not measured: draw it as it is. */
  exact?: boolean;
  /** What an answer scores that knows nothing: a dashed line. */
  chance?: number;
  words: string;
}

/** What every run logs. */
const LOSS: Series[] = [
  {
    key: "loss",
    title: "Loss",
    words: "What training brings down: the whole objective on the batch of each step.",
  },
];
const PACE: Series[] = [
  {
    key: "lr",
    title: "Learning rate",
    fromZero: true,
    exact: true,
    words: "Warm-up, then the schedule's decay.",
  },
  {
    key: "gradNorm",
    title: "Gradient norm",
    median: true,
    words: "Length of the gradient before clipping; lasting growth would be a warning.",
  },
  {
    key: "stepMs",
    title: "Time per step",
    unit: "ms",
    median: true,
    fromZero: true,
    words: "The first steps include compiling kernels.",
  },
  {
    key: "clipsPerSecond",
    title: "Throughput",
    unit: "clips/s",
    median: true,
    fromZero: true,
    words: "Clips trained on in a second.",
  },
];

interface Dot {
  step: number;
  value: number;
}

const MAX_RAW = 400;
const BUCKETS = 200;

/**
 * Centred moving mean or median over about a fifteenth of the points. The window narrows towards the start, where the
 * values fall fast, so that the first one stays true; at the end it stays wide, so that the last step alone decides nothing.
 * Of many points, some 200 centres are kept.
 */
export function smooth(points: Dot[], median = false): Dot[] {
  const half = Math.max(1, Math.round(points.length / 30));
  const sums = new Float64Array(points.length + 1);
  points.forEach((p, i) => {
    sums[i + 1] = sums[i] + p.value;
  });
  return thin(points.map((_, i) => i)).map((i) => {
    const reach = Math.min(half, i);
    const from = i - reach;
    const to = Math.min(points.length, i + reach + 1);
    const { step } = points[i];
    if (!median) return { step, value: (sums[to] - sums[from]) / (to - from) };
    const window = Float64Array.from(points.slice(from, to), (p) => p.value).sort();
    return { step, value: window[window.length >> 1] };
  });
}

/** Ranges of about equal length: { step, low, high }. */
function bands(points: Dot[]): { step: number; low: number; high: number }[] {
  const out: { step: number; low: number; high: number }[] = [];
  const size = points.length / BUCKETS;
  for (let b = 0; b < BUCKETS; b++) {
    const part = points.slice(Math.floor(b * size), Math.floor((b + 1) * size));
    if (part.length === 0) continue;
    const values = part.map((p) => p.value);
    out.push({
      step: part[Math.floor(part.length / 2)].step,
      low: Math.min(...values),
      high: Math.max(...values),
    });
  }
  return out;
}

/** At most MAX_RAW entries, the first and the last among them. */
function thin<T>(entries: T[]): T[] {
  if (entries.length <= MAX_RAW) return entries;
  const stride = Math.ceil(entries.length / BUCKETS);
  return entries.filter((_, i) => i % stride === 0 || i === entries.length - 1);
}

function finite(rows: readonly { step: number }[], key: string): Dot[] {
  const out: Dot[] = [];
  for (const row of rows) {
    const value = (row as Record<string, unknown>)[key];
    if (typeof value === "number" && Number.isFinite(value)) out.push({ step: row.step, value });
  }
  return out;
}

/** What the curves are drawn from. */
export interface CurvesData {
  log: LogPoint[];
  heldOut?: HeldOutPoint[];
  marks?: { step: number; label: string }[];
  /** Parts and measures of the objective, in their order. */
  parts?: PartCurve[];
  /** Sentences on parts that teach nothing. */
  warnings?: string[];
}

/** The part "curves": one small chart for each quantity that was logged. Empty where no step was. */
export function renderCurves({
  log,
  heldOut = [],
  marks = [],
  parts = [],
  warnings = [],
}: CurvesData): string {
  const last = log.reduce((a, p) => Math.max(a, p.step), 0);
  const own = parts.map(({ name, ...part }): Series => ({ key: name, ...part }));
  const loss = LOSS.filter(({ key }) => !own.some((part) => part.key === key));
  const series = [...loss, ...own, ...PACE];
  const charts = series.map((each) => chart(each, log, heldOut, marks, last)).filter(Boolean);
  if (charts.length === 0) return "";
  const keys = [
    "<span><i class='key raw'></i>each step</span>",
    "<span><i class='key line'></i>smoothed</span>",
  ];
  if (heldOut.length > 0) keys.push("<span><i class='key held'></i>held-out clips</span>");
  if (marks.length > 0) keys.push("<span><i class='key mark'></i>event</span>");
  const warned = warnings.map((text) => `<p class="banner">${escapeHtml(text)}</p>`).join("");
  return `${warned}<p class="keys">${keys.join("")}</p><div class="charts">${charts.join("")}</div>`;
}

function chart(
  series: Series,
  log: LogPoint[],
  heldOut: HeldOutPoint[],
  marks: { step: number; label: string }[],
  lastStep: number,
): string {
  const logged = log.filter((p) => p[series.key] !== undefined);
  const points = finite(log, series.key);
  const held = finite(heldOut, series.key);
  if (points.length === 0) return "";
  const line = series.exact ? points : smooth(points, series.median);
  const shown = [...points, ...held].map((p) => p.value);
  const [low, high] = valueRange(shown, 0.02, 0.98);
  const isLog = low > 0 && high / low > 20 && shown.every((v) => v > 0);
  const smallest = shown.reduce((a, b) => Math.min(a, b));
  const largest = shown.reduce((a, b) => Math.max(a, b));
  // A lone spike must not flatten the rest: the frame ends at twice the bulk's spread, and what lies beyond is counted.
  const bulk = high - low || Math.abs(high) || 1;
  let domain: [number, number] = [Math.max(smallest, low - bulk), Math.min(largest, high + bulk)];
  if (isLog) domain = [smallest, largest];
  else if (series.fromZero && smallest >= 0) domain[0] = 0;
  if (domain[0] === domain[1])
    domain = [domain[0] - Math.abs(domain[0] || 1) * 0.1, domain[1] + Math.abs(domain[1] || 1) * 0.1];
  const beyond = shown.filter((v) => v < domain[0] || v > domain[1]).length;

  const raw =
    points.length <= MAX_RAW
      ? Plot.line(points, { x: "step", y: "value", stroke: "var(--raw)", strokeWidth: 1, clip: true })
      : Plot.areaY(bands(points), { x: "step", y1: "low", y2: "high", fill: "var(--raw)", clip: true });
  const xDomain: [number, number] = [0, Math.max(1, lastStep, ...held.map((h) => h.step))];
  const from = line[0].value;
  const to = line[line.length - 1].value;
  const unit = series.unit ? ` ${series.unit}` : "";
  const svg = drawPlot(
    `${series.title} against step: from ${formatNumber(from)} to ${formatNumber(to)}${unit} over ${lastStep} steps.`,
    {
      width: 400,
      height: 210,
      marginLeft: 46,
      marginRight: 14,
      marginTop: 12,
      marginBottom: 32,
      x: { domain: xDomain, label: "step", labelArrow: "none", ticks: 5, tickSize: 0 },
      y: {
        domain,
        type: isLog ? "log" : "linear",
        label: null,
        ticks: 5,
        tickSize: 0,
        tickFormat: isLog || domain[1] < 1e-2 || domain[1] >= 1e5 ? (v: number) => tickText(v) : undefined,
        nice: !isLog,
      },
      marks: [
        Plot.gridY({ stroke: "var(--rule)", strokeOpacity: 1, ticks: 5 }),
        series.chance !== undefined && series.chance >= domain[0] && series.chance <= domain[1]
          ? Plot.ruleY([series.chance], { stroke: "var(--muted)", strokeDasharray: "2,3" })
          : null,
        Plot.ruleX(marks, { x: "step", stroke: "var(--muted)", strokeDasharray: "3,3" }),
        raw,
        Plot.line(thin(line), { x: "step", y: "value", stroke: "var(--c1)", strokeWidth: 2, clip: true }),
        held.length > 1
          ? Plot.line(held, { x: "step", y: "value", stroke: "var(--c2)", strokeWidth: 1.25 })
          : null,
        Plot.dot(held, {
          x: "step",
          y: "value",
          fill: "var(--c2)",
          stroke: "var(--page)",
          r: 3.5,
          title: (h: Dot) => `held out, step ${h.step}: ${formatNumber(h.value, 4)}`,
        }),
        Plot.text(marks, {
          x: "step",
          text: "label",
          frameAnchor: "top",
          textAnchor: "start",
          dx: 4,
          fill: "var(--muted)",
        }),
      ],
    },
  );
  const lost = logged.length - points.length;
  const notes = [series.words];
  if (series.chance !== undefined) notes.push(`By guessing: ${formatNumber(series.chance, 4)}.`);
  if (isLog) notes.push("Logarithmic scale.");
  if (beyond > 0) notes.push(`${plural(beyond, "value")} outside the frame.`);
  if (lost > 0) notes.push(`Not finite in ${plural(lost, "step")}.`);
  return figure({
    title: `${series.title}: ${describe(series.key, line)}${unit}`,
    body: svg,
    caption: notes.join(" "),
  });
}

/** "5.2 → 1.3" where the course matters, else the typical value. */
function describe(key: Series["key"], line: Dot[]): string {
  const values = line.map((p) => p.value);
  if (key === "lr")
    return `up to ${formatNumber(
      values.reduce((a, b) => Math.max(a, b)),
      2,
    )}`;
  if (key === "stepMs" || key === "clipsPerSecond" || key === "gradNorm") {
    return `median ${formatNumber(values.sort((a, b) => a - b)[Math.floor(values.length / 2)], 3)}`;
  }
  return `${formatNumber(values[0], 3)} → ${formatNumber(values[values.length - 1], 3)}`;
}

function tickText(v: number): string {
  if (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5)) {
    return v.toExponential(1).replace(".0e", "e").replace("e+", "e").replace("-", "−");
  }
  return formatNumber(v, 2);
}
