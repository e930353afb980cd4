// The training step's loss before the first update, in float64 and without any tensor library: what every library's first
// loss is held against.
import { epsilon, initialParameters, makeBatch, reconstruction, sizes, temperature } from "../cases/step.mjs";
import { attentionOutput, geluTanh, softmaxOf, standardise } from "./references.mjs";

const { clips, tokens, values, width, heads, hidden, layers, masked } = sizes;

/** The loss for these parameters and this batch, as cases/step.mjs makes them. */
export function stepLoss(parameters = initialParameters(), batch = makeBatch()) {
  const get = (name) => parameters[name].data;
  const layer = (x, name, from, to) => affine(x, get(`${name}.weight`), get(`${name}.bias`), from, to);
  const norm = (x, name) => normalised(x, get(`${name}.gain`), get(`${name}.bias`));
  let x = layer(batch.patches, "embed", values, width);
  x = x.map((value, i) => {
    const row = Math.floor(i / width);
    const start = batch.isMasked[row] ? get("mask")[i % width] : value;
    return start + get("position")[i % (tokens * width)];
  });
  for (let i = 0; i < layers; i++) {
    const name = `block${i}`;
    const attended = selfAttention(layer(norm(x, `${name}.norm1`), `${name}.qkv`, width, 3 * width));
    x = sum(x, layer(attended, `${name}.proj`, width, width));
    const up = layer(norm(x, `${name}.norm2`), `${name}.up`, width, hidden).map(geluTanh);
    x = sum(x, layer(up, `${name}.down`, hidden, width));
  }
  const encoded = norm(x, "norm");
  const chosen = Float64Array.from({ length: batch.rows.length * width }, (_, i) => {
    return encoded[batch.rows[Math.floor(i / width)] * width + (i % width)];
  });
  const head = (name) => {
    const first = layer(chosen, `${name}1`, width, width).map((value) => Math.max(0, value));
    return layer(first, `${name}2`, width, values);
  };
  const rebuilt = head("reconstruct");
  const squares = rebuilt.reduce((total, value, i) => total + (value - batch.targets[i]) ** 2, 0);
  return contrast(batch.targets, head("contrast")) + (reconstruction * squares) / rebuilt.length;
}

/** x·W + b for every row of x; W is [from, to]. */
function affine(x, weight, bias, from, to) {
  const rows = x.length / from;
  const out = new Float64Array(rows * to);
  for (let row = 0; row < rows; row++) {
    const target = out.subarray(row * to, (row + 1) * to);
    target.set(bias);
    for (let i = 0; i < from; i++) {
      const factor = x[row * from + i];
      for (let j = 0; j < to; j++) target[j] += factor * weight[i * to + j];
    }
  }
  return out;
}

function normalised(x, gain, bias) {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    const { values: row } = standardise(x.subarray(at, at + width), epsilon);
    row.forEach((value, i) => {
      out[at + i] = value * gain[i] + bias[i];
    });
  }
  return out;
}

function sum(x, y) {
  return x.map((value, i) => value + y[i]);
}

/** qkv [clips · tokens, 3 · width], each of the three split into heads. */
function selfAttention(qkv) {
  const depth = width / heads;
  const places = clips * heads * tokens * depth;
  const [q, k, v] = [0, 1, 2].map((part) =>
    Float64Array.from({ length: places }, (_, i) => qkv[place(i, part * width, 3 * width)]),
  );
  const out = attentionOutput([q, k, v], { pairs: clips * heads, tokens, width: depth });
  const joined = new Float64Array(places);
  out.forEach((value, i) => {
    joined[place(i, 0, width)] = value;
  });
  return joined;
}

/** Where element i of [clips, heads, tokens, depth] stands in rows of `stride` by clip and token, `from` on. */
function place(i, from, stride) {
  const depth = width / heads;
  const token = Math.floor(i / depth) % tokens;
  const head = Math.floor(i / depth / tokens) % heads;
  const clip = Math.floor(i / depth / tokens / heads);
  return (clip * tokens + token) * stride + from + head * depth + (i % depth);
}

/** The mean of −ln softmax of each target's similarities with the clip's predictions, at its own. */
function contrast(targets, predictions) {
  let total = 0;
  for (let row = 0; row < clips * masked; row++) {
    const first = row - (row % masked);
    const similarities = Float64Array.from({ length: masked }, (_, other) => {
      const at = (first + other) * values;
      let product = 0;
      for (let i = 0; i < values; i++) product += targets[row * values + i] * predictions[at + i];
      return product / temperature;
    });
    total -= Math.log(softmaxOf(similarities)[row % masked]);
  }
  return total / (clips * masked);
}
