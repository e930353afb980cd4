// Matrix products: shapes, broadcasting and gradients. The kernels and the choice among them are in matmul-kernels.ts and matmul-variants/.
import { ShapeError } from "../gpu/errors.js";
import { broadcastShapes, formatShape, rowsOf, type Shape, sameShape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastTo, sumTo } from "./broadcast.js";
import { defineOp, result } from "./define.js";
import { product } from "./matmul-kernels.js";
import { reshape } from "./view.js";

/** How the operands of a product are stored. */
export interface MatmulOptions {
  /** A is stored as [..., k, m]. Default false. */
  transposeA?: boolean;
  /** B is stored as [..., n, k], as linear weights are. Default false. */
  transposeB?: boolean;
  /** The result's type; f16 needs an adapter that has it. The operands may be f32 or f16, in any mixture. Default f32. */
  dtype?: "f32" | "f16";
}

const matmulOp = defineOp<Required<MatmulOptions>>({
  name: "matmul",
  half: true,
  doc: "A·B over the last two axes; leading axes broadcast.",
  forward([a, b], { transposeA, transposeB, dtype }) {
    const [m, k] = transposeA ? [a.shape[a.rank - 1], a.shape[a.rank - 2]] : a.shape.slice(-2);
    const n = b.shape[b.rank - (transposeB ? 2 : 1)];
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const out = a.gpu.empty([...batch, m, n], { dtype });
    if (isFlat(a, b, transposeA)) {
      product(a, b, out, { m: rowsOf(a.shape), n, k, transposeB });
      return result(out);
    }
    const left = repeated(a, batch);
    const right = repeated(b, batch);
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
    let da: Tensor | undefined;
    let db: Tensor | undefined;
    if (needs[0]) {
      da = transposeA
        ? matmul(b, grad, { transposeA: transposeB, transposeB: true })
        : matmul(grad, b, { transposeB: !transposeB });
    }
    if (needs[1]) {
      // One matrix B for many A: the rows of all of them are one summed axis.
      const flat = isFlat(a, b, transposeA);
      const x = flat ? flattened(a) : a;
      const g = flat ? flattened(grad) : grad;
      db = transposeB
        ? matmul(g, x, { transposeA: true, transposeB: transposeA })
        : matmul(x, g, { transposeA: !transposeA });
      if (flat) db = reshape(db, b.shape);
    }
    return [da && sumTo(da, a.shape), db && sumTo(db, b.shape)];
  },
});

/** All rows as one matrix. */
function flattened(x: Tensor): Tensor {
  return reshape(x, [rowsOf(x.shape), x.shape[x.rank - 1]]);
}

/** Whether one B meets the rows of many A, which then are the rows of one matrix. */
function isFlat(a: Tensor, b: Tensor, transposeA: boolean): boolean {
  return !transposeA && a.rank >= b.rank && sizeOf(b.shape.slice(0, -2)) === 1;
}

/** `x` with its leading axes repeated to `batch`, unless it is a single matrix, which a stride of 0 repeats. */
function repeated(x: Tensor, batch: Shape): Tensor {
  const own = x.shape.slice(0, -2);
  return sizeOf(own) === 1 || sameShape(own, batch) ? x : broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
}

/**
 * A·B over the last two axes, [..., m, k] by [..., k, n]; leading axes broadcast. A vector is a row on the left and a column on
 * the right, and its axis is not in the result. Throws ShapeError where the summed axes differ.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false, dtype = "f32" }: MatmulOptions = {},
): Tensor {
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError("matmul needs tensors of one axis or more: multiply by a number with mul().");
  }
  if (a.rank === 1) {
    const product = matmul(reshape(a, [1, a.size]), b, { transposeB, dtype });
    return reshape(product, b.rank === 1 ? [] : product.shape.filter((_, axis) => axis !== product.rank - 2));
  }
  if (b.rank === 1) {
    const product = matmul(a, reshape(b, [b.size, 1]), { transposeA, dtype });
    return reshape(product, product.shape.slice(0, -1));
  }
  const left = a.shape[a.rank - (transposeA ? 2 : 1)];
  const right = b.shape[b.rank - (transposeB ? 1 : 2)];
  if (left !== right) {
    throw new ShapeError(
      `matmul: ${formatShape(a.shape)}${transposeA ? " transposed" : ""} and ${formatShape(b.shape)}${transposeB ? " transposed" : ""} differ in the summed axis (${left} and ${right}).`,
    );
  }
  return matmulOp([a, b], { transposeA, transposeB, dtype });
}
