// Matrix products of operands larger than a binding (matmul-kernels.ts).
import type { Tensor } from "../../tensor/tensor.js";
import { columnSums, type ProductOptions, product } from "../matmul-kernels.js";
import { byRows } from "../pieces.js";
import { reduceInto } from "../reduction.js";
import { stridedCopy, stridedPlace } from "../strided.js";
import { fitBindings } from "./rows.js";

/**
 * A product of operands larger than a binding, as products of parts of them: of the batch, of the rows of C, of its columns, or of the
 * summed axis. What lies along another axis than that of its rows is copied. False where none of these leads on.
 */
export function cutProduct(a: Tensor, b: Tensor, c: Tensor, options: ProductOptions): boolean {
  const { m, n, k, batch = 1, strideA, strideB, transposeA, transposeB } = options;
  const { bias, pre, slope, residual, sums, gelu, accumulate } = options;
  if (fitBindings([a, b, c, pre, slope, residual])) return false;
  const { gpu } = a;
  const like = [c, pre, slope, residual] as const;
  const half = [a, b, c].some((x) => x.dtype === "f16"); // which strided copies do not take
  const columns = (x: Tensor | undefined, width: number, count: number, from: number) =>
    x && stridedCopy(x, [x.size / width, count], [width, 1], from);
  if (batch > 1) {
    const own = [...like, strideA ? a : undefined, strideB ? b : undefined] as const;
    if (fitBindings(own)) return false;
    byRows(batch, own, ([c, pre, slope, residual, left = a, right = b], count) => {
      product(left, right, c, { ...options, batch: count, pre, slope, residual });
    });
  } else if (sums) {
    columnSums(a, sums, k, m);
    product(a, b, c, { ...options, sums: undefined });
  } else if (m > 1 && !(half && transposeA) && !(fitBindings(like) && (transposeA || fitBindings([a])))) {
    byRows(m, [...like, transposeA ? undefined : a], ([c, pre, slope, residual, left], count, from) => {
      const part = left ?? (columns(a, m, count, from) as Tensor);
      product(part, b, c, { ...options, m: count, pre, slope, residual });
      if (!left) part.dispose();
    });
  } else if (n > 1 && !half && transposeB && !fitBindings([b])) {
    byRows(n, [b, bias], ([b, bias], count, from) =>
      gpu.scope(() => {
        const of = (x: Tensor | undefined) => columns(x, n, count, from);
        const results = [c, pre].map((x) => x && gpu.empty([m, count], { dtype: x.dtype }));
        const part = (accumulate && of(c)) || (results[0] as Tensor);
        const rest = { bias, pre: results[1], slope: of(slope), residual: of(residual) };
        product(a, b, part, { ...options, n: count, ...rest });
        stridedPlace(part, c, [n, 1], from);
        if (pre) stridedPlace(results[1] as Tensor, pre, [n, 1], from);
      }),
    );
  } else if (k > 1 && !half && !(gelu && !slope) && !fitBindings([transposeA && a, !transposeB && b])) {
    byRows(k, [transposeA ? a : undefined, transposeB ? undefined : b], ([left, right], count, from) =>
      gpu.scope(() => {
        const more = from > 0 ? { accumulate: true, bias: undefined, residual: undefined } : {};
        const [x, y] = [left ?? columns(a, k, count, from), right ?? columns(b, k, count, from)];
        product(x as Tensor, y as Tensor, c, { ...options, k: count, ...more });
      }),
    );
  } else {
    return false;
  }
  return true;
}

/** Sums of columns, where x is larger than a binding. */
export function cutColumnSums(x: Tensor, sums: Tensor, rows: number, columns: number): boolean {
  if (fitBindings([x])) return false;
  reduceInto(x, { outer: 1, reduce: rows, inner: columns }, { kind: "sum" }, sums);
  return true;
}
