// A crop of a log-mel on a canvas with its patches: lines between them, some masked, some weighted, one outlined. Patch numbers are
// time-major: column·rows + row, row 0 the lowest bands. Not here: which crop, and what the worker says of it.
import { paint } from "../colour.js";
import { sharpContext } from "../dom.js";
import type { MelImage, ModelInfo } from "../protocol.js";

export interface CropPicture {
  canvas: HTMLCanvasElement;
  width: number;
  height: number;
}

/** Colours values [nMels, frames] once; drawn as often as needed. */
export function cropPicture(
  values: Float32Array,
  nMels: number,
  frames: number,
  range: readonly [number, number],
  colours: Uint8ClampedArray,
): CropPicture {
  const canvas = document.createElement("canvas");
  canvas.width = frames;
  canvas.height = nMels;
  canvas.getContext("2d")?.putImageData(paint(values, nMels, frames, range, colours), 0, 0);
  return { canvas, width: frames, height: nMels };
}

/** The crop's part of a clip's log-mel; what lies beyond the clip's end is 0, as silence is. */
export function cutCrop(mel: MelImage, start: number, frames: number): Float32Array {
  const out = new Float32Array(mel.nMels * frames);
  const there = Math.max(0, Math.min(frames, mel.frames - start));
  for (let row = 0; row < mel.nMels; row++) {
    const line = row * mel.frames + start;
    out.set(mel.values.subarray(line, line + there), row * frames);
  }
  return out;
}

export interface CropMarks {
  /** Lines between patches. */
  lines?: boolean;
  masked?: ArrayLike<number>;
  maskColour?: string;
  outlined?: number;
  /** [tokens], how strongly each patch is coloured, 0 to 1. */
  weights?: Float32Array;
}

/** Draws a crop over the whole canvas. */
export function drawCrop(
  canvas: HTMLCanvasElement,
  picture: CropPicture,
  grid: Grid,
  marks: CropMarks = {},
): void {
  const context = sharpContext(canvas);
  if (!context) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  context.imageSmoothingEnabled = false;
  context.drawImage(picture.canvas, 0, 0, width, height);
  const edge = (column: number, row: number) => {
    const x = Math.round((column / grid.columns) * width);
    const y = Math.round((1 - (row + 1) / grid.rows) * height);
    const right = Math.round(((column + 1) / grid.columns) * width);
    const below = Math.round((1 - row / grid.rows) * height);
    return [x, y, right - x, below - y] as const;
  };
  const place = (patch: number) => edge(Math.floor(patch / grid.rows), patch % grid.rows);
  if (marks.weights) {
    for (const [patch, weight] of marks.weights.entries()) {
      const share = Math.sqrt(Math.min(1, Math.max(0, weight)));
      context.fillStyle = `rgb(255 ${Math.round(178 - 96 * share)} ${Math.round(32 * (1 - share))} / ${(0.88 * share).toFixed(3)})`;
      context.fillRect(...place(patch));
    }
  }
  if (marks.masked) {
    context.fillStyle = marks.maskColour ?? "#8a8592";
    for (let i = 0; i < marks.masked.length; i++) context.fillRect(...place(marks.masked[i]));
  }
  if (marks.lines) {
    context.fillStyle = "rgb(255 255 255 / 32%)";
    for (let column = 1; column < grid.columns; column++) {
      context.fillRect(Math.round((column / grid.columns) * width), 0, 1, height);
    }
    for (let row = 1; row < grid.rows; row++) {
      context.fillRect(0, Math.round((row / grid.rows) * height), width, 1);
    }
  }
  if (marks.outlined !== undefined) {
    const [x, y, wide, high] = place(marks.outlined);
    outline(context, [x + 0.5, y + 0.5, wide - 1, high - 1], 2.5, "rgb(0 0 0 / 70%)");
  }
}

/** A white frame of some width on one twice as wide in another colour, so that it is seen on any picture. */
export function outline(
  context: CanvasRenderingContext2D,
  [x, y, wide, high]: readonly [number, number, number, number],
  width: number,
  behind: string,
): void {
  for (const [line, colour] of [
    [2 * width, behind],
    [width, "#fff"],
  ] as const) {
    context.lineWidth = line;
    context.strokeStyle = colour;
    context.strokeRect(x, y, wide, high);
  }
}

export type Grid = Pick<ModelInfo["grid"], "rows" | "columns">;

/** The patch under a pointer. */
export function patchAt(
  canvas: HTMLCanvasElement,
  grid: Grid,
  event: { clientX: number; clientY: number },
): number {
  const box = canvas.getBoundingClientRect();
  const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
  const column = clamp((event.clientX - box.left) / box.width, grid.columns);
  const row = clamp(1 - (event.clientY - box.top) / box.height, grid.rows);
  return column * grid.rows + row;
}
