// Strided copies of operands larger than a binding (strided.ts).
import { stridesOf } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { byRows } from "../pieces.js";
import { copyStrided, merge, type Strided } from "../strided.js";
import { fitBindings, partOfTensor } from "./rows.js";

/**
 * The same where one of them is larger than a binding: the packed one by its rows, the other by what of it is touched. Where that is
 * too much still, half of the axis that leads the farthest at a time, through memory of its own.
 */
export function cutCopy({ x, shape, strides, start }: Strided, packed: Tensor, place: boolean): boolean {
  if (fitBindings([x, packed])) return false;
  const { shape: lengths, steps } = merge(shape, strides);
  const [rows, ...rest] = lengths;
  if (!fitBindings([packed])) {
    byRows(rows, [packed], ([part], n, from) => {
      copyStrided({ x, shape: [n, ...rest], strides: steps, start: start + from * steps[0] }, part, place);
    });
    return true;
  }
  const reach = lengths.map((n, axis) => (n - 1) * steps[axis]);
  const first = reach.reduce((at, n) => at + Math.min(n, 0), start);
  const base = Math.floor(first / 64) * 64; // where a binding may begin
  const window = partOfTensor(x, base, [reach.reduce((at, n) => at + Math.max(n, 0), start) + 1 - base]);
  if (fitBindings([window])) {
    copyStrided({ x: window, shape: lengths, strides: steps, start: start - base }, packed, place);
    return true;
  }
  const far = reach.map(Math.abs);
  const axis = far.indexOf(Math.max(...far));
  const whole = stridesOf(lengths);
  const half = Math.ceil(lengths[axis] / 2);
  for (const [from, n] of [
    [0, half],
    [half, lengths[axis] - half],
  ]) {
    const part = { shape: lengths.with(axis, n), strides: whole, start: from * whole[axis], x: packed };
    const mine = { x, shape: part.shape, strides: steps, start: start + from * steps[axis] };
    const between = x.gpu.empty(part.shape, { dtype: x.dtype });
    const [source, target] = place ? [part, mine] : [mine, part];
    copyStrided(source, between, false);
    copyStrided(target, between, true);
    between.dispose();
  }
  return true;
}
