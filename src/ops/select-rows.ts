// Selecting distinct rows of a matrix by a table made on the CPU, with a gradient that is one pass without atomics because
// the inverse table is known. For tables that live on the device or repeat rows there is index_select.
import { ShapeError } from "../gpu/errors.js";
import type { Gpu } from "../tensor/gpu.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { pick } from "./gather.js";

/** Row numbers and, for every source row, its place among them or -1. Both i32. */
export interface RowTable {
  /** Row numbers [k]. */
  rows: Tensor;
  /** The place of every source row among them, or -1: [n]. */
  inverse: Tensor;
}

/** A table for selecting the distinct `rows` out of `count`. Throws ShapeError where one is not below `count` or comes twice. */
export function rowTable(gpu: Gpu, rows: Int32Array, count: number): RowTable {
  const inverse = new Int32Array(count).fill(-1);
  rows.forEach((row, i) => {
    if (row < 0 || row >= count || inverse[row] !== -1) {
      throw new ShapeError(`Row ${row} cannot be selected: rows must be distinct and below ${count}.`);
    }
    inverse[row] = i;
  });
  return { rows: gpu.tensor(rows, [rows.length]), inverse: gpu.tensor(inverse, [count]) };
}

/** Zeros where the table is negative. */
function moveRows(x: Tensor, table: Tensor): Tensor {
  return pick(x, table, 0, [table.size, x.shape[1]], "0u");
}

const selectRowsOp = defineOp<{ inverse: Tensor }>({
  name: "select_rows",
  integers: true,
  doc: "Distinct rows of a matrix, by a table.",
  forward: ([x, rows]) => result(moveRows(x, rows)),
  backward: ({ grad, options: { inverse } }) => [moveRows(grad, inverse), undefined],
});

/** The rows of x [n, d] that `table` names, as [rows, d]. Throws ShapeError where the table is for another n. */
export function selectRows(x: Tensor, table: RowTable): Tensor {
  if (x.rank !== 2 || x.shape[0] !== table.inverse.size) {
    throw new ShapeError(
      `selectRows: the table is for ${table.inverse.size} rows but x is ${formatShape(x.shape)}.`,
    );
  }
  return selectRowsOp([x, table.rows], { inverse: table.inverse });
}
