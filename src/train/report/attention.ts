// One layer's attention: where a chosen patch looks, laid over the spectrogram for the mean of the heads and for each
// head, and the whole [tokens, tokens] matrix. Weights are shown as they are, not rolled out over layers.

import { ShapeError } from "../../gpu/errors.js";
import { type Colour, colourBar, colourTable, pngUri, quantise, TOP } from "./colour.js";
import { figure, formatNumber } from "./html.js";
import { checkImage, contrast, melIndices, outlinePath, overlay, picture, plane } from "./images.js";
import type { AttentionPicture, MelAxes, PatchGrid } from "./types.js";

/** Clear to opaque amber: laid over a grey spectrogram. */
const heat: Colour[] = Array.from({ length: 256 }, (_, i) => {
  const a = Math.min(1, i / TOP);
  return [255, Math.round(176 - 96 * a), Math.round(32 * (1 - a)), Math.round(225 * a)];
});

/** The part "attention". */
export function renderAttention(data: AttentionPicture, grid: PatchGrid, axes?: MelAxes): string {
  const { image, heads, query, weights } = data;
  const tokens = grid.rows * grid.columns;
  checkImage(image, `the attention clip ${data.title}`);
  if (weights.length !== heads * tokens) {
    throw new ShapeError(
      `report: attention holds ${weights.length} values, not ${heads} heads × ${tokens} tokens`,
    );
  }
  if (data.matrix && data.matrix.length !== tokens * tokens) {
    throw new ShapeError(
      `report: the attention matrix holds ${data.matrix.length} values, not ${tokens} × ${tokens}`,
    );
  }
  const mean = new Float32Array(tokens);
  for (let i = 0; i < weights.length; i++) mean[i % tokens] += weights[i] / heads;

  const [lo, hi] = contrast(image);
  const grey = pngUri(melIndices(image, lo, hi), image.frames, image.nMels, colourTable("greys"));
  const mark = overlay(image, [{ d: outlinePath([query], grid, image.nMels), className: "query" }]);
  const layerName = `layer ${data.layer + 1}${data.layers ? ` of ${data.layers}` : ""}`;
  const panel = (name: string, row: Float32Array, ratio: number, small: boolean) => {
    const top = row.reduce((a, b) => Math.max(a, b), 0);
    // The grid holds rows·patchMels bands; stretch the heat over just that part of the picture.
    const width = (100 * grid.columns * grid.patchFrames) / image.frames;
    const height = (100 * grid.rows * grid.patchMels) / image.nMels;
    const alt = `${name}, ${layerName}: the weight that patch ${query} gives to each patch; the largest is ${formatNumber(100 * top, 2)} per cent.`;
    const layer = picture(pngUri(heatIndices(row, grid, top), grid.columns, grid.rows, heat), alt).replace(
      "<img ",
      `<img class="heat" style="width:${width}%;height:${height}%" `,
    );
    const heading = `<h4>${name} <span>max ${formatNumber(100 * top, 2)} %, ${formatNumber(top * tokens, 2)}× even</span></h4>`;
    return `<div class="panel">${heading}${plane({ layers: `<div class="backdrop"></div>${layer}${mark}`, image, axes, ratio, small })}</div>`;
  };

  const each = Array.from({ length: heads }, (_, h) =>
    panel(`Head ${h + 1}`, weights.subarray(h * tokens, (h + 1) * tokens), 1.25, true),
  ).join("");
  const column = Math.floor(query / grid.rows);
  const when = axes
    ? `${formatNumber(((column + 0.5) * grid.patchFrames * axes.hopLength) / axes.sampleRate, 2)} s`
    : `column ${column + 1}`;
  const where = `row ${(query % grid.rows) + 1} of ${grid.rows} from the bottom`;
  const overGrid = figure({
    title: `Where one patch looks (${layerName})`,
    body: `<div style="--backdrop:url(${grey})">${panel("Mean of the heads", mean, 2.6, false)}${heads > 1 ? `<div class="heads">${each}</div>` : ""}</div>${colourBar(heat, "no attention", "the panel's maximum")}`,
    caption: `${data.title}. The outlined patch (at ${when}, ${where}) asks; the stronger the orange, the more that patch is listened to. Each panel is scaled to its own maximum, on a square-root scale; “even” is the weight if all ${tokens} patches counted alike, ${formatNumber(100 / tokens, 2)} %. The spectrogram lies beneath in grey.`,
    className: "wide",
  });
  return overGrid + (data.matrix ? renderMatrix(data.matrix, grid, data, layerName, axes) : "");
}

/** Weights of the tokens as palette entries [rows, columns], highest row on top, square-root scale. */
function heatIndices(row: Float32Array, grid: PatchGrid, top: number): Uint8Array {
  const out = new Uint8Array(grid.rows * grid.columns);
  for (let c = 0; c < grid.columns; c++) {
    for (let r = 0; r < grid.rows; r++) {
      const w = row[c * grid.rows + r];
      out[(grid.rows - 1 - r) * grid.columns + c] = quantise(Math.sqrt(Math.max(0, w)), 0, Math.sqrt(top));
    }
  }
  return out;
}

/** All queries at once. */
function renderMatrix(
  matrix: Float32Array,
  grid: PatchGrid,
  data: AttentionPicture,
  layerName: string,
  axes?: MelAxes,
): string {
  const tokens = grid.rows * grid.columns;
  const span = { nMels: data.image.nMels, frames: grid.columns * grid.patchFrames };
  const table = colourTable("viridis");
  const top = matrix.reduce((a, b) => Math.max(a, b), 0);
  const indices = Uint8Array.from(matrix, (w) => quantise(Math.sqrt(Math.max(0, w)), 0, Math.sqrt(top)));
  const uri = pngUri(indices, tokens, tokens, table);
  const alt = `Attention matrix of ${layerName}, ${tokens} by ${tokens}, mean of the heads.`;
  const queryLine = `<svg class="overlay" viewBox="0 0 ${tokens} ${tokens}" preserveAspectRatio="none" aria-hidden="true"><path class="query" d="M0,${data.query}H${tokens}M0,${data.query + 1}H${tokens}"/></svg>`;
  return figure({
    title: "Every patch at once",
    body: `<div class="square">${plane({ layers: picture(uri, alt) + queryLine, image: span, axes, ratio: 1, matrix: true })}</div>${colourBar(table, "0", `${formatNumber(100 * top, 2)} %`)}`,
    caption: `The whole matrix, ${tokens} × ${tokens}, mean of the heads, on a square-root scale: each line is one patch asking, each column one being listened to, both in time order from the upper left, with the ${grid.rows} rows of a moment from low to high. A bright diagonal means patches that look at themselves and their neighbours; bright columns are patches that everybody looks at; stripes ${grid.rows} apart are looks at the same pitch range at other times. The framed line is the patch of the pictures above.`,
  });
}
