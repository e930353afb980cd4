// Class indices as vectors: 1 at the class, else 0.
import { ShapeError } from "../gpu/errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, result } from "./define.js";
import { runElementwise } from "./elementwise.js";

const oneHotOp = defineOp<{ classes: number }>({
  name: "one_hot",
  integers: true,
  doc: "1 where the last axis is at the class that the index names, else 0.",
  forward([index], { classes }) {
    index.gpu.lookAt?.("oneHot", index, classes);
    const places = index.gpu.tensor(
      Int32Array.from({ length: classes }, (_, i) => i),
      [classes],
    );
    const column = index.alias([...index.shape, 1]);
    const shape = [...index.shape, classes];
    const program = { results: ["select(vec4(0u), vec4(0x3f800000u), x0 == x1)"] };
    return result(runElementwise(program, [column, places], { shape, bits: true })[0]);
  },
});

/** i32 indices [...] as f32 vectors [..., classes]; one outside 0…classes-1 gives zeros (gpu.checkIndices). */
export function oneHot(index: Tensor, classes: number): Tensor {
  if (index.dtype !== "i32") {
    throw new ShapeError("oneHot: the index is f32; make it from an Int32Array or with { dtype: 'i32' }.");
  }
  return oneHotOp([index], { classes });
}
