// Element-by-element functions of two tensors with NumPy broadcasting; each runs as a program of one step (elementwise.ts). A
// number as second operand is `affine` where that is the same thing.
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./broadcast.js";
import { defineOp, type Op, result } from "./define.js";
import { combine, named, runElementwise } from "./elementwise.js";
import { affine } from "./unary.js";

/** `a`, `b`, `y` and `g` are the operands, the result and the upstream gradient as vec4<f32>. */
export interface BinaryRow {
  doc: string;
  forward: string;
  /** Gradients before summing over repeated axes. */
  left: string;
  right: string;
}

// 1 where the comparison holds, ½ where a = b, else 0.
const shareOfLarger = "(0.5 + 0.5 * sign(a - b))";
const shareOfSmaller = "(0.5 + 0.5 * sign(b - a))";

/** Formulas of two operands a and b, and what each contributes to its gradient, in a, b, the result y and the upstream g. */
export const binaryRows = {
  add: { doc: "a + b", forward: "a + b", left: "g", right: "g" },
  sub: { doc: "a - b", forward: "a - b", left: "g", right: "-g" },
  mul: { doc: "a·b", forward: "a * b", left: "g * b", right: "g * a" },
  div: { doc: "a/b", forward: "a / b", left: "g / b", right: "-g * (y / b)" },
  maximum: {
    doc: "the larger of a and b; where they are equal each gets half of the gradient",
    forward: "or_nan(a, or_nan(b, max(a, b)))",
    left: `g * ${shareOfLarger}`,
    right: `g * ${shareOfSmaller}`,
  },
  minimum: {
    doc: "the smaller of a and b; where they are equal each gets half of the gradient",
    forward: "or_nan(a, or_nan(b, min(a, b)))",
    left: `g * ${shareOfSmaller}`,
    right: `g * ${shareOfLarger}`,
  },
  pow: {
    doc: "aᵇ for a > 0",
    forward: "or_nan(a, or_nan(b, pow(a, b)))",
    left: "g * (b * pow(a, b - 1.0))",
    right: "g * (log(a) * y)",
  },
} satisfies Record<string, BinaryRow>;

/** An operation of two operands. */
export type BinaryName = keyof typeof binaryRows;

/** The gradients that are needed, of the result's shape, in one dispatch; an upstream that passes as it is stays itself. */
function gradients(
  row: BinaryRow,
  needs: readonly boolean[],
  tensors: readonly Tensor[],
): (Tensor | undefined)[] {
  const [grad] = tensors;
  const sides = [row.left, row.right];
  const computed = sides.filter((expression, i) => needs[i] && expression !== "g");
  const { program, used } = named(computed, ["g", "a", "b", "y"]);
  const made = computed.length > 0 ? runElementwise(program, used(tensors), { shape: grad.shape }) : [];
  return sides.map((expression, i) => (!needs[i] ? undefined : expression === "g" ? grad : made.shift()));
}

function defineBinary(name: BinaryName): Op<void> {
  const row: BinaryRow = binaryRows[name];
  return defineOp({
    name,
    doc: `${row.doc}, with NumPy broadcasting`,
    forward: ([a, b]) => result(combine(row.forward, a, b)),
    backward({ grad, inputs: [a, b], output, needs }) {
      const [left, right] = gradients(row, needs, [grad, a, b, output]);
      return [left && sumTo(left, a.shape), right && sumTo(right, b.shape)];
    },
  });
}

/** Every binary operation by name. */
export const binary = Object.fromEntries(
  (Object.keys(binaryRows) as BinaryName[]).map((name) => [name, defineBinary(name)]),
) as Record<BinaryName, Op<void>>;

/** a + b by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
export function add(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1, b) : binary.add([a, b]);
}

/** a − b by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
export function sub(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1, -b) : binary.sub([a, b]);
}

/** a·b by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
export function mul(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, b, 0) : binary.mul([a, b]);
}

/** a/b by element. Broadcasts as NumPy does; throws ShapeError where the shapes do not go together. */
export function div(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1 / b, 0) : binary.div([a, b]);
}
