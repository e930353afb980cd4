// Perceptual colour maps as tables of 256 colours, indexed PNG images as data: URIs, and colour bars. Not here: what the
// images show (images.ts, attention.ts).

import * as Plot from "@observablehq/plot";
import { encode } from "fast-png";
import { escapeHtml } from "./html.js";

/** One colour: red, green, blue and, where it is not opaque, alpha; 0..255. */
export type Colour = [number, number, number] | [number, number, number, number];

/** A palette entry kept for what is not a value, such as a masked patch. */
export const RESERVED = 255;
/** Values are spread over the entries 0..TOP. */
export const TOP = 254;

const tables = new Map<string, Colour[]>();

/** The 256 colours of a sequential scheme of Plot; the last entry is RESERVED, a neutral grey. */
export function colourTable(scheme: "magma" | "viridis" | "greys"): Colour[] {
  const known = tables.get(scheme);
  if (known) return known;
  const scale = Plot.scale({
    color: { type: "linear", scheme, domain: [0, 1], reverse: scheme === "greys" },
  });
  const table: Colour[] = Array.from({ length: TOP + 1 }, (_, i) =>
    parseColour(String(scale.apply(i / TOP))),
  );
  table.push([128, 134, 143]);
  tables.set(scheme, table);
  return table;
}

function parseColour(text: string): Colour {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (hex) return [parseInt(hex[1], 16), parseInt(hex[2], 16), parseInt(hex[3], 16)];
  const rgb = /^rgb\((\d+), *(\d+), *(\d+)\)$/.exec(text);
  if (rgb) return [Number(rgb[1]), Number(rgb[2]), Number(rgb[3])];
  throw new TypeError(`colourTable: ${text} is not a colour that is understood here`);
}

/** Palette indices [height, width], top row first, as a PNG in a data: URI. */
export function pngUri(indices: Uint8Array, width: number, height: number, palette: Colour[]): string {
  const png = encode({ width, height, data: indices, depth: 8, channels: 1, palette });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

/** The palette entry of a value between lo and hi; a value that is not finite is RESERVED. */
export function quantise(value: number, lo: number, hi: number): number {
  if (!Number.isFinite(value)) return RESERVED;
  if (!(hi > lo)) return 0;
  return Math.round(Math.min(1, Math.max(0, (value - lo) / (hi - lo))) * TOP);
}

/** Quantiles of the finite values, by nearest rank; [0, 1] where there are none. */
export function valueRange(values: ArrayLike<number>, low: number, high: number): [number, number] {
  const sorted = Float64Array.from(Array.from(values).filter(Number.isFinite)).sort();
  if (sorted.length === 0) return [0, 1];
  const at = (q: number) =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];
  return [at(low), at(high)];
}

/** A strip of the colours with a text at each end. */
export function colourBar(table: Colour[], low: string, high: string): string {
  const stops = Array.from({ length: 9 }, (_, i) => {
    const [r, g, b, a = 255] = table[Math.round((i / 8) * TOP)];
    return `rgb(${r} ${g} ${b} / ${Math.round(a / 2.55)}%)`;
  });
  return `<div class="colourbar"><span>${escapeHtml(low)}</span><i style="background:linear-gradient(90deg,${stops.join(",")})"></i><span>${escapeHtml(high)}</span></div>`;
}
