// The map of the embeddings: points coloured by label, with a legend whose entries single out their points under the
// pointer or the keyboard. The coordinates come from map.ts or elsewhere.

import * as Plot from "@observablehq/plot";
import { absentNote, drawPlot, escapeHtml, figure, formatNumber, plural } from "./html.js";
import type { EmbeddingMap, MapPoint } from "./types.js";

const COLOURS = 8;
const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"] as const;

/** The part "map". */
export function renderMap(map: EmbeddingMap): string {
  const points = map.points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  if (points.length === 0) return absentNote("The embedding map holds no point.");
  const groups = new Map<string, MapPoint[]>();
  for (const p of points) groups.set(p.label, [...(groups.get(p.label) ?? []), p]);
  const labels = [...groups.keys()].sort(
    (a, b) => groups.get(b)!.length - groups.get(a)!.length || (a < b ? -1 : 1),
  );
  const style = (i: number) => ({
    fill: `var(--c${(i % COLOURS) + 1})`,
    symbol: SYMBOLS[i % SYMBOLS.length],
  });

  const [x, y] = equalDomains(points);
  const percent = (v: number) => `${formatNumber(100 * v, 3)} %`;
  const svg = drawPlot(
    `Map of ${plural(points.length, "clip")} coloured by ${map.labelName}: ${labels.length} labels.`,
    {
      width: 480,
      height: 400,
      margin: 10,
      x: { domain: x, axis: null },
      y: { domain: y, axis: null },
      marks: [
        Plot.frame({ stroke: "var(--rule)" }),
        Plot.ruleX([0], { stroke: "var(--rule)" }),
        Plot.ruleY([0], { stroke: "var(--rule)" }),
        ...labels.map((label, i) =>
          Plot.dot(groups.get(label)!, {
            x: "x",
            y: "y",
            ...style(i),
            r: points.length > 400 ? 2.6 : 3.6,
            fillOpacity: 0.85,
            stroke: "var(--page)",
            strokeWidth: 0.5,
            className: `k k${i}`,
            title: (p: MapPoint) => `${p.title}\n${map.labelName}: ${p.label}`,
          }),
        ),
      ],
    },
  );
  const legend = labels
    .map((label, i) => {
      const sign = drawPlot("", {
        width: 14,
        height: 14,
        margin: 0,
        x: { axis: null, domain: [-1, 1] },
        y: { axis: null, domain: [-1, 1] },
        marks: [Plot.dot([[0, 0]], { ...style(i), r: 4.5 })],
      }).replace('role="img" aria-label=""', 'aria-hidden="true"');
      return `<li class="l${i}" tabindex="0">${sign}<span>${escapeHtml(label)}</span><small>${groups.get(label)!.length}</small></li>`;
    })
    .join("");
  const rules = labels
    .map((_, i) => `.map:has(.l${i}:is(:hover,:focus-visible)) .k:not(.k${i}){opacity:.07}`)
    .join("");
  const shares = map.explained
    ? ` Projected by PCA (principal component analysis): the first component, across, holds ${percent(map.explained[0])} of the variance and the second, upwards, ${percent(map.explained[1])}; the other ${percent(Math.max(0, 1 - map.explained[0] - map.explained[1]))} is not on this page, so groups that overlap here may still be apart.`
    : "";
  const dropped = map.points.length - points.length;
  return figure({
    title: `Embeddings by ${map.labelName}`,
    body: `<style>${rules}</style><div class="map"><div>${svg}</div><ul class="legend">${legend}</ul></div>`,
    caption: `Each mark is one held-out clip, placed by its frozen, mean-pooled embedding; the model never saw the labels. Point at a mark to see which clip it is, at a name to single out its clips.${shares}${map.note ? ` ${map.note}` : ""}${dropped > 0 ? ` ${plural(dropped, "point")} not finite, left out.` : ""}`,
    className: "wide",
  });
}

/** Domains with one unit the same length on both axes, so that distances are true, in a frame of 460 × 380. */
function equalDomains(points: MapPoint[]): [[number, number], [number, number]] {
  const span = (axis: "x" | "y") => {
    const lo = points.reduce((a, p) => Math.min(a, p[axis]), 0);
    const hi = points.reduce((a, p) => Math.max(a, p[axis]), 0);
    return { mid: (lo + hi) / 2, size: (hi - lo) * 1.06 };
  };
  const x = span("x");
  const y = span("y");
  const unit = Math.max(x.size / 460, y.size / 380) || 1;
  return [
    [x.mid - unit * 230, x.mid + unit * 230],
    [y.mid - unit * 190, y.mid + unit * 190],
  ];
}
