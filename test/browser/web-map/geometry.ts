// Made-up points and where they must fall on the screen, in float64 and from the definition of the camera, not from its code.

export interface View {
  yaw: number;
  pitch: number;
  distance: number;
}

/** How the map is seen at first. */
export const start: View = { yaw: 0.6, pitch: 0.35, distance: 3.3 };

/** Uniform numbers from a seed. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Points around one centre a clip, within the unit ball: [clips · windows, 3]. */
export function cloud(seed: number, clips: number, windows: number): number[] {
  const positions: number[] = [];
  const random = uniform(seed);
  for (let c = 0; c < clips; c++) {
    const centre = [0, 0, 0].map(() => 1.1 * (random() - 0.5));
    for (let w = 0; w < windows; w++) positions.push(...centre.map((v) => v + 0.7 * (random() - 0.5)));
  }
  // A few points must leave some free on a narrow picture: those of this seed or of the next that does.
  const enough = positions.length > 180 || freePoints(positions, 320, 320).length >= 4;
  return enough ? positions : cloud(seed + 1, clips, windows);
}

/** Where a point falls on a picture: it is turned by the yaw and the pitch and seen from `distance` with 38 degrees of view. */
export function onScreen(
  [x, y, z]: readonly number[],
  width: number,
  height: number,
  { yaw, pitch, distance } = start,
): { x: number; y: number; depth: number } {
  const away = distance * Math.max(1, (1.02 * height) / width);
  const right = x * Math.cos(yaw) - z * Math.sin(yaw);
  const towards = x * Math.sin(yaw) + z * Math.cos(yaw);
  const up = y * Math.cos(pitch) - towards * Math.sin(pitch);
  const depth = away - (y * Math.sin(pitch) + towards * Math.cos(pitch));
  const focal = height / 2 / Math.tan((19 * Math.PI) / 180);
  return { x: width / 2 + (focal * right) / depth, y: height / 2 - (focal * up) / depth, depth };
}

/** Points that no other one comes near on the screen, nearest to the viewer first. */
export function freePoints(
  positions: readonly number[],
  width: number,
  height: number,
  view = start,
  room = 26,
): { index: number; x: number; y: number }[] {
  const all = Array.from({ length: positions.length / 3 }, (_, i) => ({
    index: i,
    ...onScreen(positions.slice(3 * i, 3 * i + 3), width, height, view),
  }));
  return all
    .filter((a) => a.x > 20 && a.y > 60 && a.x < width - 20 && a.y < height - 20)
    .filter((a) => all.every((b) => a === b || Math.hypot(a.x - b.x, a.y - b.y) > room))
    .sort((a, b) => a.depth - b.depth);
}
