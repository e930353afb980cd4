// Dropout: with a given mask, or with one drawn from a seed inside the kernel and drawn again for the gradient.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { elementwiseGroups } from "./launch.js";

interface DropoutOptions {
  p: number;
  /** Used where no mask is given. */
  seed: number;
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

function drop(x: Tensor, mask: Tensor | undefined, { p, seed }: DropoutOptions): Tensor {
  const { device } = x.gpu;
  const out = x.gpu.empty(x.shape);
  const count = Math.ceil(x.size / 4);
  const blocks = [x.block, out.block];
  if (mask) blocks.push(mask.block);
  const draw: Record<string, number> = mask ? {} : { key: dropoutKey(seed), threshold: dropoutThreshold(p) };
  const kernel = device.kernel("elementwise/dropout", { SEEDED: mask === undefined });
  device.run(kernel, blocks, { count, scale: 1 / (1 - p), ...draw }, elementwiseGroups(count));
  return out;
}

const dropoutOp = defineOp<DropoutOptions>({
  name: "dropout",
  doc: "x·keep/(1 - p)",
  forward: ([x, mask], options) => result(drop(x, mask, options)),
  backward: ({ grad, inputs: [, mask], options }) => [drop(grad, mask, options), undefined],
});

/**
 * x·keep/(1 - p). `keep` is a mask of the shape of x, 0 where an element is dropped; without it the mask is drawn from `seed`,
 * each element kept with probability 1 - p, the same for the same seed on every adapter. p is in [0, 1).
 */
export function dropout(x: Tensor, { p, seed, keep }: { p: number; seed?: number; keep?: Tensor }): Tensor {
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
