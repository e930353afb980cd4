// The fully connected layer, x·Wᵀ + b, optionally with GELU and a residual in the same kernel. Not here: its parameters and
// their initialisation (nn/).
import { ShapeError } from "../gpu/errors.js";
import { formatShape, rowsOf, type Shape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp } from "./define.js";
import { columnSums, type GeluForm, product } from "./matmul-kernels.js";
import { unaryGradient } from "./unary.js";

/** What follows a linear layer in its kernel. */
export interface LinearOptions {
  /** Applies GELU to x·Wᵀ + b: true is the exact one, "tanh" the approximation (as `gelu_tanh`). */
  gelu?: GeluForm;
  /** Added at the end; of the result's shape, f32. */
  residual?: Tensor;
  /** The result's type; f16 needs an adapter that has it. Default f32. */
  dtype?: "f32" | "f16";
}

interface Parts {
  bias: boolean;
  gelu: GeluForm;
  residual: boolean;
  dtype: "f32" | "f16";
}

/** What GELU was applied to, where a gradient will need it. */
interface Saved {
  pre: Tensor | undefined;
}

const linearOp = defineOp<Parts, Saved>({
  name: "linear",
  half: true,
  doc: "x·Wᵀ + b over the last axis, optionally GELU of it, optionally plus a residual; x is [..., in], W is [out, in].",
  forward(inputs, { bias, gelu, residual, dtype }) {
    const [x, weight] = inputs;
    const { gpu } = x;
    const [outputs, width] = weight.shape;
    const output = gpu.empty([...x.shape.slice(0, -1), outputs], { dtype });
    const differentiated = gpu.recordsGradients && inputs.some((input) => input.requiresGrad);
    const pre = gelu && differentiated ? gpu.empty(output.shape) : undefined;
    product(x, weight, output, {
      m: rowsOf(x.shape),
      n: outputs,
      k: width,
      transposeB: true,
      bias: bias ? inputs[2] : undefined,
      gelu,
      pre,
      residual: residual ? inputs[inputs.length - 1] : undefined,
    });
    return { output, saved: { pre } };
  },
  backward({ grad, inputs, needs, into, output, saved: { pre }, options }) {
    const [x, weight] = inputs;
    const { gpu } = x;
    const [outputs, width] = weight.shape;
    const rows = rowsOf(x.shape);
    const { bias, gelu, residual } = options;
    const g = pre ? unaryGradient(gelu === "tanh" ? "gelu_tanh" : "gelu", grad, pre, output) : grad;
    const grads: (Tensor | undefined)[] = inputs.map(() => undefined);
    if (needs[0]) {
      grads[0] = gpu.empty(x.shape);
      product(g, weight, grads[0], { m: rows, n: width, k: outputs });
    }
    const own = bias ? [1, 2] : [1];
    const pick = <T>(list: readonly T[]) => own.map((i) => list[i]);
    productGradients(g, x, pick(inputs), pick(needs), pick(into)).forEach((each, i) => {
      grads[own[i]] = each;
    });
    if (residual && needs[inputs.length - 1]) grads[inputs.length - 1] = grad;
    return grads;
  },
});

/** Throws where one of these, which are added to sums in f32, is not f32 itself. */
export function requireFull(op: string, added: Readonly<Record<string, Tensor | undefined>>): void {
  for (const [name, tensor] of Object.entries(added)) {
    if (tensor && tensor.dtype !== "f32") {
      throw new ShapeError(
        `${op}: the ${name} must be f32, not ${tensor.dtype}: give it cast(${name}, "f32").`,
      );
    }
  }
}

/**
 * Gradients of W [out, in] and b [out] (if there is one) in y = x·Wᵀ + b for dy [..., out] and x [..., in], outside the graph;
 * undefined where `needs` is false. The bias's comes out of the weight's product, which reads dy anyway.
 */
export function productGradients(
  grad: Tensor,
  x: Tensor,
  [weight, bias]: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
  into: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const { gpu } = x;
  const width = x.shape[x.rank - 1];
  const outputs = grad.shape[grad.rank - 1];
  const k = rowsOf(x.shape);
  const sums = bias && needs[1] ? (into[1] ?? gpu.empty([outputs])) : undefined;
  let dWeight: Tensor | undefined;
  if (weight && needs[0]) {
    dWeight = into[0] ?? gpu.empty(weight.shape);
    product(grad, x, dWeight, { m: outputs, n: width, k, transposeA: true, sums });
  } else if (sums) {
    columnSums(grad, sums, k, outputs);
  }
  return [dWeight, sums];
}

/**
 * x·Wᵀ + b, then GELU and a residual where asked for. `x`: [..., in], `weight`: [out, in], `bias`: [out] or nothing; the result
 * is [..., out]. x and the weight may be f16; the sums are f32. Throws ShapeError where these do not fit.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  const { gelu = false, residual, dtype = "f32" } = options;
  if (weight.rank !== 2 || x.rank === 0 || x.shape[x.rank - 1] !== weight.shape[1]) {
    throw new ShapeError(
      `linear: x ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} do not fit; they must be [..., in] and [out, in].`,
    );
  }
  if (bias && !sameShape(bias.shape, [weight.shape[0]])) {
    throw new ShapeError(`linear: the bias must be [${weight.shape[0]}], not ${formatShape(bias.shape)}.`);
  }
  const shape: Shape = [...x.shape.slice(0, -1), weight.shape[0]];
  if (residual && !sameShape(residual.shape, shape)) {
    throw new ShapeError(
      `linear: the residual must be ${formatShape(shape)}, not ${formatShape(residual.shape)}.`,
    );
  }
  requireFull("linear", { bias, residual });
  const inputs = [x, weight, bias, residual].filter((tensor) => tensor !== undefined);
  return linearOp(inputs, { bias: bias !== undefined, gelu, residual: residual !== undefined, dtype });
}
