// Choosing between two tensors element by element, with NumPy broadcasting of all three operands.
import { ShapeError } from "../gpu/errors.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { sumTo } from "./broadcast.js";
import { defineOp, result } from "./define.js";
import { runElementwise } from "./elementwise.js";

/** Whether x0, the condition, is not zero. */
function holds(condition: Tensor): string {
  return `(x0 & vec4(${condition.dtype === "f32" ? "0x7fffffffu" : "0xffffffffu"})) != vec4(0u)`;
}

/** condition ? a : b, outside the graph. On bits, so that indices move as well; a float zero of either sign is false. */
function choose(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const program = { results: [`select(x2, x1, ${holds(condition)})`] };
  return runElementwise(program, [condition, a, b], { dtype: a.dtype, bits: true })[0];
}

const whereOp = defineOp({
  name: "where",
  integers: true,
  doc: "a where the condition is not zero, else b, with NumPy broadcasting of all three",
  forward: ([condition, a, b]) => result(choose(condition, a, b)),
  backward({ grad, inputs: [condition, a, b], needs }) {
    const kept = holds(condition);
    const wanted = [`select(vec4(0u), x1, ${kept})`, `select(x1, vec4(0u), ${kept})`];
    const results = wanted.filter((_, i) => needs[i + 1]);
    const made = runElementwise({ results }, [condition, grad], { shape: grad.shape, bits: true });
    return [undefined, a, b].map((operand, i) => {
      const gradient = operand && needs[i] ? made.shift() : undefined;
      return gradient && operand && sumTo(gradient, operand.shape);
    });
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
