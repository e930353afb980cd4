// The doctor's self-test: a handful of operations with gradients on the chosen adapter against float64 on the CPU. It finds a
// driver that computes wrongly; that the kernels themselves are right is shown by the project's tests.
import { attention } from "../ops/attention.js";
import { layerNorm } from "../ops/layer-norm.js";
import { linear } from "../ops/linear.js";
import { matmul } from "../ops/matmul.js";
import { sum } from "../ops/reduce.js";
import { softmax } from "../ops/softmax.js";
import { unary } from "../ops/unary.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";

export interface SelfTestResult {
  name: string;
  ok: boolean;
  /** Largest |got − expected| / (1 + |expected|); NaN counts as infinite. */
  error: number;
  tolerance: number;
  ms: number;
}

interface Check {
  name: string;
  tolerance: number;
  shapes: readonly (readonly number[])[];
  run(gpu: Gpu, inputs: Tensor[]): Tensor;
  expected(inputs: Float32Array[]): Float64Array;
}

/** Σ over k of f(k). */
function total(count: number, f: (k: number) => number): number {
  let result = 0;
  for (let k = 0; k < count; k++) result += f(k);
  return result;
}

function build(count: number, f: (i: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => f(i));
}

/** exp(x) over its sum for rows of `width`. */
function softmaxRows(x: Float64Array, width: number): Float64Array {
  return build(x.length, (i) => {
    const row = i - (i % width);
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < width; k++) most = Math.max(most, x[row + k]);
    return Math.exp(x[i] - most) / total(width, (k) => Math.exp(x[row + k] - most));
  });
}

/** A·B for [m, k] and [k, n]. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, m: number, k: number, n: number): Float64Array {
  return build(m * n, (i) => {
    const row = Math.floor(i / n);
    return total(k, (j) => a[row * k + j] * b[j * n + (i % n)]);
  });
}

/** [n, m] of [m, n]. */
function transposed(a: ArrayLike<number>, m: number, n: number): Float64Array {
  return build(m * n, (i) => a[(i % m) * n + Math.floor(i / m)]);
}

const checks: readonly Check[] = [
  {
    name: "sum of 100 003",
    tolerance: 1e-4,
    shapes: [[100_003]],
    run: (_, [x]) => sum(x),
    expected: ([x]) => Float64Array.of(total(x.length, (i) => x[i])),
  },
  {
    name: "tanh",
    tolerance: 1e-5,
    shapes: [[1001]],
    run: (_, [x]) => unary.tanh([x], {}),
    expected: ([x]) => build(x.length, (i) => Math.tanh(x[i])),
  },
  {
    name: "matmul 65×33×67",
    tolerance: 1e-5,
    shapes: [
      [65, 33],
      [33, 67],
    ],
    run: (_, [a, b]) => matmul(a, b),
    expected: ([a, b]) => product(a, b, 65, 33, 67),
  },
  {
    name: "linear, its weight's gradient",
    tolerance: 1e-4,
    shapes: [
      [130, 20],
      [36, 20],
    ],
    run(gpu, [x, weight]) {
      const output = linear(x, weight.withGrad());
      // d(Σ y²/2) / dW = yᵀ·x
      return gpu.noGrad(() => output.node?.backward(output.detach(), [])?.[1]) as Tensor;
    },
    expected([x, weight]) {
      const y = product(x, transposed(weight, 36, 20), 130, 20, 36);
      return product(transposed(y, 130, 36), x, 36, 130, 20);
    },
  },
  {
    name: "softmax",
    tolerance: 1e-5,
    shapes: [[37, 129]],
    run: (_, [x]) => softmax(x),
    expected: ([x]) => softmaxRows(Float64Array.from(x), 129),
  },
  {
    name: "layer norm",
    tolerance: 1e-4,
    shapes: [[33, 96]],
    run: (_, [x]) => layerNorm(x),
    expected: ([x]) =>
      build(x.length, (i) => {
        const row = i - (i % 96);
        const mean = total(96, (k) => x[row + k]) / 96;
        const variance = total(96, (k) => (x[row + k] - mean) ** 2) / 96;
        return (x[i] - mean) / Math.sqrt(variance + 1e-5);
      }),
  },
  {
    name: "attention",
    tolerance: 1e-5,
    shapes: [
      [1, 1, 19, 24],
      [1, 1, 33, 24],
      [1, 1, 33, 24],
    ],
    run: (_, [q, k, v]) => attention(q, k, v),
    expected([q, k, v]) {
      const scores = product(q, transposed(k, 33, 24), 19, 24, 33).map((score) => score / Math.sqrt(24));
      return product(softmaxRows(scores, 33), v, 19, 33, 24);
    },
  },
];

/** Runs every check. A failure of the device itself counts as a wrong result, with its message in `name`. */
export async function selfTest(gpu: Gpu): Promise<SelfTestResult[]> {
  const results: SelfTestResult[] = [];
  for (const { name, tolerance, shapes, run, expected } of checks) {
    const start = performance.now();
    try {
      const values = shapes.map((shape) => gpu.scope(() => gpu.randn(shape)));
      const inputs = await Promise.all(values.map((tensor) => tensor.data()));
      const output = gpu.scope(() => run(gpu, values));
      const got = await output.data();
      for (const tensor of [...values, output]) tensor.dispose();
      const error = largestError(got, expected(inputs));
      results.push({ name, ok: error <= tolerance, error, tolerance, ms: performance.now() - start });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const ms = performance.now() - start;
      results.push({ name: `${name}: ${text}`, ok: false, error: Number.POSITIVE_INFINITY, tolerance, ms });
    }
  }
  return results;
}

function largestError(got: Float32Array, expected: Float64Array): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]) / (1 + Math.abs(expected[i]));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
}
