// Adding losses up on the device: element-by-element losses without storing them, and the last step from thousands of values to one
// number. Outside the graph. Other reductions are in reduction.ts.
import type { Device } from "../gpu/device.js";
import type { Tensor } from "../tensor/tensor.js";
import { teamKernel } from "./alternatives.js";
import { combine } from "./elementwise.js";
import { blocksOf, sumRows } from "./pieces.js";
import { total } from "./reduction.js";
import { planRuns } from "./row-teams.js";

/** Beyond this many values one team is too few. */
const longest = 32768;

const foldKernel = (device: Device, mean: boolean) =>
  teamKernel(device, "loss/fold", { MEAN: mean }, (team) => planRuns(device.capabilities, 1, false, team));

/** Σ x·scale, in `out`. */
export function foldSum(x: Tensor, scale = 1, out = x.gpu.empty([])): Tensor {
  if (x.size > longest) return total(x, scale, out);
  const { device } = x.gpu;
  const { kernel, groups } = foldKernel(device, false);
  device.run(kernel, blocksOf([out, x]), { count: x.size, scale }, groups);
  return out;
}

/** Σ x / Σ valid, and Σ valid. */
export function foldMean(x: Tensor, valid: Tensor): { mean: Tensor; count: Tensor } {
  if (x.size > longest) {
    const [sum, count] = [total(x), total(valid)];
    const mean = combine("a / b", sum, count);
    sum.dispose();
    return { mean, count };
  }
  const { device } = x.gpu;
  const { kernel, groups } = foldKernel(device, true);
  const [mean, count] = [x.gpu.empty([]), x.gpu.empty([])];
  const blocks = blocksOf([mean, x, valid, count]);
  device.run(kernel, blocks, { count: x.size, scale: 1 }, groups);
  return { mean, count };
}

/**
 * Σ EXPR(x, t, w)·scale over elements, with the expressions of losses.ts.
 *
 * @param weight repeats along the last axis; 1 where not given
 */
export function sumLosses(
  expression: string,
  x: Tensor,
  target: Tensor,
  { weight, scale }: { weight?: Tensor; scale: number },
): Tensor {
  const { device } = x.gpu;
  const out = x.gpu.empty([]);
  sumRows(x.size / (weight?.size ?? 1), [x, target], [out], ([x, target], _, [out]) => {
    const vec = !weight || weight.size % 4 === 0;
    const items = vec ? Math.ceil(x.size / 4) : x.size;
    const teams = device.capabilities.software ? 128 : 2048;
    const chunk = Math.max(256, Math.ceil(items / teams));
    const chunks = Math.ceil(items / chunk);
    const period = weight ? (vec ? weight.size / 4 : weight.size) : 1;
    const rest = { WEIGHTED: weight !== undefined, EXPR: expression };
    const { kernel, groups } = teamKernel(device, "loss/sum", rest, (team) =>
      planRuns(device.capabilities, chunks, vec, team),
    );
    const parts = x.gpu.empty([chunks]);
    const blocks = blocksOf([parts, x, target, ...(weight ? [weight] : [])]);
    device.run(kernel, blocks, { items, size: x.size, chunk, chunks, period }, groups);
    foldSum(parts, scale, out);
    parts.dispose();
  });
  return out;
}
