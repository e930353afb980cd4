// Movement by indices of tensors larger than a binding (gather.ts).
import { type Shape, sizeOf, stridesOf } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { accumulate } from "../autograd.js";
import { runElementwise } from "../elementwise.js";
import { filled } from "../fill.js";
import { added, type Layout, pickInto } from "../gather.js";
import { byRows } from "../pieces.js";
import { stridedCopy } from "../strided.js";
import { fitBindings } from "./rows.js";

/** The same of tensors larger than a binding; false where they cannot be cut. */
export function cutPick(x: Tensor, index: Tensor, layout: Layout, out: Tensor, outside: string): boolean {
  const { outer, rows, picks, io } = layout;
  if (fitBindings([x, index, out])) return false;
  if (outer > 1) {
    byRows(outer, [x, out, io > 0 ? index : undefined], ([x, out, own = index], outer) => {
      pickInto(x, own, { ...layout, outer }, out, outside);
    });
  } else if (picks > 1 && !fitBindings([index, out])) {
    byRows(picks, [index, out], ([index, out], picks) => {
      pickInto(x, index, { ...layout, picks }, out, outside);
    });
  } else if (rows > 1 && !fitBindings([x])) {
    // A part of x gives 0 for what it does not have; joined by bits that is what is picked.
    const { gpu, dtype } = x;
    const wide = [index.size, out.size / index.size];
    gpu.scope(() => {
      let all: Tensor | undefined;
      byRows(rows, [x], ([x], rows, from) => {
        const part = gpu.empty(wide, { dtype });
        pickInto(x, shifted(index, from), { ...layout, rows }, part, "0u");
        all = all ? runElementwise({ results: ["x0 | x1"] }, [all, part], { bits: true, dtype })[0] : part;
      });
      const results = [`select(x0, vec4(${outside}), x1 >= x2)`];
      const operands = [all as Tensor, index.alias([index.size, 1]), gpu.tensor(Int32Array.of(rows))];
      const [picked] = runElementwise({ results }, operands, { bits: true, dtype });
      gpu.device.copy(picked.block, out.block);
    });
  } else {
    return false;
  }
  return true;
}

/** Indices into the part of what they index that begins at `from`. */
function shifted(index: Tensor, from: number): Tensor {
  const operands = [index, index.gpu.tensor(Int32Array.of(from))];
  return runElementwise({ results: ["x0 - x1"] }, operands, { bits: true, dtype: "i32" })[0];
}

/** start, or zeros, of `shape` with src added; undefined where no tensor is larger than a binding. */
export function cutAdd(
  start: Tensor | undefined,
  index: Tensor,
  src: Tensor,
  layout: Layout,
  shape: Shape,
): Tensor | undefined {
  const { maxBindingBytes } = src.gpu.device.capabilities;
  if (fitBindings([src, index]) && 4 * sizeOf(shape) <= maxBindingBytes) return undefined;
  const out = start ? stridedCopy(start, shape, stridesOf(shape)) : filled(src, shape, 0);
  addPieces(out, index, src, layout);
  return out;
}

/** out with src added where tensors are larger than a binding: in pieces that are not. */
function addPieces(out: Tensor, index: Tensor, src: Tensor, layout: Layout): void {
  const { outer, rows, picks, io } = layout;
  const { gpu } = src;
  if (fitBindings([out, index, src]) || outer + picks + rows <= 3) {
    const sum = added(undefined, index, src, layout, out.shape);
    accumulate(out, sum);
    sum.dispose();
  } else if (outer > 1) {
    byRows(outer, [out, src, io > 0 ? index : undefined], ([out, src, own = index], outer) => {
      addPieces(out, own, src, { ...layout, outer });
    });
  } else if (picks > 1 && !fitBindings([index, src])) {
    byRows(picks, [index, src], ([index, src], picks) => addPieces(out, index, src, { ...layout, picks }));
  } else {
    byRows(rows, [out], ([out], rows, from) =>
      gpu.scope(() => addPieces(out, shifted(index, from), src, { ...layout, rows })),
    );
  }
}
