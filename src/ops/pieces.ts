// Where operands larger than a binding are cut into pieces that are not: each family of kernels asks here first. How they are cut is in
// cut/, which enters itself; `melgrad/engine`, the smallest edition, goes without, and refuses such operands (gpu/device.ts).
import type { Block } from "../gpu/buffers.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Cutters } from "./cut/index.js";

/** What cut/ offers: each runs the whole work and returns true, or false where its operands need no cut or cannot be cut. */
export const cutters: Partial<Cutters> = {};

/**
 * Runs `run` on `operands`, each of which has `rows` rows in its memory, or on pieces of their rows where they do not fit a binding;
 * what all rows share is not among them.
 */
export function byRows<const Operands extends readonly (Tensor | undefined)[]>(
  rows: number,
  operands: Operands,
  run: (parts: Operands, rows: number, from: number) => void,
): void {
  if (!cutters.rows?.(rows, operands, run)) run(operands, rows, 0);
}

/** The same where `run` sums over all rows, into `targets`. */
export function sumRows<const Operands extends readonly (Tensor | undefined)[]>(
  rows: number,
  operands: Operands,
  targets: readonly Tensor[],
  run: (parts: Operands, rows: number, targets: readonly Tensor[]) => void,
): void {
  if (!cutters.sums?.(rows, operands, targets, run)) run(operands, rows, targets);
}

/** Their memory, in order. */
export function blocksOf(tensors: readonly Tensor[]): Block[] {
  return tensors.map((x) => x.block);
}
