// The training step that all libraries take: a small pre-LayerNorm transformer over the patches of four clips, half of them
// masked; a contrastive and a reconstructing head; AdamW. Sizes, seeds, initial values and batch are fixed, and so are the
// losses to the third decimal.
import { drawNormals, normals, wordsFrom } from "../lib/random.mjs";

export const sizes = {
  clips: 4,
  tokens: 64,
  values: 256,
  width: 128,
  heads: 4,
  hidden: 512,
  layers: 4,
  masked: 32,
};

/** Similarities are divided by this before the softmax over the clip's masked tokens. */
export const temperature = 16;
/** Weight of the reconstruction's mean squared error beside the contrastive loss. */
export const reconstruction = 10;
export const epsilon = 1e-5;

/** Losses before updates 1, 2, 6 and 11, in float64. */
export const losses = new Map([
  [0, 13.477646],
  [1, 13.45313],
  [5, 13.309943],
  [10, 12.797729],
]);
export const lossTolerance = 1e-3;

const { clips, tokens, values, width, hidden, layers, masked } = sizes;

/** Name, shape and start ("normal", "zero" or "one") of every parameter, in the order in which they are drawn. */
export function parameterList() {
  const layer = (name, from, to) => [
    { name: `${name}.weight`, shape: [from, to], start: "normal" },
    { name: `${name}.bias`, shape: [to], start: "zero" },
  ];
  const norm = (name) => [
    { name: `${name}.gain`, shape: [width], start: "one" },
    { name: `${name}.bias`, shape: [width], start: "zero" },
  ];
  const block = (name) => [
    ...norm(`${name}.norm1`),
    ...layer(`${name}.qkv`, width, 3 * width),
    ...layer(`${name}.proj`, width, width),
    ...norm(`${name}.norm2`),
    ...layer(`${name}.up`, width, hidden),
    ...layer(`${name}.down`, hidden, width),
  ];
  return [
    ...layer("embed", values, width),
    { name: "position", shape: [tokens, width], start: "normal" },
    { name: "mask", shape: [width], start: "normal" },
    ...Array.from({ length: layers }, (_, i) => block(`block${i}`)).flat(),
    ...norm("norm"),
    ...layer("contrast1", width, width),
    ...layer("contrast2", width, values),
    ...layer("reconstruct1", width, width),
    ...layer("reconstruct2", width, values),
  ];
}

/** { name: { shape, data } }; weights are [inputs, outputs]. */
export function initialParameters() {
  const next = wordsFrom(1234);
  const draw = {
    normal: (size) => drawNormals(next, size, 0.02),
    zero: (size) => new Float32Array(size),
    one: (size) => new Float32Array(size).fill(1),
  };
  return Object.fromEntries(
    parameterList().map(({ name, shape, start }) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, { shape, data: draw[start](size) }];
    }),
  );
}

/**
 * The batch, the same in every step. `patches` [clips, tokens, values]; `isMasked` [clips, tokens, 1], 1 where a token is
 * masked; `rows`, the masked tokens among clips · tokens, in order; `targets` [clips, masked, values], their patches.
 */
export function makeBatch() {
  const patches = normals(42, clips * tokens * values);
  const next = wordsFrom(7);
  const rows = Int32Array.from(
    Array.from({ length: clips }, (_, clip) => {
      const chosen = shuffled(tokens, next).slice(0, masked);
      return chosen.sort((a, b) => a - b).map((token) => clip * tokens + token);
    }).flat(),
  );
  const isMasked = new Float32Array(clips * tokens);
  const targets = new Float32Array(rows.length * values);
  rows.forEach((row, i) => {
    isMasked[row] = 1;
    targets.set(patches.subarray(row * values, (row + 1) * values), i * values);
  });
  return { patches, isMasked, rows, targets };
}

/** 0 … count − 1 in Fisher and Yates' order. */
function shuffled(count, next) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = next() % (last + 1);
    const moved = order[last];
    order[last] = order[other];
    order[other] = moved;
  }
  return order;
}

/** Floating-point operations of the matrix products of a step, the gradients counted as twice the forward pass. */
export function stepFlops() {
  const block = 2 * width * (4 * width + 2 * hidden) + 4 * tokens * width;
  const heads = 2 * 2 * (width * width + width * values);
  const clip = tokens * (2 * values * width + layers * block) + masked * heads + 2 * masked * masked * values;
  return 3 * clips * clip;
}

export function stepCases() {
  return [
    {
      name: "train_step",
      train: true,
      shape: `${clips}×${tokens} tokens, ${width}/${layers}/${sizes.heads}`,
      flops: stepFlops(),
      bar: { ratio: 2, lavapipe: { ratio: 4 } },
    },
  ];
}
