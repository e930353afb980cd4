// One row of the op table as a captured function, forward and gradient, beside the same row run eagerly: to the last bit.

import { capture } from "../../src/tensor/capture.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { formatShape, sameShape } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { OpCase } from "./case.js";
import { type PreparedCase, prepareCase, upload } from "./check.js";

export interface Results {
  output: Tensor;
  gradients: (Tensor | undefined)[];
}

/** An output with the gradients that go back from it to its inputs. */
export function withGradients(output: Tensor, inputs: readonly Tensor[], cotangent: Tensor): Results {
  if (output.requiresGrad) output.backward(cotangent.reshape(output.shape));
  const gradients = inputs.map((input) => {
    const { grad } = input;
    input.grad = undefined;
    return grad;
  });
  return { output, gradients };
}

/** What differs between a row's eager results and those of two runs of a captured function. */
export async function capturedProblems(gpu: Gpu, row: OpCase, seed: number): Promise<string[]> {
  return comparePrepared(gpu, prepareCase(row, seed));
}

async function comparePrepared(gpu: Gpu, prepared: PreparedCase): Promise<string[]> {
  const { row, cotangent } = prepared;
  const inputs = upload(gpu, prepared);
  const seed = gpu.tensor(cotangent, [cotangent.length]);
  const compute = (given: readonly Tensor[], along: Tensor) => withGradients(row.run(given), given, along);
  const eager = compute(inputs, seed);
  const names = inputs.map((_, i) => `x${i}`);
  const named = Object.fromEntries(inputs.map((input, i) => [names[i], input]));
  const run = capture(gpu, ({ seed: given, ...rest }: Record<string, Tensor>) =>
    compute(
      names.map((name) => rest[name]),
      given,
    ),
  );
  const problems: string[] = [];
  for (const time of ["first", "second"]) {
    const captured = run({ ...named, seed });
    problems.push(...(await differences(`${time} run: output`, captured.output, eager.output)));
    for (const [i, gradient] of eager.gradients.entries()) {
      const other = captured.gradients[i];
      if (gradient && other)
        problems.push(...(await differences(`${time} run: gradient ${i}`, other, gradient)));
      else if (gradient !== other) problems.push(`${time} run: gradient ${i} is there once only`);
    }
  }
  run.dispose();
  for (const tensor of [...inputs, seed, eager.output, ...eager.gradients]) tensor?.dispose();
  return problems;
}

async function differences(label: string, got: Tensor, wanted: Tensor): Promise<string[]> {
  if (!sameShape(got.shape, wanted.shape) || got.dtype !== wanted.dtype) {
    return [
      `${label} is ${got.dtype}${formatShape(got.shape)}, not ${wanted.dtype}${formatShape(wanted.shape)}`,
    ];
  }
  const [a, b] = await Promise.all([got, wanted].map((tensor) => tensor.data()));
  const at = a.findIndex((value, i) => !Object.is(value, b[i]));
  return at < 0 ? [] : [`${label}[${at}] is ${a[at]}, not ${b[at]}`];
}
