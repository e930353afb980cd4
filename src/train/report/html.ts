// The few pieces of HTML that every part of the report needs: escaping, numbers in words, figures and Plot drawings as
// strings. Not a template language, and no styles (style.ts).

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** Text that is safe inside an element or a double-quoted attribute. */
export function escapeHtml(text: unknown): string {
  return String(text)
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}

/** A number with about `digits` significant digits, grouped by thousands; "n/a" where it is not finite. */
export function formatNumber(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "n/a";
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4) return value.toExponential(Math.max(0, digits - 1)).replace("e-", "e−");
  const places = Math.max(0, Math.min(8, digits - 1 - magnitude));
  return value
    .toLocaleString("en-US", { maximumFractionDigits: places, minimumFractionDigits: 0 })
    .replace("-", "−");
}

/** A fixed number of decimals, with a real minus sign; "n/a" where it is not finite. */
export function formatFixed(value: number, places: number): string {
  return Number.isFinite(value) ? value.toFixed(places).replace("-", "−") : "n/a";
}

/** Seconds as "42 s", "3 min 20 s" or "2 h 5 min". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "n/a";
  if (seconds < 60) return `${formatNumber(seconds, seconds < 10 ? 2 : 3)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 clip", "3 clips". */
export function plural(count: number, word: string, many = `${word}s`): string {
  return `${formatNumber(count, 12)} ${count === 1 ? word : many}`;
}

/** A figure; `body` is HTML already, `title` and `caption` are plain text. */
export function figure(options: {
  title?: string;
  body: string;
  caption: string;
  className?: string;
}): string {
  const heading = options.title ? `<h3>${escapeHtml(options.title)}</h3>` : "";
  const className = options.className ? ` class="${escapeHtml(options.className)}"` : "";
  return `<figure${className}>${heading}${options.body}<figcaption>${escapeHtml(options.caption)}</figcaption></figure>`;
}

/** The note that stands where a part is missing. */
export function absentNote(text: string): string {
  return `<p class="absent">${escapeHtml(text)}</p>`;
}

/**
 * Draws with Observable Plot, on a document of its own, and gives the SVG as a string. `label` is the alternative text.
 * Colours should be "currentColor" or var(--…) of the page, so that the drawing follows the reader's light or dark.
 */
export function drawPlot(label: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({
    ...options,
    document,
    className: "plot",
    style: { background: "none", fontSize: "12px" },
  });
  for (const style of Array.from(svg.querySelectorAll("style"))) style.remove();
  // Plot numbers its clips by a counter of the process; named by what is drawn, the same data gives the same page.
  const name = [...label]
    .reduce((h, c) => Math.imul(h ^ c.codePointAt(0)!, 16777619) >>> 0, 2166136261)
    .toString(36);
  const drawn = svg.outerHTML
    .replace("<svg ", () => `<svg role="img" aria-label="${escapeHtml(label)}" `)
    .replace(/plot-clip-\d+/g, `clip-${name}`);
  return drawn.replace(
    /( (?:d|transform|x|y|x1|x2|y1|y2|cx|cy|width|height)=")([^"]*)"/g,
    (_all, attribute: string, value: string) =>
      `${attribute}${value.replace(/-?\d*\.\d{3,}(?:e-?\d+)?/g, (v) => String(Math.round(Number(v) * 100) / 100))}"`,
  );
}
