// Data movement whose place is known beforehand: slice, flip, concat, stack, pad, and `where`, which chooses. Movement by
// indices is in gather.ts; reshape, permute and broadcast are in view.ts.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, resolveAxes, resolveAxis, stridesOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { filled } from "./fill.js";
import { stridedCopy, stridedPlace } from "./strided.js";
import { reshape } from "./view.js";

export { where } from "./where.js";

/** [start, stop, step] along one axis as in Python: negative positions count from the end, null means the natural end. */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number | null];

interface Window {
  shape: number[];
  strides: number[];
  start: number;
}

const sliceOp = defineOp<Window>({
  name: "slice",
  integers: true,
  doc: "Elements from start to stop (not included) by step along each axis.",
  forward: ([x], { shape, strides, start }) => result(stridedCopy(x, shape, strides, start)),
  backward({ grad, inputs: [x], options: { strides, start } }) {
    const dx = filled(grad, x.shape, 0);
    stridedPlace(grad, dx, strides, start);
    return [dx];
  },
});

/** x[start:stop:step, …] by axis, as in Python, negative steps included; axes that are not named stay whole. */
export function slice(x: Tensor, ranges: readonly (Range | null | undefined)[]): Tensor {
  if (ranges.length > x.rank) {
    throw new ShapeError(`slice: ${ranges.length} ranges for a tensor of ${x.rank} axes.`);
  }
  const whole = stridesOf(x.shape);
  const window: Window = { shape: [], strides: [], start: 0 };
  for (let axis = 0; axis < x.rank; axis++) {
    const { start, length, step } = resolveRange(ranges[axis] ?? [], x.shape[axis]);
    window.shape.push(length);
    window.strides.push(whole[axis] * step);
    window.start += whole[axis] * start;
  }
  return sliceOp([x], window);
}

function resolveRange(
  [from, to, by]: Range,
  length: number,
): { start: number; length: number; step: number } {
  const step = by ?? 1;
  if (!Number.isInteger(step) || step === 0)
    throw new ShapeError(`slice: a step is a whole number other than 0, not ${step}.`);
  const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
  const place = (position: number) =>
    Math.min(Math.max(position < 0 ? position + length : position, least), most);
  const start = from === null || from === undefined ? (step > 0 ? least : most) : place(from);
  const stop = to === null || to === undefined ? (step > 0 ? most : least) : place(to);
  return { start, length: Math.max(0, Math.ceil((stop - start) / step)), step };
}

/** x backwards along axes. */
export function flip(x: Tensor, dim?: number | readonly number[]): Tensor {
  const axes = new Set(resolveAxes(dim, x.rank));
  return slice(
    x,
    x.shape.map((_, axis): Range => (axes.has(axis) ? [null, null, -1] : [])),
  );
}

const concatOp = defineOp<{ axis: number }>({
  name: "concat",
  integers: true,
  doc: "Tensors one after another along an axis.",
  forward(inputs, { axis }) {
    const [first] = inputs;
    const shape = first.shape.map((n, i) =>
      i === axis ? inputs.reduce((total, input) => total + input.shape[axis], 0) : n,
    );
    const out = first.gpu.empty(shape, { dtype: first.dtype });
    const strides = stridesOf(shape);
    let start = 0;
    for (const input of inputs) {
      stridedPlace(input, out, strides, start);
      start += strides[axis] * input.shape[axis];
    }
    return result(out);
  },
  backward({ grad, inputs, needs, options: { axis } }) {
    const strides = stridesOf(grad.shape);
    let start = 0;
    return inputs.map((input, i) => {
      const from = start;
      start += strides[axis] * input.shape[axis];
      return needs[i] ? stridedCopy(grad, input.shape, strides, from) : undefined;
    });
  },
});

/** Tensors of equal shape, but for axis `dim`, one after another along it. */
export function concat(inputs: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const [first] = inputs;
  if (!first) throw new ShapeError("concat needs at least one tensor.");
  const axis = resolveAxis(dim, first.rank);
  for (const input of inputs) {
    const fits = input.rank === first.rank && input.shape.every((n, i) => i === axis || n === first.shape[i]);
    if (!fits || first.rank === 0 || input.dtype !== first.dtype) {
      throw new ShapeError(
        `concat: ${formatShape(input.shape)} (${input.dtype}) does not continue ${formatShape(first.shape)} (${first.dtype}) along axis ${dim}.`,
      );
    }
  }
  return concatOp(inputs, { axis });
}

/** Tensors of equal shape along a new axis `dim` of the result. */
export function stack(inputs: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  const axis = resolveAxis(dim, (inputs[0]?.rank ?? 0) + 1);
  return concat(
    inputs.map((input) => reshape(input, [...input.shape.slice(0, axis), 1, ...input.shape.slice(axis)])),
    { dim: axis },
  );
}

const padOp = defineOp<Window & { value: number }>({
  name: "pad",
  integers: true,
  doc: "x within a frame of one value.",
  forward([x], { shape, strides, start, value }) {
    const out = filled(x, shape, value);
    stridedPlace(x, out, strides, start);
    return result(out);
  },
  backward: ({ grad, inputs: [x], options: { strides, start } }) => [
    stridedCopy(grad, x.shape, strides, start),
  ],
});

/** `pads`: [before, after] for each axis, first axis first. */
export function pad(x: Tensor, pads: readonly (readonly [number, number])[], value = 0): Tensor {
  if (pads.length !== x.rank || pads.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(
      `pad: give [before, after], neither negative, for each of the ${x.rank} axes of ${formatShape(x.shape)}.`,
    );
  }
  const shape = x.shape.map((n, axis) => n + pads[axis][0] + pads[axis][1]);
  const strides = stridesOf(shape);
  const start = pads.reduce((total, [before], axis) => total + before * strides[axis], 0);
  return padOp([x], { shape, strides, start, value });
}

/** Tensors of these lengths along `dim`, one after another: the reverse of concat. */
export function split(x: Tensor, lengths: readonly number[], { dim = 0 }: { dim?: number } = {}): Tensor[] {
  const axis = resolveAxis(dim, x.rank);
  if (lengths.reduce((total, n) => total + n, 0) !== x.shape[axis]) {
    throw new ShapeError(
      `split: lengths ${formatShape(lengths)} do not add up to axis ${dim} of ${formatShape(x.shape)}.`,
    );
  }
  let start = 0;
  return lengths.map((length) => {
    const ranges = x.shape.map((_, i): Range => (i === axis ? [start, start + length] : []));
    start += length;
    return slice(x, ranges);
  });
}
