// Rows of the op table: reshape, permute and transpose, broadcast_to.
import { broadcastTo } from "../../src/ops/broadcast.js";
import { permute, reshape, transpose } from "../../src/ops/view.js";
import type { OpCase } from "./case.js";
import { build, element, zip } from "./reference.js";

const exact = { atol: 0, rtol: 0 };

function permuted(label: string, shape: number[], dims: number[]): OpCase {
  const out = dims.map((axis) => shape[axis]);
  return {
    op: "permute",
    label,
    inputs: [{ shape }],
    shape: out,
    run: ([x]) => permute(x, dims),
    reference: ([x]) =>
      build(out, (at) => {
        const from = new Array<number>(shape.length);
        dims.forEach((axis, i) => {
          from[axis] = at[i];
        });
        return element(x, from);
      }),
    ...exact,
  };
}

function reshaped(label: string, shape: number[], asked: number[], out: number[]): OpCase {
  return {
    op: "reshape",
    label,
    inputs: [{ shape }],
    shape: out,
    run: ([x]) => reshape(x, asked),
    reference: ([x]) => x.data,
    ...exact,
  };
}

function broadcast(label: string, shape: number[], out: number[]): OpCase {
  return {
    op: "broadcast_to",
    label,
    inputs: [{ shape }],
    shape: out,
    run: ([x]) => broadcastTo(x, out),
    reference: ([x]) => zip(out, [x], (v) => v),
    ...exact,
  };
}

export const cases: OpCase[] = [
  permuted("heads of four", [2, 7, 3, 4], [0, 2, 1, 3]),
  permuted("heads of five", [2, 7, 3, 5], [0, 2, 1, 3]),
  permuted("packed qkv", [2, 7, 3, 4, 8], [2, 0, 3, 1, 4]),
  permuted("reversed", [3, 4, 5], [2, 1, 0]),
  permuted("six axes", [2, 3, 2, 3, 2, 3], [5, 3, 1, 4, 2, 0]),
  permuted("axes of one", [1, 63, 1, 65], [3, 0, 1, 2]),
  {
    op: "permute",
    label: "transpose of the last two",
    inputs: [{ shape: [3, 63, 65] }],
    shape: [3, 65, 63],
    run: ([x]) => transpose(x),
    reference: ([x]) => build([3, 65, 63], ([b, i, j]) => element(x, [b, j, i])),
    ...exact,
  },
  permuted("tiles of fours", [12, 20], [1, 0]),
  permuted("tiles in a batch", [3, 8, 16], [0, 2, 1]),
  permuted("tiles between other axes", [2, 4, 3, 8], [3, 2, 0, 1]),
  permuted("an axis of fours to the front", [3, 5, 8], [2, 0, 1]),
  { ...permuted("many tiles", [260, 384], [1, 0]), gradient: false },
  { ...permuted("many, of odd lengths", [131, 263], [1, 0]), gradient: false },
  { ...permuted("more rows than 65 535", [70_001, 3], [1, 0]), gradient: false },
  reshaped("split", [6, 10], [2, 3, 5, 2], [2, 3, 5, 2]),
  reshaped("one length left out", [6, 10], [4, -1], [4, 15]),
  reshaped("to a single number", [1, 1], [], []),
  broadcast("a row", [7], [5, 7]),
  broadcast("an inner axis", [3, 1, 4], [2, 3, 5, 4]),
  broadcast("a number", [], [63]),
  broadcast("a column over fours", [5, 1], [5, 12]),
  { ...broadcast("a long column", [301, 1], [301, 124]), gradient: false },
  permuted("no element", [2, 0, 3], [2, 0, 1]),
  permuted("no tiles", [8, 0, 12], [2, 1, 0]),
  reshaped("no element", [0, 6], [3, 0, 2], [3, 0, 2]),
  broadcast("to nothing", [1, 3], [0, 3]),
  broadcast("of nothing", [0, 1], [4, 0, 5]),
];
