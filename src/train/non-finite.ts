// Why a training has become not finite: a slow pass over the batch of the step in question, layer by layer, and what to do about it.
// Not here: that such a step changes nothing, which the optimiser sees to on the device.
import { randomAt } from "../data/batches.js";
import { backward } from "../ops/autograd.js";
import { patchGrid } from "../patchifier/config.js";
import { maskInputs, maskOf } from "../patchifier/masks.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { drawBatch, type HostBatch } from "./batch-source.js";
import type { Trainer } from "./trainer.js";

interface NonFiniteSteps {
  /** The last of them, which is looked into; `count` in a row since step `since`. */
  step: number;
  since: number;
  count: number;
  /** The step of the last checkpoint. */
  saved: number;
  /** The run's folder. */
  run: string;
}

/** A learning rate that every preset bears. */
const usualRate = 5e-4;

/** One sentence on what is not finite, and one on what to do. */
export async function nonFinite(
  trainer: Trainer,
  { step, since, count, saved, run }: NonFiniteSteps,
): Promise<string> {
  const found = await firstNonFinite(trainer, step - 1);
  const begun = `Loss or gradients were not finite in ${count} steps in a row (from step ${since} on), which changed nothing. `;
  if (found?.music) return `${begun}${found.what}: ${found.music}.`;
  const lr = Math.min(Number((trainer.options.pretrain.lr / 10).toPrecision(3)), usualRate);
  const advice =
    since === saved + 1
      ? `The last checkpoint is that far already: start a new run with another --out and a smaller --lr, such as ${lr}.`
      : `Go on from the last checkpoint, after step ${saved}, with a smaller rate: --resume --out ${run} --lr ${lr}.`;
  const what =
    found?.what ?? "Every output and every gradient is finite, but their norm is more than a float32 holds";
  return `${begun}${what}. ${advice}`;
}

/** What is not finite first on the way from the music to the gradients of the update number `index`, from 0. */
async function firstNonFinite(
  trainer: Trainer,
  index: number,
): Promise<{ what: string; music?: string } | undefined> {
  const { gpu, model, options } = trainer;
  const { sampler, seed, pretrain } = options;
  const draws = { crops: randomAt(seed, "crops", index), masks: randomAt(seed, "masks", index) };
  const batch = drawBatch(options.model, pretrain, sampler, draws, { first: 0, count: pretrain.batch });
  const { crops, masked } = batch;
  if (!crops.every(Number.isFinite)) {
    return { what: "A crop of the music holds values that are not finite", music: musicAdvice(batch) };
  }
  for (const [name, { data }] of await model.parameters.read()) {
    if (!data.every(Number.isFinite)) return { what: `The weight ${name} is not finite` };
  }
  const traced = gpu.scope(() => {
    const seen: { name: string; output: Tensor }[] = [];
    const trace = (name: string, output: Tensor) => seen.push({ name: layerOf(name), output });
    const mask = maskOf(maskInputs(gpu, masked, patchGrid(options.model).tokens));
    gpu.noGrad(() => model.encode(trainer.patches(crops), mask.masked, trace));
    return seen;
  });
  const layer = await firstOf(gpu, traced);
  if (layer) return { what: `The first layer whose output is not finite is ${layer}` };

  model.parameters.zeroGrad();
  const parts = gpu.scope(() => {
    const seen: { name: string; output: Tensor }[] = [];
    const trace = (name: string, output: Tensor) => seen.push({ name: layerOf(name), output });
    try {
      const { loss, ...rest } = trainer.objective.losses(trainer.batchOf(crops, masked), true, trace);
      backward(loss);
      for (const [name, output] of Object.entries({ ...rest, loss })) if (output) seen.push({ name, output });
    } catch {
      // an objective that asks for more of the music than its crops: its own layers are not looked into
    }
    return seen;
  });
  const part = await firstOf(gpu, parts);
  if (part) return { what: `Every block is finite; the first that is not is ${part}` };
  const names = [...model.parameters.names].reverse();
  for (const name of names) {
    const gradient = await model.parameters.get(name).gradSlot?.data();
    if (gradient && !gradient.every(Number.isFinite)) {
      return { what: `Every output is finite, but the gradient of ${name} is not` };
    }
  }
  return undefined;
}

/** The name of the first that holds a value which is not finite. Disposes all of them. */
async function firstOf(
  gpu: Gpu,
  seen: readonly { name: string; output: Tensor }[],
): Promise<string | undefined> {
  let found: string | undefined;
  for (const { name, output } of seen) {
    if (found === undefined) {
      const bytes = await gpu.device.read(output.block, 4 * output.size);
      if (!new Float32Array(bytes).every(Number.isFinite)) found = name;
    }
    output.dispose();
  }
  return found;
}

/** What a traced output is called in the model's weights. */
function layerOf(trace: string): string {
  const names: Record<string, string> = {
    tokens: "patch_embed",
    encoded: "norm",
    c: "heads.contrast",
    r: "heads.reconstruct",
  };
  return names[trace] ?? trace.replace(/^block_/, "blocks.");
}

function musicAdvice({ crops, range, drawn }: HostBatch): string {
  const size = crops.length / range.count;
  const first = Math.floor(crops.findIndex((value) => !Number.isFinite(value)) / size);
  const from = drawn(range);
  const track = from && (from.music.tracks[from.places[first].track] as { id?: string; path?: string });
  if (!track?.path) return "look at what the crops are drawn from";
  return `it is of ${track.id}; delete ${track.path}, so that it is computed again, and go on with --resume`;
}
