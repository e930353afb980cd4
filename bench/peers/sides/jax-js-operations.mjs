// The cases' operations in jax-js, each eagerly and compiled by jit, some in several formulations.
import { jit, nn, numpy as np, tree, vjp } from "@jax-js/jax";
import {
  bands,
  bins,
  fftLength,
  filterBank,
  floor,
  frameCount,
  hannWindow,
  hop,
  windowedTransform,
} from "../lib/audio.mjs";
import { adamw as settings } from "../lib/references.mjs";

/** GELU in its tanh form. */
export const gelu = (x) => nn.gelu(x, { approximate: true });

/** The library's standardisation, with gain and bias. */
export function layerNorm(x, gain, bias) {
  return nn.standardize(x, -1, { epsilon: 1e-5 }).mul(gain).add(bias);
}

/** The same by hand: the variance from what is left after the mean was taken off. */
export function layerNormByHand(x, gain, bias) {
  const mean = x.ref.mean(-1, { keepdims: true });
  const centred = x.sub(mean);
  const variance = np.square(centred.ref).mean(-1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(gain)
    .add(bias);
}

/** q, k and v are [clips, heads, tokens, width]. */
export function attention(q, k, v) {
  const scale = q.shape[3] ** -0.5;
  const scores = np.matmul(q, np.matrixTranspose(k)).mul(scale);
  return np.matmul(nn.softmax(scores, -1), v);
}

/** The library's own, which wants the heads behind the tokens. */
function libraryAttention(q, k, v) {
  const swap = (x) => x.transpose([0, 2, 1, 3]);
  return swap(nn.dotProductAttention(swap(q), swap(k), swap(v)));
}

/**
 * [value, first, second] after an AdamW update. `rate` is lr/(1 − β₁ᵗ) and `correction` 1/(1 − β₂ᵗ): arrays, so that
 * what was compiled serves every step.
 */
export function adamwUpdate(value, gradient, first, second, rate, correction) {
  const { lr, decay, beta1, beta2, eps } = settings;
  const m = first.mul(beta1).add(gradient.ref.mul(1 - beta1));
  const v = second.mul(beta2).add(np.square(gradient).mul(1 - beta2));
  const root = np.sqrt(v.ref.mul(correction)).add(eps);
  return [value.mul(1 - lr * decay).sub(m.ref.mul(rate).div(root)), m, v];
}

/** The arrays that `adamwUpdate` wants for update number `step`, counted from 1. */
export function adamwScalars(step) {
  const { lr, beta1, beta2 } = settings;
  return [np.array(lr / (1 - beta1 ** step)), np.array(1 / (1 - beta2 ** step))];
}

/** Ways of a function of the inputs that returns a list of arrays: compiled first, it is mostly the faster one. */
function ways(forms, extra = () => []) {
  const job = (compute) => (inputs, options) => {
    const constants = extra(options);
    return {
      run: () => compute(...[...inputs, ...constants].map((array) => array.ref)),
      dispose: () => tree.dispose(constants),
    };
  };
  return Object.fromEntries(
    Object.entries(forms).flatMap(([name, compute]) => [
      [name ? `jit, ${name}` : "jit", job(jit(compute))],
      [name ? `eager, ${name}` : "eager", job(compute)],
    ]),
  );
}

const one = (compute) => ways({ "": (...arrays) => [compute(...arrays)] });

/** The gradients of all arguments but the last, which is the gradient of the result. */
function gradients(compute) {
  return (...given) => {
    const [output, pullback] = vjp(compute, given.slice(0, -1));
    tree.dispose(output);
    const result = pullback(given.at(-1));
    pullback.dispose();
    return result;
  };
}

/** [clips, samples] to [clips, frames, fftLength], out of four shifted views of the hops. */
function frames(x) {
  const [clips, samples] = x.shape;
  const count = frameCount(samples);
  const parts = fftLength / hop;
  const padded = np.pad(x, [
    [0, 0],
    [fftLength / 2, fftLength / 2],
  ]);
  const hops = padded.reshape([clips, count + parts - 1, hop]);
  const shifted = Array.from({ length: parts }, (_, i) => hops.ref.slice([], [i, i + count], []));
  hops.dispose();
  return np.concatenate(shifted, 2);
}

/** [real, imaginary] of every frame. */
function spectrumByFft(x, window) {
  const { real, imag } = np.fft.rfft(frames(x).mul(window), -1);
  return [real, imag];
}

function spectrumByProduct(x, transform) {
  const both = np.matmul(frames(x), transform);
  return [both.ref.slice([], [], [0, bins]), both.slice([], [], [bins, 2 * bins])];
}

function logMelBy(spectrum) {
  return (x, table, bank) => {
    const [real, imaginary] = spectrum(x, table);
    const mel = np.matmul(np.square(real).add(np.square(imaginary)), bank);
    return [np.log(np.maximum(mel, floor))];
  };
}

const window = () => np.array(hannWindow());
const transform = () => np.array(windowedTransform(), { shape: [fftLength, 2 * bins] });
const bank = () => np.array(filterBank(), { shape: [bins, bands] });

function power([real, imaginary]) {
  return [real.map((value, i) => value * value + imaginary[i] * imaginary[i])];
}

/** Every job of these ways with a function that turns its outputs into the case's. */
function inspected(table, inspect) {
  return Object.fromEntries(
    Object.entries(table).map(([name, make]) => [name, (...given) => ({ ...make(...given), inspect })]),
  );
}

export function jaxOperations() {
  return {
    identity: ways({ "": (x) => [x] }),
    matmul: productWays(),
    attention: ways({
      "two products": (q, k, v) => [attention(q, k, v)],
      "nn.dotProductAttention": (q, k, v) => [libraryAttention(q, k, v)],
    }),
    attentionGradients: ways({
      "two products": gradients(attention),
      "nn.dotProductAttention": gradients(libraryAttention),
    }),
    softmax: one((x) => nn.softmax(x, -1)),
    layerNorm: ways({
      "nn.standardize": (x, gain, bias) => [layerNorm(x, gain, bias)],
      "by hand": (x, gain, bias) => [layerNormByHand(x, gain, bias)],
    }),
    layerNormGradients: ways({
      "nn.standardize": gradients(layerNorm),
      "by hand": gradients(layerNormByHand),
    }),
    gelu: one(gelu),
    add: one((a, b) => a.add(b)),
    sum: ways({
      "": (x) => [x.sum()],
      "by rows first": (x) => [x.reshape([2048, -1]).sum(1).sum()],
    }),
    adamw: ways({ "": adamwUpdate }, ({ step }) => adamwScalars(step)),
    stft: {
      ...inspected(
        ways({ "fft.rfft": spectrumByFft }, () => [window()]),
        power,
      ),
      ...inspected(
        ways({ product: spectrumByProduct }, () => [transform()]),
        power,
      ),
    },
    logmel: {
      ...ways({ "fft.rfft": logMelBy(spectrumByFft) }, () => [window(), bank()]),
      ...ways({ product: logMelBy(spectrumByProduct) }, () => [transform(), bank()]),
    },
  };
}

function productWays() {
  const turn = (x, wanted) => (wanted ? np.matrixTranspose(x) : x);
  const kinds = new Map();
  const of = ({ transposeA, transposeB }) => {
    const key = `${transposeA} ${transposeB}`;
    if (!kinds.has(key))
      kinds.set(
        key,
        one((a, b) => np.matmul(turn(a, transposeA), turn(b, transposeB))),
      );
    return kinds.get(key);
  };
  const way = (name) => (inputs, options) => of(options)[name](inputs, options);
  return { jit: way("jit"), eager: way("eager") };
}
