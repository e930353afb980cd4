// What the kernels should give, in float64 and one plain loop after the other.

/** One element of op(a)·op(b), where a is [m, k] or, transposed, [k, m], and b alike. */
export function productElement(a, b, { m, n, k, transposeA, transposeB }, position) {
  const row = Math.floor(position / n);
  const column = position % n;
  let total = 0;
  for (let i = 0; i < k; i++) {
    const left = transposeA ? a[i * m + row] : a[row * k + i];
    total += left * (transposeB ? b[column * k + i] : b[i * n + column]);
  }
  return total;
}

/** exp(x − max) over its sum. */
export function softmaxOf(values) {
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = Float64Array.from(values, (value) => Math.exp(value - highest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function dot(x, atX, y, atY, length) {
  let total = 0;
  for (let i = 0; i < length; i++) total += x[atX + i] * y[atY + i];
  return total;
}

/** target[at…] += factor · x[atX…] */
function addScaled(target, at, factor, x, atX, length) {
  for (let i = 0; i < length; i++) target[at + i] += factor * x[atX + i];
}

/** softmax(q·kᵀ/√width)·v for every pair of clip and head: [pairs, tokens, width]. */
export function attentionOutput([q, k, v], { pairs, tokens, width }) {
  const out = new Float64Array(pairs * tokens * width);
  eachQuery({ pairs, tokens, width }, (at, query) => {
    const weights = attentionWeights(q, k, at, query, tokens, width);
    for (let key = 0; key < tokens; key++) {
      addScaled(out, query, weights[key], v, at + key * width, width);
    }
  });
  return out;
}

/** The gradients of q, k and v where that of the output is g. */
export function attentionGradients([q, k, v, g], { pairs, tokens, width }) {
  const [dq, dk, dv] = [0, 1, 2].map(() => new Float64Array(pairs * tokens * width));
  eachQuery({ pairs, tokens, width }, (at, query) => {
    const weights = attentionWeights(q, k, at, query, tokens, width);
    const raw = weights.map((_, key) => dot(g, query, v, at + key * width, width));
    const mean = raw.reduce((sum, value, key) => sum + value * weights[key], 0);
    for (let key = 0; key < tokens; key++) {
      const there = at + key * width;
      const slope = (weights[key] * (raw[key] - mean)) / Math.sqrt(width);
      addScaled(dq, query, slope, k, there, width);
      addScaled(dk, there, slope, q, query, width);
      addScaled(dv, there, weights[key], g, query, width);
    }
  });
  return [dq, dk, dv];
}

/** Calls visit(start of the pair, start of the query). */
function eachQuery({ pairs, tokens, width }, visit) {
  for (let pair = 0; pair < pairs; pair++) {
    const at = pair * tokens * width;
    for (let token = 0; token < tokens; token++) visit(at, at + token * width);
  }
}

function attentionWeights(q, k, at, query, tokens, width) {
  const scores = new Float64Array(tokens);
  for (let key = 0; key < tokens; key++) {
    scores[key] = dot(q, query, k, at + key * width, width) / Math.sqrt(width);
  }
  return softmaxOf(scores);
}

/** (x − mean)/√(variance + eps) of one row, with the factor. */
export function standardise(row, eps = 1e-5) {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  const inverse = 1 / Math.sqrt(variance + eps);
  return { values: Float64Array.from(row, (value) => (value - mean) * inverse), inverse };
}

export function layerNormOutput([x, gain, bias], width) {
  return byRows(x, width, (row) => standardise(row).values.map((value, i) => value * gain[i] + bias[i]));
}

/** The gradients of x, gain and bias where that of the output is g. */
export function layerNormGradients([x, gain, , g], width) {
  const dGain = new Float64Array(width);
  const dBias = new Float64Array(width);
  const dx = byRows(x, width, (row, at) => {
    const { values, inverse } = standardise(row);
    const scaled = values.map((value, i) => {
      dGain[i] += g[at + i] * value;
      dBias[i] += g[at + i];
      return g[at + i] * gain[i];
    });
    const mean = scaled.reduce((sum, value) => sum + value, 0) / width;
    const slope = scaled.reduce((sum, value, i) => sum + value * values[i], 0) / width;
    return scaled.map((value, i) => inverse * (value - mean - values[i] * slope));
  });
  return [dx, dGain, dBias];
}

function byRows(x, width, map) {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    out.set(map(Float64Array.from(x.subarray(at, at + width)), at), at);
  }
  return out;
}

/** GELU in its tanh form. */
export function geluTanh(x) {
  return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}

export const adamw = { lr: 1e-3, decay: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** [value, first moment, second moment] after update number `step`, counted from 1. */
export function adamwElement(value, gradient, first, second, step) {
  const { lr, decay, beta1, beta2, eps } = adamw;
  const m = beta1 * first + (1 - beta1) * gradient;
  const v = beta2 * second + (1 - beta2) * gradient * gradient;
  const corrected = m / (1 - beta1 ** step);
  const root = Math.sqrt(v / (1 - beta2 ** step)) + eps;
  return [value - lr * decay * value - (lr * corrected) / root, m, v];
}
