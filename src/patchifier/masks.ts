// Which patches are masked. Masks are drawn on the CPU from a seeded generator: every clip of a batch masks the same
// number of patches, so that a batch is a rectangle.
import { type RowTable, rowTable } from "../ops/select-rows.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

/** A grid of patches in time-major order: patch number = column·rows + row, columns run along time. */
export interface Grid {
  /** Patches above each other. */
  rows: number;
  /** Patches beside each other, along time. */
  columns: number;
}

/** Number of patches that a ratio masks: at least one, and at least one stays. */
export function maskedCount(tokens: number, ratio: number): number {
  return Math.min(tokens - 1, Math.max(1, Math.round(tokens * ratio)));
}

/** `count` distinct patches, ascending, each equally likely. */
export function uniformMask(random: Random, tokens: number, count: number): Int32Array {
  return Int32Array.from(random.permutation(tokens).subarray(0, count)).sort();
}

/**
 * `count` distinct patches, ascending, from square clusters of C×C patches at uniform places, C drawn from 3, 4, 5 for
 * each cluster (SSAST); clusters may overlap and are cut at the border. What the last cluster has too many is dropped at
 * random.
 */
export function clusteredMask(random: Random, { rows, columns }: Grid, count: number): Int32Array {
  const masked = new Set<number>();
  while (masked.size < count) {
    const side = 3 + random.integer(3);
    const row = random.integer(rows);
    const column = random.integer(columns);
    for (let c = column; c < Math.min(columns, column + side); c++) {
      for (let r = row; r < Math.min(rows, row + side); r++) masked.add(c * rows + r);
    }
  }
  const all = Int32Array.from(masked);
  const order = random.permutation(all.length);
  return Int32Array.from({ length: count }, (_, i) => all[order[i]]).sort();
}

/**
 * `count` distinct patches, ascending, from spans of 4 to 8 columns at uniform places, masked over their full height; spans may
 * overlap and are cut at the border. What the last span has too many is dropped from its end.
 */
export function spanMask(random: Random, { rows, columns }: Grid, count: number): Int32Array {
  const masked = new Set<number>();
  while (masked.size < count) {
    const length = 4 + random.integer(5);
    const first = random.integer(columns);
    for (let c = first; c < Math.min(columns, first + length); c++) {
      for (let r = 0; r < rows && masked.size < count; r++) masked.add(c * rows + r);
    }
  }
  return Int32Array.from(masked).sort();
}

/** A batch's masks on the device. */
export interface BatchMask {
  /** 1 where masked: [B, T, 1]. */
  masked: Tensor;
  /** Rows of the flattened [B·T, …] that are masked, clip by clip. */
  table: RowTable;
  /** Masked patches a clip. */
  count: number;
}

/** A batch's masks as the tensors that a captured step is given. */
export type MaskInputs = {
  /** As in BatchMask. */
  masked: Tensor;
  /** The table's two halves. */
  maskedRows: Tensor;
  maskedInverse: Tensor;
};

/** Uploads the masked patches of each clip. `indices[b]` are distinct patch numbers, as many in every clip. */
export function maskInputs(gpu: Gpu, indices: readonly Int32Array[], tokens: number): MaskInputs {
  const count = indices[0].length;
  const flags = new Float32Array(indices.length * tokens);
  const rows = new Int32Array(indices.length * count);
  indices.forEach((clip, b) => {
    clip.forEach((t, i) => {
      flags[b * tokens + t] = 1;
      rows[b * count + i] = b * tokens + t;
    });
  });
  const table = rowTable(gpu, rows, indices.length * tokens);
  return {
    masked: gpu.tensor(flags, [indices.length, tokens, 1]),
    maskedRows: table.rows,
    maskedInverse: table.inverse,
  };
}

/** The masks that uploaded tensors stand for. */
export function maskOf({ masked, maskedRows, maskedInverse }: MaskInputs): BatchMask {
  const table = { rows: maskedRows, inverse: maskedInverse };
  return { masked, table, count: maskedRows.size / masked.shape[0] };
}

/** `maskInputs` and `maskOf` in one, for a step that is not captured. */
export function uploadMask(gpu: Gpu, indices: readonly Int32Array[], tokens: number): BatchMask {
  return maskOf(maskInputs(gpu, indices, tokens));
}
