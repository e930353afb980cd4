// What stands between the products of heads that are trained together: the inputs of a step, dropped from, and the hidden layer's ReLU and
// dropout, forward and back (shaders/probe/draw, activate, back). Launches only; the training is in cohort.ts.
import { dropoutThreshold } from "../../ops/dropout.js";
import { foldGroups } from "../../ops/launch.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { HeadData } from "./data.js";
import type { HeadSlots } from "./slots.js";

/** The inputs of a step [sources · rates, rows, columns] from their stack, dropped from where `drops`. */
export function drawInput(
  data: HeadData,
  stack: Tensor,
  slots: HeadSlots,
  now: Tensor,
  { rows, drops }: { rows: number; drops: boolean },
): Tensor {
  const { gpu } = data;
  const { device } = gpu;
  const variants = slots.sources.length * slots.rates.length;
  const x = gpu.empty([variants, rows, data.columns]);
  const count = (rows * data.columns) / 4;
  device.run(
    device.kernel("probe/draw"),
    [stack, now, variantTable(gpu, slots, drops), x].map(({ block }) => block),
    { count, quads: data.columns / 4, features: data.d, variants, examples: data.examples },
    foldGroups(Math.ceil(count / 64)),
  );
  return x;
}

/** ReLU, and with `now` while training dropout, in place, of a hidden layer h [places, units, rows], of whose units `hidden` are live. */
export function activate(h: Tensor, slots: HeadSlots, hidden: number, now?: Tensor): void {
  const { device } = h.gpu;
  const [runs, units, rows] = h.shape;
  const count = (units * rows) / 4;
  const tables = now ? [now, variantTable(h.gpu, slots, true)] : [];
  device.run(
    device.kernel("probe/activate", { DROP: now !== undefined }),
    [h, ...tables].map(({ block }) => block),
    { count, quads: rows / 4, live: hidden, runs, each: slots.each },
    foldGroups(Math.ceil(count / 64)),
  );
}

/** The gradient of what `activate` was given, from the gradient z [places, outputs, rows] of what `weight` makes of its result h. */
export function hiddenGradient(
  h: Tensor,
  weight: Tensor,
  z: Tensor,
  slots: HeadSlots,
  { hidden, classes }: { hidden: number; classes: number },
): Tensor {
  const { gpu } = h;
  const { device } = gpu;
  const [places, units, rows] = h.shape;
  const dh = gpu.empty(h.shape);
  const { sources, rates } = slots;
  const scales = gpu.tensor(
    Float32Array.from({ length: sources.length * rates.length }, (_, v) => 1 / (1 - rates[v % rates.length])),
  );
  const items = places * (units / 4) * Math.ceil(rows / 16);
  const width = device.capabilities.software ? 16 : 64;
  device.run(
    device.kernel("probe/back", { WIDTH: width }),
    [h, weight, z, scales, dh].map(({ block }) => block),
    { count: items, quads: rows / 4, units, rows: z.shape[1], classes, live: hidden, each: slots.each },
    foldGroups(Math.ceil(items / width)),
  );
  return dh;
}

/** For each variant its source and, where it drops, the threshold and the scale. */
function variantTable(gpu: Gpu, { sources, rates }: HeadSlots, drops: boolean): Tensor {
  const words = new Int32Array(4 * sources.length * rates.length);
  const floats = new Float32Array(words.buffer);
  for (let v = 0; v < sources.length * rates.length; v++) {
    const rate = drops ? rates[v % rates.length] : 0;
    words[4 * v] = Math.floor(v / rates.length);
    words[4 * v + 1] = dropoutThreshold(rate);
    floats[4 * v + 2] = 1 / (1 - rate);
  }
  return gpu.tensor(words);
}
