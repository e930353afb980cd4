// Another element type for the same values. The only way from f16 to the operations that take f32 alone.
import type { DType, Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { runElements } from "./launch.js";
import { byRows } from "./pieces.js";

/** Also to the type that x has already; what `cast` leaves out. */
export const castOp = defineOp<{ dtype: DType }>({
  name: "cast",
  integers: true,
  doc: "The same values as another type; f16 rounds to a neighbour, i32 cuts the fraction off.",
  half: true,
  forward([x], { dtype }) {
    const { device } = x.gpu;
    const y = x.gpu.empty(x.shape, { dtype });
    const kernel = device.kernel("elementwise/cast", { FROM: x.dtype, TO: dtype });
    byRows(x.size, [x, y], (parts, size) => {
      runElements(kernel, parts, size);
    });
    return result(y);
  },
  // Gradients are f32 whatever the type of the values.
  backward: ({ grad }) => [grad],
});

/**
 * `x` as `dtype`, or `x` itself if it is that already. The gradient passes as it is (gradients are f32 always); there is none
 * through i32. Throws where the adapter has no f16.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (dtype === "i32" || x.dtype === "i32") return x.gpu.noGrad(() => castOp([x], { dtype }));
  return castOp([x], { dtype });
}
