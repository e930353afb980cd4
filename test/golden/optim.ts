// Runners of the optimisers, gradient clipping, the learning rate's schedule and moving averages.
import { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "../../src/nn/optim.js";
import { ParameterSet } from "../../src/nn/parameters.js";
import { type CosineSchedule, cosineSchedule } from "../../src/nn/schedule.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { choice, flag, number, numbers, type Params, record } from "./params.js";
import type { Produced, Runner } from "./runner.js";
import type { Values } from "./set.js";

/** `values[k]` of values [steps, …]. */
function at({ data, shape }: Values, k: number): Values {
  const rest = shape.slice(1);
  const size = sizeOf(rest);
  return { shape: rest, data: data.slice(k * size, (k + 1) * size) };
}

/** A parameter set of the given initial values. */
function parametersOf(gpu: Gpu, start: Readonly<Record<string, Values>>): ParameterSet {
  const specs = Object.entries(start).map(([name, { shape, data }]) => ({
    name,
    shape,
    init: () => Float32Array.from(data),
  }));
  return new ParameterSet(gpu, specs, new Random(0));
}

/** The inputs whose name is `prefix` and a suffix, by suffix. */
function family(inputs: Readonly<Record<string, Values>>, prefix: string): Record<string, Values> {
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, values]) => [name.slice(prefix.length), values]),
  );
}

/** Collects one array a step into [steps, …]. */
class Recorder {
  private readonly parts = new Map<string, { shape: readonly number[]; data: number[][] }>();

  add(name: string, shape: readonly number[], data: ArrayLike<number>): void {
    const part = this.parts.get(name) ?? { shape, data: [] };
    part.data.push(Array.from(data));
    this.parts.set(name, part);
  }

  results(): Produced["outputs"] {
    return Object.fromEntries(
      [...this.parts].map(([name, { shape, data }]) => [
        name,
        { shape: [data.length, ...shape], data: data.flat() },
      ]),
    );
  }
}

function scheduleOf(params: Params): CosineSchedule {
  return {
    baseLr: number(params, "base_lr"),
    warmup: number(params, "warmup"),
    total: number(params, "total"),
    minLr: number(params, "min_lr", 0),
  };
}

function optimizerOptions(params: Params): OptimizerOptions {
  const rules = { SGD: "sgd", Adam: "adam", AdamW: "adamw" } as const;
  const rule = rules[choice(params, "optimizer", ["SGD", "Adam", "AdamW"])];
  const weightDecay = number(params, "weight_decay", 0);
  if (rule === "sgd") {
    const momentum = number(params, "momentum", 0);
    return { rule, weightDecay, momentum, nesterov: flag(params, "nesterov", false) };
  }
  const [beta1, beta2] = numbers(params, "betas");
  return { rule, weightDecay, betas: [beta1, beta2], eps: number(params, "eps") };
}

const optimizer: Runner = async (gpu, { params, inputs }) => {
  const gradients = family(inputs, "grad_");
  const parameters = parametersOf(gpu, family(inputs, "param_"));
  const rule = new Optimizer(parameters, optimizerOptions(params));
  const schedule = params.schedule ? scheduleOf(record(params, "schedule")) : undefined;
  const recorder = new Recorder();
  for (let step = 0; step < number(params, "steps"); step++) {
    for (const name of parameters.names) {
      parameters.get(name).gradSlot?.write(at(gradients[name], step).data);
    }
    rule.update(schedule ? cosineSchedule(step, schedule) : number(params, "lr"));
    for (const [name, { shape, data }] of await parameters.read()) {
      recorder.add(`params_${name}`, shape, data);
    }
  }
  rule.dispose();
  parameters.dispose();
  return { outputs: recorder.results() };
};

const clip: Runner = async (gpu, { params, inputs }) => {
  const gradients = Object.fromEntries(
    Object.entries(family(inputs, "grad_")).map(([name, values]) => [name, at(values, 0)]),
  );
  const parameters = parametersOf(gpu, gradients);
  for (const name of parameters.names) parameters.get(name).gradSlot?.write(gradients[name].data);
  const clipper = new GradientClipper(parameters);
  clipper.measure(number(params, "max_norm"));
  clipper.apply();
  const outputs: Produced["outputs"] = {
    total_norm: { shape: [], data: (await clipper.result.data()).slice(0, 1) },
  };
  for (const name of parameters.names) {
    const slot = parameters.get(name).gradSlot;
    if (slot) outputs[`clipped_${name}`] = { shape: slot.shape, data: await slot.data() };
  }
  clipper.dispose();
  parameters.dispose();
  return { outputs };
};

const schedule: Runner = (_, { params }) => {
  const options = scheduleOf(params);
  const data = Array.from({ length: options.total }, (__, step) => cosineSchedule(step, options));
  return { outputs: { lr: { shape: [options.total], data } } };
};

const ema: Runner = async (gpu, { params, inputs }) => {
  const parameters = parametersOf(gpu, { value: inputs.start });
  const average = new MovingAverage(parameters);
  const recorder = new Recorder();
  for (const [step, decay] of numbers(params, "decays").entries()) {
    parameters.get("value").write(at(inputs.values, step).data);
    average.update(decay);
    for (const { shape, data } of (await parameters.read(average.average)).values()) {
      recorder.add("average", shape, data);
    }
  }
  average.dispose();
  parameters.dispose();
  return { outputs: recorder.results() };
};

export const optimRunners: Readonly<Record<string, Runner>> = {
  optimizer,
  clip_grad_norm: clip,
  cosine_schedule: schedule,
  ema,
};
