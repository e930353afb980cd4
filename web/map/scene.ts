// What a picture of the map is made of: points, lines and the colours around them. Plain data; the renderers draw it.
import type { mat4 } from "gl-matrix";
import { pixelsPerUnit } from "./camera.js";

/** Red, green, blue, alpha; 0..255, not premultiplied. */
export type Rgba = readonly [number, number, number, number];

/** How a point stands out. */
export const Look = {
  Plain: 0,
  /** Stands back while others are shown. */
  Dim: 1,
  /** Drawn larger, with a ring. */
  Ring: 2,
  /** Larger still: what the pointer is on, or what sounds. */
  Focus: 3,
} as const;

export interface Line {
  from: ArrayLike<number>;
  to: ArrayLike<number>;
  colour: Rgba;
  /** CSS pixels. */
  width: number;
}

export interface Scene {
  /** [n, 3] */
  positions: Float32Array;
  /** [n, 4], 0..255 */
  colours: Uint8Array;
  /** [n], of Look */
  looks: Uint8Array;
  /** Behind the points, in this order. */
  lines: Line[];
  /** A point's radius in the world's units. */
  size: number;
  /** Counted up when positions, colours or looks change, and when lines do: renderers upload what is new. */
  pointsVersion: number;
  linesVersion: number;
  /** What far points fade into, and the rings. */
  background: Rgba;
  ink: Rgba;
}

export function emptyScene(): Scene {
  return {
    positions: new Float32Array(0),
    colours: new Uint8Array(0),
    looks: new Uint8Array(0),
    lines: [],
    size: 0.03,
    pointsVersion: 1,
    linesVersion: 1,
    background: [253, 253, 252, 255],
    ink: [27, 29, 33, 255],
  };
}

/** What changes from frame to frame. */
export interface Frame {
  viewProjection: mat4;
  /** CSS pixels. */
  width: number;
  height: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
  /** [n, 3]: x and y in CSS pixels, and the view distance. */
  projected: Float32Array;
  /** Point numbers, farthest first. */
  order: Uint32Array;
  /** View distance of the ball's front and back: the range of the depth cue. */
  front: number;
  back: number;
}

export interface Renderer {
  readonly kind: "webgpu" | "canvas";
  draw(scene: Scene, frame: Frame): void;
  /** Resolves when what was drawn is on the canvas. */
  finished(): Promise<void>;
  dispose(): void;
}

/** Radius in CSS pixels below which no point falls, whatever its distance. */
export const SMALLEST = 1.8;

/** Radius in the world for n points: a handful are beads, thousands are dust. */
export function sizeFor(n: number): number {
  return Math.min(0.045, Math.max(0.011, 0.045 * Math.cbrt(40 / Math.max(1, n))));
}

/** How much larger a look is drawn. */
export function growth(look: number): number {
  return look === Look.Focus ? 1.9 : look === Look.Ring ? 1.45 : 1;
}

/** Share of the background in a point's colour: 0 at the front of the ball, `most` at its back. */
export function fade(distance: number, frame: { front: number; back: number }, dim: boolean): number {
  const t = Math.min(1, Math.max(0, (distance - frame.front) / (frame.back - frame.front)));
  return dim ? 0.62 + 0.22 * t : 0.55 * t;
}

/** CSS pixels of a length of 1 at view distance 1. */
export function pixelSize(frame: { height: number }): number {
  return pixelsPerUnit(frame.height);
}
