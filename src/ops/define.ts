// What an operation is: one definition with its name, documentation, forward and gradient. `defineOp` turns it into a
// function, enters it in the registry that the tests and the documentation walk, and records the autograd node.
import { ShapeError } from "../gpu/errors.js";
import type { Tensor } from "../tensor/tensor.js";

/** What a gradient rule is given. `saved` is whatever forward kept beside its output. */
export interface BackwardContext<Options, Saved> {
  grad: Tensor;
  inputs: readonly Tensor[];
  output: Tensor;
  options: Options;
  saved: Saved;
  /** Which inputs want a gradient. */
  needs: readonly boolean[];
  /** Memory that a gradient may be written to instead of new memory, where there is some. Optional to use. */
  into: readonly (Tensor | undefined)[];
}

interface OpDefinition<Options, Saved = undefined> {
  name: string;
  /** One sentence with the formula, for people. */
  doc: string;
  /** Takes f16 inputs; every other operation refuses them. */
  half?: boolean;
  /** Takes i32 inputs: all of them, or those at these positions; every other operation refuses them, whose bits are no f32. */
  integers?: true | readonly number[];
  /** Checks shapes, runs kernels. Returns the output, with what the gradient needs beside inputs and output. */
  forward(inputs: readonly Tensor[], options: Options): { output: Tensor; saved: Saved };
  /** Gradients of the inputs, in order; undefined where `needs` is false. Absent: the operation has no gradient. */
  backward?(context: BackwardContext<Options, Saved>): (Tensor | undefined)[];
}

/** A defined operation. */
export type Op<Options> = (inputs: readonly Tensor[], options: Options) => Tensor;

/** Every operation by name: what the op table of the tests walks. */
export const registry = new Map<string, { name: string; doc: string; differentiable: boolean }>();

/** Registers an operation and makes its function, which checks devices and dtypes (ShapeError) and records the gradient. */
export function defineOp<Options = void, Saved = undefined>(
  definition: OpDefinition<Options, Saved>,
): Op<Options> {
  const { name, doc, half, integers, backward } = definition;
  if (registry.has(name)) throw new Error(`The operation '${name}' is defined twice.`);
  registry.set(name, { name, doc, differentiable: backward !== undefined });
  return (inputs, options) => {
    const { gpu } = inputs[0];
    inputs.forEach((input, i) => {
      if (input.gpu !== gpu) throw new ShapeError(`${name}: the inputs live on different devices.`);
      const { dtype } = input;
      const takes = dtype === "f16" ? half : integers === true || integers?.includes(i);
      if (dtype === "f32" || takes) return;
      const which = inputs.length > 1 ? ` as input ${i + 1}` : "";
      throw new ShapeError(`${name} takes no ${dtype} tensor${which}: give it cast(x, "f32").`);
    });
    const { output, saved } = definition.forward(inputs, options);
    if (backward && gpu.recordsGradients && inputs.some((input) => input.requiresGrad)) {
      output.requiresGrad = true;
      const needs = inputs.map((input) => input.requiresGrad);
      output.node = {
        op: name,
        inputs,
        backward: (grad, into) => backward({ grad, inputs, output, options, saved, needs, into }),
      };
    }
    return output;
  };
}

/** For operations that keep nothing for their gradient. */
export function result(output: Tensor): { output: Tensor; saved: undefined } {
  return { output, saved: undefined };
}
