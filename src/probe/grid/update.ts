// The end of a step of heads that are trained together: the gradient of their losses, and Adam with a learning rate and a penalty for each
// run (shaders/probe/loss, adam). Launches only; what comes before stands in cohort.ts.
import { foldGroups, planGrid } from "../../ops/launch.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { HeadData } from "./data.js";
import type { LayerState } from "./memory.js";

const beta1 = 0.9;
const beta2 = 0.999;
const eps = 1e-8;

/** What Adam's two averages are multiplied by after `step` updates: the first one, and the root of the second one. */
export function adamCorrections(step: number): [first: number, second: number] {
  return [1 / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)];
}

/** In place of the answers z [places, outputs, rows]: the gradient of each run's loss. */
export function lossGradient(data: HeadData, now: Tensor, z: Tensor): void {
  const { device } = z.gpu;
  const [places, outputs, rows] = z.shape;
  const kinds = { classification: 0, multilabel: 1, regression: 2 } as const;
  const width = device.capabilities.software ? 16 : 64;
  const kernel = device.kernel("probe/loss", { KIND: kinds[data.kind], WIDTH: width });
  const count = (places * rows) / 4;
  device.run(
    kernel,
    [now, data.targets, z].map(({ block }) => block),
    { count, quads: rows / 4, rows: outputs, classes: data.outputs },
    foldGroups(Math.ceil(count / width)),
  );
}

/** Adam's update of a layer. `table` has each run's learning rate and penalty, `now` the step's corrections. */
export function adam(
  { layout, weight, first, second }: LayerState,
  gradient: Tensor,
  table: Tensor,
  now: Tensor,
): void {
  const { device } = weight.gpu;
  const { rows, columns, live } = layout;
  const count = weight.size / 4;
  const { groups, span } = planGrid(device.capabilities, count);
  const rest = { rest1: 1 - beta1, rest2: 1 - beta2 };
  device.run(
    device.kernel("probe/adam"),
    [gradient, now, table, weight, first, second].map(({ block }) => block),
    { count, span, quads: (rows * columns) / 4, live: (live * columns) / 4, beta1, beta2, ...rest, eps },
    groups,
  );
}
