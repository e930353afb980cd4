// Memory of one value, filled on the device and so in order with recorded work (an upload is not).
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { planGrid } from "./launch.js";

/** A tensor of one value, on the device and of the dtype of `like`; outside the graph. */
export function filled(like: Tensor, shape: Shape, value: number): Tensor {
  const { device } = like.gpu;
  const out = like.gpu.empty(shape, { dtype: like.dtype });
  const count = Math.ceil(out.size / 4);
  const typed = like.dtype === "f32" ? Float32Array.of(value) : Int32Array.of(value);
  const [bits] = new Uint32Array(typed.buffer);
  const { groups, span } = planGrid(device.capabilities, count);
  device.run(device.kernel("elementwise/fill"), [out.block], { count, span, bits }, groups);
  return out;
}
