// The memory of heads that are trained together: for every layer the weights, Adam's moments, and copies as of the last and of the best
// evaluation, run after run; moving runs from one such memory to another; and the one kernel that all their products use. What is
// computed with it stands in cohort.ts.
import type { Device } from "../../gpu/device.js";
import { planGrid } from "../../ops/launch.js";
import { matmulFamily } from "../../ops/matmul-kernels.js";
import { pinnedMatmul } from "../../ops/matmul-rule.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { HeadData } from "./data.js";
import { type HeadLayer, headLayers } from "./init.js";

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

/** All memory of a layer. */
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

/** Runs `work` with one kernel for all products, and one for those whose results have few rows as `low` says. */
export function pinProducts<R>(device: Device, low: (rows: number) => boolean, work: () => R): R {
  const [tall, few] = [false, true].map((each) => pinnedMatmul(device.capabilities, each));
  return device.tuner.usingEach(matmulFamily, ({ m }) => (low(m) ? few : tall), work);
}

/** Bytes of each place: all that a cohort holds, its largest tensor, and what a training step touches. */
export function bytesPerPlace(data: HeadData, hidden: number, rows: number, sum = false) {
  const layouts = headLayers(data.d, hidden, data.outputs);
  const weights = layouts.map(({ rows: units, columns }) => 4 * units * columns);
  const total = weights.reduce((sum, bytes) => sum + bytes, 0);
  const units = Math.max(...layouts.map((layer) => layer.rows));
  const judged = 4 * units * data.validRows;
  const trained = 4 * units * rows;
  // With a weighted sum, inputs of its own.
  const [drawn, seen] = sum ? [4 * data.columns * rows, 4 * data.columns * data.validRows] : [0, 0];
  return {
    held: 6 * total + 2 * Math.max(trained + drawn, judged + seen),
    largest: Math.max(trained, judged, drawn, seen, ...weights),
    working: 4 * total + 2 * (trained + drawn),
  };
}
