// What the tuner runs for a case of each family: inputs from a seed, one call, and the check of its results against float64 on
// the CPU. The checks cover every result: a kernel that goes wrong in one corner is found.
import type { Gpu } from "../tensor/gpu.js";
import { fromHalf, toHalf } from "../tensor/half.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { gelu, geluSlope } from "./gelu-float64.js";
import { type ProductOptions, product } from "./matmul-kernels.js";
import type { Tunable, Work } from "./tuning.js";
import { isFused, matmulTuning, type ProductCase } from "./tuning-matmul.js";

/** Values of variance 1 on both sides of zero. */
function noise(random: Random, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) * Math.sqrt(3));
}

/** The results that an epilogue may have besides C, and their checks against the product itself. */
function epilogueWork(gpu: Gpu, size: number, biasOf: (at: number) => number, random: Random) {
  const [residual, slope] = [noise(random, size), noise(random, size)];
  const tensors = [residual, slope].map((data) => gpu.tensor(data));
  const [pre, activated, sloped] = [0, 1, 2].map(() => gpu.empty([size]));
  const outputs = [pre, activated, sloped];
  const blank = new Float32Array(size).fill(Number.NaN);
  return {
    reset: () => outputs.forEach((tensor) => void tensor.write(blank)),
    run(multiply: (c: Tensor, options: Partial<ProductOptions>, biased: boolean) => void) {
      multiply(activated, { gelu: true, pre, accumulate: false, residual: tensors[0] }, true);
      multiply(sloped, { gelu: true, slope: tensors[1], accumulate: false }, false);
    },
    /** `product` is A·B with the bias. */
    async check(product: Float32Array, tolerance: number): Promise<string | undefined> {
      const [p, a, s] = await Promise.all(outputs.map((tensor) => tensor.data()));
      for (let i = 0; i < size; i++) {
        const x = product[i];
        const expected = {
          "what GELU is applied to": [p[i], x],
          "GELU with a residual": [a[i], gelu(x) + residual[i]],
          "the slope of GELU": [s[i], (x - biasOf(i)) * geluSlope(slope[i])],
        };
        for (const [name, [got, wanted]] of Object.entries(expected)) {
          const error = Math.abs(got - wanted);
          if (!(error <= 2 * tolerance + 1e-5 * (1 + Math.abs(wanted)))) {
            return `${name} is off by ${error.toPrecision(2)}`;
          }
        }
      }
      return undefined;
    },
    dispose: () => [...tensors, ...outputs].forEach((tensor) => void tensor.dispose()),
  };
}

/**
 * A product, checked by Freivalds' test: with a random vector r, C·r must be A·(B·r) in every row. That takes n² operations
 * instead of n³ and misses no wrong result, since every one of them counts with a factor between ½ and 1½.
 */
function productWork(gpu: Gpu, shape: ProductCase, random: Random): Work {
  const { m, n, k, batch = 1, transposeA = false, transposeB = false } = shape;
  const accumulate = Boolean(shape.accumulate);
  const dtype = shape.half ? "f16" : "f32";
  const rounded = (data: Float32Array) => (shape.half ? fromHalf(toHalf(data)) : data);
  const values = [
    rounded(noise(random, batch * m * k)),
    rounded(noise(random, batch * k * n)),
    noise(random, n),
  ];
  const factors = Float64Array.from({ length: n }, () => 0.5 + random.uniform());
  const [a, b] = values.slice(0, 2).map((data) => gpu.tensor(data, [data.length], { dtype }));
  const bias = gpu.tensor(values[2]);
  const c = gpu.empty([batch, m, n]);
  const sums = shape.sums ? gpu.empty([m]) : undefined;
  const blank = new Float32Array(c.size).fill(accumulate ? 0 : Number.NaN);
  const expected = new Float64Array(batch * m);
  const biased = isFused(shape);
  const shift = biased ? values[2].reduce((sum, value, j) => sum + value * factors[j], 0) : 0;
  for (let z = 0; z < batch; z++) {
    const bR = new Float64Array(k);
    for (let l = 0; l < k; l++) {
      for (let j = 0; j < n; j++) {
        bR[l] += values[1][z * k * n + (transposeB ? j * k + l : l * n + j)] * factors[j];
      }
    }
    for (let i = 0; i < m; i++) {
      let sum = shift;
      for (let l = 0; l < k; l++) sum += values[0][z * m * k + (transposeA ? l * m + i : i * k + l)] * bR[l];
      expected[z * m + i] = sum;
    }
  }
  const tolerance = 4e-7 * Math.sqrt(n) * (k + 16);
  const unwritten = new Float32Array(m).fill(Number.NaN);
  const end = biased ? epilogueWork(gpu, batch * m * n, (at) => values[2][at % n], random) : undefined;
  const multiply = (target: Tensor, options: Partial<ProductOptions>, withBias: boolean) =>
    product(a, b, target, {
      ...{ m, n, k, batch, transposeA, transposeB, accumulate, strideA: m * k, strideB: k * n },
      bias: withBias ? bias : undefined,
      ...options,
    });
  let whole = false; // the next run is one that is checked, and makes every result
  return {
    reset() {
      c.write(blank);
      sums?.write(unwritten);
      end?.reset();
      whole = true;
    },
    run() {
      multiply(c, { sums }, biased);
      if (whole) end?.run(multiply);
      whole = false;
    },
    async check() {
      const got = await c.data();
      for (let row = 0; row < batch * m; row++) {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += got[row * n + j] * factors[j];
        const error = Math.abs(sum - expected[row]);
        if (!(error <= tolerance)) return `row ${row % m} is off by ${error.toPrecision(2)}`;
      }
      const added = sums && (await sums.data());
      for (let i = 0; added && i < m; i++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += values[0][l * m + i];
        const error = Math.abs(added[i] - sum);
        if (!(error <= 4e-7 * (k + 16))) return `sum ${i} is off by ${error.toPrecision(2)}`;
      }
      return end?.check(got, 4e-7 * (k + 16));
    },
    dispose() {
      for (const tensor of [a, b, bias, c, sums]) tensor?.dispose();
      end?.dispose();
    },
  };
}

/** Products' family, and how a case is run and checked. */
export const matmulTunable: Tunable<ProductCase> = { family: matmulTuning, work: productWork };
