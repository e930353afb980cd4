// What objectives report beside their losses: how varied vectors are, how many codes are in use, how often a class is right.
// Outside the graph; each gives a single number.

import { cast } from "../../ops/cast.js";
import { fuse } from "../../ops/fuse.js";
import { scatterAdd } from "../../ops/gather.js";
import { mean, sum, variance } from "../../ops/reduce.js";
import { argmax } from "../../ops/scan.js";
import type { Tensor } from "../../tensor/tensor.js";

const root = fuse((variance) => variance.add(1e-6).sqrt());
const surprise = fuse((share) => share.mul(share.add(1e-7).log()));
const exponent = fuse((total) => total.neg().exp());
const same = fuse((a, b) => a.sub(b).abs().clamp(0, 1).neg().add(1));

function measured(x: Tensor, measure: () => Tensor): Tensor {
  return x.gpu.noGrad(() => x.gpu.scope(measure));
}

/** The standard deviation of a channel over vectors [n, d], averaged over the channels: about 0 where all vectors are alike. */
export function deviation(x: Tensor): Tensor {
  return measured(x, () => mean(root(variance(x, { dim: 0 }))));
}

/** exp of the entropy of shares [..., classes] that sum to one: how many classes are in use, from 1 to all. [...]. In the graph. */
export function perplexity(shares: Tensor): Tensor {
  return exponent(sum(surprise(shares), { dim: -1 }));
}

/** The perplexity of class indices [n] (i32), of `classes`. */
export function usage(indices: Tensor, classes: number): Tensor {
  const { gpu } = indices;
  return measured(indices, () => {
    const each = gpu.full([indices.size], 1 / indices.size);
    return perplexity(scatterAdd(gpu.zeros([classes]), indices, each, { dim: 0 }));
  });
}

/** The share of rows of logits [n, classes] whose largest is that of the class [n] (i32). */
export function accuracy(logits: Tensor, classes: Tensor): Tensor {
  return measured(logits, () => {
    const guesses = argmax(logits, { dim: -1 });
    return mean(same(cast(guesses, "f32"), cast(classes, "f32")));
  });
}
