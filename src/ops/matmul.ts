// Matrix products.
import { ShapeError } from "../gpu/errors.js";
import { broadcastShapes, formatShape, sameShape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./binary.js";
import { defineOp, result } from "./define.js";
import { product } from "./matmul-kernels.js";
import { broadcastTo } from "./view.js";

export interface MatmulOptions {
  /** Swap the last two axes of the stored operand. */
  transposeA?: boolean;
  transposeB?: boolean;
}

const matmulOp = defineOp<Required<MatmulOptions>>({
  name: "matmul",
  doc: "A·B over the last two axes; leading axes broadcast.",
  forward([a, b], { transposeA, transposeB }) {
    const [m, k] = transposeA ? [a.shape[a.rank - 1], a.shape[a.rank - 2]] : a.shape.slice(-2);
    const [kb, n] = transposeB ? [b.shape[b.rank - 1], b.shape[b.rank - 2]] : b.shape.slice(-2);
    if (k !== kb)
      throw new ShapeError(
        `matmul: ${formatShape(a.shape)} and ${formatShape(b.shape)} differ in the summed axis.`,
      );
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const left =
      sizeOf(a.shape.slice(0, -2)) === 1 || sameShape(a.shape.slice(0, -2), batch)
        ? a
        : broadcastTo(a, [...batch, ...a.shape.slice(-2)]);
    const right =
      sizeOf(b.shape.slice(0, -2)) === 1 || sameShape(b.shape.slice(0, -2), batch)
        ? b
        : broadcastTo(b, [...batch, ...b.shape.slice(-2)]);
    const out = a.gpu.empty([...batch, m, n]);
    product(left, right, out, {
      m,
      n,
      k,
      batch: sizeOf(batch),
      strideA: left.size === m * k ? 0 : m * k,
      strideB: right.size === k * n ? 0 : k * n,
      transposeA,
      transposeB,
    });
    return result(out);
  },
  backward({ grad, inputs: [a, b], needs, options: { transposeA, transposeB } }) {
    const da = !needs[0]
      ? undefined
      : transposeA
        ? matmul(b, grad, { transposeA: transposeB, transposeB: true })
        : matmul(grad, b, { transposeB: !transposeB });
    const db = !needs[1]
      ? undefined
      : transposeB
        ? matmul(grad, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, grad, { transposeA: !transposeA });
    return [da && sumTo(da, a.shape), db && sumTo(db, b.shape)];
  },
});

export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Tensor {
  return matmulOp([a, b], { transposeA, transposeB });
}
