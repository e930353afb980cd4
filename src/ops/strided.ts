// Strided copies: reading a tensor by strides into a new one, and writing one into another by strides. The choice among the
// layouts of shaders/copy, and of shaders/transpose where another axis comes to the end. Outside the graph: the operations
// are in view.ts and move.ts.
import type { Capabilities } from "../gpu/capabilities.js";
import { ShapeError } from "../gpu/errors.js";
import { mergeAxes, type Shape, sizeOf, stridesOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { foldLanes, runElements } from "./launch.js";
import { cutters } from "./pieces.js";

/** A kernel's defines and parameters, without those of the grid. */
interface Walk {
  defines: Record<string, string | number>;
  params: Record<string, number>;
  /** Vec4s of the contiguous side. */
  items: number;
}

interface Merged {
  shape: number[];
  steps: number[];
}

/** A walk of as few axes as possible, at least one. */
export function merge(shape: Shape, strides: readonly number[]): Merged {
  const { shape: lengths, strides: merged } = mergeAxes(shape, [strides]);
  return lengths.length > 0 ? { shape: lengths, steps: merged[0] } : { shape: [1], steps: [1] };
}

function axes(rank: number): Record<string, string | number> {
  return { RANK: rank, OUTER: rank - 1, LAST: `x${rank - 1}` };
}

/** A strided walk over `shape` in the terms of shaders/copy; `place` where the strided side is written. Pure. */
export function planWalk(shape: Shape, strides: readonly number[], start: number, place = false): Walk {
  const { shape: lengths, steps } = merge(shape, strides);
  const rank = lengths.length;
  if (rank > 6) {
    throw new ShapeError("More than six separate axes are rearranged in two steps.");
  }
  const inner = lengths[rank - 1];
  const step = steps[rank - 1];
  const fours = inner % 4 === 0;
  const aligned = fours && step === 1 && [start, ...steps.slice(0, -1)].every((n) => n % 4 === 0);
  const quad = aligned ? 2 : fours && step === 0 && !place ? 1 : 0;
  const size = sizeOf(shape);
  const params: Record<string, number> = { start: aligned ? start / 4 : start };
  if (quad === 0) params.size = size;
  for (let k = 0; k < rank; k++) {
    const axis = rank - 1 - k;
    params[`n${k}`] = k === 0 && quad > 0 ? inner / 4 : lengths[axis];
    params[`s${k}`] = aligned && k > 0 ? steps[axis] / 4 : steps[axis];
  }
  return { defines: { ...axes(rank), PLACE: Number(place), QUAD: quad }, params, items: Math.ceil(size / 4) };
}

/** The same in the terms of shaders/transpose; undefined where that does not fit. Pure. */
export function planTranspose(
  shape: Shape,
  strides: readonly number[],
  start: number,
  { software }: Pick<Capabilities, "software">,
): Walk | undefined {
  const { shape: lengths, steps } = merge(shape, strides);
  const rank = lengths.length;
  const last = rank - 1;
  const turned = steps.indexOf(1);
  if (turned < 0 || turned === last || rank > 3) return undefined; // more axes would be more parameters than there are
  const offsets = [start, lengths[last], lengths[turned], ...steps.toSpliced(turned, 1)];
  if (offsets.some((n) => n % 4 !== 0)) return undefined;
  const tiles = lengths[turned] / 4;
  const each = (software ? [16, 8, 4, 2] : [4, 2]).find((n) => tiles % n === 0) ?? 1;
  const targets = stridesOf(lengths);
  const params: Record<string, number> = {
    ...{ each, start: start / 4, row: steps[last] / 4, line: targets[turned] / 4 },
  };
  for (let k = 0; k < rank; k++) {
    const axis = last - k;
    const run = axis === turned ? 4 * each : axis === last ? 4 : 1;
    params[`n${k}`] = lengths[axis] / run;
    params[`s${k}`] = (steps[axis] * run) / 4;
    params[`o${k}`] = (targets[axis] * run) / 4;
  }
  return { defines: axes(rank), params, items: sizeOf(shape) / (16 * each) };
}

/** Reads `x` with the given strides (elements, by axis of `shape`) into a new tensor. */
export function stridedCopy(x: Tensor, shape: Shape, strides: readonly number[], start = 0): Tensor {
  const out = x.gpu.empty(shape, { dtype: x.dtype });
  copyStrided({ x, shape, strides, start }, out, false);
  return out;
}

/** Writes `x` into `target` at the given strides (elements, by axis of x). */
export function stridedPlace(x: Tensor, target: Tensor, strides: readonly number[], start = 0): void {
  copyStrided({ x: target, shape: x.shape, strides, start }, x, true);
}

/** A tensor that is read or written by strides. */
export interface Strided {
  x: Tensor;
  shape: Shape;
  strides: readonly number[];
  start: number;
}

declare module "./pieces.js" {
  interface Cutters {
    /** copyStrided in pieces. */
    copy(side: Strided, packed: Tensor, place: boolean): boolean;
  }
}

/** Copies between what is walked by strides and a tensor of its elements in order; `place` where the former is written. */
export function copyStrided(side: Strided, packed: Tensor, place: boolean): void {
  const { x, shape, strides, start } = side;
  const { device } = x.gpu;
  if (cutters.copy?.(side, packed, place)) return;
  const turn = place ? undefined : planTranspose(shape, strides, start, device.capabilities);
  if (turn) {
    const params = { count: turn.items, ...turn.params };
    const groups = foldLanes(turn.items);
    device.run(device.kernel("transpose", turn.defines), [x.block, packed.block], params, groups);
    return;
  }
  const { defines, params, items } = planWalk(shape, strides, start, place);
  const sides = place ? [packed, x] : [x, packed];
  runElements(device.kernel("copy", defines), sides, 4 * items, params);
}
