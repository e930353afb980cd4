// Element-by-element functions of two tensors with NumPy broadcasting, and the choice among the three layouts of
// shaders/elementwise/binary. A number as second operand is `affine` where that is the same thing.
import {
  broadcastAxes,
  broadcastShapes,
  broadcastStrides,
  mergeAxes,
  type Shape,
  sameShape,
  sizeOf,
} from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, type Op, result } from "./define.js";
import { elementwiseGroups } from "./launch.js";
import { sum } from "./reduce.js";
import { affine, unary } from "./unary.js";
import { reshape, stridedCopy } from "./view.js";

/** EXPR(a, b) over the broadcast of both shapes; outside the graph. */
export function combine(expression: string, a: Tensor, b: Tensor): Tensor {
  const { device } = a.gpu;
  const shape = broadcastShapes(a.shape, b.shape);
  const plan = planBinary(a.shape, b.shape, shape);
  // Too many runs of axes for the kernel: repeat the operands first.
  if (!plan) return combine(expression, repeat(a, shape), repeat(b, shape));
  const { layout, params, items } = plan;
  const out = a.gpu.empty(shape);
  const blocks = [a.block, b.block, out.block];
  const kernel = device.kernel("elementwise/binary", { EXPR: expression, ...layout });
  device.run(kernel, blocks, { count: items, ...params }, elementwiseGroups(items));
  return out;
}

interface BinaryPlan {
  layout: Record<string, number>;
  params: Record<string, number>;
  /** Work items: vec4s in layouts 0 and 1, elements in layout 2. */
  items: number;
}

function repeat(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : stridedCopy(x, shape, broadcastStrides(x.shape, shape));
}

/** Chooses the layout; undefined where none fits. Pure. */
export function planBinary(a: Shape, b: Shape, out: Shape): BinaryPlan | undefined {
  const size = sizeOf(out);
  const quads = Math.ceil(size / 4);
  const [sizeA, sizeB] = [sizeOf(a), sizeOf(b)];
  if ((sizeA === size || sizeA === 1) && (sizeB === size || sizeB === 1)) {
    return {
      layout: { LAYOUT: 0, A_ONE: Number(sizeA !== size), B_ONE: Number(sizeB !== size) },
      params: {},
      items: quads,
    };
  }
  const repeatsA = sizeB === size && isSuffix(a, out) && sizeA % 4 === 0;
  const repeatsB = sizeA === size && isSuffix(b, out) && sizeB % 4 === 0;
  if (repeatsA || repeatsB) {
    return {
      layout: { LAYOUT: 1, A_PERIOD: Number(repeatsA) },
      params: { period: (repeatsA ? sizeA : sizeB) / 4 },
      items: quads,
    };
  }
  const merged = mergeAxes(out, [broadcastStrides(a, out), broadcastStrides(b, out)]);
  if (merged.shape.length > 5) return undefined;
  const params: Record<string, number> = {};
  for (let i = 0; i < 5; i++) {
    const axis = i - 5 + merged.shape.length;
    if (i > 0) params[`n${i}`] = axis >= 0 ? merged.shape[axis] : 1;
    params[`a${i}`] = axis >= 0 ? merged.strides[0][axis] : 0;
    params[`b${i}`] = axis >= 0 ? merged.strides[1][axis] : 0;
  }
  return { layout: { LAYOUT: 2 }, params, items: size };
}

/** Whether `shape`, without leading ones, is the end of `out`. */
function isSuffix(shape: Shape, out: Shape): boolean {
  const firstLong = shape.findIndex((n) => n !== 1);
  const core = shape.slice(firstLong);
  return core.length <= out.length && core.every((n, i) => n === out[out.length - core.length + i]);
}

/** Sums a gradient over the axes along which its operand was repeated. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const axes = broadcastAxes(shape, grad.shape);
  const summed = axes.length > 0 ? sum(grad, { dim: axes, keepDim: true }) : grad;
  return sameShape(summed.shape, shape) ? summed : reshape(summed, shape);
}

interface BinaryRow {
  doc: string;
  forward: string;
  /** Gradients before summing over repeated axes. */
  left(g: Tensor, a: Tensor, b: Tensor, y: Tensor): Tensor;
  right(g: Tensor, a: Tensor, b: Tensor, y: Tensor): Tensor;
}

const rows = {
  add: { doc: "a + b", forward: "a + b", left: (g) => g, right: (g) => g },
  sub: { doc: "a - b", forward: "a - b", left: (g) => g, right: (g) => unary.neg([g], {}) },
  mul: {
    doc: "a·b",
    forward: "a * b",
    left: (g, _a, b) => combine("a * b", g, b),
    right: (g, a) => combine("a * b", g, a),
  },
  div: {
    doc: "a / b",
    forward: "a / b",
    left: (g, _a, b) => combine("a / b", g, b),
    right: (g, _a, b, y) => combine("-a * b", g, combine("a / b", y, b)),
  },
  maximum: {
    doc: "the larger of a and b; where they are equal each gets half of the gradient",
    forward: "max(a, b)",
    left: (g, a, b) => combine("a * b", g, combine(share(">"), a, b)),
    right: (g, a, b) => combine("a * b", g, combine(share("<"), a, b)),
  },
  minimum: {
    doc: "the smaller of a and b; where they are equal each gets half of the gradient",
    forward: "min(a, b)",
    left: (g, a, b) => combine("a * b", g, combine(share("<"), a, b)),
    right: (g, a, b) => combine("a * b", g, combine(share(">"), a, b)),
  },
  pow: {
    doc: "aᵇ for a > 0",
    forward: "pow(a, b)",
    left: (g, a, b) => combine("a * b", g, combine("b * pow(a, b - 1.0)", a, b)),
    right: (g, a, _b, y) => combine("a * b", g, combine("log(a) * b", a, y)),
  },
} satisfies Record<string, BinaryRow>;

/** 1 where the comparison holds, ½ where a = b, else 0: by arithmetic, so that it reads the same for f32 and vec4. */
function share(comparison: "<" | ">"): string {
  return comparison === ">" ? "0.5 + 0.5 * sign(a - b)" : "0.5 + 0.5 * sign(b - a)";
}

export type BinaryName = keyof typeof rows;

function defineBinary(name: BinaryName): Op<void> {
  const row: BinaryRow = rows[name];
  return defineOp({
    name,
    doc: `${row.doc}, with NumPy broadcasting`,
    forward: ([a, b]) => result(combine(row.forward, a, b)),
    backward({ grad, inputs: [a, b], output, needs }) {
      return [
        needs[0] ? sumTo(row.left(grad, a, b, output), a.shape) : undefined,
        needs[1] ? sumTo(row.right(grad, a, b, output), b.shape) : undefined,
      ];
    },
  });
}

/** Every binary operation by name. */
export const binary = Object.fromEntries(
  (Object.keys(rows) as BinaryName[]).map((name) => [name, defineBinary(name)]),
) as Record<BinaryName, Op<void>>;

export function add(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1, b) : binary.add([a, b]);
}

export function sub(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1, -b) : binary.sub([a, b]);
}

export function mul(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, b, 0) : binary.mul([a, b]);
}

export function div(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === "number" ? affine(a, 1 / b, 0) : binary.div([a, b]);
}
