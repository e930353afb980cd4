// What the tuner runs for one of attention's three kernels, and its check against float64: all rows of a few (batch, head) pairs,
// the first and the last among them, and that every other result is a number.

import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { attentionPass, planAttention } from "./attention.js";
import type { AttentionCase } from "./attention-variants/variant.js";
import type { Tunable, Work } from "./tuning.js";
import { attentionTuning } from "./tuning-attention.js";

type Place = (pair: number, row: number) => number;

/** Softmax's weights, the output and the gradients of one pair, as rows of `dim` values. */
interface Expected {
  out: Float64Array;
  dq: Float64Array;
  dk: Float64Array;
  dv: Float64Array;
}

interface Rows {
  values: Float32Array;
  at: Place;
}

function attend(
  pair: number,
  { tq, tk, dim }: AttentionCase,
  [q, k, v, grad]: Rows[],
  kept: (key: number) => boolean,
): Expected {
  const scale = 1 / Math.sqrt(dim);
  const dot = (a: Rows, i: number, b: Rows, j: number) => {
    const [x, y] = [a.at(pair, i), b.at(pair, j)];
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += a.values[x + d] * b.values[y + d];
    return sum;
  };
  const add = (to: Float64Array, row: number, factor: number, from: Rows, at: number) => {
    const start = from.at(pair, at);
    for (let d = 0; d < dim; d++) to[row * dim + d] += factor * from.values[start + d];
  };
  const [out, dq] = [new Float64Array(tq * dim), new Float64Array(tq * dim)];
  const [dk, dv] = [new Float64Array(tk * dim), new Float64Array(tk * dim)];
  for (let i = 0; i < tq; i++) {
    const scores = Float64Array.from({ length: tk }, (_, j) =>
      kept(j) ? scale * dot(q, i, k, j) : Number.NEGATIVE_INFINITY,
    );
    const best = scores.reduce((most, score) => Math.max(most, score), -1e30);
    const weights = scores.map((score) => Math.exp(score - best));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const slopes = weights.map((_, j) => dot(grad, i, v, j));
    const mean = weights.reduce((sum, weight, j) => sum + (weight / total) * slopes[j], 0);
    for (let j = 0; j < tk; j++) {
      const weight = weights[j] / total;
      const slope = scale * weight * (slopes[j] - mean);
      add(out, i, weight, v, j);
      add(dv, j, weight, grad, i);
      add(dq, i, slope, k, j);
      add(dk, j, slope, q, i);
    }
  }
  return { out, dq, dk, dv };
}

function attentionWork(gpu: Gpu, shape: AttentionCase, random: Random): Work {
  const { pass, pairs, heads, tq, tk, dim, packed, hidden } = shape;
  const batch = pairs / heads;
  const noise = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  // Where a row starts: [B, H, T, D], [B, T, H·D], and a part of [B, T, 3·H·D].
  const apart =
    (rows: number): Place =>
    (pair, row) =>
      (pair * rows + row) * dim;
  const joined =
    (parts: number, part: number): Place =>
    (pair, row) =>
      ((Math.floor(pair / heads) * tq + row) * parts + part) * heads * dim + (pair % heads) * dim;
  const inputs = packed
    ? [noise(3 * pairs * tq * dim)]
    : [tq, tk, tk].map((rows) => noise(pairs * rows * dim));
  const rowsOf = (part: number): Rows =>
    packed
      ? { values: inputs[0], at: joined(3, part) }
      : { values: inputs[part], at: apart(part === 0 ? tq : tk) };
  const outAt = packed ? joined(1, 0) : apart(tq);
  const gradValues = noise(pairs * tq * dim);
  const keepValues = Int32Array.from({ length: batch * tk }, (_, i) =>
    i % tk === 0 || random.uniform() < 0.75 ? 1 : 0,
  );

  const tensors = inputs.map((values) => gpu.tensor(values));
  const grad = gpu.tensor(gradValues);
  const keep = hidden ? gpu.tensor(keepValues, [batch, tk], { dtype: "i32" }) : undefined;
  const plan = planAttention({ keyKeep: keep }, [batch, heads, tq, dim], tk, packed);
  const stats = gpu.empty([pairs, tq, 2]);
  const output = gpu.empty([pairs * tq * dim]);
  const results = packed
    ? [gpu.empty([3 * pairs * tq * dim])]
    : [tq, tk, tk].map((rows) => gpu.empty([pairs * rows * dim]));
  const [x] = tensors;
  const run = (which: typeof pass) => {
    if (which === "forward") attentionPass(which, x, plan, [output, stats, ...tensors]);
    else if (which === "backward_query") {
      attentionPass(which, x, plan, [results[0], stats, grad, output, ...tensors]);
    } else attentionPass(which, x, plan, [...(packed ? results : results.slice(1)), stats, grad, ...tensors]);
  };
  const sample = [...new Set([0, pairs - 1, Math.floor(random.uniform() * pairs)])];
  const rows = [rowsOf(0), rowsOf(1), rowsOf(2), { values: gradValues, at: outAt }];
  const expected = sample.map((pair) =>
    attend(pair, shape, rows, (j) => !hidden || keepValues[Math.floor(pair / heads) * tk + j] === 1),
  );
  // What the passes before this one leave, by the rule's kernels.
  gpu.noGrad(() => {
    run("forward");
    if (pass === "backward_key") run("backward_query");
  });

  const parts: { tensor: Tensor; at: Place; rows: number; of: keyof Expected }[] =
    pass === "forward"
      ? [{ tensor: output, at: outAt, rows: tq, of: "out" }]
      : pass === "backward_query"
        ? [{ tensor: results[0], at: rows[0].at, rows: tq, of: "dq" }]
        : (["dk", "dv"] as const).map((of, i) => ({
            tensor: packed ? results[0] : results[1 + i],
            at: rows[1 + i].at,
            rows: tk,
            of,
          }));
  return {
    reset() {
      for (const { tensor } of parts) tensor.write(new Float32Array(tensor.size).fill(Number.NaN));
    },
    run: () => run(pass),
    async check() {
      for (const { tensor, at, rows: count, of } of parts) {
        const got = await tensor.data();
        for (let pair = 0; pair < pairs; pair++) {
          const want = expected[sample.indexOf(pair)]?.[of];
          for (let row = 0; row < count; row++) {
            for (let d = 0; d < dim; d++) {
              const value = got[at(pair, row) + d];
              const error = want ? Math.abs(value - want[row * dim + d]) : Math.abs(0 * value);
              if (!(error <= 3e-4 * (1 + Math.abs(value)))) {
                return `${of} of pair ${pair}, row ${row} is off by ${error.toPrecision(2)}`;
              }
            }
          }
        }
      }
      return undefined;
    },
    dispose() {
      for (const tensor of [...tensors, grad, keep, stats, output, ...results]) tensor?.dispose();
    },
  };
}

/** Attention's family, and how a case is run and checked. */
export const attentionTunable: Tunable<AttentionCase> = { family: attentionTuning, work: attentionWork };
