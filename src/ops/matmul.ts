// Matrix products.
import { ShapeError } from "../gpu/errors.js";
import { broadcastShapes, formatShape, sameShape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./binary.js";
import { defineOp, result } from "./define.js";
import { broadcastTo } from "./view.js";

export interface MatmulOptions {
  /** Swap the last two axes of the stored operand. */
  transposeA?: boolean;
  transposeB?: boolean;
}

/** A product of matrices in memory: C[m, n] = A[m, k]·B[k, n], batch times. */
export interface Product {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** Elements from one matrix of the batch to the next; 0 repeats one matrix. */
  strideA?: number;
  strideB?: number;
  /** The stored operand is the transpose. */
  transposeA?: boolean;
  transposeB?: boolean;
  /** [n], added to every row. */
  bias?: Tensor;
}

/** Runs a product into `c`, outside the graph. */
export function product(a: Tensor, b: Tensor, c: Tensor, shape: Product): void {
  const { m, n, k, batch = 1, strideA = 0, strideB = 0, transposeA = false, transposeB = false } = shape;
  const { device } = a.gpu;
  const kernel = device.kernel("matmul/plain", {
    TRANSPOSE_A: transposeA,
    TRANSPOSE_B: transposeB,
    BIAS: shape.bias !== undefined,
  });
  const blocks = [a.block, b.block, c.block];
  if (shape.bias) blocks.push(shape.bias.block);
  device.run(kernel, blocks, { m, n, k, a_batch: strideA, b_batch: strideB }, [
    Math.ceil(n / 8),
    Math.ceil(m / 8),
    batch,
  ]);
}

/** sums[n] = Σ over rows of x[row, n], outside the graph. */
export function columnSums(x: Tensor, sums: Tensor, rows: number, columns: number): void {
  const { device } = x.gpu;
  device.run(device.kernel("matmul/column_sums"), [x.block, sums.block], { rows, columns }, [
    Math.ceil(columns / 64),
  ]);
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
