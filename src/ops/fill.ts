// Memory of one value, filled on the device and so in order with recorded work (an upload is not).
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runElements } from "./launch.js";
import { byRows } from "./pieces.js";

/** A tensor of one value, on the device and of the dtype of `like`; outside the graph. */
export function filled(like: Tensor, shape: Shape, value: number): Tensor {
  const { device } = like.gpu;
  const out = like.gpu.empty(shape, { dtype: like.dtype });
  const typed = like.dtype === "f32" ? Float32Array.of(value) : Int32Array.of(value);
  const [bits] = new Uint32Array(typed.buffer);
  byRows(out.size, [out], (parts, size) => {
    runElements(device.kernel("elementwise/fill"), parts, size, { bits });
  });
  return out;
}
