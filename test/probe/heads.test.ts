// The heads: what they return is where their objective's gradient vanishes, computed here anew in plain loops.
import { describe, expect, it } from "vitest";
import { minimise } from "../../src/probe/lbfgs.js";
import { LogisticProblem, linearScores, oneHot, softmaxRows } from "../../src/probe/logistic.js";
import { Cholesky, timesTransposed, transposedTimes } from "../../src/probe/matrix.js";
import { RidgeProblem } from "../../src/probe/ridge.js";
import { Standardiser } from "../../src/probe/standardise.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("probe heads"));
const normals = (length: number) => Float64Array.from({ length }, () => random.normal());

/** Standardised, correlated rows. */
function rows(n: number, d: number): Float64Array {
  const x = normals(n * d);
  for (let i = 0; i < n; i++) for (let j = 1; j < d; j++) x[i * d + j] += 0.9 * x[i * d + j - 1];
  return new Standardiser(x, d).apply(x);
}

/** The largest component of the gradient of C·Σ loss + ½‖w‖², per sample. */
function gradientOf(
  x: Float64Array,
  y: Float64Array,
  d: number,
  outputs: number,
  probability: Float64Array,
  weight: Float64Array,
  C: number,
): number {
  const n = x.length / d;
  let most = 0;
  for (let k = 0; k < outputs; k++) {
    let bias = 0;
    for (let i = 0; i < n; i++) bias += probability[i * outputs + k] - y[i * outputs + k];
    most = Math.max(most, Math.abs(bias) / n);
    for (let j = 0; j < d; j++) {
      let g = weight[k * d + j] / C;
      for (let i = 0; i < n; i++) g += (probability[i * outputs + k] - y[i * outputs + k]) * x[i * d + j];
      most = Math.max(most, Math.abs(g) / n);
    }
  }
  return most;
}

describe("logistic regression", () => {
  it.each([
    [40, 5, 3, 1],
    [63, 65, 4, 0.01],
    [90, 16, 24, 100],
  ])("ends where the gradient vanishes: softmax, n %i, d %i, %i classes, C %f", (n, d, classes, C) => {
    const x = rows(n, d);
    const labels = Int32Array.from({ length: n }, (_, i) => (i < classes ? i : random.integer(classes)));
    const y = oneHot(labels, classes);
    const head = new LogisticProblem(x, y, d, classes, "softmax").fit({ C, tolerance: 1e-9 });
    expect(head.converged).toBe(true);
    const p = softmaxRows(linearScores(head, x, d), classes);
    expect(gradientOf(x, y, d, classes, p, head.weight, C)).toBeLessThan(1e-8);
    expect(head.bias.reduce((a, b) => a + b)).toBeCloseTo(0, 6);
  });

  it("fits each tag as if it were alone", () => {
    const [n, d, tags, C] = [80, 12, 3, 0.3];
    const x = rows(n, d);
    const y = Float64Array.from({ length: n * tags }, (_, i) =>
      random.uniform() < 0.2 + 0.2 * (i % tags) ? 1 : 0,
    );
    const head = new LogisticProblem(x, y, d, tags, "sigmoid").fit({ C, tolerance: 1e-10 });
    const p = linearScores(head, x, d).map((s) => 1 / (1 + Math.exp(-s)));
    expect(gradientOf(x, y, d, tags, p, head.weight, C)).toBeLessThan(1e-9);
    for (let k = 0; k < tags; k++) {
      const own = Float64Array.from({ length: n }, (_, i) => y[i * tags + k]);
      const alone = new LogisticProblem(x, own, d, 1, "sigmoid").fit({ C, tolerance: 1e-10 });
      for (let j = 0; j < d; j++) expect(head.weight[k * d + j]).toBeCloseTo(alone.weight[j], 7);
      expect(head.bias[k]).toBeCloseTo(alone.bias[0], 7);
    }
  });

  it("gives what never varies a constant", () => {
    const x = rows(20, 3);
    const tags = Float64Array.from({ length: 60 }, (_, i) => [1, 0, Math.floor(i / 3) % 2][i % 3]);
    const head = new LogisticProblem(x, tags, 3, 3, "sigmoid").fit({ C: 1 });
    expect([...head.weight.subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(head.bias[0]).toBeGreaterThan(3);
    expect(head.bias[1]).toBeLessThan(-3);
    const seen = Int32Array.from({ length: 20 }, (_, i) => 2 * (i % 2));
    const classes = new LogisticProblem(x, oneHot(seen, 3), 3, 3, "softmax").fit({ C: 1 });
    const p = softmaxRows(linearScores(classes, x, 3), 3);
    for (let i = 0; i < 20; i++) {
      expect(p[3 * i + 1]).toBe(0);
      expect(p[3 * i] + p[3 * i + 2]).toBeCloseTo(1, 12);
    }
  });
});

describe("ridge", () => {
  it("ends where the gradient vanishes", () => {
    const [n, d, outputs, alpha] = [50, 9, 2, 3];
    const x = rows(n, d);
    const y = normals(n * outputs);
    const head = new RidgeProblem(x, y, d, outputs).fit(alpha);
    const residual = linearScores(head, x, d).map((score, i) => score - y[i]);
    for (let k = 0; k < outputs; k++) {
      let bias = 0;
      for (let i = 0; i < n; i++) bias += residual[i * outputs + k];
      expect(bias).toBeCloseTo(0, 9);
      for (let j = 0; j < d; j++) {
        let g = alpha * head.weight[k * d + j];
        for (let i = 0; i < n; i++) g += residual[i * outputs + k] * x[i * d + j];
        expect(g).toBeCloseTo(0, 9);
      }
    }
  });
});

describe("what they stand on", () => {
  it.each([
    [1, 1, 1],
    [7, 5, 3],
    [65, 63, 9],
  ])("multiplies as plain loops do: n %i, k %i, d %i", (n, k, d) => {
    const [a, b] = [normals(n * d), normals(k * d)];
    const scores = new Float64Array(n * k);
    timesTransposed(a, b, d, scores);
    const back = new Float64Array(k * d);
    transposedTimes(scores, a, n, k, d, back);
    for (let j = 0; j < k; j++) {
      for (let c = 0; c < d; c++) {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          let score = 0;
          for (let e = 0; e < d; e++) score += a[i * d + e] * b[j * d + e];
          expect(scores[i * k + j]).toBeCloseTo(score, 9);
          sum += score * a[i * d + c];
        }
        expect(back[j * d + c]).toBeCloseTo(sum, 8);
      }
    }
  });

  it("solves with a factor, and refuses what is not positive definite", () => {
    const d = 6;
    const a = normals(8 * d);
    const matrix = new Float64Array(d * d);
    transposedTimes(a, a, 8, d, d, matrix);
    const wanted = normals(d);
    const vector = new Float64Array(d + 1);
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) vector[i + 1] += matrix[i * d + j] * wanted[j];
    new Cholesky(matrix, d).solve(vector, 1, 1);
    for (let i = 0; i < d; i++) expect(vector[i + 1]).toBeCloseTo(wanted[i], 6);
    expect(() => new Cholesky(Float64Array.of(1, 2, 2, 1), 2)).toThrow(/positive definite/);
    expect(() => new Cholesky(Float64Array.of(Number.NaN), 1)).toThrow(/positive definite/);
  });

  it("finds the bottom of Rosenbrock's valley", () => {
    const found = minimise(
      ([x, y], gradient) => {
        gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
        gradient[1] = 200 * (y - x * x);
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
      },
      Float64Array.of(-1.2, 1),
      { tolerance: 1e-9 },
    );
    expect(found.converged).toBe(true);
    expect(found.x[0]).toBeCloseTo(1, 7);
    expect(found.x[1]).toBeCloseTo(1, 7);
  });

  it("standardises, keeps constant features, and refuses what is not finite", () => {
    const x = Float64Array.of(1, 0.1, 3, 0.1, 5, 0.1);
    const scaler = new Standardiser(x, 2);
    expect([...scaler.mean]).toEqual([3, expect.closeTo(0.1, 15)]);
    expect([...scaler.scale]).toEqual([expect.closeTo(Math.sqrt(8 / 3), 12), 1]);
    expect(scaler.apply(x.slice())[0]).toBeCloseTo(-Math.sqrt(1.5), 12);
    expect(() => new Standardiser(Float64Array.of(1, Number.NaN), 1)).toThrow(/finite/);
  });
});
