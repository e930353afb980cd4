// Spectrograms as pictures: the axes in seconds and Hz, the patch grid, and masked clips beside their reconstructions.
// Values are drawn as they come (log-mel, normalised or not); nothing is analysed here. Attention is in attention.ts.

import { hzToMel } from "../../audio/mel-filters.js";
import { ShapeError } from "../../gpu/errors.js";
import { type Colour, colourBar, colourTable, pngUri, quantise, RESERVED, valueRange } from "./colour.js";
import { escapeHtml, figure, formatNumber, plural } from "./html.js";
import type { ClipPicture, MaskedClip, MelAxes, MelImage, PatchGrid } from "./types.js";

/** Where a frequency lies between the lower (0) and the upper edge (1) of an image of nMels bands. */
export function frequencyPosition(hz: number, axes: MelAxes, nMels: number): number {
  const lo = hzToMel(axes.fMin, axes.melScale);
  const hi = hzToMel(axes.fMax, axes.melScale);
  // Band i is centred on point i + 1 of nMels + 2 points spaced evenly in mel from fMin to fMax.
  const point = ((hzToMel(hz, axes.melScale) - lo) / (hi - lo)) * (nMels + 1);
  return (point - 0.5) / nMels;
}

/** Throws ShapeError where an image does not hold nMels · frames values. */
export function checkImage(image: MelImage, what: string): void {
  if (image.values.length !== image.nMels * image.frames || image.values.length === 0) {
    throw new ShapeError(
      `report: ${what} holds ${image.values.length} values, not ${image.nMels} bands × ${image.frames} frames; pass [nMels, frames]`,
    );
  }
}

/** The image as palette entries, highest band on top. */
export function melIndices(image: MelImage, lo: number, hi: number): Uint8Array {
  const { nMels, frames, values } = image;
  const out = new Uint8Array(nMels * frames);
  for (let m = 0; m < nMels; m++) {
    for (let t = 0; t < frames; t++) {
      out[(nMels - 1 - m) * frames + t] = quantise(values[m * frames + t], lo, hi);
    }
  }
  return out;
}

/** The contrast that suits an image: all but its faintest and loudest specks. */
export function contrast(image: MelImage): [number, number] {
  return valueRange(image.values, 0.01, 0.998);
}

/** SVG path of all borders between patches, in units of frames and bands, y downwards. */
export function gridPath(grid: PatchGrid, nMels: number, frames: number): string {
  let path = "";
  for (let c = 1; c < grid.columns; c++) path += `M${c * grid.patchFrames},0V${nMels}`;
  for (let r = 1; r < grid.rows; r++) path += `M0,${nMels - r * grid.patchMels}H${frames}`;
  return path;
}

/** SVG path around a set of tokens, only where a token borders one that is not in the set. */
export function outlinePath(tokens: ArrayLike<number>, grid: PatchGrid, nMels: number): string {
  const inside = new Set(Array.from(tokens));
  const has = (c: number, r: number) =>
    c >= 0 && c < grid.columns && r >= 0 && r < grid.rows && inside.has(c * grid.rows + r);
  let path = "";
  for (const token of inside) {
    const c = Math.floor(token / grid.rows);
    const r = token % grid.rows;
    const x0 = c * grid.patchFrames;
    const x1 = x0 + grid.patchFrames;
    const y0 = nMels - (r + 1) * grid.patchMels;
    const y1 = y0 + grid.patchMels;
    if (!has(c - 1, r)) path += `M${x0},${y0}V${y1}`;
    if (!has(c + 1, r)) path += `M${x1},${y0}V${y1}`;
    if (!has(c, r + 1)) path += `M${x0},${y0}H${x1}`;
    if (!has(c, r - 1)) path += `M${x0},${y1}H${x1}`;
  }
  return path;
}

/**
 * One picture with its axes; `layers` are <img> and overlay elements, stacked. With `matrix` both axes are time, from the
 * upper left; without `axes` they have names only.
 */
export function plane(options: {
  layers: string;
  image: { nMels: number; frames: number };
  axes?: MelAxes;
  ratio: number;
  small?: boolean;
  matrix?: boolean;
}): string {
  const { axes, image, small, matrix } = options;
  const tick = (side: string, at: number, text: string) =>
    `<span style="${side}:${Math.round(at * 1e4) / 100}%">${text}</span>`;
  let left = "";
  let below = "";
  if (axes) {
    const seconds = (image.frames * axes.hopLength) / axes.sampleRate;
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60];
    const step = steps.find((s) => seconds / s <= (small ? 3 : matrix ? 5 : 9)) ?? 120;
    for (let i = 0; i * step <= seconds * 1.0001; i++) {
      const text = `${formatNumber(i * step, 3)} s`;
      below += tick("left", (i * step) / seconds, text);
      if (matrix) left += tick("top", (i * step) / seconds, text);
    }
    const wanted = matrix ? [] : small ? [250, 1000, 4000] : [250, 500, 1000, 2000, 4000, 8000, 16000];
    for (const hz of wanted) {
      const at = frequencyPosition(hz, axes, image.nMels);
      if (hz >= axes.fMin && hz <= axes.fMax && at >= 0) {
        left += tick("bottom", Math.min(1, at), hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`);
      }
    }
  } else {
    left = tick("bottom", 0.5, matrix ? "asking" : "mel band");
    below = tick("left", 0.5, matrix ? "listened to" : "frame");
  }
  return `<div class="plane"><div class="yaxis" aria-hidden="true">${left}</div><div class="picture" style="aspect-ratio:${options.ratio}">${options.layers}</div><div class="xaxis" aria-hidden="true">${below}</div></div>`;
}

/** A picture element; `alt` is plain text. */
export function picture(uri: string, alt: string): string {
  return `<img src="${uri}" alt="${escapeHtml(alt)}">`;
}

/** Lines over a picture, in units of frames and bands. */
export function overlay(
  image: { nMels: number; frames: number },
  paths: { d: string; className: string }[],
): string {
  const drawn = paths.map((p) => `<path class="${p.className}" d="${p.d}"/>`).join("");
  return `<svg class="overlay" viewBox="0 0 ${image.frames} ${image.nMels}" preserveAspectRatio="none" aria-hidden="true">${drawn}</svg>`;
}

/** The part "spectrogram": one clip cut into patches. */
export function renderSpectrogram(clip: ClipPicture, axes?: MelAxes, grid?: PatchGrid): string {
  checkImage(clip.image, `the spectrogram of ${clip.title}`);
  const { image } = clip;
  const table = colourTable("magma");
  const [lo, hi] = contrast(image);
  const uri = pngUri(melIndices(image, lo, hi), image.frames, image.nMels, table);
  const lines = grid
    ? overlay(image, [{ d: gridPath(grid, image.nMels, image.frames), className: "grid" }])
    : "";
  const alt = `Mel spectrogram of ${clip.title}, ${image.nMels} bands by ${image.frames} frames${grid ? `, with lines that cut it into ${grid.rows} by ${grid.columns} patches` : ""}.`;
  const span = axes
    ? ` One patch spans ${formatNumber(((grid?.patchFrames ?? 0) * axes.hopLength * 1000) / axes.sampleRate, 3)} ms.`
    : "";
  const words = grid
    ? `The squares are the patches, ${grid.patchMels} bands × ${grid.patchFrames} frames each: ${grid.rows * grid.columns} in all (${grid.rows} from low to high, ${grid.columns} in time). They are the “words” that the model reads.${span}`
    : "";
  return figure({
    title: clip.title,
    body:
      plane({ layers: picture(uri, alt) + lines, image, axes, ratio: 2.6 }) +
      colourBar(table, "quiet", "loud"),
    caption: `Time runs to the right, pitch upwards, and brighter is louder. ${words}`,
    className: "wide",
  });
}

/** Writes predicted patches [masked, patchMels · patchFrames] into a copy of the image. */
export function fillPatches(
  image: MelImage,
  grid: PatchGrid,
  masked: ArrayLike<number>,
  predictions: Float32Array,
): MelImage {
  const size = grid.patchMels * grid.patchFrames;
  if (predictions.length !== masked.length * size) {
    throw new ShapeError(
      `report: ${predictions.length} predicted values are not ${masked.length} patches of ${size}; pass [masked, patchMels · patchFrames]`,
    );
  }
  const values = image.values.slice();
  eachMaskedValue(image, grid, masked, (at, i) => {
    values[at] = predictions[i];
  });
  return { ...image, values };
}

/** Calls `visit(index in the image, index in the flattened patches)` for every value of the masked patches. */
function eachMaskedValue(
  image: MelImage,
  grid: PatchGrid,
  masked: ArrayLike<number>,
  visit: (at: number, i: number) => void,
): void {
  for (let p = 0; p < masked.length; p++) {
    const column = Math.floor(masked[p] / grid.rows);
    const row = masked[p] % grid.rows;
    for (let m = 0; m < grid.patchMels; m++) {
      for (let t = 0; t < grid.patchFrames; t++) {
        const mel = row * grid.patchMels + m;
        const frame = column * grid.patchFrames + t;
        if (mel >= image.nMels || frame >= image.frames) continue;
        visit(mel * image.frames + frame, (p * grid.patchMels + m) * grid.patchFrames + t);
      }
    }
  }
}

/** The part "reconstructions": for each clip the original, the masked and the filled-in picture. */
export function renderReconstructions(
  clips: MaskedClip[],
  grid: PatchGrid,
  axes?: MelAxes,
  note?: string,
): string {
  const table = colourTable("magma");
  return clips
    .map((clip) => {
      const { image, masked } = clip;
      checkImage(image, `the masked clip ${clip.title}`);
      const [lo, hi] = contrast(image);
      const png = (indices: Uint8Array, palette: Colour[] = table) =>
        pngUri(indices, image.frames, image.nMels, palette);
      const original = melIndices(image, lo, hi);
      const greyed = original.slice();
      eachMaskedValue(image, grid, masked, (at) => {
        const mel = Math.floor(at / image.frames);
        greyed[(image.nMels - 1 - mel) * image.frames + (at % image.frames)] = RESERVED;
      });
      const lines = overlay(image, [{ d: outlinePath(masked, grid, image.nMels), className: "outline" }]);
      const panel = (name: string, layers: string) =>
        `<div class="panel"><h4>${name}</h4>${plane({ layers, image, axes, ratio: 1.25, small: true })}</div>`;
      const share = Math.round((100 * masked.length) / (grid.rows * grid.columns));
      let panels =
        panel("Original", picture(png(original), `Spectrogram of ${clip.title}.`)) +
        panel(
          "What the model saw",
          picture(png(greyed), `The same with ${masked.length} patches greyed out.`),
        );
      if (clip.predictions) {
        const filled = fillPatches(image, grid, masked, clip.predictions);
        panels += panel(
          "What it filled in",
          picture(
            png(melIndices(filled, lo, hi)),
            "The same with the greyed patches replaced by the model's predictions.",
          ) + lines,
        );
      }
      const error = clip.mse === undefined ? "" : ` Mean squared error there: ${formatNumber(clip.mse, 3)}.`;
      const last = clip.predictions
        ? `In the last picture the masked patches, outlined, hold the model's predictions; the rest is copied from the original.${error}`
        : "This objective predicts no spectrogram, so there is no reconstruction to show.";
      return figure({
        title: clip.title,
        body: `<div class="triple">${panels}</div>`,
        caption: `${plural(masked.length, "patch", "patches")} of ${grid.rows * grid.columns} (${share} %) were masked. ${last}${note ? ` ${note}` : ""}`,
        className: "wide",
      });
    })
    .join("");
}
