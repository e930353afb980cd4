// Arenas of parameters larger than a binding: what walks all of them (nn/optim.ts).
import type { Block } from "../../gpu/buffers.js";
import type { Device } from "../../gpu/device.js";
import { partOf } from "../../gpu/pieces.js";
import type { ChunkCut } from "../pieces.js";

/** Runs `launch` on parts of those blocks that are as long as the last. */
export function cutArenas(
  { capabilities }: Device,
  blocks: readonly Block[],
  launch: (blocks: readonly Block[]) => void,
): boolean {
  const { byteLength } = blocks[blocks.length - 1];
  const most = Math.floor(capabilities.maxBindingBytes / 256) * 256;
  if (byteLength <= most) return false;
  for (let from = 0; from < byteLength; from += most) {
    const bytes = Math.min(most, byteLength - from);
    launch(blocks.map((block) => (block.byteLength === byteLength ? partOf(block, from, bytes) : block)));
  }
  return true;
}

/** Chunks that are bound together: the first, how many there are, and the bytes of the arena that they lie in. */
interface ChunkPiece {
  at: number;
  count: number;
  from: number;
  bytes: number;
}

/**
 * Divides a table of chunks, [first float, floats] each, whose places are made relative to their piece. Undefined where the arena fits a
 * binding.
 */
export function cutChunks({ capabilities }: Device, table: Uint32Array): ChunkCut | undefined {
  const count = table.length / 2;
  const pieces: ChunkPiece[] = [];
  const together = 64; // so many begin where a binding may
  for (let at = 0; at < count; at += together) {
    const after = Math.min(at + together, count);
    const end = 4 * (table[2 * after - 2] + table[2 * after - 1]);
    let piece = pieces.at(-1);
    if (!piece || end - piece.from > capabilities.maxBindingBytes) {
      piece = { at, count: 0, from: 4 * table[2 * at], bytes: 0 };
      pieces.push(piece);
    }
    Object.assign(piece, { count: after - piece.at, bytes: end - piece.from });
  }
  if (pieces.length <= 1) return undefined;
  for (const { at, count, from } of pieces) {
    for (let i = at; i < at + count; i++) table[2 * i] -= from / 4;
  }
  return ([chunks, arena, results], launch) => {
    for (const { at, count, from, bytes } of pieces) {
      const parts = [partOf(chunks, 8 * at, 8 * count), partOf(arena, from, bytes)];
      launch([...parts, partOf(results, 4 * at, 4 * count)], count);
    }
  };
}
