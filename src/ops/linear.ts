// The fully connected layer: x·Wᵀ + b. Not here: its parameters and their initialisation (nn/).
import { ShapeError } from "../gpu/errors.js";
import { formatShape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { columnSums, product } from "./matmul-kernels.js";

const linearOp = defineOp({
  name: "linear",
  doc: "x·Wᵀ + b over the last axis; x is [..., in], W is [out, in], b is [out].",
  forward([x, weight, bias]) {
    const [outputs, inputs] = weight.shape;
    const rows = x.size / inputs;
    const out = x.gpu.empty([...x.shape.slice(0, -1), outputs]);
    product(x, weight, out, { m: rows, n: outputs, k: inputs, transposeB: true, bias });
    return result(out);
  },
  backward({ grad, inputs: [x, weight, bias], needs, into }) {
    const [outputs, inputs] = weight.shape;
    const rows = x.size / inputs;
    const { gpu } = x;
    let dx: Tensor | undefined;
    let dWeight: Tensor | undefined;
    let dBias: Tensor | undefined;
    if (needs[0]) {
      dx = gpu.empty(x.shape);
      product(grad, weight, dx, { m: rows, n: inputs, k: outputs });
    }
    if (needs[1]) {
      dWeight = into[1] ?? gpu.empty(weight.shape);
      product(grad, x, dWeight, { m: outputs, n: inputs, k: rows, transposeA: true });
    }
    if (bias && needs[2]) {
      dBias = into[2] ?? gpu.empty(bias.shape);
      columnSums(grad, dBias, rows, outputs);
    }
    return bias ? [dx, dWeight, dBias] : [dx, dWeight];
  },
});

/**
 * x·Wᵀ + b. `x`: [..., in], `weight`: [out, in], `bias`: [out] or nothing; the result is [..., out].
 * Throws ShapeError where these do not fit.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (weight.rank !== 2 || x.rank === 0 || x.shape[x.rank - 1] !== weight.shape[1]) {
    throw new ShapeError(
      `linear: x ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} do not fit; they must be [..., in] and [out, in].`,
    );
  }
  if (bias && (bias.rank !== 1 || sizeOf(bias.shape) !== weight.shape[0])) {
    throw new ShapeError(`linear: the bias must be [${weight.shape[0]}], not ${formatShape(bias.shape)}.`);
  }
  return linearOp(bias ? [x, weight, bias] : [x, weight], undefined);
}
