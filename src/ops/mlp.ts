// A transformer's feed-forward pair: linear, GELU, linear and a residual in two products, and four for the gradient: the
// derivative of GELU is applied by the product that makes the gradient of the hidden layer. Not here: the parameters (nn/).
import { ShapeError } from "../gpu/errors.js";
import { formatShape, rowsOf, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp } from "./define.js";
import { productGradients, requireFull } from "./linear.js";
import { type GeluForm, product } from "./matmul-kernels.js";

/** Weights of a two-layer perceptron; rows are outputs, as in PyTorch. */
export interface MlpWeights {
  /** [hidden, in] and [hidden]. */
  weight1: Tensor;
  /** [hidden]. */
  bias1: Tensor;
  /** [out, hidden] and [out]. */
  weight2: Tensor;
  /** [out]. */
  bias2: Tensor;
}

/** Settings of a two-layer perceptron. */
export interface MlpOptions {
  /** Which GELU: true is the exact one (default), "tanh" the approximation. */
  gelu?: true | "tanh";
  /** Added at the end; of the result's shape. */
  residual?: Tensor;
}

/** What GELU was applied to, and its result. */
interface Saved {
  pre: Tensor | undefined;
  hidden: Tensor;
}

const mlpOp = defineOp<{ gelu: GeluForm }, Saved>({
  name: "mlp",
  half: true,
  doc: "GELU(x·W₁ᵀ + b₁)·W₂ᵀ + b₂, optionally plus a residual, over the last axis; W₁ is [hidden, in], W₂ is [out, hidden].",
  forward(inputs, { gelu }) {
    const [x, weight1, bias1, weight2, bias2, residual] = inputs;
    const { gpu } = x;
    const [width, inner] = [weight1.shape[1], weight1.shape[0]];
    const m = rowsOf(x.shape);
    const leading = x.shape.slice(0, -1);
    const hidden = gpu.empty([...leading, inner]);
    const output = gpu.empty([...leading, weight2.shape[0]]);
    const differentiated = gpu.recordsGradients && inputs.some((input) => input.requiresGrad);
    const pre = differentiated ? gpu.empty(hidden.shape) : undefined;
    product(x, weight1, hidden, { m, n: inner, k: width, transposeB: true, bias: bias1, gelu, pre });
    product(hidden, weight2, output, {
      m,
      n: weight2.shape[0],
      k: inner,
      transposeB: true,
      bias: bias2,
      residual,
    });
    if (!differentiated) hidden.dispose();
    return { output, saved: { pre, hidden } };
  },
  backward({ grad, inputs, needs, into, saved: { pre, hidden }, options: { gelu } }) {
    const [x, weight1, , weight2] = inputs;
    const { gpu } = x;
    const [inner, width] = weight1.shape;
    const m = rowsOf(x.shape);
    const [dWeight2, dBias2] = productGradients(
      grad,
      hidden,
      inputs.slice(3, 5),
      needs.slice(3),
      into.slice(3),
    );
    let dx: Tensor | undefined;
    let first: (Tensor | undefined)[] = [];
    if (needs[0] || needs[1] || needs[2]) {
      const dPre = gpu.empty(hidden.shape);
      product(grad, weight2, dPre, { m, n: inner, k: weight2.shape[0], slope: pre, gelu });
      if (needs[0]) {
        dx = gpu.empty(x.shape);
        product(dPre, weight1, dx, { m, n: width, k: inner });
      }
      first = productGradients(dPre, x, inputs.slice(1, 3), needs.slice(1), into.slice(1));
    }
    return [dx, first[0], first[1], dWeight2, dBias2, needs[5] ? grad : undefined].slice(0, inputs.length);
  },
});

/**
 * GELU(x·W₁ᵀ + b₁)·W₂ᵀ + b₂, and a residual where asked for. `x`: [..., in]; the result is [..., out]. Throws ShapeError where the
 * shapes do not fit. x and the weights may be f16.
 */
export function mlp(x: Tensor, weights: MlpWeights, { gelu = true, residual }: MlpOptions = {}): Tensor {
  const { weight1, bias1, weight2, bias2 } = weights;
  const [hidden] = weight1.shape;
  const [outputs] = weight2.shape;
  const fits =
    x.rank > 0 &&
    sameShape(weight1.shape, [hidden, x.shape[x.rank - 1]]) &&
    sameShape(weight2.shape, [outputs, hidden]) &&
    sameShape(bias1.shape, [hidden]) &&
    sameShape(bias2.shape, [outputs]);
  if (!fits) {
    const shapes = [x, weight1, bias1, weight2, bias2].map(({ shape }) => formatShape(shape)).join(", ");
    throw new ShapeError(
      `mlp: x, weight1, bias1, weight2, bias2 are ${shapes}; they must be [..., in], [hidden, in], [hidden], [out, hidden], [out].`,
    );
  }
  const shape = [...x.shape.slice(0, -1), outputs];
  if (residual && !sameShape(residual.shape, shape)) {
    throw new ShapeError(
      `mlp: the residual must be ${formatShape(shape)}, not ${formatShape(residual.shape)}.`,
    );
  }
  requireFull("mlp", { bias1, bias2, residual });
  const inputs = [x, weight1, bias1, weight2, bias2, ...(residual ? [residual] : [])];
  return mlpOp(inputs, { gelu });
}
