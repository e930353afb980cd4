// Single operations: inputs, work, and what the outputs should be at some positions. How an operation is called is each
// library's own affair (sides/).
import { bins, frameCount, framePower, recordings } from "../lib/audio.mjs";
import { noise, positions } from "../lib/random.mjs";
import {
  adamwElement,
  attentionGradients,
  attentionOutput,
  geluTanh,
  layerNormGradients,
  layerNormOutput,
  productElement,
  softmaxOf,
} from "../lib/references.mjs";

const M = 2 ** 20;

/** Twice the faster peer, or four fifths of what the adapter can do at all. */
export const usual = { ratio: 2, share: 0.8 };
/** Large products: four times where the adapter is lavapipe. */
const products = { ...usual, lavapipe: { ratio: 4 } };

/** An output at `at`, from a function of the position. */
function sampled(at, value) {
  return { at, values: at.map(value) };
}

/** Some of an output that was computed in full. */
function some(whole, seed) {
  return sampled(positions(seed, whole.length, 2000), (i) => whole[i]);
}

function product(m, n, k, { transposeA = false, transposeB = false, bar = products } = {}) {
  const kind = transposeA ? "TN" : transposeB ? "NT" : "";
  return {
    name: `matmul${kind}_${m}x${k}x${n}`,
    op: "matmul",
    options: { transposeA, transposeB },
    shape: `${m}×${k}×${n}`,
    flops: 2 * m * n * k,
    bytes: 4 * (m * k + k * n + m * n),
    bar,
    tolerance: 1e-5,
    inputs: () => [noise(transposeA ? [k, m] : [m, k], 1), noise(transposeB ? [n, k] : [k, n], 2)],
    expected: ([a, b]) => [
      sampled(positions(5, m * n, 200), (i) =>
        productElement(a.data, b.data, { m, n, k, transposeA, transposeB }, i),
      ),
    ],
  };
}

function attention(gradients) {
  const [batch, heads, tokens, width] = [4, 4, 128, 32];
  const shape = [batch, heads, tokens, width];
  const sizes = { pairs: batch * heads, tokens, width };
  const forwardFlops = 4 * batch * heads * tokens * tokens * width;
  return {
    name: gradients ? "attention_fwdbwd" : "attention_fwd",
    op: gradients ? "attentionGradients" : "attention",
    shape: shape.join("×"),
    flops: gradients ? 3 * forwardFlops : forwardFlops,
    bar: usual,
    tolerance: 1e-4,
    inputs: () => [1, 2, 3, 4].slice(0, gradients ? 4 : 3).map((seed) => noise(shape, seed)),
    expected: (inputs) => {
      const data = inputs.map((input) => input.data);
      const outputs = gradients ? attentionGradients(data, sizes) : [attentionOutput(data, sizes)];
      return outputs.map((whole, i) => some(whole, 11 + i));
    },
  };
}

function softmax() {
  const [rows, width] = [4096, 512];
  return {
    name: "softmax_4096x512",
    op: "softmax",
    shape: `${rows}×${width}`,
    bytes: 8 * rows * width,
    bar: usual,
    tolerance: 1e-4,
    inputs: () => [noise([rows, width], 1, 3)],
    expected: ([x]) => {
      const starts = [0, 1234, rows - 1].map((row) => row * width);
      return [
        {
          at: starts.flatMap((start) => Array.from({ length: width }, (_, i) => start + i)),
          values: starts.flatMap((start) => [...softmaxOf(x.data.subarray(start, start + width))]),
        },
      ];
    },
  };
}

function layerNorm(gradients) {
  const [rows, width] = [4096, 256];
  return {
    name: gradients ? "layernorm_fwdbwd" : "layernorm_fwd",
    op: gradients ? "layerNormGradients" : "layerNorm",
    shape: `${rows}×${width}`,
    bytes: (gradients ? 12 : 8) * rows * width,
    bar: usual,
    tolerance: 1e-4,
    inputs: () =>
      [noise([rows, width], 1), noise([width], 2), noise([width], 3), noise([rows, width], 4)].slice(
        0,
        gradients ? 4 : 3,
      ),
    expected: (inputs) => {
      const data = inputs.map((input) => input.data);
      const outputs = gradients ? layerNormGradients(data, width) : [layerNormOutput(data, width)];
      return outputs.map((whole, i) => some(whole, 11 + i));
    },
  };
}

function elementwise(name, op, size, inputs, formula) {
  return {
    name,
    op,
    shape: `${size}`,
    bytes: 4 * (inputs + 1) * size,
    bar: usual,
    tolerance: 1e-5,
    inputs: () => Array.from({ length: inputs }, (_, i) => noise([size], 1 + i)),
    expected: (values) => [
      sampled(positions(3, size, 2000), (i) => formula(...values.map(({ data }) => data[i]))),
    ],
  };
}

function sum(size) {
  return {
    name: "sum_4M",
    op: "sum",
    shape: `${size}`,
    bytes: 4 * size,
    bar: usual,
    tolerance: 1e-4,
    inputs: () => [noise([size], 1)],
    expected: ([{ data }]) => {
      let total = 0;
      let squares = 0;
      for (const value of data) {
        total += value;
        squares += value * value;
      }
      // The sum is near zero: errors are held against what the elements amount to.
      return [{ at: [0], values: [total], scale: Math.sqrt(squares) }];
    },
  };
}

function adamw(size) {
  const step = 10;
  return {
    name: "adamw_1M",
    op: "adamw",
    options: { step },
    shape: `${size}`,
    bytes: 28 * size,
    bar: usual,
    tolerance: 1e-5,
    /** Values, gradients, first moments, second moments. */
    inputs: () => {
      const second = noise([size], 4, 0.1);
      second.data.forEach((value, i) => {
        second.data[i] = value * value;
      });
      return [noise([size], 1), noise([size], 2), noise([size], 3, 0.1), second];
    },
    expected: (inputs) => {
      const at = positions(3, size, 2000);
      const all = at.map((i) => adamwElement(...inputs.map(({ data }) => data[i]), step));
      return [0, 1, 2].map((part) => ({ at, values: all.map((parts) => parts[part]) }));
    },
  };
}

function stft(seconds) {
  const recording = () => recordings(1, seconds);
  const frames = frameCount(seconds * 16000);
  return {
    name: `stft_${seconds}s`,
    op: "stft",
    shape: `${seconds} s → ${frames}×${bins}`,
    work: frames,
    bar: usual,
    tolerance: 1e-4,
    inputs: () => [recording()],
    /** |X|² by frames. A library may stop at real and imaginary parts; they are squared outside the timed call. */
    expected: ([x]) => {
      const chosen = [0, 1, 77, frames - 1];
      return [
        {
          at: chosen.flatMap((frame) => Array.from({ length: bins }, (_, bin) => frame * bins + bin)),
          values: chosen.flatMap((frame) => [...framePower(x, 0, frame)]),
        },
      ];
    },
  };
}

/** Nothing but the wait: what every row below contains. */
function readback() {
  return {
    name: "readback",
    op: "identity",
    shape: "1",
    tolerance: 0,
    inputs: () => [noise([2048], 1)],
    expected: ([x]) => [sampled([0, 7, 2047], (i) => x.data[i])],
  };
}

export function kernelCases() {
  return [
    readback(),
    product(256, 256, 256, { bar: usual }),
    product(512, 512, 512),
    product(1024, 1024, 1024),
    product(197, 193, 211, { bar: usual }),
    product(512, 512, 512, { transposeB: true }),
    product(512, 512, 512, { transposeA: true }),
    attention(false),
    attention(true),
    softmax(),
    layerNorm(false),
    layerNorm(true),
    elementwise("gelu_1M", "gelu", M, 1, geluTanh),
    elementwise("add_4M", "add", 4 * M, 2, (a, b) => a + b),
    sum(4 * M),
    adamw(M),
    stft(10),
  ];
}
