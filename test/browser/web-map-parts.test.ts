// The map's arithmetic against float64: the camera, picking, the order of drawing, and turning a new map onto an old one.
import { describe, expect, it } from "vitest";
import { align, nearestOrthogonal } from "../../web/map/align.js";
import { Atlas } from "../../web/map/atlas.js";
import { matrices, project, turn } from "../../web/map/camera.js";
import { oklch } from "../../web/map/colours.js";
import { farthestFirst, pick } from "../../web/map/picking.js";
import { freshSeed } from "../support/gpu.js";
import { onScreen, uniform } from "./web-map/geometry.js";

const between = (random: () => number, low: number, high: number) => low + (high - low) * random();
const scatter = (random: () => number, n: number) =>
  Float32Array.from({ length: 3 * n }, () => 2 * random() - 1);

/** A random orthogonal matrix [3, 3], by Gram–Schmidt; half of them mirror. */
function orthogonal(random: () => number): number[][] {
  const rows: number[][] = [];
  while (rows.length < 3) {
    const row = [0, 1, 2].map(() => random() - 0.5);
    for (const other of rows) {
      const along = row.reduce((sum, v, i) => sum + v * other[i], 0);
      for (let i = 0; i < 3; i++) row[i] -= along * other[i];
    }
    const length = Math.hypot(...row);
    if (length > 0.1) rows.push(row.map((v) => v / length));
  }
  return rows;
}

describe("the camera", () => {
  it("projects as float64 does, from any side and in any picture", () => {
    const random = uniform(freshSeed("camera"));
    for (let round = 0; round < 40; round++) {
      const view = {
        yaw: between(random, -3, 3),
        pitch: between(random, -1.5, 1.5),
        distance: between(random, 1.9, 9),
      };
      const [width, height] = [between(random, 200, 1500), between(random, 200, 900)];
      const points = scatter(random, 20);
      const got = project(points, matrices(view, width / height).viewProjection, width, height);
      for (let i = 0; i < 20; i++) {
        const want = onScreen([...points.subarray(3 * i, 3 * i + 3)], width, height, view);
        if (want.depth < 0.2) continue;
        const tolerance = 2e-5 * Math.hypot(width, height) * (1 + 3 / want.depth ** 2);
        expect(Math.abs(got[3 * i] - want.x)).toBeLessThan(tolerance);
        expect(Math.abs(got[3 * i + 1] - want.y)).toBeLessThan(tolerance);
        expect(Math.abs(got[3 * i + 2] - want.depth)).toBeLessThan(1e-5 * want.depth + 1e-6);
      }
    }
  });

  it("gives what lies behind it no place, and keeps turns within bounds", () => {
    const { viewProjection } = matrices({ yaw: 0, pitch: 0, distance: 1 }, 1);
    const [x, y, behind] = project(Float32Array.of(0, 0, 5), viewProjection, 100, 100);
    expect([x, y]).toEqual([Number.NaN, Number.NaN]);
    expect(behind).toBeLessThan(0);
    const far = turn({ yaw: 0, pitch: 0, distance: 3 }, { pitch: 99, zoom: 99 });
    expect(far.pitch).toBeLessThan(Math.PI / 2);
    expect(far.distance).toBeLessThan(20);
  });
});

describe("picking", () => {
  it("finds the frontmost disc under the pointer, or else the nearest within reach", () => {
    const random = uniform(freshSeed("pick"));
    let hits = 0;
    for (let round = 0; round < 200; round++) {
      const n = 60;
      const projected = Float32Array.from({ length: 3 * n }, (_, i) =>
        i % 3 === 2 ? between(random, 2, 5) : between(random, 0, 300),
      );
      projected[0] = Number.NaN;
      const [x, y] = [between(random, 0, 300), between(random, 0, 300)];
      const all = Array.from({ length: n - 1 }, (_, k) => {
        const i = k + 1;
        const radius = Math.max(2, 30 / projected[3 * i + 2]);
        const away = Math.hypot(projected[3 * i] - x, projected[3 * i + 1] - y);
        return {
          i,
          beside: Math.max(0, away - radius),
          depth: projected[3 * i + 2],
          near: away <= radius + 5,
        };
      }).filter((each) => each.near);
      const on = all.filter((each) => each.beside === 0).sort((a, b) => a.depth - b.depth);
      const got = pick(projected, x, y, 30, 2, 5);
      if (on.length > 0) expect(got).toBe(on[0].i);
      else if (all.length > 0) {
        const nearest = Math.min(...all.map((each) => each.beside));
        expect(all.find((each) => each.i === got)?.beside).toBeLessThan(nearest + 0.01);
      } else expect(got).toBe(-1);
      if (got >= 0) hits++;
    }
    expect(hits).toBeGreaterThan(20);
  });

  it("orders from far to near, each point once", () => {
    const random = uniform(freshSeed("order"));
    const n = 5000;
    const projected = Float32Array.from({ length: 3 * n }, () => between(random, 1, 7));
    const order = farthestFirst(projected, new Uint32Array(n));
    expect(new Set(order).size).toBe(n);
    for (let k = 1; k < n; k++) {
      expect(projected[3 * order[k] + 2]).toBeLessThan(projected[3 * order[k - 1] + 2] + 6 / 4000);
    }
    expect([...farthestFirst(Float32Array.of(0, 0, 2, 0, 0, 2), new Uint32Array(2))]).toEqual([0, 1]);
    expect(farthestFirst(new Float32Array(0), new Uint32Array(0)).length).toBe(0);
  });
});

describe("aligning", () => {
  it("undoes any turn and any mirroring", () => {
    const random = uniform(freshSeed("align"));
    for (let round = 0; round < 50; round++) {
      const old = scatter(random, 30);
      const q = orthogonal(random);
      const turned = old.map((_, at) => {
        const [i, j] = [at - (at % 3), at % 3];
        return q[j][0] * old[i] + q[j][1] * old[i + 1] + q[j][2] * old[i + 2];
      });
      const pairs = Array.from({ length: 30 }, (_, i) => [i, i] as const);
      const back = align(turned, old, pairs);
      expect(Math.max(...back.map((v, i) => Math.abs(v - old[i])))).toBeLessThan(2e-6);
    }
  });

  it("stays orthogonal where the points lie on a plane, a line or in one place", () => {
    const random = uniform(freshSeed("flat"));
    for (const rank of [0, 1, 2, 3]) {
      const m = new Float64Array(9);
      for (let r = 0; r < rank; r++) {
        const [a, b] = [0, 1].map(() => [0, 1, 2].map(() => random() - 0.5));
        for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) m[3 * i + j] += a[i] * b[j];
      }
      const q = nearestOrthogonal(m);
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) {
          const product = q[3 * i] * q[3 * j] + q[3 * i + 1] * q[3 * j + 1] + q[3 * i + 2] * q[3 * j + 2];
          expect(Math.abs(product - (i === j ? 1 : 0))).toBeLessThan(1e-9);
        }
      }
      // The sum of q·m is the largest that an orthogonal matrix reaches: no random one does better.
      const score = (o: ArrayLike<number>) => m.reduce((sum, v, i) => sum + v * o[i], 0);
      for (let k = 0; k < 200; k++) expect(score(orthogonal(random).flat())).toBeLessThan(score(q) + 1e-9);
    }
  });

  it("keeps points of clips that both maps hold in their places, whatever came or went", () => {
    const random = uniform(freshSeed("atlas"));
    const map = (ids: string[], positions: Float32Array, step: number) =>
      new Atlas({
        points: ids.flatMap((clip) => [0, 4.096].map((from) => ({ clip, from, to: from + 4.096 }))),
        positions,
        explained: 1,
        step,
      });
    const old = map(["a", "b", "c"], scatter(random, 6), 0);
    const mirrored = new Float32Array(18);
    for (const [k, clip] of ["new", "b", "c"].entries()) {
      for (const half of [0, 1]) {
        const from = old.byClip.get(clip)?.[half];
        for (let i = 0; i < 3; i++) {
          mirrored[3 * (2 * k + half) + i] = from === undefined ? random() : -old.positions[3 * from + i];
        }
      }
    }
    const next = new Atlas(
      {
        points: ["new", "b", "c"].flatMap((clip) =>
          [0, 4.096].map((from) => ({ clip, from, to: from + 4.096 })),
        ),
        positions: mirrored,
        explained: 1,
        step: 1,
      },
      old,
    );
    const was = next.positionsIn(old, old.positions);
    for (let i = 6; i < 18; i++) expect(Math.abs(next.positions[i] - was[i])).toBeLessThan(1e-5);
    expect(next.pointAt("b", 5)).toBe(3);
    expect(next.pointAt("b", 99)).toBe(3);
    expect(next.pointAt("a", 0)).toBe(-1);
  });
});

it("converts OKLCh to the sRGB colours that its definition gives", () => {
  expect(oklch(1, 0, 0)).toEqual([255, 255, 255, 255]);
  expect(oklch(0, 0, 0)).toEqual([0, 0, 0, 255]);
  // Red, from the published table of the conversion: L 0.62796, C 0.25768, h 29.234.
  const [r, g, b] = oklch(0.62796, 0.25768, 29.234);
  expect(r).toBeGreaterThanOrEqual(254);
  expect(Math.max(g, b)).toBeLessThanOrEqual(2);
});
