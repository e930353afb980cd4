// The sum of the gradients of several backward passes, for a batch that is computed in parts: one dispatch over the gradients' arena a
// part. Not here: what a part's loss must be multiplied by for the sum to be that of the batch.
import { accumulate } from "../ops/autograd.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterArena, ParameterSet } from "./parameters.js";

/** Adds up the gradients of a parameter set's backward passes, in memory of its own. */
export class GradientSum {
  private readonly arena: ParameterArena;
  private readonly sum: Tensor;
  private readonly gradients: Tensor;

  constructor(readonly parameters: ParameterSet) {
    this.arena = parameters.arena("sum of gradients");
    const { gpu, arenas } = parameters;
    const shape = [arenas.gradients.byteLength / 4];
    this.sum = gpu.view(this.arena.whole, shape);
    this.gradients = gpu.view(arenas.gradients, shape);
  }

  get byteLength(): number {
    return this.arena.whole.byteLength;
  }

  /** Adds the gradients at hand, those of part `index` of `count`. After the last one the sum stands in the gradients' arena. */
  add(index: number, count: number): void {
    if (count === 1) return;
    if (index === count - 1) accumulate(this.gradients, this.sum);
    else if (index > 0) accumulate(this.sum, this.gradients);
    else this.parameters.gpu.device.copy(this.gradients.block, this.sum.block, this.byteLength);
  }

  dispose(): void {
    this.sum.dispose();
    this.gradients.dispose();
    this.arena.destroy();
  }
}
