// Kernels over operands that are larger than a binding: one run for each piece of the rows, which are independent. How many rows make a
// piece is in gpu/pieces.ts.
import { bindingAlignment, partOf, rowsAtOnce } from "../../gpu/pieces.js";
import { type Shape, sizeOf } from "../../tensor/shape.js";
import { byteLengthOf, type Tensor } from "../../tensor/tensor.js";
import { accumulate } from "../autograd.js";

/** Whether each of these can be bound whole. */
export function fitBindings(tensors: readonly (Tensor | undefined | false)[]): boolean {
  return tensors.every((x) => !x || x.block.bindingSize <= x.gpu.device.capabilities.maxBindingBytes);
}

const bytesOf = ({ dtype }: Tensor) => (dtype === "f16" ? 2 : 4);

/** The elements of `x` from `start` on that fill `shape`, in its memory. */
export function partOfTensor(x: Tensor, start: number, shape: Shape): Tensor {
  const block = partOf(x.block, bytesOf(x) * start, byteLengthOf(sizeOf(shape), x.dtype));
  return x.gpu.view(block, shape, x.dtype);
}

/**
 * Runs `run` on pieces of `operands`, where they do not fit. A piece that begins where no binding may, or ends within a vec4, is copied
 * to memory of its own and back.
 */
export function cutRows<const Operands extends readonly (Tensor | undefined)[]>(
  rows: number,
  operands: Operands,
  run: (parts: Operands, rows: number, from: number) => void,
): boolean {
  if (fitBindings(operands)) return false;
  const cut = operands.filter((x) => x !== undefined);
  const [{ gpu }] = cut;
  const { device } = gpu;
  const most = rowsAtOnce(
    device.capabilities.maxBindingBytes,
    cut.map((x) => (bytesOf(x) * x.size) / rows),
  );
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from);
    const staged: [Tensor, Tensor][] = [];
    const parts = operands.map((x) => {
      if (!x) return x;
      const width = x.size / rows;
      const part = partOfTensor(x, from * width, [count, width]);
      const { offset, byteLength } = part.block;
      const whole = from + count === rows || byteLength % 16 === 0; // else what follows would be written to as padding
      if (offset % bindingAlignment === 0 && whole) return part;
      const copy = gpu.empty(part.shape, { dtype: part.dtype });
      device.copy(part.block, copy.block);
      staged.push([part, copy]);
      return copy;
    });
    run(parts as readonly (Tensor | undefined)[] as Operands, count, from);
    for (const [part, copy] of staged) {
      device.copy(copy.block, part.block);
      copy.dispose();
    }
  }
  return true;
}

/** Runs `run` on pieces of `operands`, where they do not fit, and adds up in `targets` what it gives of each. */
export function cutSums<const Operands extends readonly (Tensor | undefined)[]>(
  rows: number,
  operands: Operands,
  targets: readonly Tensor[],
  run: (parts: Operands, rows: number, targets: readonly Tensor[]) => void,
): boolean {
  return cutRows(rows, operands, (parts, count, from) => {
    if (from === 0) {
      run(parts, count, targets);
      return;
    }
    const sums = targets.map((target) => target.gpu.empty(target.shape));
    run(parts, count, sums);
    sums.forEach((sum, i) => {
      accumulate(targets[i], sum);
      sum.dispose();
    });
  });
}
