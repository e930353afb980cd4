// Where operands larger than a binding are cut into pieces that are not: each family of kernels asks here first. How they are cut is in
// cut/, which enters itself; `melgrad/engine`, the smallest edition, goes without, and refuses such operands (gpu/device.ts).
import type { Block } from "../gpu/buffers.js";
import type { Device } from "../gpu/device.js";
import type { Tensor } from "../tensor/tensor.js";

/** Runs a kernel's work on parts of operands: `rows` of them, from row `from` of the whole on. */
type RunRows<Operands> = (parts: Operands, rows: number, from: number) => void;

/** Runs `launch` on parts of the blocks of a table of chunks, of the arena, and of what there is of each chunk. */
export type ChunkCut = (
  blocks: readonly Block[],
  launch: (blocks: readonly Block[], chunks: number) => void,
) => void;

/** What cut/ offers: each runs the whole work and returns true, or false where its operands need no cut or cannot be cut. */
export interface Cutters {
  /** See `byRows`. */
  rows<const Operands extends readonly (Tensor | undefined)[]>(
    rows: number,
    operands: Operands,
    run: RunRows<Operands>,
  ): boolean;
  /** See `sumRows`. */
  sums<const Operands extends readonly (Tensor | undefined)[]>(
    rows: number,
    operands: Operands,
    targets: readonly Tensor[],
    run: (parts: Operands, rows: number, targets: readonly Tensor[]) => void,
  ): boolean;
  /** Arenas of parameters: `launch` on parts of those blocks that are as long as the last. */
  arenas(device: Device, blocks: readonly Block[], launch: (blocks: readonly Block[]) => void): boolean;
  /** Divides a table of chunks, [first float, floats] each; undefined where their arena fits a binding. */
  chunks(device: Device, table: Uint32Array): ChunkCut | undefined;
  // Each family of kernels adds its own, beside the function that asks for it.
}

/** Those that this edition has. */
export const cutters: Partial<Cutters> = {};

/**
 * Runs `run` on `operands`, each of which has `rows` rows in its memory, or on pieces of their rows where they do not fit a binding;
 * what all rows share is not among them.
 */
export function byRows<const Operands extends readonly (Tensor | undefined)[]>(
  rows: number,
  operands: Operands,
  run: RunRows<Operands>,
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
