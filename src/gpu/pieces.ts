// Operands larger than one binding: parts of blocks, and how many rows of them a dispatch can bind. A buffer may be larger than what
// an adapter binds at once, so a kernel whose rows are independent runs once for every piece of them. Pure, apart from reading
// blocks; operations are cut in ops/pieces.ts.
import type { Block } from "./buffers.js";

/** What the offset of a binding is a multiple of: minStorageBufferOffsetAlignment that every adapter accepts. */
export const bindingAlignment = 256;

/** A part of a block. Where it lies is asked of the block, whose place is not known yet while a function is recorded. */
class Part implements Block {
  readonly bindingSize: number;

  constructor(
    readonly of: Block,
    private readonly start: number,
    readonly byteLength: number,
  ) {
    this.bindingSize = Math.max(16, Math.ceil(byteLength / 16) * 16);
  }

  get buffer(): GPUBuffer {
    return this.of.buffer;
  }

  get bufferId(): number {
    return this.of.bufferId;
  }

  get offset(): number {
    return this.of.offset + this.start;
  }
}

/** `byteLength` bytes of a block from `start` on. */
export function partOf(block: Block, start: number, byteLength: number): Block {
  return block instanceof Part
    ? partOf(block.of, block.offset - block.of.offset + start, byteLength)
    : new Part(block, start, byteLength);
}

/**
 * How many rows fit a binding of `limit` bytes at once, where operands have `rowBytes` a row; at least one. So many that every piece
 * begins where a binding may, if that is possible.
 */
export function rowsAtOnce(limit: number, rowBytes: readonly number[]): number {
  const step = (unit: number) =>
    Math.max(...rowBytes.map((bytes) => unit / (bytes & -bytes & (unit - 1) || unit)));
  const most = limit / Math.max(...rowBytes);
  for (const each of [step(bindingAlignment), step(4)]) {
    if (most >= each) return Math.floor(most / each) * each;
  }
  return 1;
}
