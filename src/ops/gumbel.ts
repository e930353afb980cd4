// Choosing a class at random in a way that has a gradient (Jang, Gu and Poole, 2017; Maddison, Mnih and Teh, 2017): Gumbel
// noise drawn on the device, and the softmax of noisy logits, of which the hard form is a one-hot vector with the softmax's
// gradient.
import type { Gpu } from "../tensor/gpu.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { add, sub } from "./binary.js";
import { dropoutKey } from "./dropout.js";
import { fuse } from "./fuse.js";
import { runElements } from "./launch.js";
import { oneHot } from "./one-hot.js";
import { byRows } from "./pieces.js";
import { argmax } from "./scan.js";
import { softmax } from "./softmax.js";

/** Temperature, seed and form of a Gumbel softmax. */
export interface GumbelOptions {
  /** The smaller, the closer to a choice; at least 1e-3. A function is asked at every run of a captured function. */
  tau: number | (() => number);
  /** Of the noise; likewise. */
  seed: number | (() => number);
  /** One-hot with the gradient of the soft form. Default false. */
  hard?: boolean;
}

const noisy = fuse((logits, noise, inverse) => logits.add(noise).mul(inverse));

function asked(value: number | (() => number)): number {
  return typeof value === "function" ? value() : value;
}

/** Standard Gumbel noise, the same for the same seed on every adapter but for rounding. A seed that is a function is asked once a run. */
export function gumbelNoise(gpu: Gpu, shape: Shape, seed: number | (() => number)): Tensor {
  const { device } = gpu;
  const keys = gpu.scalars(1, (out) =>
    new Uint32Array(out.buffer, out.byteOffset, 1).fill(dropoutKey(asked(seed))),
  );
  const out = gpu.empty(shape);
  byRows(out.size, [out], ([out], size, first) => {
    const kernel = device.kernel("elementwise/gumbel");
    runElements(kernel, [keys, out], size, { first });
  });
  keys.dispose();
  return out;
}

/** softmax((logits + noise)/tau) over the last axis; with `hard`, one-hot where that is largest. */
export function gumbelSoftmax(logits: Tensor, { tau, seed, hard = false }: GumbelOptions): Tensor {
  const { gpu } = logits;
  const inverse = gpu.scalars(1, (out) => out.fill(1 / Math.max(1e-3, asked(tau))));
  const perturbed = noisy(logits, gumbelNoise(gpu, logits.shape, seed), inverse);
  const soft = softmax(perturbed);
  if (!hard) return soft;
  const chosen = gpu.noGrad(() => {
    const index = argmax(perturbed, { dim: -1 });
    return sub(oneHot(index, logits.shape[logits.rank - 1]), soft);
  });
  return add(chosen, soft);
}
