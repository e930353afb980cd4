// Element-by-element functions of one tensor. Each row of the table below is a whole operation: its formula, its WGSL
// and the WGSL of its gradient, which run as programs of one step (elementwise.ts) or as parts of longer ones (fuse.ts).
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, type Op, result } from "./define.js";
import { named, runElementwise } from "./elementwise.js";

/** `x`, `y` and `g` are the input, the output and the upstream gradient as vec4<f32>; c0 and c1 are the options a and b. */
export interface UnaryRow {
  doc: string;
  forward: string;
  backward: string;
}

/** Up to two numbers that a row's formula uses. */
export interface UnaryOptions {
  a?: number;
  b?: number;
}

const sqrtHalf = "0.7071067811865476";
const gaussian = "(0.3989422804014327 * exp(-0.5 * x * x))";
// 0.5·(1 + tanh u), u = 0.79788456·(x + 0.044715 x³), is sigmoid(2u): one exp, as in lib/gelu. At −10 it is float32's smallest number, and
// exp still finite.
const held = "clamp(x, vec4(-10.0), vec4(10.0))";
const tanhShare = `(1.0 / (1.0 + exp(-1.5957691216057308 * (${held} + 0.044715 * ${held} * ${held} * ${held}))))`;

/** Formulas of one operand x, and its gradient in x, the result y and the upstream g. */
export const unaryRows = {
  neg: { doc: "-x", forward: "-x", backward: "-g" },
  abs: { doc: "|x|, with gradient 0 at 0", forward: "abs(x)", backward: "g * sign(x)" },
  exp: { doc: "eˣ", forward: "or_nan(x, exp(x))", backward: "g * y" },
  log: { doc: "ln x", forward: "or_nan(sqrt(x), log(x))", backward: "g / x" },
  sqrt: { doc: "√x", forward: "sqrt(x)", backward: "0.5 * g / y" },
  rsqrt: { doc: "1/√x", forward: "inverseSqrt(x)", backward: "-0.5 * g * y / x" },
  reciprocal: { doc: "1/x", forward: "1.0 / x", backward: "-g * y * y" },
  square: { doc: "x²", forward: "x * x", backward: "2.0 * g * x" },
  relu: {
    doc: "max(x, 0)",
    forward: "or_nan(x, max(x, vec4(0.0)))",
    backward: "select(g, vec4(0.0), x <= vec4(0.0))",
  },
  sigmoid: { doc: "1/(1 + e⁻ˣ)", forward: "or_nan(x, 1.0 / (1.0 + exp(-x)))", backward: "g * y * (1.0 - y)" },
  tanh: {
    doc: "tanh x",
    forward: "or_nan(x, tanh(clamp(x, vec4(-15.0), vec4(15.0))))",
    backward: "g * (1.0 - y * y)",
  },
  silu: {
    doc: "x·sigmoid(x)",
    forward: "x / (1.0 + exp(-x))",
    backward: "g * (1.0 + x * (1.0 - 1.0 / (1.0 + exp(-x)))) / (1.0 + exp(-x))",
  },
  gelu: {
    doc: "x·Φ(x) with the exact normal distribution function (erf)",
    forward: `0.5 * x * (1.0 + erf4(x * ${sqrtHalf}))`,
    backward: `g * (0.5 * (1.0 + erf4(x * ${sqrtHalf})) + x * ${gaussian})`,
  },
  gelu_tanh: {
    doc: "x·Φ(x) with the tanh approximation of Φ (Hendrycks and Gimpel, 2016)",
    forward: `x * ${tanhShare}`,
    backward:
      `g * (${tanhShare} + x * ${tanhShare} * (1.0 - ${tanhShare})` +
      ` * 1.5957691216057308 * (1.0 + 0.134145 * ${held} * ${held}))`,
  },
  affine: { doc: "a·x + b for numbers a and b", forward: "c0 * x + c1", backward: "g * c0" },
  clamp: {
    doc: "x limited to [a, b]; the gradient passes where a ≤ x ≤ b",
    forward: "or_nan(x, clamp(x, vec4(c0), vec4(c1)))",
    backward: "select(vec4(0.0), g, x == clamp(x, vec4(c0), vec4(c1)))",
  },
  pow_scalar: {
    doc: "xᵃ for a number a; a negative x needs a whole a",
    forward: "power4(x, c0)",
    backward: "g * c0 * power4(x, c0 - 1.0)",
  },
} satisfies Record<string, UnaryRow>;

/** An operation of one operand. */
export type UnaryName = keyof typeof unaryRows;

/** How many of the two options a formula uses. */
export function numbersOf(expression: string, { a = 0, b = 0 }: UnaryOptions): number[] {
  return [a, b].slice(0, expression.includes("c1") ? 2 : expression.includes("c0") ? 1 : 0);
}

const gradients = Object.fromEntries(
  (Object.keys(unaryRows) as UnaryName[]).map((name) => [
    name,
    named([unaryRows[name].backward], ["g", "x", "y"]),
  ]),
) as Record<UnaryName, ReturnType<typeof named>>;

/** dx of y = f(x) for a given dy, outside the graph; for operations that fuse f into something else. */
export function unaryGradient(
  name: UnaryName,
  grad: Tensor,
  x: Tensor,
  y: Tensor,
  options: UnaryOptions = {},
): Tensor {
  const { program, used } = gradients[name];
  const numbers = numbersOf(unaryRows[name].backward, options);
  return runElementwise(program, used([grad, x, y]), { numbers, shape: x.shape })[0];
}

function defineUnary(name: UnaryName): Op<UnaryOptions> {
  const row: UnaryRow = unaryRows[name];
  const { program } = named([row.forward], ["x"]);
  return defineOp<UnaryOptions>({
    name,
    doc: row.doc,
    forward: ([x], options) =>
      result(runElementwise(program, [x], { numbers: numbersOf(row.forward, options) })[0]),
    backward: ({ grad, inputs: [x], output, options }) => [unaryGradient(name, grad, x, output, options)],
  });
}

/** Every unary operation by name. */
export const unary = Object.fromEntries(
  (Object.keys(unaryRows) as UnaryName[]).map((name) => [name, defineUnary(name)]),
) as Record<UnaryName, Op<UnaryOptions>>;

/** a·x + b for numbers a and b. */
export function affine(x: Tensor, a: number, b: number): Tensor {
  return unary.affine([x], { a, b });
}
