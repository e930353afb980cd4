// Reductions of tensors larger than a binding (reduction.ts).
import type { Tensor } from "../../tensor/tensor.js";
import { byRows } from "../pieces.js";
import { type Reduction, reduceInto, type View3 } from "../reduction.js";
import { stridedCopy, stridedPlace } from "../strided.js";
import { fitBindings, partOfTensor } from "./rows.js";

/** The same for an x larger than a binding: its outer axis in pieces or, where there is none, results of pieces, which are merged. */
export function cutReduction(
  x: Tensor,
  { outer, reduce, inner }: View3,
  reduction: Reduction,
  out: Tensor,
): boolean {
  if (fitBindings([x])) return false;
  const { kind, map, extra, finish, scale } = reduction;
  if (outer === 1 && reduce === 1 && inner > 1) {
    return cutReduction(x, { outer: inner, reduce, inner: 1 }, reduction, out);
  }
  const withExtra = (tensor: Tensor | undefined) => extra && { ...extra, tensor: tensor ?? extra.tensor };
  if (outer > 1) {
    byRows(outer, [x, out, extra?.tensor], ([x, out, tensor], n) => {
      reduceInto(x, { outer: n, reduce, inner }, { ...reduction, extra: withExtra(tensor) }, out);
    });
    return true;
  }
  const { gpu } = x;
  if (8 * inner > gpu.device.capabilities.maxBindingBytes) {
    // Not two rows fit, so that pieces of rows would be as many as the rows: half of the columns at a time.
    const half = Math.ceil(inner / 2);
    for (const [from, n] of [
      [0, half],
      [half, inner - half],
    ]) {
      gpu.scope(() => {
        const columns = (of: Tensor) => stridedCopy(of, [of.size / inner, n], [inner, 1], from);
        const own = extra && { ...extra, tensor: columns(extra.tensor) };
        const result = gpu.empty([n]);
        reduceInto(columns(x), { outer, reduce, inner: n }, { ...reduction, extra: own }, result);
        stridedPlace(result, out, [1], from);
      });
    }
    return true;
  }
  const results: Tensor[] = [];
  byRows(reduce, [x, extra?.per === "element" ? extra.tensor : undefined], ([x, tensor], n) => {
    const result = x.gpu.empty([inner]);
    reduceInto(x, { outer, reduce: n, inner }, { kind, map, extra: withExtra(tensor) }, result);
    results.push(result);
  });
  const merged = x.gpu.empty([results.length, inner]);
  results.forEach((result, i) => {
    x.gpu.device.copy(result.block, partOfTensor(merged, i * inner, [inner]).block);
    result.dispose();
  });
  const rest = extra?.per === "result" ? extra : undefined;
  reduceInto(merged, { outer, reduce: results.length, inner }, { kind, finish, scale, extra: rest }, out);
  merged.dispose();
  return true;
}
