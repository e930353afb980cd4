// Rows of the op table: gather, index_select, scatter_add, dropout.
import { dropout, dropoutKey, dropoutThreshold, hash32 } from "../../src/ops/dropout.js";
import { gather, indexSelect, scatterAdd } from "../../src/ops/gather.js";
import { rowTable, selectRows } from "../../src/ops/select-rows.js";
import type { OpCase } from "./case.js";
import { build, element, unravel } from "./reference.js";

const exact = { atol: 0, rtol: 0 };

function gathered(label: string, shape: number[], index: number[], dim: number): OpCase {
  return {
    op: "gather",
    label,
    inputs: [{ shape }, { shape: index, draw: "index", below: shape[dim] }],
    shape: index,
    run: ([x, picks]) => gather(x, picks, { dim }),
    reference: ([x, picks]) => build(index, (at) => element(x, at.with(dim, element(picks, at)))),
    ...exact,
  };
}

function selected(label: string, shape: number[], count: number, dim: number): OpCase {
  const out = shape.with(dim, count);
  return {
    op: "index_select",
    label,
    inputs: [{ shape }, { shape: [count], draw: "index", below: shape[dim] }],
    shape: out,
    run: ([x, picks]) => indexSelect(x, picks, { dim }),
    reference: ([x, picks]) => build(out, (at) => element(x, at.with(dim, picks.data[at[dim]]))),
    ...exact,
  };
}

function scattered(label: string, shape: number[], index: number[], dim: number, below = shape[dim]): OpCase {
  return {
    op: "scatter_add",
    label,
    inputs: [{ shape }, { shape: index, draw: "index", below }, { shape: index }],
    shape,
    run: ([x, picks, src]) => scatterAdd(x, picks, src, { dim }),
    reference: ([x, picks, src]) => {
      const out = x.data.slice();
      src.data.forEach((value, i) => {
        const at = unravel(i, index);
        const row = picks.data[i];
        if (row >= shape[dim]) return;
        let offset = 0;
        at.with(dim, row).forEach((n, axis) => {
          offset = offset * shape[axis] + n;
        });
        out[offset] += value;
      });
      return out;
    },
    atol: 1e-4,
  };
}

function dropped(label: string, shape: number[], p: number, seed?: number): OpCase {
  const keyed = seed === undefined ? 0 : dropoutKey(seed);
  const drawn = (i: number) => (hash32((hash32(i) ^ keyed) >>> 0) >= dropoutThreshold(p) ? 1 : 0);
  return {
    op: "dropout",
    label,
    inputs: seed === undefined ? [{ shape }, { shape, draw: "mask" }] : [{ shape }],
    shape,
    run: ([x, keep]) => dropout(x, { p, seed, keep }),
    reference: ([x, keep]) => x.data.map((v, i) => (v * (keep ? keep.data[i] : drawn(i))) / (1 - p)),
  };
}

function selectedRows(label: string, shape: [number, number], count: number): OpCase {
  const [n, width] = shape;
  // Distinct rows in no order: 0, 7, 14, … modulo n, which 7 does not divide.
  const rows = Int32Array.from({ length: count }, (_, i) => (i * 7 + 3) % n);
  return {
    op: "select_rows",
    label,
    inputs: [{ shape }],
    shape: [count, width],
    run: ([x]) => selectRows(x, rowTable(x.gpu, rows, n)),
    reference: ([x]) => build([count, width], ([i, j]) => element(x, [rows[i], j])),
    ...exact,
  };
}

export const cases: OpCase[] = [
  gathered("rows", [4, 9], [4, 6], 1),
  gathered("the first axis", [6, 3], [8, 3], 0),
  gathered("an index that is shorter elsewhere", [6, 3, 5], [8, 2, 4], 0),
  gathered("a list", [63], [65], 0),
  gathered("rows, four picks at a time", [5, 9], [5, 8], 1),
  gathered("columns, four side by side", [6, 8], [5, 8], 0),
  gathered("one pick a row", [7, 3], [7, 1], 1),
  { ...gathered("many columns", [40, 512], [60, 512], 0), gradient: false },
  { ...gathered("many rows", [300, 40], [300, 128], 1), gradient: false },
  { ...gathered("more rows than 65 535", [65_537, 3], [65_537, 2], 1), gradient: false },
  selected("rows, repeated", [9, 5], 20, 0),
  selected("rows of vec4s", [9, 64], 7, 0),
  selected("columns", [3, 7], 3, 1),
  selected("a middle axis", [3, 7, 4], 5, 1),
  { ...selected("a long list", [5, 4], 400, 0), gradientAtol: 1e-3 },
  selected("a list of numbers", [5], 3, 0),
  { ...selected("many rows of vec4s", [30, 96], 400, 0), gradient: false },
  { ...selected("many odd rows", [30, 45], 801, 0), gradient: false },
  scattered("rows", [4, 5], [4, 12], 1),
  scattered("the first axis", [6, 3], [20, 3], 0),
  scattered("many to one", [2, 3], [2, 700], 1),
  { ...scattered("a list of thousands", [7], [12_000], 0), gradient: false, atol: 1e-3 },
  { ...scattered("indices outside x are passed over", [4, 5], [4, 12], 1, 8), outside: true },
  scattered("a middle axis", [2, 5, 4], [2, 9, 4], 1),
  { ...scattered("more slices than 65 535", [3, 70_001], [2, 70_001], 0), gradient: false },
  selectedRows("half of the rows", [15, 5], 7),
  selectedRows("rows of vec4s", [15, 64], 9),
  selectedRows("all rows in another order", [15, 3], 15),
  dropped("a given mask", [9, 17], 0.25),
  dropped("a given mask of vec4s", [4, 5, 8], 0.75),
  dropped("a seed", [63, 65], 0.1, 12345),
  dropped("another seed", [129], 0.5, -7),
  gathered("no picks", [4, 9], [4, 0], 1),
  gathered("no rows", [0, 9], [0, 6], 1),
  gathered("rows without an element, no picks", [3, 0], [3, 0], 1),
  selected("no picks", [9, 5], 0, 0),
  selected("rows without an element", [9, 0], 4, 0),
  scattered("no picks", [4, 5], [4, 0], 1),
  scattered("rows without an element", [0, 5], [0, 7], 1),
  scattered("nothing", [0, 3], [0, 3], 0),
  selectedRows("no rows", [15, 5], 0),
  selectedRows("rows without an element", [15, 0], 7),
  dropped("nothing, a given mask", [0, 17], 0.25),
  dropped("nothing, a seed", [3, 0], 0.25, 5),
];
