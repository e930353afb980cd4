// The lines of the map besides its points: the ground, the three axes, a piece's way through its windows, links to neighbours.
import type { Line, Rgba } from "./scene.js";

const GROUND = -1;
const RINGS = [0.5, 1, 1.5];
const SEGMENTS = 64;

/** A round grid below the points and the three axes, faint. */
export function surroundings(ink: Rgba): Line[] {
  const lines: Line[] = [];
  const faint = (alpha: number): Rgba => [ink[0], ink[1], ink[2], alpha];
  for (const radius of RINGS) {
    const at = (k: number) => {
      const angle = (2 * Math.PI * k) / SEGMENTS;
      return [radius * Math.sin(angle), GROUND, radius * Math.cos(angle)];
    };
    for (let k = 0; k < SEGMENTS; k++) {
      lines.push({ from: at(k), to: at(k + 1), colour: faint(34), width: 1 });
    }
  }
  const reach = RINGS[RINGS.length - 1];
  for (let k = 0; k < 6; k++) {
    const [x, z] = [reach * Math.sin((Math.PI * k) / 6), reach * Math.cos((Math.PI * k) / 6)];
    lines.push({ from: [-x, GROUND, -z], to: [x, GROUND, z], colour: faint(20), width: 1 });
  }
  for (let axis = 0; axis < 3; axis++) {
    const end = [0, 0, 0];
    end[axis] = 1;
    lines.push({ from: end.map((v) => -v), to: end, colour: faint(52), width: 1 });
  }
  return lines;
}

/** From window to window of one clip, in the order of time. */
export function path(positions: Float32Array, points: readonly number[], colour: Rgba): Line[] {
  const lines: Line[] = [];
  for (let k = 1; k < points.length; k++) {
    lines.push({
      from: at(positions, points[k - 1]),
      to: at(positions, points[k]),
      colour: [colour[0], colour[1], colour[2], 120],
      width: 1.25,
    });
  }
  return lines;
}

/** From one point to others, the nearest strongest. */
export function links(positions: Float32Array, from: number, to: readonly number[], colour: Rgba): Line[] {
  return to.map((point, rank) => ({
    from: at(positions, from),
    to: at(positions, point),
    colour: [colour[0], colour[1], colour[2], Math.round(230 - (150 * rank) / Math.max(1, to.length - 1))],
    width: 1.75,
  }));
}

/** Down to the ground, so that a point's place in depth can be read. */
export function plumb(positions: Float32Array, point: number, ink: Rgba): Line[] {
  const [x, y, z] = at(positions, point);
  const colour: Rgba = [ink[0], ink[1], ink[2], 110];
  const cross = (dx: number, dz: number): Line => ({
    from: [x - dx, GROUND, z - dz],
    to: [x + dx, GROUND, z + dz],
    colour,
    width: 1.25,
  });
  return [{ from: [x, y, z], to: [x, GROUND, z], colour, width: 1 }, cross(0.04, 0), cross(0, 0.04)];
}

function at(positions: Float32Array, point: number): [number, number, number] {
  return [positions[3 * point], positions[3 * point + 1], positions[3 * point + 2]];
}
