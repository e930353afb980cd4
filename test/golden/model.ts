// Runners of the whole model: a forward pass with losses and all gradients, and twenty steps of AdamW.
import { Optimizer } from "../../src/nn/optim.js";
import type { NamedValues } from "../../src/nn/parameters.js";
import { Patchifier } from "../../src/patchifier/encoder.js";
import { uploadMask } from "../../src/patchifier/masks.js";
import { type Losses, pretrainLosses } from "../../src/patchifier/objectives.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { choice, number, numbers, type Params } from "./params.js";
import { read, upload } from "./run-op.js";
import type { Result, Runner } from "./runner.js";
import type { GoldenCase } from "./set.js";

/** The case's model with its weights, its batch and its mask. Throws where the case asks for what the model is not. */
function setUp(gpu: Gpu, { params, inputs, weights }: GoldenCase) {
  choice(params, "gelu", ["exact"]);
  choice(params, "tau", ["sqrt(P)"]);
  if (number(params, "layer_norm_eps") !== 1e-6) throw new Error("the model's layer_norm_eps is 1e-6");
  const tokens = number(params, "T");
  const sizes = {
    tokens,
    values: number(params, "P"),
    width: number(params, "d"),
    layers: number(params, "L"),
    heads: number(params, "H"),
    mlpRatio: number(params, "mlp_ratio"),
  };
  const model = new Patchifier(gpu, sizes, new Random(0));
  model.parameters.write(floats(weights));
  const { data, shape } = inputs.mask_index;
  const [clips, count] = shape;
  const rows = Array.from({ length: clips }, (_, b) =>
    Int32Array.from(data.slice(b * count, (b + 1) * count)),
  );
  return { model, patches: upload(gpu, inputs.patches), mask: uploadMask(gpu, rows, tokens), clips, count };
}

function floats(weights: GoldenCase["weights"]): NamedValues {
  return new Map(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data) },
    ]),
  );
}

const options = (params: Params) => ({
  objective: "joint" as const,
  reconstructWeight: number(params, "reconstruct_weight"),
});

async function readLosses({ loss, infonce, reconstruct }: Losses): Promise<number[]> {
  const parts = [loss, infonce, reconstruct];
  return Promise.all(parts.map((part) => part?.item() ?? Number.NaN));
}

const step0: Runner = async (gpu, item) => {
  const { model, patches, mask, clips, count } = setUp(gpu, item);
  const traced = new Map<string, Tensor>();
  const losses = pretrainLosses(model, patches, mask, options(item.params), (name, value) =>
    traced.set(name, value),
  );
  const [loss, infonce, reconstruct] = await readLosses(losses);
  const scalar = (value: number): Result => ({ shape: [], data: [value] });
  const outputs: Record<string, Result> = {
    loss: scalar(loss),
    loss_infonce: scalar(infonce),
    loss_reconstruct: scalar(reconstruct),
    embedding: await read(model.embed(patches)),
  };
  for (const [name, tensor] of traced) {
    const result = await read(tensor);
    const perMasked = name === "c" || name === "r";
    outputs[name] = perMasked ? { ...result, shape: [clips, count, model.sizes.values] } : result;
  }
  model.parameters.zeroGrad();
  losses.loss.backward();
  const gradients: Record<string, Result> = {};
  for (const name of model.parameters.names) {
    const { grad } = model.parameters.get(name);
    if (grad) gradients[name] = await read(grad);
  }
  model.dispose();
  return { outputs, gradients };
};

const train: Runner = async (gpu, item) => {
  const { params } = item;
  const { model, patches, mask } = setUp(gpu, item);
  choice(params, "optimizer", ["AdamW"]);
  const [beta1, beta2] = numbers(params, "betas");
  const optimizer = new Optimizer(model.parameters, {
    rule: "adamw",
    betas: [beta1, beta2],
    eps: number(params, "eps"),
    weightDecay: number(params, "weight_decay"),
  });
  const steps = number(params, "steps");
  const losses: number[] = [];
  for (let step = 0; step <= steps; step++) {
    const computed = gpu.scope(() => {
      const parts = pretrainLosses(model, patches, mask, options(params));
      if (step < steps) {
        model.parameters.zeroGrad();
        parts.loss.backward();
        optimizer.update(number(params, "lr"));
      }
      return { ...parts };
    });
    losses.push(...(await readLosses(computed)));
  }
  const embedding = await read(model.embed(patches));
  const final_weights = Object.fromEntries(await model.parameters.read());
  optimizer.dispose();
  model.dispose();
  return { outputs: { losses: { shape: [steps + 1, 3], data: losses }, embedding }, final_weights };
};

export const modelRunners: Readonly<Record<string, Runner>> = {
  patchifier_step0: step0,
  patchifier_train: train,
};
