// The cases' operations in TensorFlow.js, some in several formulations.
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

/** Functions that the operations and the training step share. */
export function tfjsFunctions(tf) {
  const root = Math.sqrt(2 / Math.PI);
  return {
    /** GELU in its tanh form; the library has none. */
    gelu: (x) => {
      const cubic = x.square().mul(x).mul(0.044715);
      return x.mul(0.5).mul(x.add(cubic).mul(root).tanh().add(1));
    },
    /** The library has no layer norm either. */
    layerNorm: (x, gain, bias) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(gain).add(bias);
    },
    /** q, k and v are [clips, heads, tokens, width]. */
    attention: (q, k, v) => {
      const scores = tf.matMul(q, k, false, true).mul(q.shape[3] ** -0.5);
      return tf.matMul(tf.softmax(scores), v);
    },
    /** [value, first, second] after update number `step`, counted from 1. */
    adamwUpdate: (value, gradient, first, second, step) => {
      const { lr, decay, beta1, beta2, eps } = settings;
      const m = first.mul(beta1).add(gradient.mul(1 - beta1));
      const v = second.mul(beta2).add(gradient.square().mul(1 - beta2));
      const divisor = v
        .mul(1 / (1 - beta2 ** step))
        .sqrt()
        .add(eps);
      const move = m.mul(lr / (1 - beta1 ** step)).div(divisor);
      return [value.mul(1 - lr * decay).sub(move), m, v];
    },
  };
}

export function tfjsOperations(tf) {
  const { gelu, layerNorm, attention, adamwUpdate } = tfjsFunctions(tf);
  const way = (compute) => (inputs, options) => ({
    run: () => tf.tidy(() => [compute(inputs, options)].flat()),
  });
  const eager = (compute) => ({ eager: way(compute) });
  const gradients = (compute) => eager((inputs) => tf.grads(compute)(inputs.slice(0, -1), inputs.at(-1)));
  const spectra = spectraOf(tf);
  return {
    identity: eager(([x]) => x.clone()),
    matmul: eager(([a, b], { transposeA, transposeB }) => tf.matMul(a, b, transposeA, transposeB)),
    attention: eager(([q, k, v]) => attention(q, k, v)),
    attentionGradients: gradients(attention),
    softmax: eager(([x]) => tf.softmax(x)),
    layerNorm: eager(([x, gain, bias]) => layerNorm(x, gain, bias)),
    layerNormGradients: gradients(layerNorm),
    gelu: eager(([x]) => gelu(x)),
    add: eager(([a, b]) => tf.add(a, b)),
    sum: eager(([x]) => tf.sum(x)),
    adamw: eager((inputs, { step }) => adamwUpdate(...inputs, step)),
    stft: spectra((spectrum) => (inputs) => ({ ...way(([x]) => spectrum(x))(inputs), inspect: power })),
    logmel: spectra((spectrum, bank) => way(([x]) => logMel(tf, spectrum(x), bank()))),
  };
}

function power([real, imaginary]) {
  return [real.map((value, i) => value * value + imaginary[i] * imaginary[i])];
}

function logMel(tf, [real, imaginary], bank) {
  const [clips, frames] = real.shape;
  const squared = real
    .square()
    .add(imaginary.square())
    .reshape([clips * frames, bins]);
  return tf.matMul(squared, bank).maximum(floor).log().reshape([clips, frames, bands]);
}

/** Calls make(spectrum, bank) for the ways to a spectrum: x [clips, samples] to [real, imaginary] by frames. */
function spectraOf(tf) {
  const constant = (make) => {
    let made;
    return () => {
      made ??= tf.keep(make());
      return made;
    };
  };
  const window = constant(() => tf.tensor1d(hannWindow()));
  const transform = constant(() => tf.tensor2d(windowedTransform(), [fftLength, 2 * bins]));
  const bank = constant(() => tf.tensor2d(filterBank(), [bins, bands]));
  const padded = (x) =>
    tf.pad(x, [
      [0, 0],
      [fftLength / 2, fftLength / 2],
    ]);
  /** [clips, frames, fftLength], out of four shifted views of the hops. */
  const framesOf = (x) => {
    const [clips, samples] = x.shape;
    const count = frameCount(samples);
    const parts = fftLength / hop;
    const hops = padded(x).reshape([clips, count + parts - 1, hop]);
    const shifted = Array.from({ length: parts }, (_, i) => hops.slice([0, i, 0], [clips, count, hop]));
    return tf.concat(shifted, 2);
  };
  const byProduct = (x) => {
    const frames = framesOf(x);
    const [clips, count] = frames.shape;
    const both = tf.matMul(frames.reshape([clips * count, fftLength]), transform());
    return tf.split(both.reshape([clips, count, 2 * bins]), 2, 2);
  };
  const byFft = (x) => {
    const frames = framesOf(x).mul(window());
    const [clips, count] = frames.shape;
    const result = tf.spectral.rfft(frames.reshape([clips * count, fftLength]));
    return [tf.real(result), tf.imag(result)].map((part) => part.reshape([clips, count, bins]));
  };
  const bySignal = (x) => {
    const clips = tf
      .unstack(padded(x))
      .map((clip) => tf.signal.stft(clip, fftLength, hop, fftLength, window));
    return [tf.real, tf.imag].map((part) => tf.stack(clips.map((clip) => part(clip))));
  };
  return (make) => ({
    product: make(byProduct, bank),
    "spectral.rfft": make(byFft, bank),
    "signal.stft": make(bySignal, bank),
  });
}
