// The player's two canvases: below what stands still (waveform, log-mel, axes), above what moves (the crop's frame, the playhead).
// It draws what it is told; it asks nothing and hears no keys.

import type { ModelConfig } from "../../src/patchifier/config.js";
import { sharpContext, styleOf } from "../dom.js";
import { frequencyTicks, timeTicks } from "./axes.js";
import { outline } from "./crop.js";
import type { MelPicture } from "./spectrogram.js";
import type { WaveformPicture } from "./waveform.js";

/** Left of the pictures, in CSS pixels: names of frequencies. */
export const LEFT = 52;
const WAVE_HEIGHT = 64;
const TOP = WAVE_HEIGHT + 8;
const BOTTOM = 24;

/** Seconds on the screen. */
export interface Range {
  from: number;
  to: number;
}

export interface Pictures {
  mel?: MelPicture;
  wave?: { picture: WaveformPicture; rate: number };
}

/** Everything that stands still: the two pictures and the axes. */
export function drawStill(
  canvas: HTMLCanvasElement,
  { mel, wave }: Pictures,
  { from, to }: Range,
  frontEnd: ModelConfig["frontEnd"] | undefined,
): void {
  const context = sharpContext(canvas);
  if (!context) return;
  const { clientWidth, clientHeight } = canvas;
  const style = styleOf(canvas);
  const width = clientWidth - LEFT;
  const height = clientHeight - TOP - BOTTOM;
  const perFrame = secondsPerFrame(frontEnd);
  context.clearRect(0, 0, clientWidth, clientHeight);
  context.fillStyle = style("--sunken");
  context.fillRect(LEFT, 0, width, WAVE_HEIGHT);
  context.fillRect(LEFT, TOP, width, height);
  if (wave) {
    const area = { x: LEFT, y: 4, width, height: WAVE_HEIGHT - 8 };
    wave.picture.draw(context, from * wave.rate, to * wave.rate, area, style("--wave"));
  }
  mel?.draw(context, from / perFrame, to / perFrame, { x: LEFT, y: TOP, width, height });
  context.fillStyle = style("--muted");
  context.font = style("--small-font");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const { height: share, text } of frontEnd ? frequencyTicks(frontEnd) : []) {
    const y = TOP + (1 - share) * height;
    context.fillText(text, LEFT - 8, y);
    context.fillRect(LEFT - 4, Math.round(y), 4, 1);
  }
  const axis = clientHeight - BOTTOM;
  for (const { at, text } of timeTicks(from, to, width)) {
    const x = LEFT + ((at - from) / (to - from)) * width;
    context.textAlign = x < LEFT + 16 ? "left" : x > clientWidth - 16 ? "right" : "center";
    context.fillRect(Math.min(clientWidth - 1, Math.round(x)), axis, 1, 4);
    context.fillText(text, x, axis + 14);
  }
}

/** The playhead at `now` and the frame around the crop, seconds. */
export function drawMoving(
  canvas: HTMLCanvasElement,
  { from, to }: Range,
  now: number,
  crop: Range | undefined,
): void {
  const context = sharpContext(canvas);
  if (!context) return;
  const { clientWidth, clientHeight } = canvas;
  const width = clientWidth - LEFT;
  const xOf = (seconds: number) => LEFT + ((seconds - from) / (to - from)) * width;
  context.clearRect(0, 0, clientWidth, clientHeight);
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, width, clientHeight - BOTTOM);
  context.clip();
  if (crop) {
    const x = xOf(crop.from);
    const [wide, high] = [xOf(crop.to) - x, clientHeight - TOP - BOTTOM];
    outline(context, [x + 1, TOP + 1, wide - 2, high - 2], 2, "rgb(0 0 0 / 55%)");
  }
  const x = Math.round(xOf(now));
  context.fillStyle = "rgb(0 0 0 / 55%)";
  context.fillRect(x - 2, 0, 4, clientHeight);
  context.fillStyle = "#7fe3ff";
  context.fillRect(x - 1, 0, 2, clientHeight);
  context.restore();
}

/** Seconds of a frame of the log-mel; before a model is known, those of every preset. */
export function secondsPerFrame(frontEnd: ModelConfig["frontEnd"] | undefined): number {
  return frontEnd ? frontEnd.hopLength / frontEnd.sampleRate : 0.032;
}
