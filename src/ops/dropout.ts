// Dropout: with a given mask, or with one drawn from a seed inside the kernel and drawn again for the gradient.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp } from "./define.js";
import { runElements } from "./launch.js";
import { byRows } from "./pieces.js";

interface DropoutOptions {
  p: number;
  /** Used where no mask is given: a function is asked at every run of a captured function. */
  seed: number | (() => number);
}

/** A 32-bit mix; the same as lib/hash in WGSL. */
export function hash32(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The key under which the kernel draws. */
export function dropoutKey(seed: number): number {
  return hash32((Math.trunc(seed) ^ 0x9e3779b9) >>> 0);
}

/** Draws below this are dropped. */
export function dropoutThreshold(p: number): number {
  return Math.min(0xffffffff, Math.round(p * 2 ** 32));
}

/** `keys` [1] holds the key of a seed that changes from run to run. */
function drop(
  x: Tensor,
  mask: Tensor | undefined,
  keys: Tensor | undefined,
  { p, seed }: DropoutOptions,
): Tensor {
  const { device } = x.gpu;
  const out = x.gpu.empty(x.shape);
  const kernel = device.kernel("elementwise/dropout", { SEEDED: mask ? 0 : keys ? 2 : 1 });
  byRows(x.size, [x, out, mask], ([x, out, mask], size, first) => {
    const extra = mask ?? keys;
    const params: Record<string, number> = { scale: 1 / (1 - p) };
    if (!mask) Object.assign(params, { first, threshold: dropoutThreshold(p) });
    if (!mask && typeof seed === "number") params.key = dropoutKey(seed);
    runElements(kernel, extra ? [x, out, extra] : [x, out], size, params);
  });
  return out;
}

const dropoutOp = defineOp<DropoutOptions, Tensor | undefined>({
  name: "dropout",
  integers: [1],
  doc: "x·keep/(1 - p)",
  forward([x, mask], options) {
    const { seed } = options;
    const draw = (out: Float32Array, next: () => number) =>
      new Uint32Array(out.buffer, out.byteOffset, 1).fill(dropoutKey(next()));
    const keys = typeof seed === "function" ? x.gpu.scalars(1, (out) => draw(out, seed)) : undefined;
    return { output: drop(x, mask, keys, options), saved: keys };
  },
  backward: ({ grad, inputs: [, mask], saved: keys, options }) => [
    drop(grad, mask, keys, options),
    undefined,
  ],
});

/**
 * x·keep/(1 - p). `keep` is a mask of the shape of x, 0 where an element is dropped; without it the mask is drawn from `seed`,
 * each element kept with probability 1 - p, the same for the same seed on every adapter; a seed given as a function is asked
 * once a run, also of a captured function, where a number would be frozen. p is in [0, 1).
 */
export function dropout(
  x: Tensor,
  { p, seed, keep }: { p: number; seed?: number | (() => number); keep?: Tensor },
): Tensor {
  if (!(p >= 0 && p < 1)) throw new ShapeError(`dropout: p must be at least 0 and below 1, not ${p}.`);
  if (keep) {
    if (!sameShape(keep.shape, x.shape)) {
      throw new ShapeError(
        `dropout: the mask is ${formatShape(keep.shape)} but x is ${formatShape(x.shape)}.`,
      );
    }
    return dropoutOp([x, keep], { p, seed: 0 });
  }
  if (seed === undefined) throw new ShapeError("dropout: give a seed or a mask (keep).");
  return p === 0 ? x : dropoutOp([x], { p, seed });
}
