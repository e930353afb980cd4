// Rows of the op table: chains in one kernel.
import { type Expr, fuse } from "../../src/ops/fuse.js";
import type { OpCase } from "./case.js";
import { erf, zip } from "./reference.js";

const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

function row<Inputs extends Expr[]>(
  label: string,
  shapes: number[][],
  shape: number[],
  chain: (...inputs: Inputs) => Expr,
  f: (...values: number[]) => number,
  draws: OpCase["inputs"][number]["draw"][] = [],
): OpCase {
  const fused = fuse(chain) as (...inputs: unknown[]) => ReturnType<OpCase["run"]>;
  return {
    op: "fused",
    label,
    inputs: shapes.map((own, i) => ({ shape: own, draw: draws[i] })),
    shape,
    run: (inputs) => fused(...inputs),
    reference: (inputs) => zip(shape, inputs, f),
    rtol: 5e-5,
    gradientRtol: 5e-4,
    gradientAtol: 5e-4,
  };
}

export const cases: OpCase[] = [
  row(
    "a chain",
    [
      [7, 9],
      [7, 9],
    ],
    [7, 9],
    (x, y) => x.mul(2).add(y).gelu(),
    (x, y) => gelu(2 * x + y),
  ),
  row(
    "a value that is used twice, a row and a column",
    [[5, 12], [12], [5, 1]],
    [5, 12],
    (x, gain, shift) => {
      const u = x.mul(gain).add(shift);
      return u.mul(u.sigmoid());
    },
    (x, gain, shift) => (x * gain + shift) * sigmoid(x * gain + shift),
  ),
  row(
    "odd lengths and a number",
    [[3, 1, 5], [2, 1], [1]],
    [3, 2, 5],
    (a, b, c) => a.sub(b).square().div(c.exp()).sub(1).tanh(),
    (a, b, c) => Math.tanh((a - b) ** 2 / Math.exp(c) - 1),
  ),
  row(
    "choosing by a mask",
    [[3, 4, 1], [8], [3, 4, 8], [4, 8]],
    [3, 4, 8],
    (mask, token, x, position) => token.where(mask, x).add(position),
    (mask, token, x, position) => (mask ? token : x) + position,
    ["mask"],
  ),
  row(
    "one input alone",
    [[65]],
    [65],
    (x) => x.mul(x).mul(x).add(x),
    (x) => x ** 3 + x,
  ),
  row(
    "the input itself",
    [[6]],
    [6],
    (x) => x,
    (x) => x,
  ),
  row(
    "more inputs than one gradient kernel binds",
    [[4, 6], [6], [4, 1], [4, 6], [1], [6]],
    [4, 6],
    (a, b, c, d, e, f) => a.mul(b).add(c.mul(d)).mul(e).maximum(f),
    (a, b, c, d, e, f) => Math.max((a * b + c * d) * e, f),
  ),
  row(
    "more strides than parameters",
    [
      [3, 1, 2, 1],
      [1, 4, 1, 5],
      [4, 1, 5],
      [2, 1],
    ],
    [3, 4, 2, 5],
    (a, b, c, d) => a.add(b).mul(c).sub(d),
    (a, b, c, d) => (a + b) * c - d,
  ),
  row(
    "the powers and bounds",
    [[33], [33]],
    [33],
    (x, y) => x.pow(y).pow(2).clamp(0.1, 50).log().abs().neg().minimum(x),
    (x, y) => Math.min(-Math.abs(Math.log(Math.min(Math.max(x ** (y ** 1) * x ** y, 0.1), 50))), x),
    ["positive", "positive"],
  ),
  row(
    "no element",
    [[0, 1], [5], [1, 1]],
    [0, 5],
    (x, y, z) => x.mul(y).add(z).gelu(),
    (x, y, z) => gelu(x * y + z),
  ),
];
