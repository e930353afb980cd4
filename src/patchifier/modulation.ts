// How fast tokens vary: the share of each rate in the power of their course over time. The pools of the probe hold it (probe/feature-pools.ts),
// and `targets` reads rhythm from it, of blocks that see a part of the crop. Nothing here knows of blocks or pools.
import { add, div } from "../ops/binary.js";
import { matmul } from "../ops/matmul.js";
import { mean, sum } from "../ops/reduce.js";
import { unary } from "../ops/unary.js";
import { reshape } from "../ops/view.js";
import type { Tensor } from "../tensor/tensor.js";

/** Rates of a crop of so many columns: k / columns cycles a column, k = 1 … columns / 2. */
export const rates = (columns: number) => Math.floor(columns / 2);

/**
 * values [B, length, d], centred over time → the share of each of the first `count` rates in the power under a Hann window, summed
 * over the d values, as logarithms (of the share + 1e-4): [B, count].
 */
export function rateShares(values: Tensor, count: number): Tensor {
  const [batch, length] = values.shape;
  const table = values.gpu.tensor(modulationTable(length, count), [2 * count, length]);
  const waves = matmul(table, values);
  const power = mean(unary.square([waves], {}), { dim: 2 });
  const both = sum(reshape(power, [batch, 2, count]), { dim: 1 });
  const whole = add(sum(both, { dim: 1, keepDim: true }), 1e-12);
  return unary.log([add(div(both, whole), 1e-4)], {});
}

/** Cosines, then sines, of the rates k = 1 … count of `length` values, under a Hann window: [2 · count, length]. */
export function modulationTable(length: number, count: number): Float32Array<ArrayBuffer> {
  const table = new Float32Array(2 * count * length);
  for (let k = 1; k <= count; k++) {
    for (let t = 0; t < length; t++) {
      const angle = (2 * Math.PI * k * (t + 0.5)) / length;
      const window = Math.sin((Math.PI * (t + 0.5)) / length) ** 2;
      table[(k - 1) * length + t] = window * Math.cos(angle);
      table[(count + k - 1) * length + t] = window * Math.sin(angle);
    }
  }
  return table;
}
