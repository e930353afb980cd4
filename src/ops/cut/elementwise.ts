// Element-by-element programs over operands larger than a binding (elementwise.ts).
import { mergeAxes, type Shape, stridesOf } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Launch } from "../elementwise.js";
import { byRows } from "../pieces.js";
import { fitBindings } from "./rows.js";

/** The outermost axis in pieces; what is repeated along it is shared by all of them. `strides` are the operands', which come first. */
export function cutElementwise(
  tensors: readonly Tensor[],
  over: Shape,
  strides: readonly (readonly number[])[],
  launch: Launch,
): boolean {
  if (fitBindings(tensors)) return false;
  const merged = mergeAxes(over, [stridesOf(over), ...strides]);
  const [rows, ...rest] = merged.shape;
  const [, ...own] = merged.strides;
  const rowed = tensors.map((x, k) => (own[k]?.[0] === 0 ? undefined : x));
  byRows(rows, rowed, (parts, n) => {
    const piece = tensors.map((x, k) => parts[k] ?? x);
    const part = [n, ...rest];
    if (n === rows || !cutElementwise(piece, part, own, launch)) launch(piece, part, own);
  });
  return true;
}
