// Cases bound by arithmetic: matrix products, linear layers, attention.
import { attention, attentionFromQkv } from "../ops/attention.js";
import { conv1d, conv2d } from "../ops/conv.js";
import { linear } from "../ops/linear.js";
import { type MatmulOptions, matmul } from "../ops/matmul.js";
import { both, forward, times } from "./case.js";
import { type BenchCase, noise } from "./types.js";

function product(m: number, n: number, k: number, options: MatmulOptions = {}): BenchCase {
  const letters = `${options.transposeA ? "T" : "N"}${options.transposeB ? "T" : "N"}`;
  return forward({
    name: letters === "NN" ? "matmul" : `matmul_${letters}`,
    shape: times(m, k, n),
    flops: 2 * m * n * k,
    bytes: 4 * (m * k + k * n + m * n),
    inputs: (gpu) => [
      noise(gpu, options.transposeA ? [k, m] : [m, k]),
      noise(gpu, options.transposeB ? [n, k] : [k, n]),
    ],
    forward: ([a, b]) => matmul(a, b, options),
  });
}

function layer(rows: number, inputs: number, outputs: number): BenchCase[] {
  const flops = 2 * rows * inputs * outputs;
  const bytes = 4 * (rows * inputs + inputs * outputs + rows * outputs);
  return both(
    {
      name: "linear",
      shape: `${rows}×${inputs}→${outputs}`,
      flops,
      bytes,
      inputs: (gpu) => [noise(gpu, [rows, inputs]), noise(gpu, [outputs, inputs]), noise(gpu, [outputs])],
      forward: ([x, weight, bias]) => linear(x, weight, bias),
    },
    { flops: 2 * flops, bytes: 2 * bytes },
  );
}

function heads(b: number, h: number, t: number, d: number): BenchCase[] {
  const flops = 4 * b * h * t * t * d;
  return both(
    {
      name: "attention",
      shape: times(b, h, t, d),
      flops,
      bytes: 16 * b * h * t * d,
      inputs: (gpu) => [0, 1, 2].map(() => noise(gpu, [b, h, t, d])),
      forward: ([q, k, v]) => attention(q, k, v),
    },
    // Four products; the scores, which are computed again, are not counted.
    { flops: 2 * flops, bytes: 28 * b * h * t * d },
  );
}

function packed(b: number, h: number, t: number, d: number): BenchCase[] {
  const flops = 4 * b * h * t * t * d;
  return both(
    {
      name: "attention_qkv",
      shape: times(b, h, t, d),
      flops,
      bytes: 16 * b * h * t * d,
      inputs: (gpu) => [noise(gpu, [b, t, 3 * h * d])],
      forward: ([qkv]) => attentionFromQkv(qkv, h),
    },
    { flops: 2 * flops, bytes: 28 * b * h * t * d },
  );
}

/** [batch, channels, size, size] with kernels of 3×3, padded to the same size. */
function image(batch: number, channels: number, size: number, outputs: number): BenchCase[] {
  const flops = 2 * batch * channels * 9 * outputs * size * size;
  return both(
    {
      name: "conv2d_3x3",
      shape: `${times(batch, channels, size, size)}→${outputs}`,
      flops,
      inputs: (gpu) => [noise(gpu, [batch, channels, size, size]), noise(gpu, [outputs, channels, 3, 3])],
      forward: ([x, weight]) => conv2d(x, weight, undefined, { padding: 1 }),
    },
    { flops: 2 * flops },
  );
}

/** Patch embedding as a convolution whose kernel and stride are the patch. */
function tiled(batch: number, size: number, patch: number, outputs: number): BenchCase {
  return forward({
    name: "conv2d_patches",
    shape: `${times(batch, 1, size, size)} by ${patch}→${outputs}`,
    flops: 2 * batch * size * size * outputs,
    inputs: (gpu) => [noise(gpu, [batch, 1, size, size]), noise(gpu, [outputs, 1, patch, patch])],
    forward: ([x, weight]) => conv2d(x, weight, undefined, { stride: patch }),
  });
}

function signal(batch: number, channels: number, length: number, outputs: number): BenchCase {
  return forward({
    name: "conv1d_3",
    shape: `${times(batch, channels, length)}→${outputs}`,
    flops: 2 * batch * channels * 3 * outputs * length,
    inputs: (gpu) => [noise(gpu, [batch, channels, length]), noise(gpu, [outputs, channels, 3])],
    forward: ([x, weight]) => conv1d(x, weight, undefined, { padding: 1 }),
  });
}

export function productCases(): BenchCase[] {
  return [
    ...[256, 512, 1024].map((n) => product(n, n, n)),
    product(197, 193, 211),
    product(512, 512, 512, { transposeB: true }),
    product(512, 512, 512, { transposeA: true }),
    // The demo model's layers at a batch of 16 clips of 64 tokens.
    ...layer(1024, 96, 288),
    ...layer(1024, 96, 384),
    ...layer(1024, 384, 96),
    ...heads(4, 4, 128, 32),
    ...packed(16, 4, 64, 24),
    ...image(4, 16, 64, 32),
    tiled(16, 128, 16, 96),
    signal(4, 64, 512, 64),
  ];
}
