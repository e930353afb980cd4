// Heads whose input is a weighted sum of layers, the weights learnt with the head: each run has weights of its own, whose softmax are the
// layers' shares (shaders/probe/shares, mix, mix_back). Here are those kernels' launches; the training is in cohort.ts.
import { firstUsable } from "../../ops/alternatives.js";
import { foldGroups } from "../../ops/launch.js";
import type { Gpu } from "../../tensor/gpu.js";
import { Random } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { HeadLayer } from "./init.js";

/** Features of all layers on the device, [layers, examples, columns], of which `features` columns are summed. */
export interface LayerStack {
  stack: Tensor;
  features: number;
}

/** How the weights of a run lie in memory: one row, padded. */
export function sumLayout(layers: number): HeadLayer {
  return { live: 1, rows: 1, inputs: layers, columns: 4 * Math.ceil(layers / 4) };
}

/** The first weights, standard normal as in MARBLE; all runs start alike. */
export function sumStart({ inputs, columns }: HeadLayer, seed: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed, 100);
  return Float32Array.from({ length: columns }, (_, l) => (l < inputs ? random.normal() : 0));
}

/** The softmax of a run's weights. */
export function sharesOf(weights: ArrayLike<number>, layers: number): Float64Array {
  const top = Math.max(...Array.from({ length: layers }, (_, l) => weights[l]));
  const e = Float64Array.from({ length: layers }, (_, l) => Math.exp(weights[l] - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
}

/** Shares [runs, 1, columns] of weights [runs, 1, columns]. */
export function layerShares(weights: Tensor, layers: number): Tensor {
  const { gpu } = weights;
  const { device } = gpu;
  const [runs, , columns] = weights.shape;
  const shares = gpu.empty(weights.shape);
  device.run(
    device.kernel("probe/shares", { BACK: false }),
    [weights.block, shares.block],
    { runs, layers, columns },
    foldGroups(Math.ceil(runs / 16)),
  );
  return shares;
}

/** The runs' inputs [runs, rows, columns]: of a step's examples where `now` says which, else of all. */
export function summedInput(
  gpu: Gpu,
  { stack, features }: LayerStack,
  shares: Tensor,
  rows: number,
  now?: Tensor,
): Tensor {
  const { device } = gpu;
  const [layers, examples, columns] = stack.shape;
  const runs = shares.shape[0];
  const x = gpu.empty([runs, rows, columns]);
  const count = (runs * rows * columns) / 4;
  device.run(
    device.kernel("probe/mix", { DRAW: now !== undefined }),
    [stack, shares, ...(now ? [now] : []), x].map(({ block }) => block),
    { count, quads: columns / 4, features, rows, examples, layers, columns: shares.shape[2] },
    foldGroups(Math.ceil(count / 64)),
  );
  return x;
}

/** The gradient of the weights, from that of a step's inputs dx [runs, rows, columns]. */
export function sumGradient(
  { stack, features }: LayerStack,
  shares: Tensor,
  dx: Tensor,
  now: Tensor,
): Tensor {
  const { gpu } = dx;
  const { device } = gpu;
  const [layers, examples, columns] = stack.shape;
  const [runs, , padded] = shares.shape;
  const d = gpu.empty(shares.shape);
  const results = runs * padded;
  device.run(
    firstUsable(device, "probe/mix_back", [{ WIDTH: device.capabilities.software ? 16 : 64 }, { WIDTH: 1 }]),
    [dx, stack, now, d].map(({ block }) => block),
    { results, quads: columns / 4, features, rows: dx.shape[1], examples, layers, columns: padded },
    foldGroups(results),
  );
  const gradient = gpu.empty(shares.shape);
  device.run(
    device.kernel("probe/shares", { BACK: true }),
    [d, shares, gradient].map(({ block }) => block),
    { runs, layers, columns: padded },
    foldGroups(Math.ceil(runs / 16)),
  );
  return gradient;
}
