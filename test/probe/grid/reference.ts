// One head trained in float64 with plain loops: what the batched kernels are compared with. It draws batches and dropout as they do.
import { dropoutThreshold, hash32 } from "../../../src/ops/dropout.js";
import { dropKeys, type HeadBatches } from "../../../src/probe/grid/batches.js";
import type { HeadRun } from "../../../src/probe/grid/grids.js";
import { headLayers, headStart } from "../../../src/probe/grid/init.js";
import { sumLayout, sumStart } from "../../../src/probe/grid/layer-sum.js";

export interface ReferenceProblem {
  kind: "classification" | "multilabel" | "regression";
  /** Rows of features as the run sees them. */
  x: readonly (readonly number[])[];
  /** [class], 0/1 a tag, or numbers. */
  y: readonly (readonly number[])[];
  outputs: number;
  /** For a weighted sum: x holds so many layers, one after another. */
  layers?: number;
}

interface Layer {
  weight: Float64Array;
  bias: Float64Array;
  inputs: number;
  units: number;
}

/** Weights after `steps` steps; `shares` receives those of the layers. */
export function trainReference(
  problem: ReferenceProblem,
  run: HeadRun,
  batches: HeadBatches,
  seed: number,
  steps: number,
  shares: number[] = [],
): Layer[] {
  const parts = problem.layers ?? 1;
  const width = problem.x[0].length / parts;
  const sum = Float64Array.from(sumStart(sumLayout(parts), seed).subarray(0, parts));
  const sumMoments = { m: new Float64Array(parts), v: new Float64Array(parts) };
  const softmax = () => {
    const e = Array.from(sum, (w) => Math.exp(w));
    const total = e.reduce((a, b) => a + b);
    return e.map((value) => value / total);
  };
  const layouts = headLayers(width, run.hidden, problem.outputs);
  const start = headStart(layouts, seed);
  const layers = layouts.map(
    ({ live, inputs, columns }, l): Layer => ({
      weight: Float64Array.from(
        { length: live * inputs },
        (_, i) => start[l][Math.floor(i / inputs) * columns + (i % inputs)],
      ),
      bias: Float64Array.from({ length: live }, (_, i) => start[l][i * columns + inputs]),
      inputs,
      units: live,
    }),
  );
  const moments = layers.map(({ weight, bias }) => ({
    m: [new Float64Array(weight.length), new Float64Array(bias.length)],
    v: [new Float64Array(weight.length), new Float64Array(bias.length)],
  }));
  const rows = 4 * Math.ceil(batches.size / 4);
  const threshold = dropoutThreshold(run.dropout);
  const kept = (key: number, position: number) => hash32((hash32(position) ^ key) >>> 0) >= threshold;
  for (let step = 0; step < steps; step++) {
    const indices = new Uint32Array(rows);
    const count = batches.draw(step, indices);
    const [inputKey, innerKey] = dropKeys(seed, step);
    const gradients = layers.map(({ weight, bias }) => [
      new Float64Array(weight.length),
      new Float64Array(bias.length),
    ]);
    const share = problem.layers ? softmax() : [1];
    const shareGradient = new Float64Array(parts);
    for (let i = 0; i < count; i++) {
      const whole = problem.x[indices[i]];
      const mixed = Array.from({ length: width }, (_, j) =>
        share.reduce((total, part, l) => total + part * whole[l * width + j], 0),
      );
      const input = mixed.map((value, j) => {
        if (!run.dropInput) return value;
        return kept(inputKey, i * layouts[0].columns + j) ? value / (1 - run.dropout) : 0;
      });
      const activations = [input];
      layers.forEach(({ weight, bias, inputs, units }, l) => {
        const from = activations[l];
        const out: number[] = [];
        for (let u = 0; u < units; u++) {
          let sum = bias[u];
          for (let j = 0; j < inputs; j++) sum += weight[u * inputs + j] * from[j];
          if (l < layers.length - 1) {
            sum = Math.max(0, sum);
            sum = kept(innerKey, u * rows + i) ? sum / (1 - run.dropout) : 0;
          }
          out.push(sum);
        }
        activations.push(out);
      });
      let d = lossGradient(problem, activations[layers.length], problem.y[indices[i]]).map((g) => g / count);
      for (let l = layers.length - 1; l >= 0; l--) {
        const { weight, inputs, units } = layers[l];
        const from = activations[l];
        const back = new Array<number>(inputs).fill(0);
        for (let u = 0; u < units; u++) {
          gradients[l][1][u] += d[u];
          for (let j = 0; j < inputs; j++) {
            gradients[l][0][u * inputs + j] += d[u] * from[j];
            back[j] += d[u] * weight[u * inputs + j];
          }
        }
        if (l === 0) {
          for (let part = 0; part < parts; part++) {
            back.forEach((g, j) => {
              shareGradient[part] += g * whole[part * back.length + j];
            });
          }
        }
        d = back.map((g, j) => (l > 0 && from[j] > 0 ? g / (1 - run.dropout) : 0));
      }
    }
    layers.forEach(({ weight, bias }, l) => {
      [weight, bias].forEach((values, k) => {
        const { m, v } = moments[l];
        for (let i = 0; i < values.length; i++) {
          const g = gradients[l][k][i] + run.l2 * values[i];
          m[k][i] = 0.9 * m[k][i] + 0.1 * g;
          v[k][i] = 0.999 * v[k][i] + 0.001 * g * g;
          const rise = 1 - 0.9 ** (step + 1);
          const root = Math.sqrt(v[k][i] / (1 - 0.999 ** (step + 1)));
          values[i] -= ((run.lr / rise) * m[k][i]) / (root + 1e-8);
        }
      });
    });
    const mean = share.reduce((total, part, l) => total + part * shareGradient[l], 0);
    for (let l = 0; l < parts; l++) {
      const { m, v } = sumMoments;
      const g = share[l] * (shareGradient[l] - mean) + run.l2 * sum[l];
      m[l] = 0.9 * m[l] + 0.1 * g;
      v[l] = 0.999 * v[l] + 0.001 * g * g;
      const rise = 1 - 0.9 ** (step + 1);
      const root = Math.sqrt(v[l] / (1 - 0.999 ** (step + 1)));
      sum[l] -= ((run.lr / rise) * m[l]) / (root + 1e-8);
    }
  }
  shares.splice(0, shares.length, ...softmax());
  return layers;
}

function lossGradient(
  { kind, outputs }: ReferenceProblem,
  z: readonly number[],
  y: readonly number[],
): number[] {
  if (kind === "classification") {
    const top = Math.max(...z);
    const e = z.map((score) => Math.exp(score - top));
    const sum = e.reduce((a, b) => a + b);
    return e.map((value, k) => value / sum - Number(k === y[0]));
  }
  if (kind === "multilabel") return z.map((score, k) => (1 / (1 + Math.exp(-score)) - y[k]) / outputs);
  return z.map((score, k) => (2 * (score - y[k])) / outputs);
}
