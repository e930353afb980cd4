// Looking at indices on the device before an operation uses them: one outside what it indexes is named by the next readback. When
// that is done is gpu.checkIndices. On an adapter where the kernel that looks computes wrongly nothing is looked at.
import { IndexError } from "../gpu/errors.js";
import { formatShape, stridesOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { usable } from "./alternatives.js";
import { fitBindings } from "./cut/rows.js";

const nothingFound = Int32Array.of(-1, -1);

/** Has indices looked at that must lie in 0…bound-1 or be `ignore`. */
export function checkIndices(op: string, index: Tensor, bound: number, ignore = 0x7fffffff): void {
  const { device, checkIndices: when } = index.gpu;
  const { shape, size } = index;
  const { recording } = device;
  const once = when === "first";
  if (when === "never" || (once && !recording) || size === 0 || !usable(device, ["check/indices", {}]))
    return;
  if (!fitBindings([index])) return;
  const { block, release } = device.allocate(8, "a check of indices");
  device.write(block, nothingFound);
  device.run(device.kernel("check/indices"), [index.block, block], { count: size, bound, ignore }, [1]);
  const judge = ([at, value]: Int32Array): Error | undefined => {
    if (!recording) release(); // else it is the program's for good, and says what it said until it is overwritten
    if (at < 0) return undefined;
    if (recording) device.write(block, nothingFound);
    const place = stridesOf(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]);
    const range = bound > 0 ? `run from 0 to ${bound - 1}` : "have nothing to point at";
    return new IndexError(
      `${op}: the index at ${formatShape(place)} is ${value}, but indices here ${range}.`,
    );
  };
  device.audit([{ block, judge, once }]);
}
