// A small line chart in SVG: curves over steps, a readout that follows the pointer, and a description for those who cannot see it.
// Its data come ready; it thins them to the screen's width.
import { h, svg } from "../dom.js";

export interface Series {
  name: string;
  /** 1 to 4: the page's colours for curves. */
  colour: number;
  points: readonly { step: number; value: number }[];
  /** Drawn as dots joined by a line: few points that count each. */
  dots?: boolean;
}

export interface Chart {
  element: HTMLElement;
  set(series: readonly Series[], steps: number): void;
}

const margin = { left: 48, right: 10, top: 8, bottom: 22 };

export function chart(title: string, format: (value: number) => string, fromZero = false): Chart {
  const root = svg("svg", { role: "img" });
  const legend = h("p", { class: "chart-legend" });
  const element = h("figure", { class: "chart" }, h("figcaption", {}, title), legend, root);
  let series: readonly Series[] = [];
  let steps = 1;
  let pointer: number | undefined;
  let width = 0;
  let height = 0;

  new ResizeObserver(([entry]) => {
    width = Math.round(entry.contentRect.width);
    height = Math.round(entry.contentRect.height);
    draw();
  }).observe(root);
  root.addEventListener("pointermove", (event) => {
    const box = root.getBoundingClientRect();
    const share = (event.clientX - box.left - margin.left) / (width - margin.left - margin.right);
    pointer = share < 0 || share > 1 ? undefined : share * steps;
    draw();
  });
  root.addEventListener("pointerleave", () => {
    pointer = undefined;
    draw();
  });

  /** The value at the pointer, or the last one. */
  const valueAt = ({ points }: Series) => {
    if (pointer === undefined) return points[points.length - 1];
    const at = pointer;
    let low = 0;
    let high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle].step < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - points[low - 1].step < points[low].step - at ? points[low - 1] : points[low];
  };

  function draw(): void {
    const filled = series.filter(({ points }) => points.length > 0);
    const says = filled.map((each) => ({ each, at: valueAt(each) }));
    const step = says[0]?.at.step;
    legend.replaceChildren(
      ...says.map(({ each, at }) =>
        h(
          "span",
          {},
          h("i", { class: `key series-${each.colour}` }),
          `${each.name} `,
          h("b", {}, format(at.value)),
        ),
      ),
      ...(step === undefined ? ["no steps yet"] : [h("span", { class: "at" }, `step ${Math.round(step)}`)]),
    );
    root.setAttribute(
      "aria-label",
      `${title}: ${says.map(({ each }) => `${each.name} ${format(each.points[0].value)} at step ${each.points[0].step}, ${format(each.points[each.points.length - 1].value)} at step ${each.points[each.points.length - 1].step}`).join("; ") || "no steps yet"}`,
    );
    if (width < 80 || height < 40) return;
    root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
    const [low, high] = rangeOf(filled, fromZero);
    const x = (at: number) => margin.left + (at / steps) * inner.width;
    const y = (value: number) => margin.top + (1 - (value - low) / (high - low)) * inner.height;
    const parts: SVGElement[] = [];
    for (const value of niceTicks(low, high, Math.max(2, Math.floor(inner.height / 36)))) {
      parts.push(
        svg("line", { class: "rule", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
        svg("text", { x: margin.left - 6, y: y(value), "text-anchor": "end", dy: "0.35em" }, tickText(value)),
      );
    }
    for (const value of niceTicks(0, steps, Math.max(2, Math.floor(inner.width / 90)))) {
      if (!Number.isInteger(value)) continue;
      parts.push(
        svg(
          "text",
          { x: x(value), y: height - 6, "text-anchor": value === 0 ? "start" : "middle" },
          String(value),
        ),
      );
    }
    for (const each of filled) {
      const line = path(each.points, x, y, inner.width);
      parts.push(svg("path", { class: `line series-${each.colour}`, d: line }));
      if (each.dots || each.points.length === 1) {
        for (const { step: at, value } of each.points.slice(-200)) {
          parts.push(svg("circle", { class: `dot series-${each.colour}`, cx: x(at), cy: y(value), r: 3 }));
        }
      }
    }
    if (pointer !== undefined && step !== undefined) {
      parts.push(
        svg("line", { class: "cross", x1: x(step), x2: x(step), y1: margin.top, y2: height - margin.bottom }),
      );
      for (const { each, at } of says) {
        parts.push(
          svg("circle", { class: `dot series-${each.colour}`, cx: x(at.step), cy: y(at.value), r: 4 }),
        );
      }
    }
    root.replaceChildren(...parts);
  }

  return {
    element,
    set(next, total) {
      series = next;
      const last = Math.max(0, ...next.map(({ points }) => points[points.length - 1]?.step ?? 0));
      steps = Math.max(1, total, last);
      draw();
    },
  };
}

/** The lowest and highest value, a little apart. The first tenth of the steps may be cut where it dwarfs the rest. */
function rangeOf(series: readonly Series[], fromZero: boolean): [number, number] {
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

/** A path; where there are more points than two a pixel, each pixel's lowest and highest. */
function path(
  points: Series["points"],
  x: (step: number) => number,
  y: (value: number) => number,
  width: number,
): string {
  const text: string[] = [];
  const put = ({ step, value }: { step: number; value: number }) =>
    text.push(`${text.length ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
  const group = Math.ceil(points.length / Math.max(1, width));
  if (group <= 2) {
    for (const point of points) put(point);
    return text.join("");
  }
  for (let i = 0; i < points.length; i += group) {
    let low = points[i];
    let high = points[i];
    for (let k = i; k < Math.min(points.length, i + group); k++) {
      if (points[k].value < low.value) low = points[k];
      if (points[k].value > high.value) high = points[k];
    }
    for (const point of low.step < high.step ? [low, high] : [high, low]) put(point);
  }
  return text.join("");
}

/** Round numbers between two, about `count` of them. */
function niceTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

function tickText(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) < 0.001 || Math.abs(value) >= 1e5 ? value.toExponential(0) : String(value);
}
