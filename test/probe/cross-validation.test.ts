// The protocol that compares features: folds that keep families together, whitening, pooled answers, resampling and Holm's correction,
// against formulas written out here.
import { describe, expect, it } from "vitest";
import { crossValidate } from "../../src/probe/cross-validation.js";
import { jacobiEigen } from "../../src/probe/eigen.js";
import { foldsByGroups } from "../../src/probe/folds.js";
import type { Predictions, ProbeLabels } from "../../src/probe/labels.js";
import { rightAnswers } from "../../src/probe/scores/accuracy.js";
import { metricsOf } from "../../src/probe/scores/index.js";
import { contrast, holm, resampleRows } from "../../src/probe/significance.js";
import { leadingEigen, Whitener } from "../../src/probe/whiten.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("cross-validation"));
const normals = (n: number) => Float64Array.from({ length: n }, () => random.normal());

describe("foldsByGroups", () => {
  it("tests every clip once, families whole, classes spread as evenly as they allow", () => {
    const families = 60;
    const groups: string[][] = [];
    const labels: number[][] = [];
    for (let f = 0; f < families; f++) {
      for (let i = 0; i < 4; i++) {
        // Two names tie the halves of a family together.
        groups.push(i < 2 ? [`a:${f}`] : i === 2 ? [`a:${f}`, `b:${f}`] : [`b:${f}`]);
        labels.push(Array.from({ length: 6 }, (_, k) => Number(k === f % 6)));
      }
    }
    const folds = foldsByGroups(groups, labels, { seed: random.integer(1e6) });
    expect(folds.families).toBe(families);
    for (let f = 0; f < families; f++) {
      expect(new Set([...folds.of.subarray(4 * f, 4 * f + 4)]).size).toBe(1);
      expect(new Set([...folds.family.subarray(4 * f, 4 * f + 4)]).size).toBe(1);
    }
    expect(new Set(folds.family).size).toBe(families);
    for (let fold = 0; fold < 5; fold++) {
      const own = labels.filter((_, clip) => folds.of[clip] === fold);
      expect(own.length).toBe(48);
      for (let k = 0; k < 6; k++) expect(own.filter((row) => row[k] > 0).length).toBe(8);
    }
    expect(() => foldsByGroups([["a"], ["a"]], [])).toThrow("too few to probe");
  });
});

describe("jacobiEigen and leadingEigen", () => {
  it("give the values and vectors that a matrix was made of", () => {
    const [m, count] = [90, 12];
    const { vectors: axes } = jacobiEigen(symmetric(m), m);
    const wanted = Array.from({ length: m }, (_, i) => 5 * 0.8 ** i);
    const matrix = new Float64Array(m * m);
    for (let k = 0; k < m; k++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < m; j++) matrix[i * m + j] += wanted[k] * axes[k * m + i] * axes[k * m + j];
    const whole = jacobiEigen(matrix, m);
    for (let k = 0; k < m; k++) expect(whole.values[k]).toBeCloseTo(wanted[k], 10);
    const { values, vectors } = leadingEigen(matrix, m, count);
    for (let k = 0; k < count; k++) {
      expect(values[k]).toBeCloseTo(wanted[k], 5);
      let dot = 0;
      for (let i = 0; i < m; i++) dot += vectors[k * m + i] * axes[k * m + i];
      expect(Math.abs(dot)).toBeGreaterThan(0.999);
    }
  });

  function symmetric(m: number): Float64Array {
    const half = normals(m * m);
    return half.map((_, at) => half[at] + half[(at % m) * m + Math.floor(at / m)]);
  }
});

describe("Whitener", () => {
  it.each([
    ["more rows than values", 120, 30, 10],
    ["more values than rows", 50, 200, 12],
  ])("makes training rows uncorrelated with variance one: %s", (_, n, d, count) => {
    // Values that hang together, on different scales.
    const mixing = normals(d * d);
    const rows = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      const source = normals(d);
      for (let j = 0; j < d; j++) {
        for (let k = 0; k < d; k++) rows[i * d + j] += (mixing[j * d + k] * source[k]) / (1 + k);
        rows[i * d + j] = 7 * j + (1 + j) * rows[i * d + j];
      }
    }
    const whitener = new Whitener(rows.slice(), d, count);
    const white = whitener.apply(rows.slice());
    expect(whitener.count).toBe(count);
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += (white[i * count + a] * white[i * count + b]) / n;
        expect(sum).toBeCloseTo(a === b ? 1 : 0, 4);
      }
    }
    // Whitening knows nothing of the scale and place of the values.
    const moved = rows.map((value, at) => 3 - 0.01 * value * (1 + (at % d)));
    const again = new Whitener(moved.slice(), d, count).apply(moved.slice());
    for (let i = 0; i < n; i++) {
      let [here, there] = [0, 0];
      for (let a = 0; a < count; a++) {
        here += white[i * count + a] ** 2;
        there += again[i * count + a] ** 2;
      }
      expect(there / here).toBeCloseTo(1, 2);
    }
  });

  it("keeps no more components than there are", () => {
    const rows = Float64Array.from(
      { length: 40 * 6 },
      (_, at) => Math.sin(Math.floor(at / 6)) * ((at % 6) + 1),
    );
    const whitener = new Whitener(rows.slice(), 6, 5);
    expect(whitener.count).toBe(1);
    expect(whitener.apply(rows.slice()).every(Number.isFinite)).toBe(true);
  });
});

/** Clips in families that share a leaning, of classes that `strength` times the first features tell. */
function clips(kind: ProbeLabels["kind"], strength: number, n = 300, d = 40) {
  const values = normals(n * d);
  const classes = ["a", "b", "c"];
  const labels = Array.from({ length: n }, (_, i): number[] => {
    const own = Array.from({ length: 3 }, (_, k) => strength * values[i * d + k] + random.normal());
    if (kind === "regression") return [own[0]];
    if (kind === "multilabel") return own.map((value) => Number(value > 0));
    return [own.indexOf(Math.max(...own))];
  });
  const groups = labels.map((_, i) => [`family:${Math.floor(i / 5)}`]);
  const task: ProbeLabels = { kind, classes: kind === "regression" ? ["x"] : classes, labels };
  const hot = labels.map((label) =>
    kind === "classification"
      ? classes.map((_, k) => Number(k === label[0]))
      : kind === "multilabel"
        ? label
        : [],
  );
  return { task, table: { n, d, values }, folds: foldsByGroups(groups, hot) };
}

describe("crossValidate", () => {
  it.each(["classification", "multilabel", "regression"] as const)(
    "learns what the features tell and nothing from features that tell nothing: %s",
    async (kind) => {
      const told = clips(kind, 3);
      const [metric] = metricsOf({ ...told.task, metric: kind === "classification" ? "roc-auc" : undefined });
      const good = await crossValidate(told.task, told.table, told.folds);
      const score = ({ labels, scores, outputs }: Predictions) => metric.score(labels, scores, outputs);
      const chance = metric.chance as number;
      expect(score(good)).toBeGreaterThan(chance + 0.25);
      const blind = clips(kind, 0);
      const none = await crossValidate(blind.task, blind.table, blind.folds);
      expect(Math.abs(score(none) - chance)).toBeLessThan(kind === "regression" ? 0.3 : 0.12);
      if (kind === "classification") {
        for (let i = 0; i < good.scores.length; i += 3)
          expect(good.scores[i] + good.scores[i + 1] + good.scores[i + 2]).toBeCloseTo(1, 9);
      }
    },
  );

  it("does not let a tested clip's label in", async () => {
    const { task, table, folds } = clips("regression", 3);
    const first = await crossValidate(task, table, folds);
    const clip = random.integer(table.n);
    const labels = task.labels.map((label, i) => (i === clip ? [1e6] : label));
    const second = await crossValidate({ ...task, labels }, table, folds);
    for (let i = 0; i < table.n; i++) {
      if (folds.of[i] === folds.of[clip]) expect(second.scores[i]).toBe(first.scores[i]);
    }
  });

  it("trains on the copies that are made of a row", async () => {
    const { task, table, folds } = clips("multilabel", 3);
    const plain = await crossValidate(task, table, folds);
    const doubled = await crossValidate(task, table, folds, {
      augment: {
        copies: 2,
        make(features, label, copy, out) {
          out.set(features);
          if (copy === 1) for (let j = 0; j < out.length; j++) out[j] = -features[j];
          return copy === 1 ? label.map((on) => 1 - on) : label;
        },
      },
    });
    const [metric] = metricsOf(task);
    const of = ({ labels, scores, outputs }: Predictions) => metric.score(labels, scores, outputs);
    expect(Math.abs(of(doubled) - of(plain))).toBeLessThan(0.08);
    expect(doubled.scores).not.toEqual(plain.scores);
  });
});

describe("resampleRows, contrast and holm", () => {
  it("find the standard error that theory gives for independent clips", () => {
    const n = 400;
    const labels = Array.from({ length: n }, () => [random.uniform() < 0.5 ? 1 : 0]);
    const row = (name: string, share: number) => {
      const right = labels.map(() => random.uniform() < share);
      const scores = Float64Array.from(
        labels.flatMap(([label], i) => (right[i] === (label === 1) ? [0, 1] : [1, 0])),
      );
      return { name, right, runs: [{ labels, scores, outputs: 2 }] };
    };
    const [a, b] = [row("a", 0.8), row("b", 0.6)];
    const families = Int32Array.from({ length: n }, (_, i) => i);
    const [ours, theirs] = resampleRows([a, b], families, rightAnswers(0.5), { times: 2000 });
    const gaps = a.right.map((right, i) => Number(right) - Number(b.right[i]));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / n;
    const error = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / n / n);
    const found = contrast(ours, theirs);
    expect(found.difference).toBeCloseTo(mean, 12);
    expect(Math.abs(found.halfWidth / (1.96 * error) - 1)).toBeLessThan(0.12);
    expect(found.detectable / found.halfWidth).toBeCloseTo(2.8016 / 1.96, 6);
    expect(found.p).toBeLessThan(0.01);
    expect(contrast(ours, ours).p).toBe(1);
    // Families of four that are right together count as a quarter of the clips.
    const clumped = { name: "c", runs: [{ labels, outputs: 2, scores: clump(labels) }] };
    const quarters = Int32Array.from({ length: n }, (_, i) => Math.floor(i / 4));
    const [alone] = resampleRows([clumped], families, rightAnswers(0.5));
    const [together] = resampleRows([clumped], quarters, rightAnswers(0.5));
    const width = ([low, high]: [number, number]) => high - low;
    expect(Math.abs(width(together.ci95) / width(alone.ci95) - 2)).toBeLessThan(0.4);
  });

  function clump(labels: number[][]): Float64Array {
    const right = Array.from({ length: labels.length / 4 }, () => random.uniform() < 0.5);
    return Float64Array.from(
      labels.flatMap(([label], i) => (right[Math.floor(i / 4)] === (label === 1) ? [0, 1] : [1, 0])),
    );
  }

  it("lets seeds vary too", () => {
    const labels = Array.from({ length: 200 }, () => [1]);
    const all = (right: boolean) => ({
      labels,
      outputs: 2,
      scores: Float64Array.from(labels.flatMap(() => (right ? [0, 1] : [1, 0]))),
    });
    const families = Int32Array.from({ length: 200 }, (_, i) => i);
    const [row] = resampleRows([{ name: "x", runs: [all(true), all(false)] }], families, rightAnswers(0.5));
    expect(row.score).toBe(0.5);
    expect(row.scores).toEqual([1, 0]);
    expect(row.ci95).toEqual([0, 1]);
  });

  it("Holm's adjustment is that of the paper's rule", () => {
    // Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1, made monotone.
    expect(holm([0.03, 0.01, 0.5, 0.02]).map((p) => Number(p.toFixed(12)))).toEqual([0.06, 0.04, 0.5, 0.06]);
    expect(holm([0.9, 0.9])).toEqual([1, 1]);
    expect(holm([Number.NaN, 0.04])).toEqual([Number.NaN, 0.04]);
  });
});
