// The page's pictures that Observable Plot draws: curves over steps, and a share on a ruler. The data come ready; curves are thinned
// to the screen's width. It loads later than the page, with the first picture.
import {
  axisX,
  axisY,
  dot,
  gridY,
  lineY,
  type Markish,
  type PlotOptions,
  plot,
  ruleX,
  tickX,
} from "@observablehq/plot";
import { margin, type Point, type Series } from "./chart-data.js";

export interface Curves {
  series: readonly Series[];
  /** What the pointer is at: a point of each curve. */
  marked: readonly (Series & { at: Point })[];
  /** The last step of the axis. */
  end: number;
  width: number;
  height: number;
  fromZero?: boolean;
}

export function drawCurves({ series, marked, end, width, height, fromZero }: Curves): SVGElement {
  const domain = rangeOf(series, fromZero);
  const [across, down] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const place = { x: "step", y: "value", clip: false } as const;
  const dots = (points: readonly Point[], colour: number, r: number) =>
    dot(points, { ...place, r, fill: colourOf(colour), stroke: "var(--surface)", strokeWidth: 1.5 });
  return picture({
    width,
    height,
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: margin.top,
    marginBottom: margin.bottom,
    x: { domain: [0, end] },
    y: { domain },
    marks: [
      gridY({ ticks: ticksIn(down, 36), stroke: "var(--line)", strokeOpacity: 1 }),
      axisY({ ticks: ticksIn(down, 36), tickSize: 0, label: null, tickFormat: tickText }),
      axisX({ ticks: ticksIn(across, 90), tickSize: 0, label: null, tickFormat: wholeText }),
      series.map(({ points, colour, dots: each }) => [
        lineY(thin(points, across), { ...place, stroke: colourOf(colour), strokeWidth: 1.75 }),
        each || points.length === 1 ? dots(points.slice(-200), colour, 3) : null,
      ]),
      marked
        .slice(0, 1)
        .map(({ at }) => ruleX([at.step], { stroke: "var(--muted)", strokeDasharray: "3 3" })),
      marked.map(({ at, colour }) => dots([at], colour, 4)),
    ],
  });
}

/** A share of 0 to 1 with its interval, and another one to compare it with as a thin mark. */
export function drawShare(share: number, interval: readonly number[] | undefined, mark: number): SVGElement {
  const bar = (ends: readonly number[], stroke: string, strokeWidth: number, strokeOpacity = 1): Markish =>
    lineY(ends, { x: ends, y: 0, stroke, strokeWidth, strokeOpacity, strokeLinecap: "round" });
  return picture({
    width: 320,
    height: 48,
    marginLeft: 14,
    marginRight: 14,
    marginTop: 4,
    marginBottom: 20,
    x: { domain: [0, 1] },
    y: { domain: [-1, 1], axis: null },
    marks: [
      axisX([0, 0.25, 0.5, 0.75, 1], { tickSize: 0, label: null, tickFormat: (at) => `${100 * at} %` }),
      bar([0, 1], "var(--line)", 4),
      tickX([mark], { stroke: "var(--muted)", strokeWidth: 2 }),
      interval ? bar(interval, "var(--accent)", 8, 0.45) : null,
      dot([share], {
        x: [share],
        y: [0],
        r: 6,
        fill: "var(--accent)",
        stroke: "var(--surface)",
        strokeWidth: 2,
      }),
    ],
  });
}

/**
 * Plot's SVG without the style element in it, which the page's content policy forbids: the page's own style says the same. Nor do its groups
 * name their marks, which only elements with a role may: the picture's label is the caller's.
 */
function picture(options: PlotOptions): SVGElement {
  const svg = plot({ ...options, figure: false, className: "plot" }) as SVGElement;
  svg.querySelector("style")?.remove();
  for (const group of svg.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  return svg;
}

const colourOf = (colour: number) => `var(--series-${colour})`;
const ticksIn = (pixels: number, each: number) => Math.max(2, Math.floor(pixels / each));

function tickText(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) < 0.001 || Math.abs(value) >= 1e5 ? value.toExponential(0) : String(value);
}

/** There is no step between two steps. */
function wholeText(value: number): string {
  return Number.isInteger(value) ? String(value) : "";
}

/** The lowest and highest value, a little apart. */
function rangeOf(series: readonly Series[], fromZero = false): [number, number] {
  let low = fromZero ? 0 : Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { points } of series) {
    for (const { value } of points) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(high >= low)) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [fromZero ? 0 : low - room, high + room];
}

/** Where there are more points than two a pixel, each pixel's lowest and highest. */
function thin(points: readonly Point[], width: number): readonly Point[] {
  const group = Math.ceil(points.length / Math.max(1, width));
  if (group <= 2) return points;
  const kept: Point[] = [];
  for (let i = 0; i < points.length; i += group) {
    let low = points[i];
    let high = points[i];
    for (const point of points.slice(i, i + group)) {
      if (point.value < low.value) low = point;
      if (point.value > high.value) high = point;
    }
    kept.push(...(low.step < high.step ? [low, high] : [high, low]));
  }
  return kept;
}
