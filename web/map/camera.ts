// An orbit camera around the origin: yaw, pitch, distance, the matrices made of them, and where a point falls on the screen.
// It listens to nothing (controls.ts) and draws nothing.
import { mat4, vec4 } from "gl-matrix";

/** The vertical field of view in radians: from HOME the whole ball fits. */
export const FIELD_OF_VIEW = (38 * Math.PI) / 180;
const NEAR = 0.05;
const FAR = 60;
export const NEAREST = 0.6;
export const FARTHEST = 12;
/** Just short of the poles, where "up" would turn over. */
const STEEPEST = 1.52;

/** What a person can turn. Angles in radians; distance from the origin in units of the ball's radius. */
export interface Orbit {
  yaw: number;
  pitch: number;
  distance: number;
}

export const HOME: Readonly<Orbit> = { yaw: 0.6, pitch: 0.35, distance: 3.3 };

/** Turns by angles and moves by a factor, kept within what can be shown. */
export function turn(orbit: Orbit, by: { yaw?: number; pitch?: number; zoom?: number }): Orbit {
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  return {
    yaw: (orbit.yaw + (by.yaw ?? 0)) % (2 * Math.PI),
    pitch: clamp(orbit.pitch + (by.pitch ?? 0), -STEEPEST, STEEPEST),
    distance: clamp(orbit.distance * (by.zoom ?? 1), NEAREST, FARTHEST),
  };
}

export interface Matrices {
  /** World to clip space, column-major, depth from 0 to 1 as WebGPU has it. */
  viewProjection: mat4;
  /** Where the camera is. */
  eye: [number, number, number];
}

/** The matrices of an orbit in a picture `aspect` times as wide as high. Narrow pictures look from farther away. */
export function matrices(orbit: Orbit, aspect: number): Matrices {
  const distance = orbit.distance * Math.max(1, 1.02 / aspect);
  const flat = Math.cos(orbit.pitch) * distance;
  const eye: [number, number, number] = [
    Math.sin(orbit.yaw) * flat,
    Math.sin(orbit.pitch) * distance,
    Math.cos(orbit.yaw) * flat,
  ];
  const view = mat4.lookAt(mat4.create(), eye, [0, 0, 0], [0, 1, 0]);
  const projection = mat4.perspectiveZO(mat4.create(), FIELD_OF_VIEW, aspect, NEAR, FAR);
  return { viewProjection: mat4.multiply(mat4.create(), projection, view), eye };
}

/**
 * Points [n, 3] on a picture of width × height: [n, 3] of x and y in the picture's units, y down, and the distance along the
 * view; points behind the camera get NaN. One multiplication a point, without allocation where `into` is given.
 */
export function project(
  positions: Float32Array,
  m: mat4,
  width: number,
  height: number,
  into = new Float32Array(positions.length),
): Float32Array {
  const [m0, m1, , m3, m4, m5, , m7, m8, m9, , m11, m12, m13, , m15] = m as Float32Array;
  for (let i = 0; i < positions.length; i += 3) {
    const x = positions[i];
    const y = positions[i + 1];
    const z = positions[i + 2];
    const w = m3 * x + m7 * y + m11 * z + m15;
    if (w <= NEAR) {
      into[i] = Number.NaN;
      into[i + 1] = Number.NaN;
    } else {
      into[i] = ((m0 * x + m4 * y + m8 * z + m12) / w + 1) * 0.5 * width;
      into[i + 1] = (1 - (m1 * x + m5 * y + m9 * z + m13) / w) * 0.5 * height;
    }
    into[i + 2] = w;
  }
  return into;
}

/** One point, for labels. */
export function projectOne(
  point: ArrayLike<number>,
  m: mat4,
  width: number,
  height: number,
): [number, number] | undefined {
  const [x, y, , w] = vec4.transformMat4(vec4.create(), [point[0], point[1], point[2], 1], m);
  if (w <= NEAR) return undefined;
  return [(x / w + 1) * 0.5 * width, (1 - y / w) * 0.5 * height];
}

/** Pixels that a length of 1 at view distance w covers in a picture `height` pixels high. */
export function pixelsPerUnit(height: number): number {
  return height / (2 * Math.tan(FIELD_OF_VIEW / 2));
}
