// What every runner of a tensor operation does: upload the named inputs, run, go backwards from the cotangent, read back.
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Params } from "./params.js";
import type { Produced, Result, Runner } from "./runner.js";
import type { GoldenCase, Values } from "./set.js";

export type Inputs = Readonly<Record<string, Tensor>>;

/** A tensor of a case's values; I32 becomes i32. */
export function upload(gpu: Gpu, { data, shape }: Values): Tensor {
  return gpu.tensor(data, shape);
}

export async function read(tensor: Tensor): Promise<Result> {
  const data = tensor.dtype === "i32" ? await tensor.indices() : await tensor.data();
  return { shape: tensor.shape, data };
}

/** A runner for a function of named tensors and params. A single tensor is the output `out`. */
export function op(compute: (inputs: Inputs, params: Params) => Tensor | Record<string, Tensor>): Runner {
  return (gpu, item) => runOp(gpu, item, compute);
}

async function runOp(
  gpu: Gpu,
  item: GoldenCase,
  compute: (inputs: Inputs, params: Params) => Tensor | Record<string, Tensor>,
): Promise<Produced> {
  const wanted = Object.keys(item.expected.gradients);
  const { outputs, leaves } = gpu.scope(() => {
    const inputs: Record<string, Tensor> = {};
    for (const [name, values] of Object.entries(item.inputs)) {
      inputs[name] = upload(gpu, values);
      if (wanted.includes(name)) inputs[name].withGrad();
    }
    const computed = compute(inputs, item.params);
    const named = "gpu" in computed ? { out: computed as Tensor } : computed;
    if (wanted.length > 0) {
      if (!item.cotangent) throw new Error("the case has gradients but no cotangent");
      named.out.backward(upload(gpu, item.cotangent));
    }
    return {
      outputs: named,
      leaves: wanted.map((name): [string, Tensor | undefined] => [name, inputs[name]]),
    };
  });
  const produced: Produced = { outputs: {}, gradients: {} };
  for (const [name, tensor] of Object.entries(outputs)) produced.outputs[name] = await read(tensor);
  for (const [name, leaf] of leaves) {
    if (leaf?.grad && produced.gradients) produced.gradients[name] = await read(leaf.grad);
    leaf?.grad?.dispose();
  }
  for (const tensor of [...Object.values(outputs), ...leaves.map(([, leaf]) => leaf)]) tensor?.dispose();
  return produced;
}
