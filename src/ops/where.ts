// Choosing between two tensors element by element, with NumPy broadcasting of all three operands.
import { ShapeError } from "../gpu/errors.js";
import {
  broadcastShapes,
  broadcastStrides,
  formatShape,
  mergeAxes,
  type Shape,
  sameShape,
} from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./binary.js";
import { defineOp, result } from "./define.js";
import { filled } from "./fill.js";
import { elementwiseGroups } from "./launch.js";
import { stridedCopy } from "./view.js";

/** condition ? a : b, outside the graph. */
function choose(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const { device } = a.gpu;
  const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape));
  const operands = [condition, a, b];
  const plan = planWhere(
    operands.map((operand) => operand.shape),
    shape,
  );
  if (!plan) {
    const [c, left, right] = operands.map((operand) =>
      sameShape(operand.shape, shape)
        ? operand
        : stridedCopy(operand, shape, broadcastStrides(operand.shape, shape)),
    );
    return choose(c, left, right);
  }
  const out = a.gpu.empty(shape, { dtype: a.dtype });
  const kernel = device.kernel("elementwise/where", {
    ...plan.layout,
    MASK: condition.dtype === "f32" ? "0x7fffffffu" : "0xffffffffu",
  });
  const blocks = [condition.block, a.block, b.block, out.block];
  device.run(kernel, blocks, plan.params, elementwiseGroups(plan.params.count));
  return out;
}

/** Strides and the four-at-a-time layout; undefined where the operands have more than four runs of axes. Pure. */
function planWhere(
  shapes: readonly Shape[],
  out: Shape,
): { layout: Record<string, number>; params: Record<string, number> } | undefined {
  const merged = mergeAxes(
    out,
    shapes.map((shape) => broadcastStrides(shape, out)),
  );
  const rank = merged.shape.length;
  if (rank > 4) return undefined;
  const innermost = rank > 0 ? merged.shape[rank - 1] : 1;
  // A single run may end in the padding; several need whole vec4s in each.
  const quad = rank <= 1 || innermost % 4 === 0;
  const quads = Math.ceil(innermost / 4);
  const params: Record<string, number> = {
    count: merged.shape.slice(0, -1).reduce((product, n) => product * n, quad ? quads : innermost),
  };
  for (let i = 1; i < 4; i++) {
    const axis = i - 4 + rank;
    params[`n${i}`] = axis < 0 ? 1 : axis === rank - 1 && quad ? quads : merged.shape[axis];
  }
  const layout: Record<string, number> = { QUAD: Number(quad) };
  for (const [k, name] of ["c", "a", "b"].entries()) {
    const strides = merged.strides[k];
    const vec = quad && rank > 0 && strides[rank - 1] === 1;
    layout[`${name.toUpperCase()}_VEC`] = Number(vec);
    for (let i = 0; i < 4; i++) {
      const axis = i - 4 + rank;
      const inner = axis === rank - 1;
      params[name + i] = axis < 0 ? 0 : vec && !inner ? strides[axis] / 4 : strides[axis];
    }
  }
  return { layout, params };
}

const whereOp = defineOp({
  name: "where",
  doc: "a where the condition is not zero, else b, with NumPy broadcasting of all three",
  forward: ([condition, a, b]) => result(choose(condition, a, b)),
  backward({ grad, inputs: [condition, a, b], needs }) {
    const zero = filled(grad, [1], 0);
    return [
      undefined,
      needs[1] ? sumTo(choose(condition, grad, zero), a.shape) : undefined,
      needs[2] ? sumTo(choose(condition, zero, grad), b.shape) : undefined,
    ];
  },
});

/** a where `condition` (f32 or i32) is not zero, else b. All three broadcast; a and b may be numbers. */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const dtype = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "f32";
  const [left, right] = [a, b].map((value) =>
    typeof value === "number" ? condition.gpu.full([1], value, { dtype }) : value,
  );
  if (left.dtype !== right.dtype) {
    throw new ShapeError(`where: a is ${left.dtype} but b is ${right.dtype}.`);
  }
  if (condition.requiresGrad) {
    throw new ShapeError(
      `where: the condition ${formatShape(condition.shape)} has no gradient: detach() it.`,
    );
  }
  return whereOp([condition, left, right]);
}
