// The memory of heads that are trained together: for every layer the weights, Adam's moments, and copies as of the last and of the best
// evaluation, run after run; moving runs from one such memory to another; and the one kernel that all their products use. What is
// computed with it stands in cohort.ts.
import type { Device } from "../gpu/device.js";
import { planGrid } from "../ops/launch.js";
import { overrideMatmul } from "../ops/matmul-kernels.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import type { HeadLayer } from "./head-init.js";

/** The memory of one layer of all runs: [places, rows, columns] each. */
export interface LayerState {
  layout: HeadLayer;
  weight: Tensor;
  first: Tensor;
  second: Tensor;
  /** As it was at the last evaluation, and at the best one of each run. */
  candidate: Tensor;
  best: Tensor;
}

export function tensorsOf({ weight, first, second, candidate, best }: LayerState): Tensor[] {
  return [weight, first, second, candidate, best];
}

/** Layers in which every run (places with a run's number, not -1) starts from the same weights. */
export function beginLayers(
  gpu: Gpu,
  runs: Int32Array,
  layouts: readonly HeadLayer[],
  start: readonly Float32Array<ArrayBuffer>[],
): LayerState[] {
  return layouts.map((layout, i) => {
    const { rows, columns } = layout;
    const one = gpu.tensor(start[i], [rows, columns]).keep();
    const layer = emptyLayer(gpu, runs.length, layout);
    const places = runs.map((run) => (run < 0 ? -1 : 0));
    for (const tensor of [layer.weight, layer.candidate, layer.best]) moveRuns(one, places, tensor);
    for (const tensor of [layer.first, layer.second]) gpu.device.clear(tensor.block);
    one.dispose();
    return layer;
  });
}

/** Layers of some of the runs of other layers, with all that these have learned. */
export function takeLayers(
  gpu: Gpu,
  runs: Int32Array,
  from: { runs: Int32Array; layers: readonly LayerState[] },
): LayerState[] {
  const places = runs.map((run) => (run < 0 ? -1 : from.runs.indexOf(run)));
  return from.layers.map((old) => {
    const layer = emptyLayer(gpu, runs.length, old.layout);
    const sources = tensorsOf(old);
    tensorsOf(layer).forEach((tensor, k) => {
      moveRuns(sources[k], places, tensor);
    });
    return layer;
  });
}

/** target[i] = source[places[i]], or zero where that is negative, by blocks of a run. */
export function moveRuns(source: Tensor, places: Int32Array, target: Tensor): void {
  const { gpu } = source;
  gpu.scope(() => recordMove(source, gpu.tensor(places), target, true));
}

/** The same with places on the device; without `clear` what is negative stays as it is. */
export function recordMove(source: Tensor, places: Tensor, target: Tensor, clear: boolean): void {
  const { device } = source.gpu;
  const count = target.size / 4;
  const { groups, span } = planGrid(device.capabilities, count);
  device.run(
    device.kernel("probe/move", { CLEAR: clear }),
    [source, places, target].map(({ block }) => block),
    { count, span, quads: count / places.size },
    groups,
  );
}

function emptyLayer(gpu: Gpu, places: number, layout: HeadLayer): LayerState {
  const make = () => gpu.empty([places, layout.rows, layout.columns]).keep();
  return { layout, weight: make(), first: make(), second: make(), candidate: make(), best: make() };
}

type ProductChoice = NonNullable<ReturnType<NonNullable<Parameters<typeof overrideMatmul>[0]>>>;

/** Runs `work` with one kernel for all products, and one for those whose results have few rows as `low` says. */
export function pinProducts<R>(device: Device, low: (rows: number) => boolean, work: () => R): R {
  const [tall, few] = [false, true].map((each) => pinnedProduct(device, each));
  overrideMatmul(({ m }) => (low(m) ? few : tall));
  try {
    return work();
  } finally {
    overrideMatmul();
  }
}

/**
 * The kernel of all products: which one it is, and so the order of every sum, may not depend on how many runs there are, as it would
 * if the tuner chose by size. `low`: for results of few rows.
 */
function pinnedProduct({ capabilities }: Device, low: boolean): ProductChoice {
  const { software, subgroups, subgroupMinSize: lanes, subgroupMaxSize } = capabilities;
  if (software && subgroups && lanes === subgroupMaxSize && (lanes === 4 || lanes === 8 || lanes === 16)) {
    const tall = { 4: 8, 8: 4, 16: 2 } as const;
    const quads = !low && lanes === 4 ? 2 : 1;
    return { variant: { kind: "subgroup", lanes, blocks: low ? 1 : tall[lanes], quads }, slices: 1 };
  }
  const shared = !software && capabilities.maxInvocations >= 256 && capabilities.maxWorkgroupStorage >= 16384;
  return { variant: shared ? { kind: "shared", tile: 64 } : { kind: "register" }, slices: 1 };
}
